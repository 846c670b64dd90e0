"""Did answers get much later? Quantiles of service time, at a wide margin, for they are noisy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.change import quantile_slowdowns
from perfgate.analysis.compare import holm, t_test_above
from perfgate.analysis.sequential import percent
from perfgate.measurement.histogram import Histogram
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.measurement.models import BuildRole, Run
    from perfgate.verdict.case import Case

CHECK = "latency"
# Quantile -> the fewest answers per session and build that give it meaning. p99 never decides.
DECIDING = {"p50": (0.5, 20), "p95": (0.95, 100)}


@dataclass(frozen=True, slots=True)
class _Rise:
    operation: str
    quantile: str
    base_ms: float
    candidate_ms: float
    mean: float
    p_value: float

    @property
    def key(self) -> str:
        return f"{self.operation} {self.quantile}"


def check(case: Case) -> list[Finding]:
    """Return a finding for each operation that got much slower, or one that says none did."""
    sessions = [run for run in case.measurement.sessions if len(run.builds) > 1]
    if len(sessions) < 2:  # noqa: PLR2004 - a test needs two sessions
        return []
    margins = case.terms.config.margins
    rises = _rises(sessions, math.log1p(margins.latency))
    if not rises:
        words = "Too few answers per session to compare latencies."
        return [Finding(CHECK, Outcome.WARN, words, hint="A longer split_s gives more.")]
    rejected = holm({rise.key: rise.p_value for rise in rises}, margins.fail_alpha)
    floor_ms = margins.latency_floor_ms
    slower = [
        rise
        for rise in rises
        if rise.key in rejected and rise.candidate_ms - rise.base_ms > floor_ms
    ]
    limit = 100 * margins.latency
    return _named(slower, limit) or [_fine(rises, limit)]


def _named(slower: list[_Rise], limit: float) -> list[Finding]:
    """Return one finding per operation, at the quantile that rose most."""
    worst: dict[str, _Rise] = {}
    for rise in sorted(slower, key=lambda rise: rise.mean):
        worst[rise.operation] = rise
    ordered = sorted(worst.values(), key=lambda rise: -rise.mean)
    return [
        _finding(rise, Outcome.FAIL, limit, f"{rise.operation}: its {rise.quantile} rose")
        for rise in ordered
    ]


def _fine(rises: list[_Rise], limit: float) -> Finding:
    most = max(rises, key=lambda rise: rise.mean)
    start = f"No operation got much slower; most changed {most.key}:"
    return _finding(most, Outcome.PASS, limit, start)


def _finding(rise: _Rise, outcome: Outcome, limit: float, start: str) -> Finding:
    return Finding(
        check=CHECK if outcome is Outcome.PASS else f"{CHECK}:{rise.operation}",
        outcome=outcome,
        reason=f"{start} from {rise.base_ms:.3g} ms to {rise.candidate_ms:.3g} ms "
        f"({percent(rise.mean):+.0f} %, {limit:.0f} % is too much).",
        observed=percent(rise.mean),
        limit=limit,
        unit="%",
    )


def _rises(sessions: Sequence[Run], threshold: float) -> list[_Rise]:
    rises = []
    for operation in sorted(sessions[0].builds["candidate"].open.operations):
        for quantile, (share, least) in DECIDING.items():
            values = quantile_slowdowns(sessions, operation, share, least)
            if values is None:
                continue
            base_ms, candidate_ms = (
                (pooled(sessions, role, operation).quantile(share) or 0.0) * 1000
                for role in ("base", "candidate")
            )
            p_value = t_test_above(values, threshold)
            mean = float(values.mean())
            rises.append(_Rise(operation, quantile, base_ms, candidate_ms, mean, p_value))
    return rises


def pooled(sessions: Sequence[Run], role: BuildRole, operation: str) -> Histogram:
    """Return the service times of an operation over all sessions."""
    merged = Histogram()
    for run in sessions:
        figures = run.builds[role].open.operations.get(operation)
        merged = merged if figures is None else merged.merge(figures.service_s)
    return merged
