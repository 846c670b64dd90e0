"""When a change and another build are both about to ship: which of the two has to go first.

Between the first and the second, one of two states holds for a while: only those that carry their
demand will do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from perfgate.demand.demand import rates_told, tipping_sentence
from perfgate.demand.standing import NOTHING, Known
from perfgate.verdict.finding import Finding, Outcome
from perfgate.verdict.mixture import ANEW

if TYPE_CHECKING:
    from perfgate.demand.demand import TippingPoint
    from perfgate.demand.mix import MixedRate
    from perfgate.verdict.matter import Matter, State

FAIL = Outcome.FAIL


class Order(StrEnum):
    """Which may ship first."""

    EITHER = "either"
    BUILD_FIRST = "build first"
    DEMAND_FIRST = "demand first"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class OtherBuild:
    """A build that is about to replace the one of record.

    ``name`` says which it is, ``rate`` is production's with it, and the work that was measured,
    ``known`` what else was.
    """

    name: str
    rate: MixedRate
    known: Known = NOTHING


@dataclass(frozen=True, slots=True)
class Crossing:
    """The four states of two changes: the build of record or the other, the old demand or the new.

    ``adds`` tells whether the change makes more of anything, ``what`` names it; ``later`` is where
    what is planned for later exceeds what the other build is surely enough for.
    """

    old_old: State
    old_new: State
    new_old: State
    new_new: State
    adds: bool
    what: str
    build: OtherBuild
    later: TippingPoint | None

    @property
    def untold(self) -> str:
        """Return why it cannot be told in which order, "" where it can."""
        states = (self.new_new, self.new_old, self.old_new)
        return next((state.untold for state in states if state.untold), "")

    @property
    def order(self) -> Order:
        """Return which order leads through no state that fails; none does if the last one does."""
        if self.new_new.outcome is FAIL:
            return Order.NEITHER
        by_build, by_demand = (each.outcome is not FAIL for each in (self.new_old, self.old_new))
        if by_build and by_demand:
            return Order.EITHER
        if by_build:
            return Order.BUILD_FIRST
        return Order.DEMAND_FIRST if by_demand else Order.NEITHER


def crossing(matter: Matter, build: OtherBuild) -> Crossing:
    """Return the four states, with production's rate under the build that is about to ship.

    Where that rate does not say with which mix it was measured, it is taken to be that of record.
    """
    work = build.rate.work if build.rate.work.mix else matter.capacity.rate.work
    new = replace(matter.capacity, rate=replace(build.rate, work=work), known=build.known)
    later = new.tipping(matter.steps_after, within_promises=True)
    return Crossing(
        old_old=matter.before,
        old_new=matter.after,
        new_old=replace(matter.before, capacity=new),
        new_new=replace(matter.after, capacity=new),
        adds=matter.adds,
        what=f'"{matter.question.what}" of {matter.question.dependent}',
        build=build,
        later=None if later is None or later.from_start else later,
    )


def order_finding(both: Crossing) -> Finding:
    """Return in which order the two are safe; FAIL where this change must not ship now."""
    if both.untold:
        words = f"In which order they are safe cannot be told, as {both.untold}."
        return Finding("order", Outcome.INCONCLUSIVE, words, hint=ANEW)
    blocked = both.order in (Order.NEITHER, Order.BUILD_FIRST)
    refusal = Outcome.FAIL if both.adds else Outcome.WARN
    reason, hint = _told(both)
    outcome = refusal if blocked else Outcome.PASS
    if both.later is not None and both.order is not Order.NEITHER:
        # This change may ship; it is the build that must not, as long as that is planned.
        outcome = max(outcome, Outcome.WARN, key=lambda own: own.severity)
        planned = tipping_sentence(both.later)
        reason = f"{reason} But that build is not enough for what is planned: {planned}."
        hint = hint or "Hold the build, or that plan, until the service is faster."
    return Finding("order", outcome, reason, hint=hint)


def _told(both: Crossing) -> tuple[str, str]:
    match both.order:
        case Order.EITHER:
            return f"Either may ship first, the build or this change.{_milder(both)}", ""
        case Order.BUILD_FIRST:
            return (
                f"The build has to ship first: {_faster(both)}.",
                "Ship this once that build runs.",
            )
        case Order.DEMAND_FIRST:
            return (
                f"This change has to ship first: {_lighter(both)}.",
                "Hold the build until this is out.",
            )
        case Order.NEITHER:
            return _clash(both)


def _faster(both: Crossing) -> str:
    """Return why the change has to wait for the build, in figures where these are the reason."""
    now, then = both.old_new, both.new_new
    sent, was, becomes = rates_told(now.demand.first_try_rps, now.kept_rps, then.kept_rps)
    if not now.too_much:
        return "the build of record does not carry this change, the one about to ship does"
    return (
        f"with this change {sent}/s are sent; the build of record is surely enough for {was}/s, "
        f"the one about to ship for {becomes}/s"
    )


def _lighter(both: Crossing) -> str:
    """Return why the build has to wait for the change, in figures where these are the reason."""
    now, then = both.new_old, both.new_new
    rates = [now.demand.first_try_rps, then.demand.first_try_rps, now.kept_rps, then.kept_rps]
    sent, left, enough, enough_then = rates_told(*rates)
    if not now.too_much:
        return "the build about to ship carries the demand with it, but not without it"
    return (
        f"without it {sent}/s are sent, and the build about to ship is surely enough for "
        f"{enough}/s; with it {left}/s are, and the build is enough for {enough_then}/s"
    )


def _milder(both: Crossing) -> str:
    by_build, by_demand = both.new_old.outcome.severity, both.old_new.outcome.severity
    if by_build == by_demand:
        return ""
    first = "the build" if by_build < by_demand else "this change"
    return f" With {first} first, less can go wrong in between."


def _clash(both: Crossing) -> tuple[str, str]:
    last = both.new_new
    if last.outcome is not FAIL:
        return (
            "Neither may ship first: together they fit, but neither does alone.",
            "Ship both at the same moment, or more instances before them.",
        )
    sent, enough = rates_told(last.demand.first_try_rps, last.kept_rps)
    alone = both.old_new.outcome is not FAIL and both.new_old.outcome is not FAIL
    each = " Each alone would be carried." if alone else ""
    return (
        f"In no order: with {both.what} the demand is {sent}/s, and the build about to ship is "
        f"surely enough for {enough}/s.{each}",
        "Hold one of the two back until the service is faster or has more instances.",
    )
