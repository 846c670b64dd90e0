"""Trials at many rates become mu_SLO: the highest rate at which every promise is kept.

Which rate that is for one promise is worked out in :mod:`perfgate.analysis.threshold`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.capacity import BOUNDS_LEVEL
from perfgate.analysis.compare import exact_lower_bound
from perfgate.analysis.interval import Interval
from perfgate.analysis.threshold import Span, Trial, belief
from perfgate.baseline.sealed import rounded
from perfgate.demand.demand import peak_demand
from perfgate.verdict.case import capacity_of, measured_rate, steps_of
from perfgate.verdict.checks.errors import slo_of
from perfgate.verdict.checks.slo import LEAST, SHARES, promises

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perfgate.analysis.threshold import Belief
    from perfgate.config.models import Config
    from perfgate.measurement.models import Run, Search
    from perfgate.verdict.case import Case

# With fewer trials that can be trusted, no rate is told.
FEWEST_TRIALS = 3


@dataclass(frozen=True, slots=True)
class Promise:
    """A quantile of latency that callers of an operation were promised."""

    operation: str
    quantile: str
    limit_ms: float

    @property
    def words(self) -> str:
        """Return "introspect p95"."""
        return f"{self.operation} {self.quantile.removesuffix('_ms')}"

    @property
    def allowed_ratio(self) -> float:
        """Return the share of requests that may take longer."""
        return 1 - SHARES[self.quantile]


@dataclass(frozen=True, slots=True)
class Limit:
    """mu_SLO on this machine, per second, and the promise that is missed first beyond it.

    Where the estimate is ``beyond`` the rates that were tried, all promises were kept at the
    highest of them; where it is ``below``, the promise was missed at the lowest.
    """

    rate_rps: Interval
    promise: Promise
    span: Span

    @property
    def beyond(self) -> bool:
        """Tell whether it is more than the highest rate that was tried."""
        return self.rate_rps.estimate > self.span.high_rps

    @property
    def below(self) -> bool:
        """Tell whether it is less than the lowest rate that was tried."""
        return self.rate_rps.estimate < self.span.low_rps

    @property
    def found(self) -> bool:
        """Tell whether it lies among the rates that were tried."""
        return not (self.beyond or self.below)


@dataclass(frozen=True, slots=True)
class Headroom:
    """The service rate over the demand, and which rate it is: mu_SLO, or mu_sat without it."""

    ratio: float
    by: str


def promises_of(config: Config, operations: Iterable[str]) -> list[Promise]:
    """Return what was promised of the latency of these operations."""
    return [Promise(*promised) for promised in promises(config, operations)]


def limit_of(case: Case, level: float = BOUNDS_LEVEL) -> Limit | None:
    """Return mu_SLO with its interval at this level; None where too few trials tell.

    In so many digits as are stored: the last ones of a float are the machine's that judges.
    """
    search = case.measurement.search
    if search is None or len(search.trials) < FEWEST_TRIALS:
        return None
    promise, believed = first_missed(case.terms.config, search)
    rate = believed.interval(level)
    told = Interval(*map(rounded, (rate.estimate, rate.lower, rate.upper)))
    return Limit(told, promise, span_of(search))


def span_of(search: Search) -> Span:
    """Return the rates that are tried."""
    return Span(search.low_rps, search.high_rps)


def first_missed(config: Config, search: Search) -> tuple[Promise, Belief]:
    """Return the promise whose limit is the lowest, and what is known of that limit.

    Promises with too few requests in a trial for their quantile count only where all have too few:
    what is hardly known may lie anywhere, and be the lowest by that alone. Raises ValueError where
    nothing is promised.
    """
    seen = {name for run in search.trials for name in _loop(run)}
    promised = promises_of(config, (seen | (config.slo.keys() - {"*"})) or {"*"})
    enough = [own for own in promised if _arrivals_a_trial(search, own) >= LEAST[own.quantile]]
    beliefs = {
        promise: belief(
            [_trial(run, promise, config) for run in search.trials],
            promise.allowed_ratio,
            span_of(search),
        )
        for promise in enough or promised
    }
    return min(beliefs.items(), key=lambda item: item[1].quantile(0.5))


def broken_in(config: Config, run: Run) -> list[str]:
    """Return the promises that a trial missed, in words."""
    found = []
    for promise in promises_of(config, _loop(run)):
        own = _trial(run, promise, config)
        if own.missed > promise.allowed_ratio * own.arrivals:
            found.append(promise.words)
    return found


def headroom_of(case: Case) -> Headroom | None:
    """Return how many times the demand is carried; None where no service rate is known.

    By mu_SLO where it was found: the share of the service rate that it is here, of production's.
    """
    capacity, here = capacity_of(case, "candidate"), measured_rate(case, "candidate")
    demand_rps = peak_demand(steps_of(case.terms)).first_try_rps
    if capacity is None or here is None or not demand_rps or not here.estimate:
        return None
    limit = limit_of(case)
    if limit is None or not limit.found:
        return Headroom(capacity.estimate / demand_rps, "mu_sat")
    share = limit.rate_rps.estimate / here.estimate
    return Headroom(capacity.estimate * share / demand_rps, "mu_SLO")


def _loop(run: Run) -> Iterable[str]:
    return run.builds["candidate"].open.operations


def _arrivals_a_trial(search: Search, promise: Promise) -> float:
    opened = [run.builds["candidate"].open.operations for run in search.trials]
    arrivals = sum(own[promise.operation].arrivals for own in opened if promise.operation in own)
    return arrivals / max(len(opened), 1)


def _trial(run: Run, promise: Promise, config: Config) -> Trial:
    """Count who was not answered in time: of all, in a trial with more errors than are promised.

    Elsewhere wrong answers count as neither, as they do at the required rate.
    """
    own = run.builds["candidate"].open.operations.get(promise.operation)
    if own is None:
        return Trial(run.offered_rps, 0, 0)
    if _fails(run, config):
        return Trial(run.offered_rps, own.arrivals, own.arrivals)
    late = round(own.good * (own.latency_s.share_above(promise.limit_ms / 1000) or 0.0))
    return Trial(run.offered_rps, own.good + own.censored, late + own.censored)


def _fails(run: Run, config: Config) -> bool:
    """Tell whether an operation surely fails more often than was promised."""
    alpha = config.margins.fail_alpha
    opened = run.builds["candidate"].open.operations
    return any(
        exact_lower_bound(own.failed, own.arrivals, alpha) > slo_of(config, name).error_ratio
        for name, own in opened.items()
        if own.failed
    )
