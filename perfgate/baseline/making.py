"""A measurement becomes the record of its candidate, cut down to what later checks ask for.

What stands in a record is said by :mod:`perfgate.baseline.record`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.change import cost_s, primary_slowdowns
from perfgate.analysis.compare import mean_and_sd, rate_interval
from perfgate.analysis.rates import service_rates, undisturbed_rates
from perfgate.analysis.stored import speed_of
from perfgate.analysis.work import work_of
from perfgate.baseline.anchor import Anchor, Slowdown, Step
from perfgate.baseline.record import (
    RECORD_LEVEL,
    BaselineRecord,
    FigureOfRecord,
    OperationOfRecord,
    RateOfRecord,
    WeightsOfRecord,
)
from perfgate.baseline.sealed import rounded
from perfgate.errors import StoreError
from perfgate.measurement.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perfgate.baseline.record import PromisedRate, Provenance
    from perfgate.demand.ledger import Spread
    from perfgate.measurement.models import Measurement, OpenLoop

# A spread needs two.
LEAST_SESSIONS = 2
QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


def record_of(
    measurement: Measurement,
    *,
    service: str,
    verdict: str,
    provenance: Provenance,
    mu_slo: PromisedRate | None = None,
    mu_over_rps: float | None = None,
) -> BaselineRecord:
    """Return the sealed record of the candidate of a measurement.

    ``mu_slo``, at RECORD_LEVEL, is known to those who know the promises, ``mu_over_rps`` to those
    who know which runs through an overload count. Raises StoreError where
    the measurement cannot be a baseline: no commit, uncommitted changes, or too few runs to give
    the service rate an interval.
    """
    candidate = measurement.candidate
    if candidate.commit is None or candidate.dirty:
        raise StoreError(
            f"the measured build ({candidate.name}) is no commit, so it cannot be built again",
            hint="Commit the changes, measure that commit, and accept that measurement.",
        )
    runs = measurement.runs
    rates = service_rates(runs, "candidate")
    serving = int((rates > 0).sum())
    if serving < max(len(rates), 2):
        raise StoreError(
            f"{serving} of {len(rates)} runs have a service rate; all must, and two are the least",
            hint="Measure again and let it end.",
        )
    figures = [run.builds["candidate"] for run in runs]
    speed = speed_of(runs)
    return BaselineRecord(
        service=service,
        profile=measurement.profile,
        commit=candidate.commit,
        measured_at=measurement.taken_at,
        verdict=verdict,
        perfgate=measurement.perfgate,
        environment=measurement.environment,
        service_rate_rps=_rate(rates),
        cost_ms=rounded(float(np.mean([cost_s(run, "candidate") for run in runs])) * 1000),
        peak_rss_mib=rounded(max(own.peak_rss_bytes for own in figures) / 2**20),
        operations=_operations(measurement.demand_run.trials if measurement.demand_run else ()),
        session_sd=_session_sd(measurement),
        undisturbed_rps=_rate(undisturbed_rates(runs, "candidate")),
        yardstick_per_s=None if speed is None else rounded(speed),
        conditions=measurement.conditions,
        mu_slo_rps=mu_slo,
        mu_over_rps=mu_over_rps,
        weights=_weights(measurement),
        provenance=provenance,
        step=step_of(measurement),
        anchor=Anchor(
            name=candidate.commit[:12], commit=candidate.commit, set_at=measurement.taken_at
        ),
    ).sealed()


def step_of(measurement: Measurement) -> Step | None:
    """Return how the candidate compares with the base, by all sessions of both.

    None where the base is no commit, or where fewer than two sessions tell cost and capacity.
    """
    base, slowdowns = measurement.base, primary_slowdowns(measurement.sessions)
    told = all(len(own) >= LEAST_SESSIONS and np.isfinite(own).all() for own in slowdowns.values())
    if base is None or base.commit is None or base.dirty or not told:
        return None
    return Step(
        against=base.commit,
        sessions=min(map(len, slowdowns.values())),
        slowdowns={name: _slowdown(values) for name, values in slowdowns.items()},
    )


def _slowdown(values: NDArray[np.float64]) -> Slowdown:
    mean, sd = mean_and_sd(values)
    error = sd / math.sqrt(len(values))
    return Slowdown(estimate=rounded(mean), error=rounded(error), freedom=len(values) - 1)


def _rate(rates: NDArray[np.float64]) -> RateOfRecord:
    rate = rate_interval(rates, RECORD_LEVEL)
    return RateOfRecord(
        estimate=rounded(rate.estimate),
        lower=rounded(rate.lower),
        upper=rounded(rate.upper),
        runs=len(rates),
    )


def _weights(measurement: Measurement) -> WeightsOfRecord | None:
    if measurement.conditions is None:
        return None
    work = work_of(measurement.runs, "candidate", measurement.conditions.mix)
    if not work.weights:
        return None
    figures = {name: _figure(weight) for name, weight in work.weights.items()}
    return WeightsOfRecord(operations=figures, alone=_figure(work.alone))


def _figure(spread: Spread) -> FigureOfRecord:
    low, likely, high = map(rounded, spread)
    return FigureOfRecord(estimate=likely, lower=low, upper=high)


def _operations(trials: Sequence[OpenLoop]) -> dict[str, OperationOfRecord]:
    merged: dict[str, Histogram] = {}
    for trial in trials:
        for name, figures in trial.operations.items():
            merged[name] = merged.get(name, Histogram()).merge(figures.latency_s)
    return {name: _operation(latencies) for name, latencies in sorted(merged.items())}


def _operation(latencies: Histogram) -> OperationOfRecord:
    quantiles = {name: latencies.quantile(share) for name, share in QUANTILES.items()}
    return OperationOfRecord(
        answers=latencies.count,
        **{
            name: None if value is None else rounded(value * 1000)
            for name, value in quantiles.items()
        },
    )


def _session_sd(measurement: Measurement) -> dict[str, float]:
    slowdowns = primary_slowdowns(measurement.sessions)
    return {
        name: rounded(float(np.std(values, ddof=1)))
        for name, values in slowdowns.items()
        if len(values) > 1
    }
