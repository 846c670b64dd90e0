"""A service that retries endanger becomes its queue over time: as it is, and with the cure.

How that is drawn is a report's business. The courses are those of
:mod:`perfgate.demand.simulator`, of a service that is larger or smaller but alike in all else:
nothing in them is left to chance, which would be too little or too much for it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import inf, isfinite
from typing import TYPE_CHECKING

import numpy as np

from perfgate.demand.budgets import saved_up, smaller_budget
from perfgate.demand.retries import Regime, backlog_after_stall, drain_s
from perfgate.demand.simulator import Service, Trace, Upset, simulate

if TYPE_CHECKING:
    from perfgate.demand.demand import DependentDemand
    from perfgate.demand.ledger import Dependent
    from perfgate.demand.levers import Lever, Scene

POINTS = 54
# The critical stall is worked out for callers that try again at once: backoff makes it longer.
STALLS = (1.25, 2.5, 5.0)
BEFORE = 0.1  # of the time shown
SPANS = (8.0, 60.0)  # fewest and most stalls, or timeouts without one, that are shown
ATTEMPTS = (12_000, 30_000)  # usually, and at most, so that it takes a fraction of a second
STEPS = 20  # of the shortest timeout: as finely at least is the wait told
ANSWERED = 0.8  # of the calls: as many at least where it has recovered
LAST = 3  # points that tell


@dataclass(frozen=True, slots=True)
class Picture:
    """What becomes of a service around a stall, without the cure and with it.

    ``stall_s`` is 0 where it needs none; ``mu_rps`` is what is served without the cure; ``cured``
    is None where there is no cure; ``factor`` is how much smaller the service was that was
    simulated. Both courses have :data:`POINTS` windows, equally long.
    """

    regime: Regime
    stall_at_s: float
    stall_s: float
    first_try_rps: float
    mu_rps: float
    factor: float
    cure: Lever | None
    as_it_is: Trace
    cured: Trace | None


def picture_of(scene: Scene, cure: Lever | None) -> Picture | None:
    """Return what a stall would do; None where nothing is sent, and so nothing can happen.

    It is one that tips the service; where any or none does, it lasts twice the mean timeout, and
    where the first tries alone are too many, there is none.
    """
    if scene.standing.outlook.first_try_rps == 0:
        return None
    after = None if cure is None else scene.after(cure)
    for stall_s in _stalls_s(scene):
        shown = _painted(scene, after, cure, stall_s)
        if answered_ratio(shown.as_it_is) < ANSWERED:
            break
    return shown


def answered_ratio(trace: Trace) -> float:
    """Return the share of calls that is answered at the end."""
    good, calls = trace.goodput_rps[-LAST:].sum(), trace.first_tries_rps[-LAST:].sum()
    return min(float(good / calls), 1.0) if calls else 1.0


def _stalls_s(scene: Scene) -> list[float]:
    """Return how long the service stands still: at first, and if that is not enough."""
    own = scene.standing.outlook
    if own.regime is Regime.UNSTABLE:
        return [0.0]
    if not 0 < own.critical_stall_s < inf:
        return [2 * _timeout_s(scene)]
    return [times * own.critical_stall_s for times in STALLS]


def _painted(scene: Scene, after: Scene | None, cure: Lever | None, stall_s: float) -> Picture:
    span_s = stall_s + (_upset_s(scene, after, stall_s) if stall_s else _growing_s(scene))
    whole_s = span_s / (1 - BEFORE)
    upset = Upset(at_s=BEFORE * whole_s, seconds=stall_s, stalls=stall_s > 0)
    factor = max(_factor(each, whole_s) for each in (scene, after or scene))
    return Picture(
        regime=scene.standing.outlook.regime,
        stall_at_s=upset.at_s,
        stall_s=stall_s,
        first_try_rps=scene.standing.outlook.first_try_rps,
        mu_rps=scene.standing.over_rps,
        factor=factor,
        cure=cure,
        as_it_is=_course(scene, upset, whole_s, factor),
        cured=None if after is None else _course(after, upset, whole_s, factor),
    )


def _upset_s(scene: Scene, after: Scene | None, stall_s: float) -> float:
    """Return how long is shown after a stall: until the cure has served off what has queued up."""
    least_s, most_s = (times * stall_s for times in SPANS)
    last = after or scene
    callers = last.standing.callers
    drained_s = drain_s(callers, last.standing.over_rps, backlog_after_stall(callers, stall_s))
    return min(max(1.5 * drained_s, least_s), most_s if isfinite(drained_s) else least_s)


def _growing_s(scene: Scene) -> float:
    """Return how long is shown without a stall: until waits have outgrown the mean timeout."""
    least, most = SPANS
    excess_ratio = scene.standing.outlook.first_try_rps / scene.standing.over_rps - 1
    return (least + 1.5 / max(excess_ratio, 1.5 / (most - least))) * _timeout_s(scene)


def _factor(scene: Scene, seconds: float) -> float:
    """Return by how much the service that is simulated is smaller."""
    sent = sum(map(partial(_attempts, seconds), *_senders(scene)))
    usual, most = (sent / count for count in ATTEMPTS)
    shortest_s = min(one.timeout_s for one in scene.ledger.dependents)
    return max(most, min(usual, scene.standing.over_rps * shortest_s / STEPS))


def _senders(scene: Scene) -> tuple[tuple[Dependent, ...], tuple[DependentDemand, ...]]:
    return scene.ledger.dependents, scene.standing.demand.dependents


def _attempts(seconds: float, one: Dependent, sent: DependentDemand) -> float:
    """Return how many attempts there are at most, with all that budgets have saved up."""
    unlimited = one.attempts * one.upstream_attempts * sent.first_try_rps * seconds
    return min(unlimited, sent.worst_rps * seconds + saved_up(one.budget, sent.first_try_rps))


def _course(scene: Scene, upset: Upset, seconds: float, factor: float) -> Trace:
    mu_rps = scene.standing.over_rps / factor
    # Timeouts are of the wait alone: how long work takes in a service of another size says nothing.
    work_s = 1 / mu_rps
    trace = simulate(
        Service(mu_rps, servers=1),
        [_smaller(one, factor, work_s) for one in scene.ledger.dependents],
        (scene.standing.callers.first_try_rps / factor).tolist(),
        upset,
        seconds=seconds,
        seed=None,
        window_s=seconds / POINTS,
    )
    return replace(
        trace,
        waiting=factor * trace.waiting,
        first_tries_rps=factor * trace.first_tries_rps,
        attempts_rps=factor * trace.attempts_rps,
        goodput_rps=factor * trace.goodput_rps,
    )


def _smaller(one: Dependent, factor: float, work_s: float) -> Dependent:
    given = {"timeout_s": one.timeout_s + work_s, "budget": smaller_budget(one.budget, factor)}
    return one.model_copy(update=given)


def _timeout_s(scene: Scene) -> float:
    """Return the mean timeout of all calls."""
    callers = scene.standing.callers
    return float(np.average(callers.timeout_s, weights=callers.first_try_rps))
