"""What this machine can resolve, in words and figures, from sessions of equal builds.

Nothing is measured here, and whether a build may ship is not the question.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scipy.special import chdtri

from perfgate.analysis.change import CAPACITY, COST, primary_slowdowns
from perfgate.analysis.compare import mean_and_sd
from perfgate.analysis.resolution import first_to_find, first_to_pass, resolutions
from perfgate.analysis.sequential import Plan, percent
from perfgate.verdict.finding import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.analysis.resolution import Resolution
    from perfgate.measurement.models import Run
    from perfgate.verdict.case import Case

# Starting builds and Locust, beside the load itself.
START_S = 3.0
# A loss that everybody understands.
PLAIN_LOSS = math.log1p(0.05)
NOTEWORTHY_RATIO = 0.05
NOTEWORTHY_LAG_MS = 5.0


def looks_of(case: Case) -> tuple[Resolution, ...]:
    """Return what each look of the profile resolves on the machine that the case is from.

    The case needs two sessions of equal builds at least.
    """
    margins = case.terms.config.margins
    plan = Plan(
        looks=case.profile.looks,
        fail_alpha=margins.fail_alpha,
        pass_alpha=margins.pass_alpha,
        tolerance=math.log1p(margins.tolerance),
        margin=math.log1p(margins.slowdown),
    )
    spreads = _spreads(case)
    seconds = [run.validity.seconds for run in case.sessions]
    session_s = START_S + sum(seconds) / len(seconds)
    return resolutions(max(spreads.values()), plan, len(spreads), session_s)


def can_decide(case: Case) -> bool:
    """Return whether an equal build would pass the margin within the budget."""
    margins, budget = case.terms.config.margins, case.terms.config.budget
    look = first_to_pass(looks_of(case), math.log1p(margins.slowdown))
    return look is not None and look.seconds <= budget.sessions_s


def render(case: Case) -> str:
    """Return what was measured of the machine, what that resolves, and what would help."""
    looks = looks_of(case)
    helps = [f"  -> {line}" for line in _helps(case)]
    parts = [_verdict(case, looks), "", *_machine(case), "", *_table(looks)]
    return "\n".join([*parts, *([""] if helps else []), *helps]) + "\n"


def _verdict(case: Case, looks: Sequence[Resolution]) -> str:
    found = first_to_find(looks, PLAIN_LOSS)
    what = f"A loss of {percent(PLAIN_LOSS):.0f} % of the service rate"
    plain = f"{what} is not found reliably here with {looks[-1].sessions} sessions."
    if found is not None:
        time = _duration(found.seconds)
        plain = f"{what} is found in about {time} of sessions ({found.sessions})."
    margins, budget = case.terms.config.margins, case.terms.config.budget
    can, would = ("can", "mostly pass") if can_decide(case) else ("can NOT", "often stay undecided")
    return (
        f"{plain}\nThe margin of {100 * margins.slowdown:g} % {can} be decided within the budget "
        f"of {budget.sessions_s:g} s: equal builds would {would}."
    )


def _machine(case: Case) -> list[str]:
    machine, runs = case.measurement.environment, case.measurement.runs
    apart = "one for the builds" if machine.target_cpus != machine.generator_cpus else "shared"
    spreads = _spreads(case)
    told = {
        "CPUs": f"{machine.cpus} ({apart}), {machine.cpu_model}",
        "timer": f"requests start {_worst(runs, 'lag_p50_ms'):.2f} ms late (p50), "
        f"{_worst(runs, 'lag_p99_ms'):.1f} ms (p99)",
        "generator": f"{_generator_us(runs):.0f} us of CPU per request; "
        f"waited {_worst(runs, 'generator_wait_ratio'):.0%} of the time for a CPU",
        "steal": f"{_worst(runs, 'steal_ratio'):.1%} of a CPU at most",
        "noise": f"equal builds differ by {percent(spreads[COST]):.1f} % in cost and "
        f"{percent(spreads[CAPACITY]):.1f} % in capacity from session to session; known from "
        f"{counted(len(case.sessions), 'session')} only, it may be {_unknown(case):.1f} times that",
    }
    if case.measurement.discarded:
        told["set aside"] = f"{counted(len(case.measurement.discarded), 'run')} not to be trusted"
    return [f"  {name:<11}{text}" for name, text in told.items()]


def _table(looks: Sequence[Resolution]) -> list[str]:
    head = f"  {'sessions':>8}{'takes':>12}{'finds a loss of':>18}{'passes a margin of':>21}"
    return [
        head,
        *(
            f"  {look.sessions:>8}{look.seconds:>10.0f} s"
            f"{percent(look.found):>16.1f} %{percent(look.passed):>19.1f} %"
            for look in looks
        ),
    ]


def _helps(case: Case) -> list[str]:
    """Return what would help, for what was seen to be in the way."""
    machine, runs = case.measurement.environment, case.measurement.runs
    needed = first_to_pass(looks_of(case), math.log1p(case.terms.config.margins.slowdown))
    causes = {
        "A second CPU would keep the load generator away from the builds.": machine.cpus == 1,
        "Other work has the generator's CPUs: stop it, or give perfgate a machine of its own.": (
            _worst(runs, "generator_wait_ratio") > NOTEWORTHY_RATIO
            or _worst(runs, "lag_p99_ms") > NOTEWORTHY_LAG_MS
        ),
        "The hypervisor takes CPU time away: another kind of machine would not be robbed.": (
            _worst(runs, "steal_ratio") > NOTEWORTHY_RATIO
        ),
        "More looks in the profile, or a wider margins.slowdown, would let equal builds pass.": (
            needed is None
        ),
        f"A budget.sessions_s of {needed.seconds if needed else 0:.0f} would be enough.": (
            needed is not None and not can_decide(case)
        ),
    }
    return [words for words, holds in causes.items() if holds]


def _spreads(case: Case) -> dict[str, float]:
    slowdowns = primary_slowdowns(case.sessions)
    return {name: mean_and_sd(values)[1] for name, values in slowdowns.items()}


def _unknown(case: Case) -> float:
    """Return how much larger the true spread may be: the upper 95 % bound of an sd, over the sd."""
    freedom = len(case.sessions) - 1
    return math.sqrt(freedom / float(chdtri(freedom, 0.95)))


def _worst(runs: Sequence[Run], what: str) -> float:
    return max((getattr(run.validity, what) or 0.0) for run in runs)


def _generator_us(runs: Sequence[Run]) -> float:
    """Return the generator's CPU time per answer, all phases together, in microseconds."""
    used_s = sum(run.validity.generator_cpu_ratio * run.validity.seconds for run in runs)
    answers = sum(
        figures.open.arrivals + sum(figures.pairs.answered) + sum(figures.saturation.answered)
        for run in runs
        for figures in run.builds.values()
    )
    return 1e6 * used_s / max(answers, 1)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.1f} minutes"  # noqa: PLR2004 - two digits
