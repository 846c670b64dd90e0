"""What was found on this machine becomes an answer: whether it can tell, and what would help.

Nothing is measured here, and no build is judged: a build beside itself only shows the noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.change import cost_s, primary_slowdowns
from perfgate.analysis.resolution import MOST_SESSIONS, Pace, resolution_of, wanted
from perfgate.analysis.sequential import percent
from perfgate.exitcodes import ExitCode
from perfgate.verdict.advice import more_senders, own_machine
from perfgate.verdict.checks.change import plan_of, policy_plan
from perfgate.verdict.checks.validity import DISCARD_LIMIT
from perfgate.verdict.finding import number, told_apart
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.analysis.resolution import Resolution
    from perfgate.config.models import Config
    from perfgate.measurement.models import Environment, Run
    from perfgate.verdict.case import Case

# From here on others are told of: they have had a good part of a CPU while we did next to nothing.
PRESSURE_TOLD_RATIO = 0.1
STEAL_TOLD_RATIO = 0.02
# Near to the 90 % of a CPU at which a run is set aside.
BUSY_TOLD_RATIO = 0.8
QUICKEST_GOVERNOR = "performance"


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late wake-ups were."""

    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Footing:
    """What a few seconds have shown of the machine.

    ``timer`` is the load generator's, ``sleep`` gevent's own. At ``offered_rps`` the generator took
    ``generator_cost_s`` of CPU for each request and was ``lag_p99_ms`` late. Its clock drifted
    ``clock_step_ms`` from the monotonic one in ``clock_s``. Steal and pressure are shares of the
    time while next to nothing of ours ran, ``loaded_steal_ratio`` while that load did; None where
    the kernel does not tell. ``faults`` says in words why that run could not be trusted.
    """

    timer: Lateness
    sleep: Lateness
    offered_rps: float
    generator_cost_s: float
    lag_p99_ms: float
    clock_step_ms: float
    clock_s: float
    steal_ratio: float | None
    loaded_steal_ratio: float | None
    pressure_ratio: float | None
    governors: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def most_rps(self) -> float:
        """Return the highest rate that one CPU could send at that cost."""
        return 1 / self.generator_cost_s


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A check of a build beside itself: ``resolution``, or the ``trouble`` that kept it away.

    ``looks_configured``: the budget does not choose them.
    ``margin`` (log) is the configured one, ``margin_in_force`` what the headroom leaves of it.
    ``cost_s`` is the service's CPU time per request, ``offered_rps`` the rate of the open loop.
    ``steal_ratio`` is what the hypervisor took of a CPU meanwhile, None where nothing tells;
    ``senders`` counts the load generator's processes.
    ``known_since`` is the day of the record that tells all this, "" where it was tried just now.
    """

    service: str
    sessions: int
    set_aside: int
    offered_rps: float
    cost_s: float
    generator_cpu_ratio: float
    lag_p99_ms: float
    margin: float
    margin_in_force: float
    resolution: Resolution | None
    looks_configured: bool = False
    trouble: str = ""
    known_since: str = ""
    steal_ratio: float | None = None
    senders: int = 1

    @property
    def unsteady(self) -> bool:
        """Tell whether noise, or runs that were set aside, keep the margin from being found."""
        if self.resolution is None:
            return self.set_aside > DISCARD_LIMIT
        return self.resolution.best is not None and not self.resolution.resolves

    @property
    def robbed(self) -> bool:
        """Tell whether the hypervisor took as much as sessions differ by, or more."""
        noise = self.resolution.noise if self.resolution else {}
        spread = max((own.sd for own in noise.values()), default=0.0)
        return (self.steal_ratio or 0.0) >= max(STEAL_TOLD_RATIO, spread)


@dataclass(frozen=True, slots=True)
class Examination:
    """Everything that was found; without a ``rehearsal``, no service's noise was measured."""

    environment: Environment
    footing: Footing
    rehearsal: Rehearsal | None

    @property
    def loaded_steal_ratio(self) -> float | None:
        """Return the most that the hypervisor took while load ran; None where nothing tells."""
        rehearsed = None if self.rehearsal is None else self.rehearsal.steal_ratio
        known = [own for own in (self.footing.loaded_steal_ratio, rehearsed) if own is not None]
        return max(known, default=None)

    @property
    def robbed(self) -> bool:
        """Tell whether the hypervisor is the likely cause of what makes the machine unfit."""
        if self.footing.faults and (self.loaded_steal_ratio or 0.0) >= STEAL_TOLD_RATIO:
            return True
        return self.rehearsal is not None and self.rehearsal.unsteady and self.rehearsal.robbed

    @property
    def fit(self) -> bool:
        """Tell whether runs can be trusted here and, if rehearsed, find the configured margin."""
        if self.rehearsal is None:
            return not self.footing.faults
        found = self.rehearsal.resolution
        biased = found is not None and any(own.biased for own in found.noise.values())
        return found is not None and found.resolves and not biased and not self.footing.faults

    @property
    def exit_code(self) -> ExitCode:
        """Return PASS for a machine that is fit, else UNDECIDED."""
        return ExitCode.PASS if self.fit else ExitCode.UNDECIDED


