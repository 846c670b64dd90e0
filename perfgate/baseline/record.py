"""An accepted measurement, cut down to what later checks are held against, and sealed.

Reading and writing the files is :mod:`perfgate.baseline.store`'s work; nothing is judged here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from perfgate.analysis.change import (
    cost_s,
    primary_slowdowns,
    service_rates,
    undisturbed_rates,
)
from perfgate.analysis.compare import rate_interval
from perfgate.analysis.stored import speed_of
from perfgate.baseline.sealed import Sealed, parse_sealed, rounded
from perfgate.errors import StoreError
from perfgate.measurement.histogram import Histogram
from perfgate.measurement.models import Conditions, Environment, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perfgate.measurement.models import Measurement, OpenLoop

FORMAT: Final = "perfgate.baseline/2"
FIRST_FORMAT: Final = "perfgate.baseline/1"
# History of the format:
#   1  capacity of record, cost, quantiles per operation, session spread, provenance, checksum.
#   2  the undisturbed rate, the yardstick, the conditions, and the records that came before.
NEW_IN_2 = ("undisturbed_rps", "yardstick_per_s", "conditions", "history")

AGAIN = (
    "Restore it from git, or remove it and begin anew: perfgate baseline accept FILE. Baselines "
    "change in no other way."
)
# As many records before this one are kept: enough to know how much measurements differ.
HISTORY_LENGTH = 20
RECORD_LEVEL = 0.95
QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


class RateOfRecord(Value):
    """Service rate in correct answers per second, with its two-sided 95 % interval."""

    estimate: float
    lower: float
    upper: float
    runs: int


class OperationOfRecord(Value):
    """Latency of one operation at the required rate; None where too few answers came."""

    answers: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Past(Value):
    """What is kept of a record that was replaced; None where it did not have that figure."""

    commit: str
    measured_at: str
    service_rate_rps: float
    undisturbed_rps: float | None = None
    cost_ms: float
    yardstick_per_s: float | None = None


class BaselineRecord(Sealed):
    """What one build could do on one kind of machine, and how that came to be the bar.

    ``history`` holds the records before it in this place, oldest first; ``yardstick_per_s`` is how
    fast the machine was. Both, the conditions and the undisturbed rate are missing in format 1.
    """

    format: Literal["perfgate.baseline/1", "perfgate.baseline/2"] = FORMAT
    service: str
    profile: str
    commit: str
    measured_at: str
    accepted_because: str = ""
    verdict: str
    perfgate: str
    environment: Environment
    service_rate_rps: RateOfRecord
    cost_ms: float
    peak_rss_mib: float
    operations: dict[str, OperationOfRecord]
    session_sd: dict[str, float]
    undisturbed_rps: RateOfRecord | None = None
    yardstick_per_s: float | None = None
    conditions: Conditions | None = None
    history: Annotated[tuple[Past, ...], Field(max_length=HISTORY_LENGTH)] = ()

    @model_validator(mode="after")
    def _format_1_has_nothing_new(self) -> Self:
        # Its checksum does not cover them.
        if self.format == FIRST_FORMAT and any(getattr(self, name) for name in NEW_IN_2):
            raise ValueError(f"{FIRST_FORMAT} has no {', '.join(NEW_IN_2)}")
        return self

    def after(self, older: BaselineRecord) -> BaselineRecord:
        """Return the sealed record as the one that replaces ``older``, which becomes its past.

        The same measurement accepted once more has no past of its own.
        """
        known = (older.commit, older.measured_at) == (self.commit, self.measured_at)
        history = older.history if known else (*older.history, older.as_past())
        kept = {"history": history[-HISTORY_LENGTH:]}
        return self.model_copy(update=kept).sealed()

    def differs_under(self, conditions: Conditions) -> str:
        """Return in words what it was measured with that these conditions lack, "" if nothing.

        A record that does not say what it was measured with is taken to be alike.
        """
        return "" if self.conditions is None else self.conditions.differ(conditions)

    def as_past(self) -> Past:
        """Return what is kept of it once it is replaced."""
        undisturbed = self.undisturbed_rps
        return Past(
            commit=self.commit,
            measured_at=self.measured_at,
            service_rate_rps=self.service_rate_rps.estimate,
            undisturbed_rps=None if undisturbed is None else undisturbed.estimate,
            cost_ms=self.cost_ms,
            yardstick_per_s=self.yardstick_per_s,
        )

    def content(self) -> dict[str, Any]:
        """Return what stands in the file: of format 1, nothing that came later."""
        new = set(NEW_IN_2) if self.format == FIRST_FORMAT else None
        return self.model_dump(mode="json", exclude=new)


def record_of(
    measurement: Measurement, *, service: str, verdict: str, because: str = ""
) -> BaselineRecord:
    """Return the sealed record of the candidate of a measurement.

    Raises StoreError where the measurement cannot be a baseline: no commit, uncommitted changes,
    or too few runs to give the service rate an interval.
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
        accepted_because=because,
        verdict=verdict,
        perfgate=measurement.perfgate,
        environment=measurement.environment,
        service_rate_rps=_rate(rates),
        cost_ms=rounded(float(np.mean([cost_s(own) for own in figures])) * 1000),
        peak_rss_mib=rounded(max(own.peak_rss_bytes for own in figures) / 2**20),
        operations=_operations(measurement.demand_run.trials if measurement.demand_run else ()),
        session_sd=_session_sd(measurement),
        undisturbed_rps=_rate(undisturbed_rates(runs, "candidate")),
        yardstick_per_s=None if speed is None else rounded(speed),
        conditions=measurement.conditions,
    ).sealed()


def parse_record(text: str, path: str) -> BaselineRecord:
    """Read a record; raises StoreError saying what is wrong with the file at ``path``."""
    return parse_sealed(BaselineRecord, text, path, "a baseline", AGAIN)


def _rate(rates: NDArray[np.float64]) -> RateOfRecord:
    rate = rate_interval(rates, RECORD_LEVEL)
    return RateOfRecord(
        estimate=rounded(rate.estimate),
        lower=rounded(rate.lower),
        upper=rounded(rate.upper),
        runs=len(rates),
    )


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
