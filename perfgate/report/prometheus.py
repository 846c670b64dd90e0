"""The verdict and its figures as OpenMetrics text, for Prometheus: a file to scrape, or to push.

It keeps to what the older text format knows too, which the node exporter and the Pushgateway read:
gauges, without timestamps. Slowdowns are shares: 0.03 is 3 % more time, and positive is worse.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from perfgate.demand.demand import peak_demand
from perfgate.report.figures import seconds_of_load
from perfgate.report.null import null_of
from perfgate.tail import escaped
from perfgate.verdict.case import capacity_of, required_rps, steps_of
from perfgate.verdict.checks.change import deciding_look
from perfgate.verdict.finding import Outcome
from perfgate.verdict.limit import headroom_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

COMMIT_DIGITS = 12
DIGITS = 10
RATE = "requests_per_second"
# What is not printable, line ends too, is escaped before.
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"'})


@dataclass(frozen=True, slots=True)
class Sample:
    """A figure with what tells it from others of its family."""

    value: float
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """A gauge: its name, what it means, and its samples."""

    name: str
    help: str
    samples: tuple[Sample, ...]


def render(case: Case, verdict: Verdict) -> str:
    """Return every family of which there is a figure; service and candidate label each."""
    measured = case.measurement
    commit = (measured.candidate.commit or "")[:COMMIT_DIGITS]
    common = (
        ("service", case.terms.config.service),
        ("candidate", commit or measured.candidate.name),
        ("profile", measured.profile),
    )
    lines = [line for family in _families(case, verdict) for line in _lines(family, common)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _families(case: Case, verdict: Verdict) -> Iterator[Family]:
    yield _outcomes(verdict)
    yield _checks(verdict)
    yield _rates(case)
    yield from _demands(case)
    yield _headroom(case)
    yield _slowdowns(case)
    yield from _nulls(case)
    seconds = Sample(seconds_of_load(case))
    yield Family("load_seconds", "Time for which load was sent.", (seconds,))
    taken_at = Sample(datetime.fromisoformat(case.measurement.taken_at).timestamp())
    yield Family("taken_timestamp_seconds", "When the measurement was begun.", (taken_at,))


def _outcomes(verdict: Verdict) -> Family:
    samples = tuple(
        Sample(float(outcome is verdict.outcome), (("outcome", outcome),)) for outcome in Outcome
    )
    return Family("verdict", "1 for the outcome of the check, 0 for all others.", samples)


def _checks(verdict: Verdict) -> Family:
    """Return the outcome of each check: of several findings the worst, which comes first."""
    worst: dict[str, Outcome] = {}
    for finding in verdict.findings:
        worst.setdefault(escaped(finding.check), finding.outcome)
    samples = (Sample(1.0, (("check", name), ("outcome", own))) for name, own in worst.items())
    return Family("check_outcome", "1 for the outcome of each check.", tuple(samples))


def _rates(case: Case) -> Family:
    found = {"base": capacity_of(case, "base"), "candidate": capacity_of(case, "candidate")}
    samples = (
        Sample(value, (("build", build), ("bound", bound)))
        for build, rate in found.items()
        if rate is not None
        for bound, value in _bounds(rate.estimate, rate.lower, rate.upper)
    )
    words = "Service rate of production with a build, and one-sided bounds of 95 % each."
    return Family(f"service_rate_{RATE}", words, tuple(samples))


def _demands(case: Case) -> Iterator[Family]:
    demand = Sample(peak_demand(steps_of(case.terms)).first_try_rps)
    yield Family(f"demand_{RATE}", "Highest demand within the horizon.", (demand,))
    required = Sample(required_rps(case.terms))
    yield Family(f"required_rate_{RATE}", "That demand times the headroom asked.", (required,))


def _headroom(case: Case) -> Family:
    own = headroom_of(case)
    samples = () if own is None else (Sample(own.ratio, (("by", own.by),)),)
    return Family("headroom_ratio", "Service rate over demand.", samples)


def _slowdowns(case: Case) -> Family:
    look = deciding_look(case)
    metrics = {} if look is None else look.metrics
    samples = (
        Sample(math.expm1(value), (("metric", name), ("bound", bound)))
        for name, own in metrics.items()
        for bound, value in _bounds(own.estimate, own.lower, own.upper)
    )
    words = "Slowdown of the candidate against its base, with the bounds that decide."
    return Family("slowdown_ratio", words, tuple(samples))


def _nulls(case: Case) -> Iterator[Family]:
    """Return how much sessions differed, and how small a slowdown would have shown."""
    null = null_of(case)
    metrics = {} if null is None else null.metrics
    spreads = {name: own.session_sd_percent for name, own in metrics.items()}
    words = "Standard deviation of the slowdown among sessions."
    yield Family("session_sd_ratio", words, _shares(spreads))
    least = {name: own.detectable_percent for name, own in metrics.items()}
    yield Family("detectable_ratio", "Slowdown that is found 80 times in 100.", _shares(least))


def _shares(percents: Mapping[str, float]) -> tuple[Sample, ...]:
    """Return figures in percent, by metric, as shares."""
    return tuple(Sample(own / 100, (("metric", name),)) for name, own in percents.items())


def _bounds(estimate: float, lower: float, upper: float) -> tuple[tuple[str, float], ...]:
    return ("estimate", estimate), ("lower", lower), ("upper", upper)


def _lines(family: Family, common: Iterable[tuple[str, str]]) -> Iterator[str]:
    name, told = f"perfgate_{family.name}", [s for s in family.samples if math.isfinite(s.value)]
    if not told:
        return
    yield f"# TYPE {name} gauge"
    yield f"# HELP {name} {family.help}"
    for sample in told:
        pairs = (*common, *sample.labels)
        labels = ",".join(f'{key}="{escaped(value).translate(ESCAPES)}"' for key, value in pairs)
        yield f"{name}{{{labels}}} {sample.value:.{DIGITS}g}"