def rehearsal_of(case: Case, config: Config, *, sessions: int, seconds: float) -> Rehearsal:
    """Return what a build beside itself has shown in ``seconds``, of so many sessions wanted.

    The case was measured without looks; ``config`` has those of real checks, and their budget.
    """
    found, runs = case.sessions, case.measurement.runs
    margin = math.log1p(config.margins.slowdown)
    trouble = "" if len(found) >= sessions else judge(case).reason
    slowdowns = primary_slowdowns(found)
    if not trouble and not all(np.isfinite(values).all() for values in slowdowns.values()):
        trouble = "A session lacks CPU times or pairs, so there is nothing to compare."
    every = (*runs, *case.measurement.discarded)
    configured = config.profiles[case.measurement.profile].looks
    resolution = None
    if not trouble:
        pace = _pace(case, config, seconds)
        plan = policy_plan(config.margins, configured or pace.looks())
        resolution = resolution_of(slowdowns, plan, pace)
    return Rehearsal(
        service=config.service,
        sessions=len(found),
        set_aside=case.measurement.set_aside,
        offered_rps=found[-1].offered_rps if found else 0.0,
        cost_s=float(np.mean([cost_s(run, "candidate") for run in runs])) if runs else 0.0,
        generator_cpu_ratio=max((run.validity.generator_cpu_ratio for run in every), default=0.0),
        lag_p99_ms=max((run.validity.lag_p99_ms for run in every), default=0.0),
        margin=margin,
        margin_in_force=plan_of(case).margin,
        resolution=resolution,
        looks_configured=configured is not None,
        trouble=trouble,
        steal_ratio=_stolen(every),
        senders=config.load.processes,
    )


def _stolen(runs: Sequence[Run]) -> float | None:
    """Return the share of a CPU that the hypervisor took over these runs; None: nobody knows."""
    told = [own for run in runs if (own := run.validity.steal_ratio) is not None]
    return float(np.mean(told)) if told else None


def advice(examination: Examination) -> list[str]:
    """Return in sentences what would help, each only where a figure calls for it."""
    return [*_for_the_machine(examination), *_for_the_noise(examination)]


def _pace(case: Case, config: Config, seconds: float) -> Pace:
    """Return the pace; starting and stopping takes every run the same, as far as is known.

    Needs a session at least: without one there is no pace.
    """
    measured = case.measurement
    every = (*measured.runs, *measured.discarded)
    around_s = max(seconds - sum(run.validity.seconds for run in every), 0.0) / len(every)
    sessions_s = [run.validity.seconds for run in measured.sessions]
    ahead_s = measured.demand_run.run.validity.seconds if measured.demand_run else 0.0
    return Pace(
        first_s=ahead_s + around_s,
        session_s=float(np.mean(sessions_s)) + around_s,
        budget_s=config.budget.sessions_s,
    )


