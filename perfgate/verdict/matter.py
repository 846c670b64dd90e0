"""A change and the capacity it is held against, weighed: the service without it and with it.

What is too much is said once here; the sentences about it are :mod:`perfgate.verdict.claims`'.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING

from perfgate.analysis.capacity import THIN
from perfgate.demand.demand import demand_on, demand_steps, tipping_point
from perfgate.demand.levers import Scene
from perfgate.demand.mix import Work
from perfgate.demand.remedies import healing
from perfgate.demand.retries import Regime
from perfgate.demand.standing import NOTHING, risk_on
from perfgate.verdict.finding import Outcome, promised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.demand.demand import Demand, TippingPoint
    from perfgate.demand.ledger import Ledger
    from perfgate.demand.levers import Lever
    from perfgate.demand.mix import MixedRate, RateAt
    from perfgate.demand.question import Question
    from perfgate.demand.risk import Risk, UncertainRate
    from perfgate.demand.standing import Known, Standing


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a demand is held to: the service rate, and the headroom it is to leave.

    The rate is that of ``instances`` together, of which the busiest gets ``imbalance`` times the
    mean load. The chance that the demand exceeds it may be ``overload_risk`` at most. ``known`` is
    what else was measured, with the same mix. ``declared``: the rate rests on one that was declared
    for production.
    """

    rate: MixedRate
    headroom: float
    overload_risk: float
    instances: int
    imbalance: float
    known: Known = NOTHING
    declared: bool = False

    def known_at(self, demand: Demand) -> Known:
        """Return what else is known with the mix of a demand; with the one measured, all of it."""
        if self.at(demand).rate == self.rate.rate:
            return self.known

        def with_mix(rate: UncertainRate) -> UncertainRate:
            return replace(self.rate, rate=rate).at(demand.mix).rate or rate

        return self.known.turned(with_mix)

    def at(self, demand: Demand) -> RateAt:
        """Return the service rate with the mix of a demand."""
        return self.rate.at(demand.mix)

    def limit_rps(self, demand: Demand) -> float:
        """Return how much of the mix of a demand the rate is surely enough for."""
        own = self.at(demand).rate
        return 0.0 if own is None else own.lower_rps / self.headroom

    def used(self, demand: Demand) -> float:
        """Return the share of what the rate is surely enough for that a demand needs."""
        limit_rps = self.limit_rps(demand)
        return demand.first_try_rps / limit_rps if limit_rps else inf

    def untold(self, demand: Demand) -> str:
        """Return why it cannot be told whether a demand is carried, "" where it can."""
        return self.at(demand).why if demand.first_try_rps > self.limit_rps(demand) else ""

    def kept_rps(self, demand: Demand) -> float:
        """Return how much of its mix may be carried, and within the promises as far as is known."""
        rate, limit_rps = self.known_at(demand).mu_slo, self.limit_rps(demand)
        return limit_rps if rate is None else min(limit_rps, rate.upper_rps / self.headroom)

    def tipping(
        self, steps: Sequence[Demand], *, within_promises: bool = False
    ) -> TippingPoint | None:
        """Return where the demand first exceeds what is surely enough, None where it does not.

        Steps of which it cannot be told are passed over.
        """
        limit_of = self.kept_rps if within_promises else self.limit_rps
        return tipping_point(steps, lambda step: inf if self.untold(step) else limit_of(step))


