"""Did answers get much later? Quantiles of service time, at a wide margin, for they are noisy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis import sequential
from perfgate.analysis.change import quantile_slowdowns
from perfgate.analysis.sequential import percent
from perfgate.measurement.histogram import Histogram
from perfgate.verdict.checks.change import policy_plan
from perfgate.verdict.finding import Finding, Outcome, number, told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from perfgate.config.models import Margins
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
    slowdowns: NDArray[np.float64]

    @property
    def mean(self) -> float:
        return float(self.slowdowns.mean())

    @property
    def key(self) -> str:
        return f"{self.operation} {self.quantile}"

    @property
    def added_ms(self) -> float:
        return self.candidate_ms - self.base_ms


def check(case: Case) -> list[Finding]:
    """Return a finding for each operation that got much slower, or one that says none did.

    FAIL where that is sure by the last look that was reached; WARN where it seems so, but there is
    no look yet or the sessions differ too much to tell.
    """
    looks = [look for look in case.looks if look <= len(case.sessions)]
    sessions = case.sessions[: looks[-1] if looks else None]
    if len(sessions) < 2:  # noqa: PLR2004 - one session alone may be a stray
        return []
    margins = case.terms.config.margins
    rises = _rises(sessions)
    if not rises:
        words = "Too few answers per session to compare latencies."
        hint = f"A longer split_s in [profiles.{case.measurement.profile}] gives more."
        return [Finding(CHECK, Outcome.WARN, words, hint=hint)]
    rejected = _rejected(case, rises) if looks else frozenset()
    tall = [rise for rise in rises if rise.added_ms > margins.latency_floor_ms]
    slower = [rise for rise in tall if rise.key in rejected]
    limit = 100 * margins.latency
    named = _named(slower, limit, Outcome.FAIL)
    seeming = [rise for rise in tall if percent(rise.mean) > limit]
    return named or _named(seeming, limit, Outcome.WARN) or [_fine(sessions, rises, margins)]


def _rejected(case: Case, rises: list[_Rise]) -> frozenset[str]:
    """Return the keys of the rises that surely exceed the margin."""
    margins = case.terms.config.margins
    plan = policy_plan(margins, case.looks)
    slowdowns = {rise.key: rise.slowdowns for rise in rises}
    return sequential.rejected(slowdowns, plan, math.log1p(margins.latency))


def _named(slower: list[_Rise], limit: float, outcome: Outcome) -> list[Finding]:
    """Return one finding per operation, at the quantile that rose most."""
    worst: dict[str, _Rise] = {}
    for rise in sorted(slower, key=lambda rise: rise.mean):
        worst[rise.operation] = rise
    end = "" if outcome is Outcome.FAIL else "; sessions differ too much to be sure"
    ordered = sorted(worst.values(), key=lambda rise: -rise.mean)
    return [
        _finding(
            f"{CHECK}:{rise.operation}",
            outcome,
            f"{rise.operation}: its {rise.quantile} rose {_told(rise, limit)}{end}.",
            (percent(rise.mean), limit),
        )
        for rise in ordered
    ]


def _fine(sessions: Sequence[Run], rises: list[_Rise], margins: Margins) -> Finding:
    """Say what changed most, and which operations were too rare to tell."""
    most, limit = max(rises, key=lambda rise: rise.mean), 100 * margins.latency
    compared = {rise.operation for rise in rises}
    rare = sorted(sessions[0].builds["candidate"].open.operations.keys() - compared)
    which = f" (too few answers to tell: {', '.join(rare)})" if rare else ""
    small = f"; {margins.latency_floor_ms:g} ms more count as nothing"
    end = small if percent(most.mean) > limit else ""
    words = f"No operation got much slower{which}; most changed {most.key}, {_told(most, limit)}"
    return _finding(CHECK, Outcome.PASS, f"{words}{end}.", (percent(most.mean), limit))


def _told(rise: _Rise, limit: float) -> str:
    change, most = told_apart([percent(rise.mean), limit], 0)
    sign = "" if change.startswith("-") else "+"
    return f"by {sign}{change} % from {number(rise.base_ms)} ms ({most} % is too much)"


def _finding(name: str, outcome: Outcome, reason: str, figures: tuple[float, float]) -> Finding:
    observed, limit = figures
    return Finding(name, outcome, reason, observed=observed, limit=limit, unit="%")


def _rises(sessions: Sequence[Run]) -> list[_Rise]:
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
            rises.append(_Rise(operation, quantile, base_ms, candidate_ms, values))
    return rises


def pooled(sessions: Sequence[Run], role: BuildRole, operation: str) -> Histogram:
    """Return the service times of an operation over all sessions."""
    merged = Histogram()
    for run in sessions:
        figures = run.builds[role].open.operations.get(operation)
        merged = merged if figures is None else merged.merge(figures.service_s)
    return merged
