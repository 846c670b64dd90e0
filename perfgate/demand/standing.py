"""A ledger, a day and what is known of a service become how it stands: headroom, regime and risk.

What is too little is judged elsewhere. Of a rate the part counts that is surely there, the lower
bound; and as long as nothing else is measured, the service rate stands for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from perfgate.demand.attempts import callers_of
from perfgate.demand.curve import RateCurve
from perfgate.demand.retries import Regime, backlog_after_stall, drain_s, retry_outlook
from perfgate.demand.risk import demand_risk

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from perfgate.demand.attempts import Callers
    from perfgate.demand.curve import FailureCurve
    from perfgate.demand.demand import Demand
    from perfgate.demand.ledger import Ledger
    from perfgate.demand.retries import RetryOutlook
    from perfgate.demand.risk import Risk, UncertainRate

SEED = 20180713


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a service beside its service rate; None where it has not been measured.

    ``mu_slo`` is the highest rate within the promises, ``mu_over`` what is completed per second
    under overload, ``curve`` how many attempts fail at a load.
    """

    mu_slo: UncertainRate | None = None
    mu_over: UncertainRate | None = None
    curve: FailureCurve | None = None

    def grown(self, factor: float) -> Known:
        """Return what is known of a service that takes so many times the load."""
        rates = self.turned(lambda rate: rate.times(factor))
        return replace(rates, curve=None if self.curve is None else self.curve.times(factor))

    def turned(self, turn: Callable[[UncertainRate], UncertainRate]) -> Known:
        """Return the rates as something turns them; the curve then has to be measured anew."""
        slo, over = (None if rate is None else turn(rate) for rate in (self.mu_slo, self.mu_over))
        return Known(slo, over)


NOTHING = Known()


@dataclass(frozen=True, slots=True)
class Standing:
    """What is sent on a day, and what retries would make of it.

    ``rate`` is the service rate that it is held against, ``known`` what else was, and ``callers``
    are the dependents with what they send then.
    """

    demand: Demand
    callers: Callers
    rate: UncertainRate
    known: Known
    outlook: RetryOutlook

    @property
    def over_rps(self) -> float:
        """What is surely completed per second under overload."""
        return (self.known.mu_over or self.rate).lower_rps

    def drained_s(self, stall_s: float) -> float:
        """Return how long after a stall its backlog is gone, infinite where it stays."""
        regime, keeps_s = self.outlook.regime, self.outlook.critical_stall_s
        if regime is Regime.UNSTABLE or stall_s >= keeps_s:
            return inf
        return drain_s(self.callers, self.over_rps, backlog_after_stall(self.callers, stall_s))


def standing(ledger: Ledger, demand: Demand, rate: UncertainRate, known: Known) -> Standing:
    """Return how a service of that rate stands against the ledger's demand of a day."""
    first = [row.first_try_rps for row in demand.dependents]
    callers = callers_of(ledger.dependents, first)
    outlook = retry_outlook(
        callers,
        known.curve or RateCurve(rate.lower_rps),
        mu_slo_rps=(known.mu_slo or rate).lower_rps,
        mu_over_rps=(known.mu_over or rate).lower_rps,
    )
    return Standing(demand, callers, rate, known, outlook)


def risk_on(ledger: Ledger, on: date, rate: UncertainRate, known: Known) -> Risk:
    """Return the chances that the first tries of a day, or all attempts, are not carried."""
    slo, over = known.mu_slo or rate, known.mu_over or rate
    return demand_risk(ledger.dependents, on, slo, over, seed=SEED)
