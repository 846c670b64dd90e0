"""The recovery part of a check: an overload is made for the candidate and, if need be, the base.

What came of it is judged in :mod:`perfgate.verdict.checks.recovery`; nothing is printed here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import count, islice
from typing import TYPE_CHECKING

from perfgate.analysis.rates import service_rates
from perfgate.demand.backoff import waits_s
from perfgate.demand.budgets import smaller_budget
from perfgate.demand.demand import peak_demand
from perfgate.errors import LoadError, SpoiltError
from perfgate.gate import OVERHEAD_S, add, local_required_rps, plan_of, schedule_of
from perfgate.load.engine import SCHEDULE_FILE
from perfgate.load.plan import Caller, Recovery, RetryBudget
from perfgate.load.pulse import WELL_FOR_S
from perfgate.load.schedule import Stage
from perfgate.measurement.models import Upset
from perfgate.rig import Assignment, Outcome, run_once
from perfgate.verdict.case import steps_of
from perfgate.verdict.checks.recovery import is_down
from perfgate.verdict.checks.validity import DISCARD_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from perfgate.build.provide import Build
    from perfgate.config.models import RecoveryTest
    from perfgate.demand.ledger import Dependent
    from perfgate.gate import Order
    from perfgate.load.plan import Host, Plan
    from perfgate.measurement.models import BuildRole, UpsetKind
    from perfgate.rig import Rig
    from perfgate.verdict.case import Case, Terms

ROLES: tuple[BuildRole, ...] = ("candidate", "base")
# Above the seeds of sessions and of trials.
SEEDS_FROM = 2_000_000

# Enough to hold the calls of a minute, and far from what the generator may open.
CALLS_LIMIT = 5000
DRAIN_S = 2.0


def try_recovery(case: Case, order: Order, rig: Rig) -> Case:
    """Put the candidate through an upset, and, where it does not come through, the base.

    The case is unchanged where the candidate did not even come through the sessions. A candidate
    that stays down is started anew, too.
    """
    if case.measurement.incidents:
        return case
    ordeal = ordeal_of(case, order.terms)
    if ordeal is None:
        rig.progress.learned("no service rate is known, so recovery is not tried")
        return case
    return with_turns(case, ((turn, _tries(rig, order, turn)) for turn in turns_of(order, ordeal)))


def with_turns(case: Case, turns: Iterable[tuple[Turn, Iterator[Try]]]) -> Case:
    """Return the case with what came of turns, whose runs are made as they are drawn.

    No turn is drawn after one that the candidate came back from, or that a build did not live
    through.
    """
    for turn, tries in turns:
        case = _with_turn(case, turn, *settled(tries))
        if case.measurement.incidents or not is_down(case):
            break
    return case


def _with_turn(case: Case, turn: Turn, outcome: Outcome, broken_off: Sequence[str]) -> Case:
    """Return the case with what came of a turn.

    What breaks off runs that follow the first turn takes back nothing that is known by then.
    """
    measured = case.measurement
    if turn.is_restart:
        return add(case, restart=outcome.recovery, incidents=outcome.incidents)
    if turn.role == "candidate":
        case = add(case, broken_off=(*measured.broken_off, *broken_off))
    own = () if outcome.recovery is None else (outcome.recovery,)
    return add(case, recoveries=(*measured.recoveries, *own), incidents=outcome.incidents)


def settled(tries: Iterable[Try]) -> tuple[Outcome, list[str]]:
    """Return what came of the first run that can be trusted, and what broke others off.

    Where none can, it is the last one allowed. No run is drawn after it.
    """
    drawn: list[Try] = []
    for tried in islice(tries, DISCARD_LIMIT + 1):
        drawn.append(tried)
        if not tried.fault:
            break
    return drawn[-1].outcome, [tried.broken_off for tried in drawn if tried.broken_off]


@dataclass(frozen=True, slots=True)
class Try:
    """What came of a run; nothing where it broke off, for the reason given."""

    outcome: Outcome
    broken_off: str = ""

    @property
    def fault(self) -> str:
        """Return why the run is to be repeated, "" where it can be trusted."""
        own = self.outcome.recovery
        return self.broken_off or next(iter(own.validity.faults if own else ()), "")


def _tries(rig: Rig, order: Order, turn: Turn) -> Iterator[Try]:
    """Make run after run, as they are drawn."""
    for attempt in count():
        tried = _try(rig, assignment_of(order, turn, attempt))
        if tried.fault:
            rig.progress.learned(f"not to be trusted: {tried.fault}")
        yield tried


def _try(rig: Rig, assignment: Assignment) -> Try:
    try:
        return Try(run_once(rig, assignment))
    except SpoiltError:
        raise
    except LoadError as error:
        # The load has worked before, so what broke it off is an accident until it recurs.
        return Try(Outcome(), broken_off=error.message.splitlines()[0])


@dataclass(frozen=True, slots=True)
class Ordeal:
    """What builds are put through, at which demand here, in calls per second.

    In the last ``last_s`` seconds of it the demand is what it was.
    """

    demand_rps: float
    upset: Upset
    last_s: float

    @property
    def stages(self) -> list[Stage]:
        """Return the rates of calls, and how long there are so many."""
        demand_rps, upset = self.demand_rps, self.upset
        happening = [
            Stage(demand_rps, upset.from_s),
            Stage(upset.rate_rps, upset.to_s - upset.from_s),
        ]
        return [
            *(stage for stage in happening if stage.duration_s),
            Stage(demand_rps, upset.limit_s),
            *(Stage(rate_rps, seconds) for seconds, rate_rps in upset.steps),
            Stage(demand_rps, self.last_s),
        ]

    @property
    def down_s(self) -> float:
        """Return the seconds that a build takes for it that never comes back."""
        return OVERHEAD_S + math.fsum(stage.duration_s for stage in self.stages) + DRAIN_S


@dataclass(frozen=True, slots=True)
class Turn:
    """A build that is put through something."""

    role: BuildRole
    build: Build
    ordeal: Ordeal

    @property
    def is_restart(self) -> bool:
        """Tell whether all that happens is that it was started anew."""
        return self.ordeal.upset.kind == "restart"

    @property
    def stage(self) -> str:
        """Return the part of the check that it is."""
        return f"{'restart' if self.is_restart else 'recovery'} of the {self.role}"


def turns_of(order: Order, ordeal: Ordeal) -> list[Turn]:
    """Return who goes through what, one after the other, where the candidate stays down."""
    anew = _restart(ordeal, order.terms.config.recovery)
    turns = [Turn("candidate", order.candidate, own) for own in (ordeal, anew)]
    return turns if order.base is None else [*turns, Turn("base", order.base, ordeal)]


def ordeal_of(case: Case, terms: Terms) -> Ordeal | None:
    """Return what is to happen; None where no service rate is known.

    A spike is measured by the faster of the builds, for both are to be overloaded. Where the
    highest demand is more than the candidate serves, callers would not even be served before: then
    it comes on top of today's, as the change that it is, and is taken back.
    """
    rates = [service_rates(case.measurement.runs, role) for role in ROLES]
    means = [float(own.mean()) if len(own) else 0.0 for own in rates]
    if not max(means):
        return None
    peak_rps = local_required_rps(terms) / terms.config.margins.headroom
    today, peak = steps_of(terms)[0], peak_demand(steps_of(terms))
    today_rps = peak_rps * today.first_try_rps / peak.first_try_rps
    test = terms.config.recovery
    if test.upset == "spike" and today_rps < means[0] <= peak_rps:
        return Ordeal(today_rps, upset_of(test, "change", peak_rps, today_rps), test.step_s)
    rate_rps = peak_rps if test.upset == "stall" else test.spike_ratio * max(means)
    return Ordeal(peak_rps, upset_of(test, test.upset, rate_rps, peak_rps), test.step_s)


def _restart(ordeal: Ordeal, test: RecoveryTest) -> Ordeal:
    """Return what shows whether fresh processes carry the demand that left the others down.

    It is sent for as long as it takes to see that they do so just within the limit.
    """
    upset = Upset(
        kind="restart",
        rate_rps=ordeal.demand_rps,
        from_s=0.0,
        to_s=0.0,
        limit_s=test.step_s,
        steps=(),
        quiet_s=test.step_s + WELL_FOR_S,
    )
    return Ordeal(ordeal.demand_rps, upset, WELL_FOR_S)


def assignment_of(order: Order, turn: Turn, attempt: int) -> Assignment:
    """Return the run in which it happens; every build is sent the same calls."""
    config, ordeal = order.terms.config, turn.ordeal
    seed = config.load.seed + SEEDS_FROM + attempt
    callers = callers_of(order.terms, ordeal.demand_rps)

    def plan(hosts: tuple[Host, ...]) -> Plan:
        spec = spec_of(ordeal.upset, callers, SCHEDULE_FILE)
        whole = plan_of(order, hosts, seed)
        return replace(whole, saturation=None, open=None, recovery=spec, workers=1)

    return Assignment(
        stage=turn.stage,
        builds={turn.role: turn.build},
        plan=plan,
        schedule=schedule_of(order, ordeal.stages, seed),
        offered_rps=ordeal.demand_rps,
        open_s=0.0,
        witness=None if turn.role == "base" else order.base,
        expected_s=ordeal.down_s,
        upset=ordeal.upset,
    )


def shortest_s(test: RecoveryTest) -> float:
    """Return the seconds that it takes with a build that comes back at once."""
    return OVERHEAD_S + test.before_s + test.upset_s + WELL_FOR_S + DRAIN_S


def longest_s(test: RecoveryTest, builds: int) -> float:
    """Return the seconds that it takes where so many builds stay down; one is started anew."""
    # No rate makes it any longer.
    ordeal = Ordeal(0.0, upset_of(test, test.upset, 0.0, 0.0), test.step_s)
    return builds * ordeal.down_s + _restart(ordeal, test).down_s


def upset_of(test: RecoveryTest, kind: UpsetKind, rate_rps: float, demand_rps: float) -> Upset:
    """Return what is to happen to a build with this demand here, at this rate of calls."""
    after_s = test.before_s + test.upset_s
    lowered_s = after_s + test.limit_s
    return Upset(
        kind=kind,
        rate_rps=rate_rps,
        from_s=test.before_s,
        to_s=after_s,
        limit_s=test.limit_s,
        steps=tuple((test.step_s, share * demand_rps) for share in test.steps),
        quiet_s=lowered_s + test.step_s * len(test.steps),
    )


def spec_of(upset: Upset, callers: tuple[Caller, ...], schedule: str) -> Recovery:
    """Return what the load generator is told of it."""
    return Recovery(
        schedule=schedule,
        callers=callers,
        upset_s=upset.from_s,
        after_s=upset.to_s,
        quiet_s=upset.quiet_s,
        drain_s=DRAIN_S,
        calls_limit=CALLS_LIMIT,
        stalls=upset.kind == "stall",
    )


def callers_of(terms: Terms, demand_rps: float) -> tuple[Caller, ...]:
    """Return the dependents of the highest demand, which sums to ``demand_rps`` here."""
    peak = peak_demand(steps_of(terms))
    share = demand_rps / peak.first_try_rps if peak.first_try_rps else 0.0
    return tuple(
        _caller(one, terms.ledger.mix_of(one, row.changes), row.first_try_rps, share)
        for one, row in zip(terms.ledger.dependents, peak.dependents, strict=True)
    )


def _caller(
    dependent: Dependent, mix: Mapping[str, float], sent_rps: float, share: float
) -> Caller:
    """Return a dependent of which this share of what it sends comes here, by so many clients."""
    rate_rps = share * sent_rps
    budget = smaller_budget(dependent.budget, 1 / share) if share > 0 else dependent.budget
    return Caller(
        name=dependent.name,
        rates_rps={name: rate_rps * portion for name, portion in mix.items()},
        timeout_s=dependent.timeout_s,
        attempts=dependent.attempts,
        upstream_attempts=dependent.upstream_attempts,
        waits_s=tuple(waits_s(dependent.backoff, dependent.attempts)),
        budget=RetryBudget(budget.kind, budget.ratio, budget.min_rps, budget.clients),
    )
