"""Did it get dearer or slower to serve? Cost and capacity over sessions, decided in looks.

Sessions become slowdowns in :mod:`perfgate.analysis.change`; how sure is sure enough is decided
in :mod:`perfgate.analysis.sequential`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis import sequential
from perfgate.analysis.capacity import margin_in_force
from perfgate.analysis.change import CAPACITY, COST, SATURATED, session_frame
from perfgate.analysis.sequential import percent
from perfgate.verdict.case import capacity_of, required_rps
from perfgate.verdict.finding import Finding, Outcome, counted, told_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from perfgate.analysis.sequential import MetricEvidence, Plan
    from perfgate.config.models import Margins
    from perfgate.verdict.case import Case

CHECK = "change"
WAITS = "waits"
# Pairs that slowed by more than three times what the saturated rate did (log) show waits.
WAIT_SHARE = 1 / 3
# Of the chance of failing an equal build that cost and capacity have.
SATURATED_SHARE = 1 / 10
# Beside pairs that pass, no more of the saturated rate may be lost than this (log). It scatters by
# 2 to 11 % from session to session where the host is shared: too much for a narrow margin.
SATURATED_MARGIN = math.log(1.25)
# A slowdown of the saturated rate is a loss of that rate: shown the other way round.
WHAT = {
    COST: "CPU time per request",
    CAPACITY: "The time for equal work",
    SATURATED: "The time per answer, saturated,",
}
WAY_ON = (
    "Which commit it was: `perfgate bisect --good REF`. If it is worth that, take it on purpose: "
    "`perfgate baseline accept FILE --allow-regression --reason WHY`."
)


@dataclass(frozen=True, slots=True)
class Look:
    """What the first ``sessions`` sessions say: evidence by metric, and the rule it is held to.

    The metrics are cost, capacity and, where both builds answered while saturated, that rate.
    """

    sessions: int
    plan: Plan
    metrics: Mapping[str, MetricEvidence]


def check(case: Case) -> list[Finding]:
    """Return one finding for cost and one for capacity, or that there was nothing to compare.

    They are those of the first look that settles the matter, else of the last one reached. None
    where the stored baseline decides alone, or that question was not asked.
    """
    if case.compares_none:
        return []
    if case.measurement.base is None:
        words = "Nothing to compare with: the candidate was measured alone."
        return [Finding(CHECK, Outcome.INCONCLUSIVE, words, hint="Name a base: --base REF.")]
    found = _reached(case)[1]
    if not found:
        count, first = len(case.sessions), case.looks[0]
        have = f"Only {counted(count, 'session')}" if count else "No session"
        words = f"{have} of candidate and base; a first decision needs {first}."
        lost = case.measurement.set_aside or case.measurement.incidents
        hint = "" if lost else "A larger budget affords more: --budget, or sessions_s in [budget]."
        return [Finding(CHECK, Outcome.INCONCLUSIVE, words, hint=hint)]
    failed = next((own for own in found if own.outcome is Outcome.FAIL), None)
    if failed is None:
        return found
    # More sessions would decide nothing that matters any more.
    return [replace(own, hint=WAY_ON if own is failed else "") for own in found]


def deciding_look(case: Case) -> Look | None:
    """Return the look that the findings of :func:`check` tell of; None where there is none."""
    return _reached(case)[0]


def settled(findings: Iterable[Finding]) -> bool:
    """Tell whether these findings of :func:`check` leave nothing for more sessions to decide."""
    outcomes = {finding.outcome for finding in findings}
    return Outcome.FAIL in outcomes or Outcome.INCONCLUSIVE not in outcomes


def plan_of(case: Case) -> Plan:
    """Return the rule of decision: the policy's margin, or less where the headroom is thinner."""
    plan = policy_plan(case.terms.config.margins, case.looks)
    base, required = capacity_of(case, "base"), required_rps(case.terms)
    if base is None:
        return plan
    margin = margin_in_force(plan.margin, plan.tolerance, base.estimate, required)
    return replace(plan, margin=margin)


