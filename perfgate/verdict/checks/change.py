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
    from perfgate.analysis.sequential import Decision, MetricEvidence, Plan
    from perfgate.verdict.case import Case

SATURATED_LEVEL = 0.9
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
    outcome = _outcome(evidence, plan)
    words = f"{WHAT[name]} {_told(evidence)} over {decision.sessions} sessions"
    if name == CAPACITY and outcome is not Outcome.PASS:
        outcome, words = _waits_instead(case, decision, plan, outcome, words)
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


def _outcome(evidence: MetricEvidence, plan: Plan) -> Outcome:
    if evidence.upper < plan.margin:
        return Outcome.PASS
    return Outcome.FAIL if evidence.lower > plan.tolerance else Outcome.INCONCLUSIVE


def _waits_instead(
    case: Case, decision: Decision, plan: Plan, outcome: Outcome, words: str
) -> tuple[Outcome, str]:
    """Tell a lost service rate from longer waits, which slow few requests but not many.

    Pairs have few requests in flight; saturated, a wait that holds nothing up costs no rate. So
    where the saturated rate is surely less affected than the pairs and not shown to be worse, it
    is the waiting that has changed.
    """
    sessions = case.measurement.sessions[: decision.sessions]
    slowdowns = session_frame(sessions)[SATURATED].to_numpy(dtype=float)
    if not all(map(math.isfinite, slowdowns)):
        return outcome, words
    rate = t_interval(slowdowns, SATURATED_LEVEL)
    worse = rate.lower > plan.tolerance or decision.metrics[COST].lower > plan.tolerance
    if worse or rate.upper >= decision.metrics[CAPACITY].lower:
        return (
            outcome,
            f"{words}; saturated, the service rate changed {percent(-rate.estimate):+.1f} %",
        )
    outcome = Outcome.PASS if rate.upper < plan.margin else Outcome.INCONCLUSIVE
    return outcome, (
        f"The service rate is unchanged when saturated ({percent(-rate.estimate):+.1f} %); "
        "each request only waits longer, so that equal work with few in flight "
        f"{_told(decision.metrics[CAPACITY])}"
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
