"""The sentences about a change: what it leaves of the service rate, and what may come of that.

How far the figures can be trusted is :mod:`perfgate.verdict.trust`'s to say.
"""

from __future__ import annotations

from itertools import islice
from math import inf
from typing import TYPE_CHECKING

from perfgate.demand.demand import (
    peak_demand,
    rate_words,
    rates_told,
    senders_told,
    tipping_sentence,
)
from perfgate.demand.remedies import instances_for
from perfgate.verdict.dangers import chance, cold, retries
from perfgate.verdict.finding import Finding, Outcome, sentence
from perfgate.verdict.matter import State
from perfgate.verdict.mixture import rate_told, untold
from perfgate.verdict.overload import more_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.demand.demand import Demand, TippingPoint
    from perfgate.verdict.matter import Matter

CHECK = "demand"
PLANS = "plans"
PROMISES = "mu_slo"
UNKEPT = "Ship it once the service is faster, or has more instances, or promises less."
ENOUGH = {
    Outcome.PASS: "enough for",
    Outcome.WARN: "just enough, for up to",
    Outcome.FAIL: "enough for no more than",
}


def claims(matter: Matter) -> list[Finding]:
    """Return a finding for each way in which the change may be too much.

    Where it cannot be told what the service rate is with the change, that is the only one.
    """
    if matter.after.untold:
        unknown = Outcome.INCONCLUSIVE if matter.adds else Outcome.WARN
        return [untold(matter.after, CHECK, unknown)]
    again = retries(matter.after, matter.refusal, _turned(matter))
    as_before = len({own.standing.outlook.regime for own in (matter.before, matter.after)}) == 1
    return [
        _carried(matter),
        *_promised(matter),
        *_plans(matter),
        *([] if as_before else [again]),
        chance(matter.after, matter.refusal, matter.before),
        *_later_chance(matter),
        *cold(matter.after),
        # What was so before is not what is asked.
        *([again] if as_before else []),
    ]


def _carried(matter: Matter) -> Finding:
    after, demand = matter.after, matter.after.demand.first_try_rps
    tipping = _tipping(matter)
    enough = Outcome.WARN if after.thin else Outcome.PASS
    limit, sent = rates_told(after.limit_rps, demand)
    words = ENOUGH[enough if tipping is None else Outcome.FAIL]
    return Finding(
        check=CHECK,
        outcome=enough if tipping is None else matter.refusal,
        reason=f"{_subject(matter)} {rate_told(after)}: with headroom "
        f"{matter.capacity.headroom:g} that is {words} {limit}/s; the demand from "
        f"{matter.question.on} on is {sent}/s{senders_told(matter.after.demand, tipping)}."
        f"{_why(matter, tipping)}{_moved(matter)}",
        observed=after.rate.lower_rps,
        limit=demand * matter.capacity.headroom,
        interval=(after.rate.lower_rps, after.rate.upper_rps),
        unit="requests/s",
        hint="" if tipping is None else _way_out(matter),
    )


def _subject(matter: Matter) -> str:
    return "Production's service rate" if matter.capacity.declared else "The service rate of record"


def _promised(matter: Matter) -> list[Finding]:
    """Return whether every promise is kept with the change; nothing where that was not measured."""
    rate = matter.after.scene.known.mu_slo
    if rate is None:
        return []
    demand = matter.after.demand
    required = demand.first_try_rps * matter.capacity.headroom
    low, at, high, needed, sent = rates_told(
        rate.lower_rps, rate.estimate_rps, rate.upper_rps, required, demand.first_try_rps
    )
    outcome = matter.after.promises
    return [
        Finding(
            check=PROMISES,
            outcome=matter.refusal if outcome is Outcome.FAIL else outcome,
            reason=f"Every promise is kept up to {at}/s in production ({low} to {high}/s with a "
            f"chance of {100 * rate.level:g} %); {needed}/s are required, "
            f"{sent}/s{senders_told(demand)} with headroom {matter.capacity.headroom:g}.",
            observed=rate.estimate_rps,
            limit=required,
            interval=(rate.lower_rps, rate.upper_rps),
            unit="requests/s",
            hint="" if outcome is Outcome.PASS else UNKEPT,
        )
    ]


