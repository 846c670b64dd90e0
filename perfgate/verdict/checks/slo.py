"""Are promises kept at the required rate? Each trial is held against every promised quantile.

How wrong answers count is decided elsewhere; here only answers that come late or never do.
"""

from __future__ import annotations

import dataclasses
import math
from difflib import get_close_matches
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING

from perfgate.analysis.compare import exact_lower_bound
from perfgate.measurement.histogram import Histogram
from perfgate.measurement.models import OpenLoop, OperationFigures
from perfgate.verdict.advice import less_to_do
from perfgate.verdict.case import sent_by
from perfgate.verdict.checks.errors import slo_of
from perfgate.verdict.checks.queue import WAITED_LIMIT_RATIO, overloaded
from perfgate.verdict.finding import Finding, Outcome, counted, number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perfgate.config.models import Config
    from perfgate.measurement.models import Environment
    from perfgate.verdict.case import Case

CHECK = "slo"
SHARES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}
# Quantile -> the fewest arrivals in a trial that give it meaning; with fewer, trials are pooled.
LEAST = {"p50_ms": 5, "p95_ms": 20, "p99_ms": 100}


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
    promised = promises(case.terms.config, _operations(run.trials))
    tried = [promise for promise in promised if _enough(run.trials, *promise[:2])]
    late = [_judged(_usable(run.trials, *promise[:2]), *promise, rate) for promise in tried]
    lag_ms, machine = run.run.validity.lag_p99_ms, case.measurement.environment
    own = [_doubted(finding, lag_ms, machine) for finding in late if finding is not None]
    broken = [_sent(case, finding) for finding in (*_unanswered(case, run.trials, rate), *own)]
    if run.run.validity.waited_ratio > WAITED_LIMIT_RATIO and not overloaded(case):
        broken = [_clouded(finding) for finding in broken]
    if tried and not broken:
        kept = f"{counted(len(tried), 'latency promise')} kept {rate}."
        broken = [Finding(CHECK, Outcome.PASS, kept)]
    return [*broken, *_too_few(promised, tried), *_untried(case, run.trials)]


def _sent(case: Case, finding: Finding) -> Finding:
    """Return the finding with those who send most of its operation."""
    operation = finding.check.removeprefix(f"{CHECK}:")
    return dataclasses.replace(finding, reason=f"{finding.reason}{sent_by(case.terms, operation)}")


def _clouded(finding: Finding) -> Finding:
    """Return the finding as open: with every user busy, part of the wait is the generator's."""
    return dataclasses.replace(
        finding,
        outcome=Outcome.INCONCLUSIVE,
        hint="At times every user was busy: raise identities in [load] and measure again.",
    )


def _doubted(finding: Finding, lag_ms: float, machine: Environment) -> Finding:
    """Return the finding as open where the generator's own lateness may be all that is too much."""
    observed, limit = finding.observed, finding.limit
    fails = finding.outcome is Outcome.FAIL
    if not fails or observed is None or limit is None or observed - lag_ms > limit:
        return finding
    told = f"The load generator itself was late by up to {number(lag_ms)} ms (p99)"
    return dataclasses.replace(
        finding,
        outcome=Outcome.INCONCLUSIVE,
        reason=f"{finding.reason} {told}.",
        hint=f"{less_to_do(machine)}, and measure again.",
    )


def _arrivals(trial: OpenLoop, operation: str) -> int:
    own = trial.operations.get(operation)
    return 0 if own is None else own.arrivals


def _enough(trials: tuple[OpenLoop, ...], operation: str, name: str) -> bool:
    return sum(_arrivals(trial, operation) for trial in trials) >= LEAST[name]


def _usable(trials: tuple[OpenLoop, ...], operation: str, name: str) -> tuple[OpenLoop, ...]:
    """Return the trials where each has enough arrivals for the quantile, else all as one."""
    if all(_arrivals(trial, operation) >= LEAST[name] for trial in trials):
        return trials
    own = [trial.operations[operation] for trial in trials if operation in trial.operations]
    pooled = OperationFigures(
        arrivals=sum(figures.arrivals for figures in own),
        good=sum(figures.good for figures in own),
        failed=sum(figures.failed for figures in own),
        censored=sum(figures.censored for figures in own),
        latency_s=reduce(Histogram.merge, (figures.latency_s for figures in own)),
        service_s=reduce(Histogram.merge, (figures.service_s for figures in own)),
    )
    seconds = sum(trial.seconds for trial in trials)
    return (OpenLoop(seconds=seconds, operations={operation: pooled}),)


def _too_few(
    promised: list[tuple[str, str, float]], tried: list[tuple[str, str, float]]
) -> list[Finding]:
    """Return which promises had too few answers to be judged."""
    names = [
        f"{name} {key.removesuffix('_ms')}"
        for name, key, _ in promised
        if (name, key, _) not in tried
    ]
    if not names:
        return []
    words = f"Too few answers at the required rate to judge {', '.join(names)}."
    hint = "A longer demand_s in the profile gives more; or promise a lower quantile."
    return [Finding(f"{CHECK}:untold", Outcome.WARN, words, hint=hint)]


def promises(config: Config, operations: Iterable[str]) -> list[tuple[str, str, float]]:
    """Return what was promised of these operations: each quantile's key and its limit in ms."""
    return [
        (operation, name, limit_ms)
        for operation in sorted(operations)
        for name, limit_ms in slo_of(config, operation).model_dump().items()
        if name in SHARES and limit_ms is not None
    ]


def _operations(trials: tuple[OpenLoop, ...]) -> set[str]:
    return {name for trial in trials for name in trial.operations}


def _untried(case: Case, trials: tuple[OpenLoop, ...]) -> list[Finding]:
    """Return what nobody asked for: a misspelt name, or an operation that the ledger lacks."""
    asked = _operations(trials)
    words = "has promises, but was not asked for at the required rate: they are untested"
    hint = "Give it a share in the ledger's mix, or see whether the name in [slo] is right."
    return [
        Finding(
            f"{CHECK}:{name}", Outcome.WARN, f"{name} {words}.", hint=_near(name, asked) or hint
        )
        for name in sorted(case.terms.config.slo.keys() - {"*"} - asked)
    ]


def _near(name: str, known: set[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f'Did you mean "{near[0]}"?' if near else ""


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
