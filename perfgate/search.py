"""The search for mu_SLO: open-loop trials of the candidate alone, each where the last ones point.

What they say is worked out in :mod:`perfgate.verdict.limit`; nothing is printed here.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from perfgate.analysis.capacity import BOUNDS_LEVEL
from perfgate.analysis.threshold import next_rate
from perfgate.errors import LoadError, SpoiltError
from perfgate.gate import OVERHEAD_S, add, local_required_rps, plan_of, schedule_of
from perfgate.load.schedule import Stage
from perfgate.measurement.models import Search as Searched
from perfgate.rig import Assignment, run_once
from perfgate.verdict.case import measured_rate
from perfgate.verdict.checks.validity import DISCARD_LIMIT
from perfgate.verdict.limit import FEWEST_TRIALS, broken_in, first_missed, span_of

if TYPE_CHECKING:
    from perfgate.analysis.threshold import Belief
    from perfgate.config.models import Search
    from perfgate.gate import Order
    from perfgate.load.plan import Host, Plan
    from perfgate.measurement.models import Run
    from perfgate.rig import Rig
    from perfgate.verdict.case import Case

# The interval is narrow enough where it reaches no farther than this from the estimate.
GOAL_RATIO = 0.02
# Before as many trials, a narrow interval is luck.
SETTLED_TRIALS = 6
# The demand is the lowest rate tried, or so much of the service rate where it exceeds that.
LOWEST_RATIO = 0.5
# Above the seeds of all sessions.
SEEDS_FROM = 1_000_000
SEED_STEP = 1000


def find_capacity(case: Case, order: Order, rig: Rig) -> Case:
    """Return the case with trials in it, as many as tell mu_SLO or as trials and time allow.

    Unchanged where the candidate did not come through, or has no service rate.
    """
    rate = measured_rate(case, "candidate")
    if case.measurement.incidents or rate is None or rate.estimate <= 0:
        rig.progress.learned("no service rate is known, so none within the promises is searched")
        return case
    demand_rps = local_required_rps(order.terms) / order.terms.config.margins.headroom
    low_rps = min(demand_rps, LOWEST_RATIO * rate.estimate)
    started_s, search = time.monotonic(), Searched(low_rps=low_rps, high_rps=rate.estimate)
    while not _over(search, order):
        search = _with_trial(search, order, rig)
        search = search.model_copy(update={"seconds": time.monotonic() - started_s})
    return add(case, search=search)


def trial_s(shape: Search) -> float:
    """Return the seconds that a trial is expected to take."""
    return OVERHEAD_S + shape.settle_s + shape.trial_s


def least_s(shape: Search) -> float:
    """Return the seconds that a search is expected to take whose trials agree."""
    return _trials_s(shape, min(SETTLED_TRIALS, shape.trials))


def most_s(shape: Search) -> float:
    """Return the seconds that a search is expected to take at most."""
    return _trials_s(shape, shape.trials)


def _trials_s(shape: Search, trials: int) -> float:
    return min(trials * trial_s(shape), max(shape.budget_s, trial_s(shape)))


def _over(search: Searched, order: Order) -> bool:
    """Tell whether the search ends: the rate is known, or nothing more can be spent or trusted."""
    shape, made = order.terms.config.search, _made(search)
    each_s = max(trial_s(shape), search.seconds / made if made else 0.0)
    return (
        bool(search.ended)
        or made >= shape.trials
        or (made > 0 and search.seconds + each_s > shape.budget_s)
        or len(search.discarded) > DISCARD_LIMIT
        or (len(search.trials) >= SETTLED_TRIALS and _narrow(_belief(search, order)))
    )


def _made(search: Searched) -> int:
    return len(search.trials) + len(search.discarded)


def _belief(search: Searched, order: Order) -> Belief:
    return first_missed(order.terms.config, search)[1]


def _narrow(belief: Belief) -> bool:
    rate = belief.interval(BOUNDS_LEVEL)
    return rate.upper - rate.lower < 2 * GOAL_RATIO * rate.estimate


def _with_trial(search: Searched, order: Order, rig: Rig) -> Searched:
    """Make one trial; what broke it off, or ended the candidate, ends the search."""
    try:
        outcome = run_once(rig, _assignment(search, order))
    except SpoiltError:
        raise
    except LoadError as error:
        return search.model_copy(update={"ended": error.message.splitlines()[0]})
    if outcome.run is None:
        incident = outcome.incidents[0]
        return search.model_copy(update={"ended": f"the {incident.build} {incident.text}"})
    if faults := outcome.run.validity.faults:
        rig.progress.learned(f"not to be trusted: {faults[0]}")
        return search.model_copy(update={"discarded": (*search.discarded, outcome.run)})
    search = search.model_copy(update={"trials": (*search.trials, outcome.run)})
    rig.progress.learned(_known_so_far(search, outcome.run, order))
    return search


def _known_so_far(search: Searched, run: Run, order: Order) -> str:
    broken = broken_in(order.terms.config, run)
    told = f"{run.offered_rps:.0f}/s: {f'{broken[0]} is missed' if broken else 'all is kept'}"
    if len(search.trials) < FEWEST_TRIALS:
        return told
    rate = _belief(search, order).interval(BOUNDS_LEVEL)
    return f"{told}; the limit is {rate.estimate:.0f}/s ({rate.lower:.0f} to {rate.upper:.0f})"


def _assignment(search: Searched, order: Order) -> Assignment:
    shape, made = order.terms.config.search, _made(search)
    rate_rps = next_rate(_belief(search, order), made, span_of(search))
    seed = order.terms.config.load.seed + SEEDS_FROM + SEED_STEP * made
    stages = [Stage(rate_rps, shape.settle_s), Stage(rate_rps, shape.trial_s)]

    def plan(hosts: tuple[Host, ...]) -> Plan:
        return replace(plan_of(order, hosts, seed, ramp_s=shape.settle_s), saturation=None)

    return Assignment(
        stage=f"trial {made + 1} at {rate_rps:.0f} per s",
        builds={"candidate": order.candidate},
        plan=plan,
        schedule=schedule_of(order, stages, seed),
        offered_rps=rate_rps,
        open_s=shape.trial_s,
        expected_s=trial_s(shape),
        witness=order.base,
    )
