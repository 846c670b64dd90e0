"""The sentences about a change: what it leaves of the service rate, and what may come of that.

How far the figures can be trusted is :mod:`perfgate.verdict.trust`'s to say.
"""

from __future__ import annotations

from math import fsum, inf
from typing import TYPE_CHECKING

from perfgate.demand.demand import (
    cold_rps,
    demand_steps,
    largest_told,
    tipping_point,
    tipping_sentence,
)
from perfgate.demand.remedies import instances_for
from perfgate.demand.retries import Regime
from perfgate.verdict.finding import Finding, Outcome, sentence, told_apart
from perfgate.verdict.overload import cure, feeding, more_of

if TYPE_CHECKING:
    from perfgate.demand.demand import TippingPoint
    from perfgate.verdict.matter import Matter

ENOUGH = {
    Outcome.PASS: "enough for",
    Outcome.WARN: "only just enough: it is enough for",
    Outcome.FAIL: "enough for no more than",
}


def claims(matter: Matter) -> list[Finding]:
    """Return a finding for each way in which the change may be too much."""
    return [
        _carried(matter),
        *_plans(matter),
        _retries(matter),
        _chance(matter),
        *_cold(matter),
    ]


def _carried(matter: Matter) -> Finding:
    rate, demand = matter.capacity.rate, matter.after.standing.demand.first_try_rps
    tipping = _tipping(matter)
    enough = Outcome.WARN if matter.after.thin else Outcome.PASS
    limit, sent = told_apart([matter.capacity.limit_rps, demand], 0)
    words = ENOUGH[enough if tipping is None else Outcome.FAIL]
    return Finding(
        check="demand",
        outcome=enough if tipping is None else matter.refusal,
        reason=f"The service rate of record is {rate.estimate_rps:.0f}/s, {rate.lower_rps:.0f}/s "
        f"of it certain: with headroom {matter.capacity.headroom:g} that is {words} {limit}/s; the "
        f"demand from {matter.question.on} on is {sent}/s{_senders(matter, tipping)}."
        f"{_why(matter, tipping)}{_moved(matter)}",
        observed=rate.lower_rps,
        limit=demand * matter.capacity.headroom,
        interval=(rate.lower_rps, rate.upper_rps),
        unit="requests/s",
        hint="" if tipping is None else _way_out(matter),
    )


def _tipping(matter: Matter) -> TippingPoint | None:
    """Return how the demand with the change exceeds the limit, None where it does not."""
    steps = [matter.before.standing.demand, matter.after.standing.demand]
    limit_rps = matter.capacity.limit_rps
    return tipping_point(steps, limit_rps) if steps[1].first_try_rps > limit_rps else None


def _senders(matter: Matter, tipping: TippingPoint | None) -> str:
    if tipping is not None and tipping.from_start:
        return ""  # the sentence about that point names them
    return f" ({largest_told(matter.after.standing.demand.dependents)})"


def _why(matter: Matter, tipping: TippingPoint | None) -> str:
    if tipping is None:
        return ""
    alone = "" if matter.adds else " It is so without this change too, which adds nothing."
    return f" {sentence(tipping_sentence(tipping))}{alone}"


def _moved(matter: Matter) -> str:
    headrooms = [state.standing.outlook.headroom for state in (matter.before, matter.after)]
    if inf in headrooms:
        return ""
    was, becomes = told_apart(headrooms, 2)
    return f" Headroom: {was} before, {becomes} after."


def _way_out(matter: Matter) -> str:
    capacity = matter.capacity
    required = matter.after.standing.demand.first_try_rps * capacity.headroom
    more = instances_for(matter.after.scene, required)
    if not matter.adds:
        return f"Let it ship; the service has to be faster, or to have {more_of(more)}."
    left = capacity.limit_rps - matter.before.standing.demand.first_try_rps
    room = f"; {left:.0f}/s more than before would be carried" if left >= 1 else ""
    return f"Ship it once the service is faster, or has {more_of(more)}{room}."