def saturated_plan(plan: Plan) -> Plan:
    """Return the rule for the saturated rate: a third way to fail that adds a tenth to the chance.

    What it is for, a build that cannot use what is in flight, is large.
    """
    return replace(plan, fail_alpha=SATURATED_SHARE * plan.fail_alpha)


def policy_plan(margins: Margins, looks: tuple[int, ...]) -> Plan:
    """Return the rule of decision as configured, whatever the headroom."""
    return sequential.Plan(
        looks=looks,
        fail_alpha=margins.fail_alpha,
        pass_alpha=margins.pass_alpha,
        tolerance=math.log1p(margins.tolerance),
        margin=math.log1p(margins.slowdown),
    )


def _reached(case: Case) -> tuple[Look | None, list[Finding]]:
    """Return the first look that settles the matter, else the last one, with its findings."""
    look, found = None, list[Finding]()
    for count in case.looks:
        if count > len(case.sessions):
            break
        look, found = _at(case.up_to(count))
        if settled(found):
            break
    return look, found


def _at(case: Case) -> tuple[Look | None, list[Finding]]:
    """Return what all sessions of the case say, whose number is that of a look.

    There is no look where a session lacks figures.
    """
    frame = session_frame(case.sessions)
    slowdowns = {str(name): frame[name].to_numpy(dtype=float) for name in frame}
    saturated = slowdowns.pop(SATURATED)
    if not all(np.isfinite(values).all() for values in slowdowns.values()):
        words = "A session lacks CPU times or pairs, so there is nothing to compare."
        return None, [Finding(CHECK, Outcome.INCONCLUSIVE, words)]
    plan = plan_of(case)
    metrics = dict(sequential.decide(slowdowns, plan).metrics)
    if np.isfinite(saturated).all():
        metrics |= sequential.decide({SATURATED: saturated}, saturated_plan(plan)).metrics
    look = Look(len(frame), plan, metrics)
    return look, [_finding(case, look, COST), _capacity(case, look), *_waits(look)]


def _capacity(case: Case, look: Look) -> Finding:
    """Judge by the pairs, unless the saturated rate tells that they mislead.

    Pairs have few requests in flight. A wait that holds nothing up slows them, but costs no rate
    when saturated; what more requests have to queue for (a lock, a smaller pool) is seen only then,
    and unless that is surely not much, nothing passes. Where one build had no good answer then, it
    is not for this check to say: without those of the candidate the demand fails.
    """
    pairs, saturated = look.metrics[CAPACITY], look.metrics.get(SATURATED)
    if saturated is None:
        return _finding(case, look, CAPACITY)
    outcome = _outcome(pairs, look.plan)
    if outcome is not Outcome.PASS and _only_waits(pairs, saturated):
        more = percent(pairs.estimate)
        words = f"each request waits longer: equal work with few in flight took {more:.0f} % more"
        return _finding(case, look, SATURATED, f"; {words} time, see latency")
    # Relevant beyond doubt: this third way to fail must add little to the chance of a false one.
    if outcome is not Outcome.FAIL and saturated.lower > look.plan.margin:
        return _finding(case, look, SATURATED, ", which work with few in flight does not show")
    widest = max(SATURATED_MARGIN, look.plan.margin)
    if outcome is Outcome.PASS and saturated.upper > widest:
        rule = replace(look.plan, tolerance=look.plan.margin, margin=widest)
        # It fails above the margin, not above what is tolerated.
        detectable = saturated.detectable + rule.tolerance - look.plan.tolerance
        metrics = {SATURATED: replace(saturated, detectable=detectable)}
        return _finding(case, replace(look, plan=rule, metrics=metrics), SATURATED)
    changed = told_apart([percent(-saturated.estimate)], 1, "+")[0]
    tail = f"; the saturated service rate changed {changed} %" if outcome is Outcome.FAIL else ""
    return _finding(case, look, CAPACITY, tail)