@dataclass(frozen=True)
class State:
    """A ledger on a day, with the build that serves it, and what is to be thought of it."""

    ledger: Ledger
    on: date
    capacity: Capacity

    @cached_property
    def demand(self) -> Demand:
        """What is sent."""
        return demand_on(self.ledger, self.on)

    @cached_property
    def rate(self) -> UncertainRate:
        """The service rate with the mix that is sent; as it was measured where nothing is told."""
        return self.capacity.at(self.demand).rate or self.capacity.rate.rate

    @cached_property
    def scene(self) -> Scene:
        """What levers could be pulled on."""
        own = self.capacity
        known = own.known_at(self.demand)
        return Scene(
            self.ledger, self.on, self.rate, own.instances, own.imbalance, known, self.demand
        )

    @property
    def standing(self) -> Standing:
        """How the service stands."""
        return self.scene.standing

    @cached_property
    def cure(self) -> Lever | None:
        """The least that makes the service stable, None where nothing that is tried does."""
        return healing(self.scene)

    @cached_property
    def risk(self) -> Risk:
        """The chances that the demand, or all that retries make of it, is not carried."""
        return risk_on(self.ledger, self.on, self.rate, self.scene.known)

    @property
    def chance(self) -> float:
        """The chance that the service rate, or mu_SLO if that is known, is less than the demand."""
        return self.risk.overload_ratio

    @property
    def limit_rps(self) -> float:
        """The demand, of this mix, that the rate is surely enough for."""
        return self.capacity.limit_rps(self.demand)

    @property
    def untold(self) -> str:
        """Return why it cannot be told whether the demand is carried, "" where it can."""
        return self.capacity.untold(self.demand)

    @property
    def thin(self) -> bool:
        """Tell whether little is left of what is required."""
        return self.demand.first_try_rps * THIN > self.limit_rps

    @property
    def doubtful(self) -> bool:
        """Tell whether the demand is too likely to exceed the service rate."""
        return self.chance > self.capacity.overload_risk

    @property
    def outcome(self) -> Outcome:
        """FAIL where the demand is not surely carried, WARN where that is near or may tip."""
        if self.untold:
            return Outcome.INCONCLUSIVE
        regime = self.standing.outlook.regime
        if self.too_much or regime is Regime.UNSTABLE or self.doubtful:
            return Outcome.FAIL
        metastable = regime is Regime.METASTABLE
        return Outcome.WARN if self.thin or metastable else self.promises

    @property
    def promises(self) -> Outcome:
        """PASS where every promise is kept with the headroom, or where that was not measured."""
        rate = self.scene.known.mu_slo
        if rate is None:
            return Outcome.PASS
        required = self.demand.first_try_rps * self.capacity.headroom
        return promised(rate.lower_rps, rate.upper_rps, required)

    @property
    def too_much(self) -> bool:
        """Tell whether first tries exceed what is surely carried, or within the promises."""
        return self.demand.first_try_rps > self.kept_rps

    @property
    def kept_rps(self) -> float:
        """The demand, of this mix, that may be carried within the promises."""
        return self.capacity.kept_rps(self.demand)


@dataclass(frozen=True)
class Matter:
    """What is to be judged: a question, and the capacity. Planned changes count up to ``end``."""

    question: Question
    capacity: Capacity
    end: date

    @cached_property
    def before(self) -> State:
        """The service without the change."""
        return State(self.question.before, self.question.on, self.capacity)

    @cached_property
    def after(self) -> State:
        """The service with it."""
        return State(self.question.after, self.question.on, self.capacity)

    @cached_property
    def steps_before(self) -> list[Demand]:
        """The demand on that day, and after each change that is planned, without this one."""
        return demand_steps(self.question.before, self.question.on, self.end)

    @cached_property
    def steps_after(self) -> list[Demand]:
        """The same with it."""
        return demand_steps(self.question.after, self.question.on, self.end)

    @cached_property
    def adds(self) -> bool:
        """Tell whether it makes more of anything: of tries, or of the work that they are."""
        before, after = self.before.demand, self.after.demand
        return (
            _more(before.first_try_rps, after.first_try_rps)
            or _more(before.worst_rps, after.worst_rps)
            or _more_work(self.before, self.after)
        )

    @property
    def recomputed(self) -> bool:
        """Tell whether the service rate with the change is another one, as its mix is."""
        return not self.after.untold and self.after.rate != self.capacity.rate.rate

    @property
    def refusal(self) -> Outcome:
        """FAIL, but WARN for a change that makes nothing worse: to keep it out would not help."""
        return Outcome.FAIL if self.adds else Outcome.WARN


def matter_of(record: CapacityRecord, question: Question) -> Matter:
    """Return what is to be judged against the build of record.

    A record that does not say with which mix it was measured is taken to have had the present one.
    """
    last = min(question.on.toordinal() + record.horizon_days, date.max.toordinal())
    rate = record.mixed
    if not rate.work.mix:
        rate = replace(rate, work=Work(demand_on(question.before, question.on).mix))
    return Matter(question, capacity_of(record, rate), date.fromordinal(last))


def capacity_of(record: CapacityRecord, rate: MixedRate) -> Capacity:
    """Return what the record's demand is held to with a build of that rate."""
    own = record.production
    return Capacity(
        rate,
        record.headroom,
        record.overload_risk,
        own.instances,
        own.imbalance,
        record.known,
        declared=own.service_rate_rps is not None,
    )


def _more(was: float, becomes: float) -> bool:
    return becomes > was * (1 + 1e-12)


def _more_work(before: State, after: State) -> bool:
    """Tell whether some operation is sent more often and all is more work, as far as is known."""
    was, becomes = (_by_operation_rps(state.demand) for state in (before, after))
    if not any(_more(was.get(name, 0.0), rate) for name, rate in becomes.items()):
        return False
    known = not after.capacity.at(after.demand).why
    return not known or _more(
        *(one.demand.first_try_rps / one.rate.estimate_rps for one in (before, after))
    )


def _by_operation_rps(demand: Demand) -> dict[str, float]:
    return {name: share * demand.first_try_rps for name, share in demand.mix.items()}
