"""What others need to know of a service to judge whether they may send it more, sealed.

It holds the capacity of record, how production differs, and the ledger. What follows from them for
a change is judged elsewhere.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Final, Literal

from perfgate.analysis.capacity import (
    BOUNDS_LEVEL,
    NO_CHANGE,
    chained,
    production_rate,
    scaled_rate,
)
from perfgate.analysis.interval import Interval
from perfgate.baseline.declared import slowdown_since
from perfgate.baseline.record import (
    RECORD_LEVEL,
    FigureOfRecord,
    PromisedRate,
    RateOfRecord,
    WeightsOfRecord,
    work_of_record,
)
from perfgate.baseline.sealed import Sealed, parse_sealed, rounded
from perfgate.config.models import Production
from perfgate.demand.ledger import StoredLedger
from perfgate.demand.mix import MixedRate
from perfgate.demand.risk import UncertainRate
from perfgate.demand.standing import Known
from perfgate.measurement.models import Conditions

if TYPE_CHECKING:
    from perfgate.baseline.record import BaselineRecord
    from perfgate.config.models import Config
    from perfgate.demand.ledger import Ledger
    from perfgate.demand.mix import Work

FORMAT: Final = "perfgate.capacity/2"
# History of the format:
#   1  capacity of record with its provenance, production, what is required, ledger, checksum.
#   2  imbalance of production, and what operations weigh.
#      Later, so that files without them are still read: the highest rate within the promises,
#      what is completed under overload, and which build production's declared rate is of.

# What a file of format 2 need not have; where it does not, its checksum does not cover it.
LATER_IN_2 = ("mu_slo_rps", "mu_over_rps", "since_declared")

AGAIN = "Export it again: perfgate demand export --output FILE"


class CapacityRecord(Sealed):
    """The capacity of record of a service, and who has a claim on it.

    ``machine`` is the class of the one it was measured on. The rest is what the service's
    configuration says of the demand that it is to carry. ``since_declared`` is the slowdown (log)
    since the build whose rate production is declared with; None where that is not known.
    """

    format: Literal["perfgate.capacity/2"] = FORMAT
    service: str
    perfgate: str
    profile: str
    commit: str
    measured_at: str
    machine: str
    service_rate_rps: RateOfRecord
    conditions: Conditions | None
    production: Production
    headroom: float
    overload_risk: float
    horizon_days: int
    stale_days: int
    ledger: StoredLedger
    weights: WeightsOfRecord | None = None
    mu_slo_rps: PromisedRate | None = None
    mu_over_rps: float | None = None
    since_declared: FigureOfRecord | None = None

    def content(self) -> dict[str, Any]:
        """Return what stands in the file: nothing that came later than it."""
        unknown = {name for name in LATER_IN_2 if name not in self.model_fields_set}
        told = self.model_dump(mode="json", exclude=unknown)
        if self.production.service_rate_commit is None:
            del told["production"]["service_rate_commit"]  # it came later, too
        return told

    @property
    def work(self) -> Work:
        """Return what the rate was measured with, as far as the record says."""
        return work_of_record(self.conditions, self.weights)

    @property
    def mixed(self) -> MixedRate:
        """Return production's service rate with that work."""
        return MixedRate(self.rate, self.work)

    @property
    def rate(self) -> UncertainRate:
        """Production's service rate with the build of record.

        Measured on the machine of record and multiplied by the instances that are full together;
        where production's own rate is declared, that one.
        """
        return self.rate_with(self.service_rate_rps)

    @property
    def known(self) -> Known:
        """Return what else the record says of production with the build of record."""
        return self.known_with(self.service_rate_rps, self.mu_slo_rps, self.mu_over_rps)

    def known_with(
        self, measured: RateOfRecord, mu_slo: PromisedRate | None, mu_over_rps: float | None
    ) -> Known:
        """Return the same for a build measured on the same kind of machine.

        What is completed under overload, seen once, is as uncertain as the service rate.
        """
        share = None if mu_over_rps is None else mu_over_rps / measured.estimate
        return Known(
            mu_slo=None if mu_slo is None else self.rate_with(mu_slo),
            mu_over=None if share is None else self.rate_with(measured).times(share),
        )

    def rate_with(self, measured: RateOfRecord) -> UncertainRate:
        """Return production's service rate with a build measured on the same kind of machine.

        With a declared rate, what was lost since the build that it is of is carried over.
        """
        if self.production.service_rate_rps is None:
            here = Interval(measured.estimate, measured.lower, measured.upper)
            return uncertain(scaled_rate(here, self.production.full_instances), RECORD_LEVEL)
        slowdown = chained(self._since(), self._slowdown(measured))
        return uncertain(production_rate(self.production, slowdown))

    @property
    def production_of_record(self) -> Production:
        """Return production with the rate that the build of record has there, and its spread."""
        if self.production.service_rate_rps is None:
            return self.production
        lost = self._since()
        z = NormalDist().inv_cdf((1 + BOUNDS_LEVEL) / 2)
        sd = (lost.upper - lost.lower) / 2 / z
        return self.production.model_copy(
            update={
                "service_rate_rps": self.production.service_rate_rps * math.exp(-lost.estimate),
                "service_rate_cv": math.hypot(self.production.service_rate_cv, sd),
                "service_rate_commit": self.commit,
            }
        )

    def _since(self) -> Interval:
        own = self.since_declared
        return NO_CHANGE if own is None else Interval(own.estimate, own.lower, own.upper)

    def _slowdown(self, measured: RateOfRecord) -> Interval:
        """Return the log ratio of the rate of record to another; none of a rate to itself.

        Half-widths of logarithms combine in quadrature. They are those of a higher level than
        production's, which makes the interval a little too wide.
        """
        if measured == self.service_rate_rps:
            return NO_CHANGE
        estimate = math.log(self.service_rate_rps.estimate / measured.estimate)
        half = math.hypot(*(_half(rate) for rate in (self.service_rate_rps, measured)))
        return Interval(estimate, estimate - half, estimate + half)


