"""A change and the capacity it is held against, weighed: the service without it and with it.

What is too much is said once here; the sentences about it are :mod:`perfgate.verdict.claims`'.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from perfgate.analysis.capacity import THIN
from perfgate.demand.levers import Scene
from perfgate.demand.retries import Regime
from perfgate.demand.standing import overload_chance
from perfgate.verdict.finding import Outcome

if TYPE_CHECKING:
    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.demand.ledger import Ledger
    from perfgate.demand.question import Question
    from perfgate.demand.risk import UncertainRate
    from perfgate.demand.standing import Standing


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a demand is held to: the service rate, and the headroom it is to leave.

    The rate is that of ``instances`` together, of which the busiest gets ``imbalance`` times the
    mean load. The chance that the demand exceeds it may be
    ``overload_risk`` at most.
    """

    rate: UncertainRate
    headroom: float
    overload_risk: float
    instances: int
    imbalance: float

    @property
    def limit_rps(self) -> float:
        """The demand that the rate is surely enough for."""
        return self.rate.lower_rps / self.headroom


@dataclass(frozen=True)
class State:
    """A ledger on a day, with the build that serves it, and what is to be thought of it."""

    ledger: Ledger
    on: date
    capacity: Capacity

    @cached_property
    def scene(self) -> Scene:
        """What levers could be pulled on."""
        own = self.capacity
        return Scene(self.ledger, self.on, own.rate, own.instances, own.imbalance)

    @property
    def standing(self) -> Standing:
        """How the service stands."""
        return self.scene.standing

    @cached_property
    def chance(self) -> float:
        """The chance that the service rate is less than the demand."""
        return overload_chance(self.ledger, self.on, self.capacity.rate)

    @property
    def thin(self) -> bool:
        """Tell whether little is left of what is required."""
        return self.standing.demand.first_try_rps * THIN > self.capacity.limit_rps

    @property
    def doubtful(self) -> bool:
        """Tell whether the demand is too likely to exceed the service rate."""
        return self.chance > self.capacity.overload_risk

    @property
    def outcome(self) -> Outcome:
        """FAIL where the demand is not surely carried, WARN where that is near or may tip."""
        regime = self.standing.outlook.regime
        too_much = self.standing.demand.first_try_rps > self.capacity.limit_rps
        if too_much or regime is Regime.UNSTABLE or self.doubtful:
            return Outcome.FAIL
        return Outcome.WARN if self.thin or regime is Regime.METASTABLE else Outcome.PASS


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

    @property
    def adds(self) -> bool:
        """Tell whether it makes more of anything."""
        before, after = self.before.standing.demand, self.after.standing.demand
        more = after.first_try_rps > before.first_try_rps * (1 + 1e-12)
        return more or after.worst_rps > before.worst_rps * (1 + 1e-12)

    @property
    def refusal(self) -> Outcome:
        """FAIL, but WARN for a change that makes nothing worse: to keep it out would not help."""
        return Outcome.FAIL if self.adds else Outcome.WARN


def matter_of(record: CapacityRecord, question: Question) -> Matter:
    """Return what is to be judged against the build of record."""
    last = min(question.on.toordinal() + record.horizon_days, date.max.toordinal())
    return Matter(question, capacity_of(record, record.rate), date.fromordinal(last))


def capacity_of(record: CapacityRecord, rate: UncertainRate) -> Capacity:
    """Return what the record's demand is held to with a build of that rate."""
    own = record.production
    return Capacity(rate, record.headroom, record.overload_risk, own.instances, own.imbalance)
