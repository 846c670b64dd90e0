"""What a measurement tells of a build beside its service rate: mu_SLO, mu_over, who is failed.

All of it is carried over to production as the service rate is; nothing is judged here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.analysis.capacity import BOUNDS_LEVEL
from perfgate.baseline.sealed import rounded
from perfgate.demand.curve import LoadPoint, MeasuredCurve
from perfgate.demand.demand import peak_demand
from perfgate.demand.risk import UncertainRate
from perfgate.demand.standing import NOTHING, Known
from perfgate.verdict.case import measured_rate, recovery_of, steps_of
from perfgate.verdict.checks.queue import overloaded
from perfgate.verdict.limit import limit_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.analysis.interval import Interval
    from perfgate.measurement.models import OpenLoop, OperationFigures, Run
    from perfgate.verdict.case import Case


def known_of(case: Case, there: Interval) -> Known:
    """Return what is known of the candidate in production, where its service rate is ``there``."""
    here = measured_rate(case, "candidate")
    if here is None or here.estimate <= 0 or there.lower <= 0:
        return NOTHING
    share = there.estimate / here.estimate
    rate = UncertainRate(there.estimate, there.lower, there.upper, BOUNDS_LEVEL)
    over_rps = mu_over_of(case)
    return Known(
        mu_slo=_mu_slo(case, share),
        mu_over=None if over_rps is None else rate.times(over_rps / here.estimate),
        curve=_curve(case, share, there.lower),
    )


def mu_over_of(case: Case) -> float | None:
    """Return how many attempts per second were completed under overload; None: not measured."""
    own = recovery_of(case, "candidate")
    if own is None or own.validity.faults or own.mu_over_rps is None:
        return None
    return rounded(own.mu_over_rps)


def _mu_slo(case: Case, share: float) -> UncertainRate | None:
    limit = limit_of(case)
    if limit is None or not limit.found or limit.rate_rps.lower <= 0:
        return None
    rate = limit.rate_rps
    return UncertainRate(rate.estimate, rate.lower, rate.upper, BOUNDS_LEVEL).times(share)


def _curve(case: Case, share: float, certain_rps: float) -> MeasuredCurve | None:
    """Return how many attempts failed at each rate that was tried, up to the rate that is certain.

    From there on the backlog grows; what trials beyond have shown is not needed. None where no
    trial reached the demand: what fails at it has not been seen then.
    """
    timeouts_s = sorted({one.timeout_s for one in case.terms.ledger.dependents})
    points = [
        LoadPoint(run.offered_rps * share, _failed(run, timeouts_s), backlog_grows=grows)
        for run, grows in _open_loops(case)
        if 0 < run.offered_rps * share < certain_rps and run.builds["candidate"].open.arrivals
    ]
    demand_rps = peak_demand(steps_of(case.terms)).first_try_rps
    if max((point.rate_rps for point in points), default=0.0) < demand_rps:
        return None
    return MeasuredCurve(
        [*points, LoadPoint(certain_rps, dict.fromkeys(timeouts_s, 1.0), backlog_grows=True)]
    )


def _open_loops(case: Case) -> Iterator[tuple[Run, bool]]:
    """Yield the runs of the candidate alone, and whether its queue surely grew in them."""
    measured = case.measurement
    if measured.demand_run is not None:
        yield measured.demand_run.run, overloaded(case)
    if measured.search is not None:
        yield from ((run, False) for run in measured.search.trials)


def _failed(run: Run, timeouts_s: list[float]) -> dict[float, float]:
    """Return by timeout the share of attempts that failed or were slower."""
    loop = run.builds["candidate"].open
    return {each: _failed_ratio(loop, each) for each in timeouts_s}


def _failed_ratio(loop: OpenLoop, timeout_s: float) -> float:
    lost = sum(_lost(own, timeout_s) for own in loop.operations.values())
    return min(lost / loop.arrivals, 1.0)


def _lost(own: OperationFigures, timeout_s: float) -> float:
    late = own.good * (own.latency_s.share_above(timeout_s) or 0.0)
    return own.failed + own.censored + late