def capacity_record(config: Config, ledger: Ledger, record: BaselineRecord) -> CapacityRecord:
    """Return, sealed, what the configuration, the ledger and the stored baseline say together."""
    return CapacityRecord(
        service=config.service,
        perfgate=record.perfgate,
        profile=record.profile,
        commit=record.commit,
        measured_at=record.measured_at,
        machine=record.environment.slug,
        service_rate_rps=record.service_rate_rps,
        conditions=record.conditions,
        production=config.production,
        headroom=config.margins.headroom,
        overload_risk=config.margins.overload_risk,
        horizon_days=config.demand.horizon_days,
        stale_days=config.demand.stale_days,
        ledger=ledger,
        weights=record.weights,
        mu_slo_rps=record.mu_slo_rps,
        mu_over_rps=record.mu_over_rps,
        since_declared=_since_declared(config.production, record),
    ).sealed()


def parse_capacity(text: str, path: str) -> CapacityRecord:
    """Read what was exported; raises StoreError saying what is wrong with the file at ``path``."""
    return parse_sealed(CapacityRecord, text, path, "an exported record", AGAIN)


def _since_declared(production: Production, record: BaselineRecord) -> FigureOfRecord | None:
    lost = slowdown_since(record, production.service_rate_commit)
    if lost is None:
        return None
    return FigureOfRecord(
        estimate=rounded(lost.estimate), lower=rounded(lost.lower), upper=rounded(lost.upper)
    )


def _half(rate: RateOfRecord) -> float:
    return math.log(rate.upper / rate.lower) / 2


def uncertain(rate: Interval, level: float = BOUNDS_LEVEL) -> UncertainRate:
    """Return the rate as what draws are made from; ValueError unless it is greater than 0."""
    return UncertainRate(rate.estimate, rate.lower, rate.upper, level)
