"""Are promises kept at the required rate? Each trial is held against every promised quantile."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perfgate.verdict.checks.errors import slo_of
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.measurement.models import OpenLoop, OperationFigures
    from perfgate.verdict.case import Case

CHECK = "slo"
SHARES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


def check(case: Case) -> list[Finding]:
    """Return one finding per promise that is broken in a trial, or one that says all were kept."""
    run = case.measurement.demand_run
    if run is None:
        return []
    rate = f"at {run.run.offered_rps:.0f}/s here"
    promises = _promises(case, run.trials)
    if not promises:
        return []
    broken = [_judged(run.trials, *promise, rate) for promise in promises]
    kept = f"All {len(promises)} promised latencies were kept {rate}."
    fine = Finding(CHECK, Outcome.PASS, kept)
    return [finding for finding in broken if finding is not None] or [fine]


def _promises(case: Case, trials: tuple[OpenLoop, ...]) -> list[tuple[str, str, float]]:
    operations = sorted({name for trial in trials for name in trial.operations})
    return [
        (operation, name, limit_ms)
        for operation in operations
        for name, limit_ms in slo_of(case.terms.config, operation).model_dump().items()
        if name in SHARES and limit_ms is not None
    ]


def _judged(
    trials: tuple[OpenLoop, ...], operation: str, name: str, limit_ms: float, rate: str
) -> Finding | None:
    """Return a finding where a trial missed the promise: FAIL where most did."""
    own = [trial.operations[operation] for trial in trials if operation in trial.operations]
    seen_ms = sorted(quantile_ms(figures, SHARES[name]) for figures in own)
    missed = sum(value > limit_ms for value in seen_ms)
    if not missed:
        return None
    middle_ms = seen_ms[len(seen_ms) // 2]
    shown = "never answered" if math.isinf(middle_ms) else f"{middle_ms:.3g} ms"
    return Finding(
        check=f"{CHECK}:{operation}",
        outcome=Outcome.FAIL if missed * 2 > len(own) else Outcome.PASS,
        reason=f"{operation}: {name.removesuffix('_ms')} {rate} was {shown} (promised "
        f"{limit_ms:g} ms), missed in {missed} of {len(own)} trials.",
        observed=None if math.isinf(middle_ms) else middle_ms,
        limit=limit_ms,
        unit="ms",
    )


def quantile_ms(figures: OperationFigures, share: float) -> float:
    """Return a quantile of latency where whatever was not answered is infinitely late."""
    answered, all_of_them = figures.good, figures.good + figures.censored
    if not all_of_them:
        return 0.0
    rank = share * all_of_them / answered if answered else math.inf
    if rank > 1:
        return math.inf
    return (figures.latency_s.quantile(rank) or 0.0) * 1000
