"""What was found on this machine, as text: the answer first, then figures, then what would help.

Nothing is judged here.
"""

from __future__ import annotations

import json
import math
import textwrap
from typing import TYPE_CHECKING

from perfgate.analysis.resolution import SPREAD_LEVEL
from perfgate.analysis.sequential import POWER, percent
from perfgate.tail import escaped
from perfgate.verdict.finding import counted, number, told_apart
from perfgate.verdict.fitness import advice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perfgate.analysis.resolution import Look, Resolution
    from perfgate.verdict.fitness import Examination, Rehearsal

FORMAT = "perfgate.doctor/1"
WIDTH = 100
LABEL = 18
COLUMN = 11
# The slowdown whose time is told in a sentence.
TYPICAL_PERCENT = 5.0
MINUTE_S = 60.0
LONGEST_IN_SECONDS = 100.0


def render(examination: Examination) -> str:
    """Return the text for people, of fixed width."""
    lines = [wrapped(headline(examination), "")]
    lines += [wrapped(sentence, "  ") for sentence in sentences(examination)]
    lines += ["", *(_labelled(*row) for row in _figures(examination))]
    rehearsal = examination.rehearsal
    if rehearsal and rehearsal.resolution:
        lines += ["", *table(rehearsal.resolution)]
    helpful = [wrapped(f"-> {line}", " " * 5, "  ") for line in advice(examination)]
    if helpful:
        lines += ["", "  What would help:", *helpful]
    return "\n".join(lines) + "\n"


def render_json(examination: Examination) -> str:
    """Return the same for programs; slowdowns in percent."""
    footing = examination.footing
    document = {
        "format": FORMAT,
        "fit": examination.fit,
        "reason": " ".join([headline(examination), *sentences(examination)]),
        "advice": advice(examination),
        "environment": examination.environment.model_dump(),
        "timer_ms": {"p50": footing.timer.p50_ms, "p99": footing.timer.p99_ms},
        "sleep_ms": {"p50": footing.sleep.p50_ms, "p99": footing.sleep.p99_ms},
        "generator": {
            "offered_rps": footing.offered_rps,
            "cost_ms": footing.generator_cost_s * 1000,
            "most_rps": footing.most_rps,
            "lag_p99_ms": footing.lag_p99_ms,
        },
        "steal_ratio": footing.steal_ratio,
        "loaded_steal_ratio": footing.loaded_steal_ratio,
        "pressure_ratio": footing.pressure_ratio,
        "clock_step_ms": footing.clock_step_ms,
        "governors": list(footing.governors),
        "faults": list(footing.faults),
        "rehearsal": None if examination.rehearsal is None else _rehearsal(examination.rehearsal),
    }
    return json.dumps(document, indent=2) + "\n"


FORMATS: dict[str, Callable[[Examination], str]] = {"terminal": render, "json": render_json}


def headline(examination: Examination) -> str:
    """Return the answer in one sentence."""
    rehearsal = examination.rehearsal
    if rehearsal is None:
        if examination.footing.faults:
            return "This machine cannot be trusted to measure anything as it is now."
        return "This machine can send load on time; how noisy a service is here was not measured."
    can = "can" if examination.fit else "cannot"
    service, margin = escaped(rehearsal.service), number(percent(rehearsal.margin))
    return f"This machine {can} tell a slowdown of {margin} % of {service} within the budget."


def sentences(examination: Examination) -> list[str]:
    """Return what the answer rests on."""
    faults = map(escaped, examination.footing.faults)
    told = [f"{fault[:1].upper()}{fault[1:]}." for fault in faults]
    rehearsal = examination.rehearsal
    if rehearsal is None:
        return [*told, *_blamed(examination)]
    if rehearsal.resolution is None:
        had = counted(rehearsal.sessions, "session")
        told.append(f"Its noise is not known, after {had}: {escaped(rehearsal.trouble)}")
    else:
        told += [*_remembered(rehearsal), *found_within(rehearsal.resolution)]
    return [*told, *_blamed(examination)]


def _blamed(examination: Examination) -> list[str]:
    """Name the hypervisor where it is the likely cause."""
    if not examination.robbed:
        return []
    return ["The likely cause is the hypervisor, which gives CPU time to other guests."]


