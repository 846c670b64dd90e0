"""Did it get dearer or slower to serve? Cost and capacity over sessions, decided in looks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perfgate.analysis import sequential
from perfgate.analysis.capacity import margin_in_force
from perfgate.analysis.change import CAPACITY, COST, SATURATED, primary_slowdowns, session_frame
from perfgate.analysis.compare import t_interval
from perfgate.analysis.sequential import percent
from perfgate.verdict.case import capacity_of, required_rps
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.analysis.compare import Interval
    from perfgate.analysis.sequential import Decision, MetricEvidence, Plan
    from perfgate.verdict.case import Case

SATURATED_LEVEL = 0.9
# Pairs that slowed by more than three times what the saturated rate did (log) show waits.
WAIT_SHARE = 1 / 3
WHAT = {
    COST: "CPU time per request",
    CAPACITY: "The time for equal work",
}


def check(case: Case) -> list[Finding]:
    """Return one finding for cost and one for capacity, or that there was nothing to compare."""
    if case.measurement.base is None:
        words = "Nothing to compare with: the candidate was measured alone."
        return [Finding("change", Outcome.INCONCLUSIVE, words, hint="Name a base: --base REF.")]
    decision = decision_of(case)
    if decision is None:
        first = case.profile.looks[0]
        words = f"{len(case.measurement.sessions)} sessions; a first decision needs {first}."
        return [Finding("change", Outcome.INCONCLUSIVE, words)]
    plan = plan_of(case)
    return [_finding(case, name, decision, plan) for name in (COST, CAPACITY)]


def decision_of(case: Case) -> Decision | None:
    """Return the decision at the first look that decided, else at the last one reached.

    None before the first look.
    """
    sessions, decision = case.measurement.sessions, None
    plan = plan_of(case)
    for look in (look for look in plan.looks if look <= len(sessions)):
        decision = sequential.decide(primary_slowdowns(sessions[:look]), plan)
        if decision.outcome is not sequential.Outcome.CONTINUE:
            break
    return decision


def plan_of(case: Case) -> Plan:
    """Return the rule of decision: the policy's margin, or less where the headroom is thinner."""
    margins = case.terms.config.margins
    margin, tolerance = math.log1p(margins.slowdown), math.log1p(margins.tolerance)
    base, required = capacity_of(case, "base"), required_rps(case.terms)
    if base is not None:
        margin = margin_in_force(margin, tolerance, base.estimate, required)
    return sequential.Plan(
        looks=case.profile.looks,
        fail_alpha=margins.fail_alpha,
        pass_alpha=margins.pass_alpha,
        tolerance=tolerance,
        margin=margin,
    )


def _finding(case: Case, name: str, decision: Decision, plan: Plan) -> Finding:
    evidence = decision.metrics[name]
    outcome = _outcome(evidence.lower, evidence.upper, plan)
    saturated = _saturated(case, decision) if name == CAPACITY else None
    if saturated is not None and outcome is not Outcome.PASS and _only_waits(evidence, saturated):
        return _waiting(evidence, saturated, plan)
    words = f"{WHAT[name]} {_told(evidence)} over {decision.sessions} sessions"
    if saturated is not None and outcome is Outcome.FAIL:
        words += f"; saturated, the service rate changed {percent(-saturated.estimate):+.1f} %"
    return Finding(
        check=name,
        outcome=outcome,
        reason=f"{words}; {_measure(evidence, plan)}.",
        observed=percent(evidence.estimate),
        limit=percent(plan.margin),
        interval=(percent(evidence.lower), percent(evidence.upper)),
        unit="%",
        hint=_hint(outcome, evidence),
    )


def _outcome(lower: float, upper: float, plan: Plan) -> Outcome:
    if upper < plan.margin:
        return Outcome.PASS
    return Outcome.FAIL if lower > plan.tolerance else Outcome.INCONCLUSIVE


def _saturated(case: Case, decision: Decision) -> Interval | None:
    """Return the slowdown of the saturated service rate; None where a build answered nothing."""
    sessions = case.measurement.sessions[: decision.sessions]
    slowdowns = session_frame(sessions)[SATURATED].to_numpy(dtype=float)
    return t_interval(slowdowns, SATURATED_LEVEL) if all(map(math.isfinite, slowdowns)) else None


def _only_waits(evidence: MetricEvidence, saturated: Interval) -> bool:
    """Tell a lost service rate from longer waits, which slow few requests but not many.

    Pairs have few requests in flight; saturated, a wait that holds nothing up costs no rate.
    """
    small = saturated.estimate < WAIT_SHARE * evidence.estimate
    return small and saturated.upper < evidence.lower


def _waiting(evidence: MetricEvidence, saturated: Interval, plan: Plan) -> Finding:
    """Judge capacity by the saturated rate, for the pairs only show that requests wait longer."""
    return Finding(
        check=CAPACITY,
        outcome=_outcome(saturated.lower, saturated.upper, plan),
        reason="Saturated, the service rate changed "
        f"{percent(-saturated.estimate):+.1f} % (between {percent(-saturated.upper):+.1f} % and "
        f"{percent(-saturated.lower):+.1f} %); each request waits longer, so that equal work with "
        f"few in flight took {percent(evidence.estimate):.0f} % more time: see latency.",
        observed=percent(saturated.estimate),
        limit=percent(plan.margin),
        interval=(percent(saturated.lower), percent(saturated.upper)),
        unit="%",
    )


def _told(evidence: MetricEvidence) -> str:
    change = percent(evidence.estimate)
    verb = "rose" if change > 0 else "fell"
    return (
        f"{verb} {abs(change):.1f} % (between {percent(evidence.lower):+.1f} % "
        f"and {percent(evidence.upper):+.1f} %)"
    )


def _measure(evidence: MetricEvidence, plan: Plan) -> str:
    return (
        f"{percent(plan.margin):.1f} % is too much, and "
        f"{percent(evidence.detectable):.1f} % would have been found"
    )


def _hint(outcome: Outcome, evidence: MetricEvidence) -> str:
    if outcome is not Outcome.INCONCLUSIVE:
        return ""
    return (
        f"Sessions differ by {percent(evidence.session_sd):.1f} %: a quieter machine, "
        "or more looks in the profile, would decide."
    )