def _for_the_machine(examination: Examination) -> list[str]:
    told, footing = [], examination.footing
    rehearsal = examination.rehearsal
    if examination.environment.shared:
        cost_ms = footing.generator_cost_s * 1000
        told.append(
            f"A second CPU: the load generator would no longer take {cost_ms:.2g} ms per request "
            "from the builds."
        )
    pressure = footing.pressure_ratio or 0.0
    steal = max(footing.steal_ratio or 0.0, examination.loaded_steal_ratio or 0.0)
    if pressure >= PRESSURE_TOLD_RATIO:
        told.append(
            f"Less else to do: {100 * pressure:.0f} % of the time somebody waited for a CPU while "
            "perfgate did next to nothing."
        )
    if steal >= STEAL_TOLD_RATIO:
        told.append(own_machine(steal))
    if rehearsal and rehearsal.generator_cpu_ratio >= BUSY_TOLD_RATIO:
        busy = f"{100 * rehearsal.generator_cpu_ratio:.0f} % of a CPU"
        how = more_senders(examination.environment, rehearsal.senders)
        told.append(f"More senders: the load generator used {busy}. {how}")
    return told


def _for_the_noise(examination: Examination) -> list[str]:
    rehearsal = examination.rehearsal
    if rehearsal is None or rehearsal.resolution is None:
        return []
    found = rehearsal.resolution
    told = [
        f"Find out why: the same build differed from itself by {percent(own.mean):+.1f} % in "
        f"{name}, more than chance explains."
        for name, own in found.noise.items()
        if own.biased
    ]
    if not found.resolves:
        told += [more_sessions(rehearsal, found), *_steadier(examination)]
    elif found.best_range[1] > rehearsal.margin:
        told.append(
            f"More sessions here (`--sessions`): after {rehearsal.sessions} the noise may still be "
            "larger than it seems, and too large."
        )
    return [*told, *_thin(rehearsal, found)]


def more_sessions(rehearsal: Rehearsal, found: Resolution) -> str:
    """Return in a sentence how many sessions would find the configured margin, if any would."""
    enough, margin = wanted(found), f"{number(percent(rehearsal.margin))} %"
    if enough is None:
        return (
            f"A quieter machine, or longer sessions: even {MOST_SESSIONS} of these would not find "
            f"{margin}."
        )
    looks, budget_s = enough
    # Rounded up, with a tenth to spare: sessions differ in length too.
    seconds = max(found.pace.budget_s, math.ceil(budget_s * 1.1 / 10) * 10)
    settings = [f"sessions_s = {seconds:.0f}"] if seconds > found.pace.budget_s else []
    if rehearsal.looks_configured and looks != found.plan.looks:
        settings.insert(0, f"looks = {list(looks)}")
    return f"A quieter machine, or more sessions: {' and '.join(settings)} would find {margin}."


def _steadier(examination: Examination) -> list[str]:
    slow = [name for name in examination.footing.governors if name != QUICKEST_GOVERNOR]
    if not slow:
        return []
    return [
        f"A steady CPU: its governor is {', '.join(slow)}; {QUICKEST_GOVERNOR} does not change the "
        "clock under way."
    ]


def _thin(rehearsal: Rehearsal, found: Resolution) -> list[str]:
    """Say so where the headroom leaves less than what can be found, though the policy's can."""
    least = found.best.worst if found.best else math.inf
    if not found.resolves or least <= rehearsal.margin_in_force:
        return []
    left, smallest = told_apart([percent(rehearsal.margin_in_force), percent(least)], 1)
    return [
        f"More headroom: today's leaves only {left} % to lose, and the smallest that is found here "
        f"is {smallest} %."
    ]
