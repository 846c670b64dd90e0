"""Checks that were never made, of sessions that were: drawn with replacement from all of a variant.

Each is decided as a real one is, by the gate's own rule for going on and the judge's own verdict.
"""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.resolution import fits
from perfgate.verdict.judge import decided, judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeVar

    from pydantic import BaseModel

    from calibration.cases import Kept
    from perfgate.measurement.models import BuildFigures, Run, Windows
    from perfgate.verdict.case import Case

    Model = TypeVar("Model", bound=BaseModel)

DRAWS = 2000
SEED = 20180713
# So many are drawn at once by one process.
BATCH = 50
PROCESSES = 2


@dataclass(frozen=True)
class Policy:
    """What checks are held to, where it is not what the real ones were; losses are shares."""

    slowdown: float | None = None
    tolerance: float | None = None
    looks: tuple[int, ...] | None = None
    budget_s: float | None = None


AS_MEASURED = Policy()


@dataclass(frozen=True)
class Pool:
    """Real sessions and real terms to draw from.

    ``around_s`` is how long starting and stopping takes a session, apart from its load.
    """

    sessions: tuple[Run, ...]
    cases: tuple[Case, ...]
    around_s: float

    @property
    def session_s(self) -> float:
        """Return how long a session takes."""
        return float(np.mean([self.seconds(run) for run in self.sessions]))

    def seconds(self, run: Run) -> float:
        """Return how long a session took in all."""
        return run.validity.seconds + self.around_s


@dataclass(frozen=True)
class Drawn:
    """How a check of drawn sessions ended, after so many sessions that took so long."""

    verdict: str
    first: str
    sessions: int
    seconds: float


def pool_of(kept: Sequence[Kept]) -> Pool:
    """Return what can be drawn from; raises ValueError where there is no session."""
    cases = tuple(one.case for one in kept)
    sessions = tuple(chain.from_iterable(case.sessions for case in cases))
    if not sessions:
        raise ValueError("there are no sessions to draw from")
    return Pool(sessions, cases, float(np.mean([around_s(one) for one in kept])))


def around_s(kept: Kept) -> float:
    """Return what a check took besides its load, for each of its runs."""
    measured = kept.case.measurement
    every = (*measured.runs, *measured.discarded)
    return (kept.run.seconds - sum(run.validity.seconds for run in every)) / max(len(every), 1)


def resampled(
    pool: Pool, draws: int = DRAWS, *, loss: float = 0.0, policy: Policy = AS_MEASURED
) -> list[Drawn]:
    """Return so many checks of drawn sessions, whose candidates lose ``loss`` (log) more.

    The same pool and loss give the same checks, however many processes draw.
    """
    rest = [min(BATCH, draws - start) for start in range(0, draws, BATCH)]
    if loss:
        pool = replace(pool, sessions=tuple(slowed(run, loss) for run in pool.sessions))
    one = partial(_batch, pool, policy)
    with ProcessPoolExecutor(PROCESSES) as processes:
        return list(chain.from_iterable(processes.map(one, range(len(rest)), rest)))


def _batch(pool: Pool, policy: Policy, number: int, draws: int) -> list[Drawn]:
    rng = np.random.default_rng((SEED, number))
    return [_drawn(pool, policy, rng) for _ in range(draws)]


def _drawn(pool: Pool, policy: Policy, rng: np.random.Generator) -> Drawn:
    """Make a check as the gate does: session after session, until decided or out of budget."""
    case = _bare(pool.cases[rng.integers(len(pool.cases))], policy)
    budget_s, spent_s = case.terms.config.budget.sessions_s, 0.0
    while not decided(case) and _may_go_on(case, spent_s, budget_s):
        run = pool.sessions[rng.integers(len(pool.sessions))]
        spent_s += pool.seconds(run)
        case = _with(case, run)
    verdict = judge(case)
    first = verdict.findings[0].check if verdict.findings else ""
    return Drawn(str(verdict.outcome), first, len(case.measurement.sessions), spent_s)


def _may_go_on(case: Case, spent_s: float, budget_s: float) -> bool:
    left = len(case.measurement.sessions) < case.looks[-1]
    return left and fits(spent_s, len(case.measurement.sessions), budget_s)


def _with(case: Case, run: Run) -> Case:
    sessions = (*case.measurement.sessions, run)
    measured = case.measurement.model_copy(update={"sessions": sessions})
    return case.model_copy(update={"measurement": measured})


def _bare(case: Case, policy: Policy) -> Case:
    """Return the case before its first session, held to the policy."""
    config, name = case.terms.config, case.measurement.profile
    margins = _set(config.margins, slowdown=policy.slowdown, tolerance=policy.tolerance)
    budget = _set(config.budget, sessions_s=policy.budget_s)
    profiles = {**config.profiles, name: _set(case.profile, looks=policy.looks)}
    config = _set(config, margins=margins, budget=budget, profiles=profiles)
    measured = case.measurement.model_copy(update={"sessions": (), "discarded": ()})
    terms = case.terms.model_copy(update={"config": config})
    return case.model_copy(update={"measurement": measured, "terms": terms})


def slowed(run: Run, loss: float) -> Run:
    """Return the session as if its candidate had taken more time and CPU time by ``loss`` (log).

    For equal work, saturated and in pairs; the latencies of the open loop are left as they were.
    """
    factor = math.exp(loss)
    builds = {**run.builds, "candidate": _slowed(run.builds["candidate"], factor)}
    return run.model_copy(update={"builds": builds})


def _slowed(figures: BuildFigures, factor: float) -> BuildFigures:
    return _set(
        figures,
        saturation=_stretched(figures.saturation, factor),
        pairs=_stretched(figures.pairs, factor),
        open_cpu_s=figures.open_cpu_s * factor,
        solo={name: _stretched(own, factor) for name, own in figures.solo.items()},
    )


def _stretched(windows: Windows, factor: float) -> Windows:
    columns = ("wall_s", "cpu_s", "wait_s", "generator_wait_s")
    longer = {name: tuple(factor * value for value in getattr(windows, name)) for name in columns}
    return windows.model_copy(update=longer)


def _set(model: Model, **values: object) -> Model:
    """Return the model with these values; None leaves what is there."""
    return model.model_copy(update={name: own for name, own in values.items() if own is not None})