def _waits(look: Look) -> list[Finding]:
    """Return what the pairs say where capacity is judged by the saturated rate instead.

    A wait that holds nothing up costs no rate, but it is no less of a loss to each caller.
    """
    pairs, saturated = look.metrics[CAPACITY], look.metrics.get(SATURATED)
    outcome = _outcome(pairs, look.plan)
    if saturated is None or outcome is Outcome.PASS or not _only_waits(pairs, saturated):
        return []
    more, least, allowed = told_apart(
        [percent(pairs.estimate), percent(pairs.lower), percent(look.plan.tolerance)], 0, "+"
    )
    return [
        Finding(
            check=WAITS,
            outcome=outcome,
            reason=f"Each request waits longer: equal work with few in flight took {more} % time "
            f"over {look.sessions} sessions (at least {least} %, where {allowed} % is tolerated).",
            observed=percent(pairs.estimate),
            limit=percent(look.plan.margin),
            interval=(percent(pairs.lower), percent(pairs.upper)),
            unit="%",
        )
    ]


def _only_waits(pairs: MetricEvidence, saturated: MetricEvidence) -> bool:
    small = saturated.estimate < WAIT_SHARE * pairs.estimate
    return small and saturated.upper < pairs.lower


def _outcome(evidence: MetricEvidence, plan: Plan) -> Outcome:
    if evidence.upper < plan.margin:
        return Outcome.PASS
    return Outcome.FAIL if evidence.lower > plan.tolerance else Outcome.INCONCLUSIVE


def _finding(case: Case, look: Look, metric: str, tail: str = "") -> Finding:
    evidence, plan = look.metrics[metric], look.plan
    outcome = _outcome(evidence, plan)
    policy = math.log1p(case.terms.config.margins.slowdown)
    thin = " (the headroom leaves no more)" if plan.margin < policy else ""
    bounds = f"{_bounds(outcome, evidence, plan)}{'' if outcome is Outcome.FAIL else thin}"
    changed = _changed(outcome, evidence.estimate)
    return Finding(
        check=COST if metric == COST else CAPACITY,
        outcome=outcome,
        reason=f"{WHAT[metric]} {changed} over {look.sessions} sessions: {bounds}{tail}.",
        observed=percent(evidence.estimate),
        limit=percent(plan.margin),
        interval=(percent(evidence.lower), percent(evidence.upper)),
        unit="%",
        hint=_hint(evidence) if outcome is Outcome.INCONCLUSIVE else "",
    )


def _changed(outcome: Outcome, slowdown: float) -> str:
    """Return "rose 1.4 %"; where the direction is open, "changed +1.4 %"."""
    size = f"{abs(percent(slowdown)):.1f}"
    if outcome is Outcome.INCONCLUSIVE:
        return f"changed {told_apart([percent(slowdown)], 1, '+')[0]} %"
    if size == "0.0":
        return "did not change"
    return f"{'rose' if slowdown > 0 else 'fell'} {size} %"


def _bounds(outcome: Outcome, evidence: MetricEvidence, plan: Plan) -> str:
    """Return the bound that decided beside what it was held to."""
    asked = [evidence.lower, evidence.upper, plan.tolerance, plan.margin, evidence.detectable]
    lower, upper, tolerance, margin, detectable = map(percent, asked)
    if outcome is Outcome.FAIL:
        least, allowed = told_apart([lower, tolerance], 1, "+")
        return f"at least {least} %, where {allowed} % is tolerated"
    most, limit = told_apart([upper, margin], 1, "+")
    found = f"{detectable:+.1f} % would have been found"
    if outcome is Outcome.PASS:
        # What is there and harmless was not missed.
        told = f" ({found})" if evidence.estimate < evidence.detectable else ""
        return f"at most {most} %{told}; the limit is {limit} %"
    return f"it may be anything from {lower:+.1f} % to {most} % ({found}); the limit is {limit} %"


def _hint(evidence: MetricEvidence) -> str:
    spread = percent(evidence.session_sd)
    return (
        f"Sessions differ by {spread:.1f} %: a quieter machine, or a larger budget (--budget), "
        "would decide."
    )