def _remembered(rehearsal: Rehearsal) -> list[str]:
    """Say so where the service was not tried just now."""
    if not rehearsal.known_since:
        return []
    return [
        f"Its noise is that of the {counted(rehearsal.sessions, 'session')} which `perfgate "
        f"calibrate` made on {rehearsal.known_since}; `--sessions` tries it anew."
    ]


def found_within(found: Resolution) -> list[str]:
    """Return in sentences what a check finds within its budget, and how soon."""
    budget, best = f"the budget ({found.pace.budget_s:.0f} s of sessions)", found.best
    if best is None:
        first = counted(found.looks[0].sessions, "session")
        each = f"{found.pace.session_s:.0f} s each"
        return [f"A first decision needs {first}, {each}: {budget} is too little."]
    smallest = f"{told_apart([percent(best.worst), percent(found.plan.margin)], 1)[0]} %"
    typical = found.first_to_find(slowdown(TYPICAL_PERCENT))
    if typical is None:
        told = f"The smallest slowdown that {budget} can find is {smallest}, in {_in(best)}."
    else:
        told = (
            f"A slowdown of {TYPICAL_PERCENT:g} % is found in {_in(typical)}; the smallest that "
            f"{budget} can find is {smallest}, in {_in(best)}."
        )
    lower, upper = (f"{percent(bound):.1f}" for bound in found.best_range)
    return [
        told,
        f"Found means with a chance of {100 * POWER:.0f} %. The noise is known only "
        f"roughly: with {100 * SPREAD_LEVEL:.0f} % confidence that smallest lies between {lower} % "
        f"and {upper} %.",
    ]


def slowdown(percents: float) -> float:
    """Return a slowdown in percent as a log ratio."""
    return math.log1p(percents / 100)


def _in(look: Look) -> str:
    """Return how long a check takes that ends with the look."""
    return f"about {_duration(look.seconds)} ({counted(look.sessions, 'session')})"


def _duration(seconds: float) -> str:
    """Return seconds as people say them: "50 seconds", "2 minutes"."""
    if seconds < LONGEST_IN_SECONDS:
        return f"{round(seconds, -1):.0f} seconds"
    return counted(round(seconds / MINUTE_S), "minute")


def _figures(examination: Examination) -> Iterator[tuple[str, str]]:
    footing, rehearsal = examination.footing, examination.rehearsal
    yield (
        "timer",
        f"{footing.timer.p50_ms:.2f} ms late (p50), {footing.timer.p99_ms:.2f} ms (p99); gevent's "
        f"own sleep {footing.sleep.p50_ms:.2f} and {footing.sleep.p99_ms:.2f} ms.",
    )
    yield (
        "load generator",
        f"{footing.generator_cost_s * 1000:.2f} ms CPU per request, so one CPU could send "
        f"{footing.most_rps:.0f}/s; at {footing.offered_rps:.0f}/s {footing.lag_p99_ms:.2f} ms "
        "late (p99).",
    )
    yield "CPUs", _cpus(examination)
    yield "others", _others(examination)
    yield (
        "clock",
        f"the wall clock moved {abs(footing.clock_step_ms):.2f} ms against the "
        f"monotonic one in {footing.clock_s:.0f} s.",
    )
    if rehearsal and rehearsal.resolution:
        yield "noise", noise(rehearsal, rehearsal.resolution)


def _cpus(examination: Examination) -> str:
    machine, footing = examination.environment, examination.footing
    if not machine.shared:
        others = ", ".join(map(str, machine.generator_cpus))
        apart = f"the builds get CPU {machine.target_cpus[0]}, the load generator {others}"
        return f"{machine.cpus}: {apart}."
    cost = f"{footing.generator_cost_s * 1000:.2f} ms of each request are the load generator's"
    if examination.rehearsal and examination.rehearsal.cost_s:
        cost += f", {examination.rehearsal.cost_s * 1000:.2f} ms the service's"
    return f"1, for builds and load generator: of its time, {cost}."


