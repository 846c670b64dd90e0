"""Does the build still carry the demand? Its service rate against all that dependents will send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.demand.demand import peak_demand, tipping_point, tipping_sentence
from perfgate.verdict.case import capacity_of, required_rps, steps_of
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.analysis.compare import Interval
    from perfgate.demand.demand import Demand
    from perfgate.verdict.case import Case

CHECK = "demand"
THIN = 1.1


def check(case: Case) -> list[Finding]:
    """Return whether the service rate covers the required rate, and what retries would do."""
    steps = steps_of(case.terms)
    peak = peak_demand(steps)
    capacity = capacity_of(case, "candidate")
    if peak.first_try_rps == 0:
        return []
    if capacity is None:
        return [_unmeasured(case)]
    carried = _carried(case, capacity, steps, peak)
    retries = _retries(capacity, peak)
    return [carried, *([retries] if carried.outcome is not Outcome.FAIL else [])]


def _carried(case: Case, capacity: Interval, steps: list[Demand], peak: Demand) -> Finding:
    required = required_rps(case.terms)
    headroom = case.terms.config.margins.headroom
    rate = f"{capacity.estimate:.0f}/s (at least {capacity.lower:.0f}/s)"
    need = f"{required:.0f}/s, that is {peak.first_try_rps:.0f}/s with headroom {headroom:g}"
    if capacity.lower < required:
        tipping = tipping_point(steps, capacity.lower / headroom)
        why = "" if tipping is None else f" {_sentence(tipping_sentence(tipping))}"
        outcome, words = Outcome.FAIL, f"The service rate is {rate}; required are {need}.{why}"
        hint = "Ship the change that tips it later, or make the build faster, or add instances."
    else:
        thin = capacity.lower < THIN * required
        outcome = Outcome.WARN if thin else Outcome.PASS
        start = "Only just: the" if thin else "The"
        words, hint = f"{start} service rate is {rate}; required are {need}.", ""
    return Finding(
        check=CHECK,
        outcome=outcome,
        reason=words,
        observed=capacity.estimate,
        limit=required,
        interval=(capacity.lower, capacity.upper),
        unit="requests/s",
        hint=hint,
    )


def _retries(capacity: Interval, peak: Demand) -> Finding:
    safe = capacity.lower >= peak.worst_rps
    worst = max(peak.dependents, key=lambda row: row.worst_rps - row.first_try_rps)
    if safe:
        words = f"Even if every caller retried, the {peak.worst_rps:.0f}/s would be carried."
    else:
        words = (
            f"If callers retried, the demand would grow to {peak.worst_rps:.0f}/s, above the "
            f"service rate (at least {capacity.lower:.0f}/s): an overload could feed itself. "
            f"{worst.name} adds most: {worst.amplification:.1f} attempts per call."
        )
    return Finding(
        check="retries",
        outcome=Outcome.PASS if safe else Outcome.WARN,
        reason=words,
        observed=capacity.lower,
        limit=peak.worst_rps,
        unit="requests/s",
        hint="" if safe else f"A retry budget for {worst.name}, or fewer attempts, would end that.",
    )


def _unmeasured(case: Case) -> Finding:
    declared = case.terms.config.production.service_rate_rps is not None
    why = (
        "production's rate is declared, and there is no base to carry it over from"
        if declared and case.measurement.base is None
        else "fewer than two runs gave a service rate"
    )
    return Finding(CHECK, Outcome.INCONCLUSIVE, f"Whether the demand is carried is unknown: {why}.")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
