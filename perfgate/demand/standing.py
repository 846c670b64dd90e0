"""A ledger, a day and a service rate become how the service stands: headroom, regime and risk.

What is too little is judged elsewhere. The rate that is surely there counts, the lower bound; as
long as no other is measured it also stands for the rate at which a backlog is served.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.demand.attempts import callers_of
from perfgate.demand.curve import RateCurve
from perfgate.demand.retries import retry_outlook
from perfgate.demand.risk import demand_risk

if TYPE_CHECKING:
    from datetime import date

    from perfgate.demand.demand import Demand
    from perfgate.demand.ledger import Ledger
    from perfgate.demand.retries import RetryOutlook
    from perfgate.demand.risk import UncertainRate

SEED = 20180713


@dataclass(frozen=True, slots=True)
class Standing:
    """What is sent on a day, and what retries would make of it.

    ``rate`` is the service rate that it is held against.
    """

    demand: Demand
    rate: UncertainRate
    outlook: RetryOutlook


def standing(ledger: Ledger, demand: Demand, rate: UncertainRate) -> Standing:
    """Return how a service of that rate stands against the ledger's demand of a day."""
    first = [row.first_try_rps for row in demand.dependents]
    outlook = retry_outlook(
        callers_of(ledger.dependents, first),
        RateCurve(rate.lower_rps),
        mu_slo_rps=rate.lower_rps,
        mu_over_rps=rate.lower_rps,
    )
    return Standing(demand, rate, outlook)


def overload_chance(ledger: Ledger, on: date, rate: UncertainRate) -> float:
    """Return the chance that the service rate is less than the first tries on the day ``on``."""
    return demand_risk(ledger.dependents, on, rate, rate, seed=SEED).overload_ratio