def _others(examination: Examination) -> str:
    """Return what others took while next to nothing of ours ran, and the hypervisor under load."""
    footing, loaded = examination.footing, examination.loaded_steal_ratio
    told = {"steal": footing.steal_ratio, "CPU pressure": footing.pressure_ratio}
    known = [f"{name} {100 * share:.1f} %" for name, share in told.items() if share is not None]
    unknown = [name for name, share in told.items() if share is None]
    words = [*known, *(f"{name} not told by the kernel" for name in unknown)]
    under_load = "" if loaded is None else f"; steal {100 * loaded:.1f} % under load"
    return f"{', '.join(words)}, with perfgate next to idle{under_load}."


def noise(rehearsal: Rehearsal, found: Resolution) -> str:
    """Return in a sentence how much the sessions of the same build differ."""
    aside = f" ({rehearsal.set_aside} more set aside)" if rehearsal.set_aside else ""
    spreads = " and ".join(f"{percent(own.sd):.1f} % ({name})" for name, own in found.noise.items())
    means = ", ".join(
        f"{told_apart([percent(own.mean)], 1, '+')[0]} % ({name})"
        for name, own in found.noise.items()
    )
    return (
        f"{counted(rehearsal.sessions, 'session')} of the same build beside itself{aside}, "
        f"{found.pace.session_s:.0f} s each, at {rehearsal.offered_rps:.0f}/s: they differ by "
        f"{spreads}; on average it came out {means}."
    )


def table(found: Resolution) -> list[str]:
    """Return the lines of a table of looks: what each finds, and how long it takes."""
    names = "".join(f"{name:>{COLUMN}}" for name in found.noise)
    rows = [f"  {'smallest found':<{LABEL}}{names}{'whole check':>{2 * COLUMN}}"]
    return [*rows, *(_row(look) for look in found.looks)]


def _row(look: Look) -> str:
    cells = "".join(f"{percent(value):>{COLUMN - 2}.1f} %" for value in look.detectable.values())
    over = "" if look.affordable else "  beyond the budget"
    name = f"{counted(look.sessions, 'session')}"
    return f"  {name:<{LABEL}}{cells}{look.seconds:>{2 * COLUMN - 2}.0f} s{over}"


def _labelled(label: str, text: str) -> str:
    return wrapped(text, " " * (2 + LABEL), f"  {label:<{LABEL}}")


def wrapped(text: str, indent: str, first: str | None = None) -> str:
    """Return the text in lines of the report's width."""
    start = indent if first is None else first
    return textwrap.fill(text, WIDTH, initial_indent=start, subsequent_indent=indent)


def _rehearsal(rehearsal: Rehearsal) -> dict[str, object]:
    found = rehearsal.resolution
    return {
        "service": rehearsal.service,
        "sessions": rehearsal.sessions,
        "set_aside": rehearsal.set_aside,
        "offered_rps": rehearsal.offered_rps,
        "cost_ms": rehearsal.cost_s * 1000,
        "generator_cpu_ratio": rehearsal.generator_cpu_ratio,
        "lag_p99_ms": rehearsal.lag_p99_ms,
        "steal_ratio": rehearsal.steal_ratio,
        "margin_percent": percent(rehearsal.margin),
        "margin_in_force_percent": percent(rehearsal.margin_in_force),
        "trouble": rehearsal.trouble,
        "known_since": rehearsal.known_since or None,
        "session_s": None if found is None else found.pace.session_s,
        "noise": {} if found is None else _noises(found),
        "looks": [] if found is None else [_look(look) for look in found.looks],
    }


def _noises(found: Resolution) -> dict[str, dict[str, float | bool]]:
    return {
        name: {
            "mean_percent": percent(own.mean),
            "sd_percent": percent(own.sd),
            "sd_lower_percent": percent(own.lower),
            "sd_upper_percent": percent(own.upper),
            "biased": own.biased,
        }
        for name, own in found.noise.items()
    }


def _look(look: Look) -> dict[str, object]:
    return {
        "sessions": look.sessions,
        "seconds": look.seconds,
        "affordable": look.affordable,
        "detectable_percent": {name: percent(value) for name, value in look.detectable.items()},
    }