def _tipping(matter: Matter) -> TippingPoint | None:
    """Return how the demand with the change exceeds the limit, None where it does not."""
    steps = [matter.before.demand, matter.after.demand]
    tips = steps[1].first_try_rps > matter.after.limit_rps
    return matter.capacity.tipping(steps) if tips else None


def _why(matter: Matter, tipping: TippingPoint | None) -> str:
    if tipping is None:
        return ""
    alone = "" if matter.adds else " It is so without this change too, which adds nothing."
    return f" {sentence(tipping_sentence(tipping))}{alone}"


def _moved(matter: Matter) -> str:
    headrooms = [state.standing.outlook.headroom for state in (matter.before, matter.after)]
    if inf in headrooms:
        return ""
    was, becomes = (f"{headroom:.2f}" for headroom in headrooms)
    by = "" if matter.after.scene.known.mu_slo is None else " by mu_SLO"
    told = f"{was} before and after" if was == becomes else f"{was} before, {becomes} after"
    return f" Headroom{by}: {told}."


def _way_out(matter: Matter) -> str:
    after = matter.after
    required = after.demand.first_try_rps * matter.capacity.headroom
    more = instances_for(after.scene, required, after.rate.lower_rps)
    if not matter.adds:
        return f"Let it ship; the service has to be faster, or to have {more_of(more)}."
    left = after.limit_rps - matter.before.demand.first_try_rps
    room = f"; {rate_words(left)} more than before would be carried" if left >= 1 else ""
    return f"Ship it once the service is faster, or has {more_of(more)}{room}."


def _plans(matter: Matter) -> list[Finding]:
    """Return what becomes of changes that are planned for later, where they do not fit any more."""
    capacity, with_it = matter.capacity, matter.steps_after
    tips = capacity.tipping(with_it, within_promises=True)
    if tips is None or tips.from_start:
        return _untold_plans(matter, with_it)
    earlier = capacity.tipping(matter.steps_before, within_promises=True)
    ours = earlier is None or tips.on < earlier.on
    return [
        Finding(
            check=PLANS,
            outcome=matter.refusal if ours else Outcome.WARN,
            reason=f"{sentence(tipping_sentence(tips))[:-1]}; {_whose(earlier, ours=ours)}.",
            observed=tips.after_rps,
            limit=tips.limit_rps,
            unit="requests/s",
            hint="Agree on which of the two ships first, or on more instances by then."
            if ours
            else "More instances by then, or a faster build: it does not hang on this change.",
        )
    ]


def _later_chance(matter: Matter) -> list[Finding]:
    """Return the chance of an overload on the worst day that is planned, where it is too much."""
    question, now = matter.question, matter.after
    worst = peak_demand(matter.steps_after)
    if now.doubtful or worst.first_try_rps <= now.demand.first_try_rps:
        return []
    then, without = (
        State(book, worst.on, matter.capacity) for book in (question.after, question.before)
    )
    if then.untold or then.too_much or not then.doubtful:
        return []
    ours = not without.doubtful
    return [chance(then, matter.refusal if ours else Outcome.WARN, without)]


def _untold_plans(matter: Matter, steps: Sequence[Demand]) -> list[Finding]:
    """Return a warning about the first plan of which it cannot be told whether it fits."""
    days = (step.on for step in steps if matter.capacity.untold(step))
    return [
        untold(State(matter.question.after, on, matter.capacity), PLANS, Outcome.WARN)
        for on in islice(days, 1)
    ]


def _whose(without: TippingPoint | None, *, ours: bool) -> str:
    if without is None:
        return "without the change that is asked for it would fit"
    if ours:
        return f"without the change that is asked for it would be so on {without.on}"
    return "it would be so without the change that is asked for too"


def _turned(matter: Matter) -> str:
    was, becomes = (state.standing.outlook.regime.value for state in (matter.before, matter.after))
    if was == becomes:
        return f" The service is {was} before and after."
    return f" The service was {was} before; it becomes {becomes}."