def _plans(matter: Matter) -> list[Finding]:
    """Return what becomes of changes that are planned for later, where they do not fit any more."""
    question, limit_rps = matter.question, matter.capacity.limit_rps
    without, with_it = (
        tipping_point(demand_steps(ledger, question.on, matter.end), limit_rps)
        for ledger in (question.before, question.after)
    )
    if with_it is None or with_it.from_start:
        return []
    ours = without is None or with_it.on < without.on
    return [
        Finding(
            check="plans",
            outcome=matter.refusal if ours else Outcome.WARN,
            reason=f"{sentence(tipping_sentence(with_it))[:-1]}; {_whose(without, ours=ours)}.",
            observed=with_it.after_rps,
            limit=limit_rps,
            unit="requests/s",
            hint="Agree on which of the two ships first, or on more instances by then.",
        )
    ]


def _whose(without: TippingPoint | None, *, ours: bool) -> str:
    if without is None:
        return "without the change that is asked for it would fit"
    if ours:
        return f"without the change that is asked for it would be so on {without.on}"
    return "it would be so without the change that is asked for too"


def _retries(matter: Matter) -> Finding:
    regime, safe = _becomes(matter), matter.after.standing.outlook.retry_safe_headroom
    outcome = {
        Regime.STABLE: Outcome.PASS,
        Regime.METASTABLE: Outcome.WARN,
        Regime.UNSTABLE: matter.refusal,
    }
    return Finding(
        check="retries",
        outcome=outcome[regime],
        reason=f"{_if_retried(matter)}{_turned(matter)}",
        observed=safe,
        limit=1.0,
        unit="retry-safe headroom",
        hint=_cure(matter) if regime is Regime.METASTABLE else "",
    )


def _becomes(matter: Matter) -> Regime:
    return matter.after.standing.outlook.regime


def _if_retried(matter: Matter) -> str:
    rates = [matter.after.standing.outlook.worst_rps, matter.capacity.rate.lower_rps]
    worst, certain = told_apart(rates, 0)
    if _becomes(matter) is Regime.STABLE:
        return f"Even if every caller retried, the {worst}/s would be carried."
    if _becomes(matter) is Regime.METASTABLE:
        return feeding(matter.after.standing)
    return (
        f"The first tries alone are more than the {certain}/s that are certain: the queue would "
        f"grow at every peak, and retries would make {worst}/s of it."
    )


def _turned(matter: Matter) -> str:
    was = matter.before.standing.outlook.regime
    if was is _becomes(matter):
        return f" The service is {was.value} before and after."
    return f" The service was {was.value} before; it becomes {_becomes(matter).value}."


def _cure(matter: Matter) -> str:
    return cure(matter.after.scene)


def _chance(matter: Matter) -> Finding:
    chance, limit, much = matter.after.chance, matter.capacity.overload_risk, matter.after.doubtful
    return Finding(
        check="chance",
        outcome=matter.refusal if much else Outcome.PASS,
        reason=f"Allowing for what is uncertain about rate, peaks and plans, the demand exceeds "
        f"the service rate with a chance of {_percent(chance)} (before: "
        f"{_percent(matter.before.chance)}); {100 * limit:g} % is the most.",
        observed=chance,
        limit=limit,
        hint="Figures that are known better, or more headroom, would lower it." if much else "",
    )


def _percent(chance: float) -> str:
    return "under 0.1 %" if chance < 0.001 else f"{100 * chance:.1f} %"  # noqa: PLR2004 - as told


def _cold(matter: Matter) -> list[Finding]:
    question, lower = matter.question, matter.capacity.rate.lower_rps
    if all(one.cache is None for one in question.after.dependents):
        return []
    cold = fsum(cold_rps(one, question.on) for one in question.after.dependents)
    much = cold > lower
    sent, certain = told_apart([cold, lower], 0)
    than = "more than" if much else "within"
    return [
        Finding(
            check="cold cache",
            outcome=Outcome.WARN if much else Outcome.PASS,
            reason=f"With all caches empty {sent}/s would be sent, {than} the {certain}/s that are "
            "certain.",
            observed=cold,
            limit=lower,
            unit="requests/s",
            hint="Do not empty or restart all caches at once." if much else "",
        )
    ]
