"""Are promises kept at the required rate? Each trial is held against every promised quantile.

How wrong answers count is decided elsewhere; here only answers that come late or never do.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

from perfgate.analysis.compare import exact_lower_bound
from perfgate.verdict.checks.errors import slo_of
from perfgate.verdict.finding import Finding, Outcome, counted, number

if TYPE_CHECKING:
    from perfgate.measurement.models import OpenLoop, OperationFigures
    from perfgate.verdict.case import Case

CHECK = "slo"
SHARES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


def check(case: Case) -> list[Finding]:
    """Return one finding per promise that is broken in a trial, or one that says all were kept.

    WARN names promises for operations that nobody sent. Without a run at the required rate,
    nothing is known.
    """
    run = case.measurement.demand_run
    if run is None:
        words = "There is no valid run at the required rate, so whether promises hold is unknown."
        return [Finding(CHECK, Outcome.INCONCLUSIVE, words)]
    rate = f"at {run.run.offered_rps:.0f}/s here"
    promises = _promises(case, run.trials)
    late = [_judged(run.trials, *promise, rate) for promise in promises]
    broken = [*_unanswered(case, run.trials, rate), *filter(None, late)]
    if promises and not broken:
        kept = f"{counted(len(promises), 'latency promise')} kept {rate}."
        broken = [Finding(CHECK, Outcome.PASS, kept)]
    return [*broken, *_untried(case, run.trials)]


def _promises(case: Case, trials: tuple[OpenLoop, ...]) -> list[tuple[str, str, float]]:
    return [
        (operation, name, limit_ms)
        for operation in sorted(_operations(trials))
        for name, limit_ms in slo_of(case.terms.config, operation).model_dump().items()
        if name in SHARES and limit_ms is not None
    ]


def _operations(trials: tuple[OpenLoop, ...]) -> set[str]:
    return {name for trial in trials for name in trial.operations}


def _untried(case: Case, trials: tuple[OpenLoop, ...]) -> list[Finding]:
    """Return what nobody asked for: a misspelt name, or an operation that the ledger lacks."""
    names = sorted(case.terms.config.slo.keys() - {"*"} - _operations(trials))
    words = "has promises, but was not asked for at the required rate: they are untested"
    hint = "Give it a share in the ledger's mix, or see whether the name in [slo] is right."
    return [
        Finding(f"{CHECK}:{name}", Outcome.WARN, f"{name} {words}.", hint=hint) for name in names
    ]


def _unanswered(case: Case, trials: tuple[OpenLoop, ...], rate: str) -> list[Finding]:
    """Return a finding per operation that left arrivals without an answer."""
    found = []
    for name in sorted(_operations(trials)):
        own = [trial.operations[name] for trial in trials if name in trial.operations]
        missing, arrivals = sum(o.censored for o in own), sum(o.arrivals for o in own)
        if missing:
            found.append(_missing(case, name, missing, arrivals, rate))
    return found


def _missing(case: Case, name: str, missing: int, arrivals: int, rate: str) -> Finding:
    limit = slo_of(case.terms.config, name).error_ratio
    least = exact_lower_bound(missing, arrivals, case.terms.config.margins.fail_alpha)
    return Finding(
        check=f"{CHECK}:{name}",
        outcome=Outcome.FAIL if least > limit else Outcome.WARN,
        reason=f"{name}: {missing} of {arrivals} requests {rate} had no answer when the run ended "
        f"({missing / arrivals:.2%}, allowed {limit:.2%}).",
        observed=missing / arrivals,
        limit=limit,
        unit="ratio",
    )


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
    shown = "never answered" if math.isinf(middle_ms) else f"{number(middle_ms)} ms"
    return Finding(
        check=f"{CHECK}:{operation}",
        outcome=Outcome.FAIL if missed * 2 > len(own) else Outcome.WARN,
        reason=f"{operation}: {name.removesuffix('_ms')} {rate} was {shown} in the middle one of "
        f"{counted(len(own), 'trial')} (promised {limit_ms:g} ms), and missed in {missed}.",
        observed=None if math.isinf(middle_ms) else middle_ms,
        limit=limit_ms,
        unit="ms",
    )


def quantile_ms(figures: OperationFigures, share: float) -> float:
    """Return a quantile of latency where whatever was not answered is infinitely late.

    Wrong answers count as neither; where there is no right one at all, it is infinite.
    """
    # In fractions, for 0.95 * 20 / 19 may exceed 1 by a rounding error.
    asked = Fraction(str(share)) * (figures.good + figures.censored)
    if not figures.good or asked > figures.good:
        return math.inf
    return (figures.latency_s.quantile(float(asked / figures.good)) or 0.0) * 1000
