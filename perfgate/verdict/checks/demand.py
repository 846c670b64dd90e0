"""Does the build still carry the demand? Its service rate against all that dependents will send.

The demand itself is worked out in :mod:`perfgate.demand.demand`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.analysis.capacity import BOUNDS_LEVEL, THIN
from perfgate.demand.demand import first_try_rps, peak_demand, tipping_point, tipping_sentence
from perfgate.demand.levers import Scene
from perfgate.demand.retries import Regime
from perfgate.demand.risk import UncertainRate, demand_risk
from perfgate.verdict.case import capacity_of, required_rps, steps_of
from perfgate.verdict.finding import Finding, Outcome, sentence, told_apart
from perfgate.verdict.overload import cure, feeding

if TYPE_CHECKING:
    from perfgate.analysis.interval import Interval
    from perfgate.demand.demand import Demand, TippingPoint
    from perfgate.verdict.case import Case

CHECK = "demand"
ENOUGH = {
    Outcome.PASS: "enough for",
    Outcome.WARN: "only just enough: it is enough for",
    Outcome.INCONCLUSIVE: "surely enough only for",
    Outcome.FAIL: "enough for no more than",
}


def check(case: Case) -> list[Finding]:
    """Return whether the service rate covers the required rate, and what retries would do."""
    steps = steps_of(case.terms)
    peak = peak_demand(steps)
    capacity = capacity_of(case, "candidate")
    if peak.first_try_rps == 0:
        words = "The ledger has no demand, so any service rate is enough."
        return [Finding(CHECK, Outcome.WARN, words)]
    if capacity is None:
        return [_unmeasured(case)]
    carried = _carried(case, capacity, steps, peak)
    if carried.outcome is Outcome.FAIL:
        return [carried]
    known = carried.outcome is not Outcome.INCONCLUSIVE
    risk = _risk(case, capacity, peak) if known else []
    return [carried, *risk, *_retries(case)]


def base_carries(case: Case) -> bool:
    """Tell whether the base surely has the rate that is required."""
    base = capacity_of(case, "base")
    return base is not None and base.lower >= required_rps(case.terms)


def _carried(case: Case, capacity: Interval, steps: list[Demand], peak: Demand) -> Finding:
    required = required_rps(case.terms)
    headroom = case.terms.config.margins.headroom
    limit = capacity.lower / headroom
    enough, demand = told_apart([limit, peak.first_try_rps], 0)
    tipping = tipping_point(steps, limit)
    outcome = _outcome(tipping, thin=capacity.lower < THIN * required)
    early = len(case.measurement.sessions) < case.looks[0]
    if outcome is Outcome.FAIL and early and capacity.upper >= required:
        outcome = Outcome.INCONCLUSIVE  # two or three runs leave almost any rate possible
    why = "" if tipping is None else f" {sentence(tipping_sentence(tipping))}"
    return Finding(
        check=CHECK,
        outcome=outcome,
        reason=f"The service rate is {capacity.estimate:.0f}/s, {capacity.lower:.0f}/s of it "
        f"certain: with headroom {headroom:g} that is {ENOUGH[outcome]} {enough}/s; the demand "
        f"is {demand}/s.{why}",
        observed=capacity.estimate,
        limit=required,
        interval=(capacity.lower, capacity.upper),
        unit="requests/s",
        hint="" if tipping is None else _hint(capacity, required, tipping),
    )


def _outcome(tipping: TippingPoint | None, *, thin: bool) -> Outcome:
    if tipping is not None:
        return Outcome.FAIL
    return Outcome.WARN if thin else Outcome.PASS


def _hint(capacity: Interval, required: float, tipping: TippingPoint) -> str:
    if capacity.estimate >= required:
        return "More sessions, or a quieter machine, would leave more of the rate certain."
    if tipping.from_start:
        return "Make the build faster, or add instances."
    return "Ship the change that tips it later, or make the build faster, or add instances."


def _risk(case: Case, capacity: Interval, peak: Demand) -> list[Finding]:
    """Return the chance that the demand is more than is carried, if that is too likely."""
    rate = _uncertain(capacity)
    dependents = case.terms.ledger.dependents
    risk = demand_risk(dependents, peak.on, rate, rate, seed=case.measurement.seed)
    limit = case.terms.config.margins.overload_risk
    if risk.overload_ratio <= limit:
        return []
    chance, most = told_apart([100 * risk.overload_ratio, 100 * limit], 0)
    doubt = max(dependents, key=lambda one: one.peak_cv * first_try_rps(one, peak.on))
    words = (
        f"The demand of {peak.on} exceeds the service rate with a chance of {chance} %, where "
        f"{most} % is the limit: neither is known exactly. Most doubtful is what {doubt.name} "
        f"sends: {first_try_rps(doubt, peak.on):.0f}/s, give or take {100 * doubt.peak_cv:.0f} %."
    )
    hint = f"Measure what {doubt.name} sends, and lower its peak_cv; or add instances."
    return [
        Finding(
            check=f"{CHECK}:risk",
            outcome=Outcome.FAIL,
            reason=words,
            observed=risk.overload_ratio,
            limit=limit,
            unit="ratio",
            hint=hint,
        )
    ]


def scene_of(case: Case) -> Scene | None:
    """Return the service with the candidate on the day on which retries would be most.

    Where the first tries of a day are too many, on the day with most of them. None where no service
    rate is certain.
    """
    steps, capacity = steps_of(case.terms), capacity_of(case, "candidate")
    if capacity is None or capacity.lower <= 0:
        return None
    peak = peak_demand(steps)
    step = max(steps, key=lambda step: step.worst_rps)
    on = peak.on if peak.first_try_rps >= capacity.lower else step.on
    own = case.terms.config.production
    return Scene(case.terms.ledger, on, _uncertain(capacity), own.instances, own.imbalance)


def _retries(case: Case) -> list[Finding]:
    """Return what an overload would come to on the day on which retries would be most."""
    scene = scene_of(case)
    if scene is None:
        return []
    step, capacity = scene.standing.demand, scene.rate
    safe = scene.standing.outlook.regime is Regime.STABLE
    if not safe:
        words = feeding(scene.standing)
    elif step.worst_rps == step.first_try_rps:
        words = "No caller retries, so that an overload does not feed itself."
    else:
        words = f"Even if every caller retried, the {step.worst_rps:.0f}/s would be carried."
    return [
        Finding(
            check="retries",
            outcome=Outcome.PASS if safe else Outcome.WARN,
            reason=words,
            observed=capacity.lower_rps,
            limit=step.worst_rps,
            unit="requests/s",
            hint="" if safe else cure(scene),
        )
    ]


def _uncertain(capacity: Interval) -> UncertainRate:
    return UncertainRate(capacity.estimate, capacity.lower, capacity.upper, BOUNDS_LEVEL)


def _unmeasured(case: Case) -> Finding:
    declared = case.terms.config.production.service_rate_rps is not None
    why = (
        "production's rate is declared, and there is no base to carry it over from"
        if declared and case.measurement.base is None
        else "fewer than two runs gave a service rate"
    )
    return Finding(CHECK, Outcome.INCONCLUSIVE, f"Whether the demand is carried is unknown: {why}.")
