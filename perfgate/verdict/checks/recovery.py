"""Does the build recover? What callers got after an overload, once its cause had ended.

How far that can be foretold is the business of :mod:`perfgate.verdict.checks.demand`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.analysis.recovery import course_of
from perfgate.demand.demand import peak_demand
from perfgate.load.pulse import WELL_FOR_S
from perfgate.verdict.case import steps_of
from perfgate.verdict.finding import Finding, Outcome, number, told_apart

if TYPE_CHECKING:
    from perfgate.analysis.recovery import Course
    from perfgate.measurement.models import BuildRole, Recovery
    from perfgate.verdict.case import Case

CHECK = "recovery"
HINT = (
    "Let the service refuse what it cannot answer in time (a bounded queue, or dropping requests "
    "that waited too long), and callers retry less: `perfgate demand explain` shows how much less."
)


def check(case: Case) -> list[Finding]:
    """Return whether callers were served again; nothing where no build went through an upset."""
    own = recovery_of(case, "candidate")
    if own is None:
        return []
    course = course_of(own)
    if own.validity.faults:
        words = f"No run through an overload could be trusted: {own.validity.faults[0]}."
        return [Finding(CHECK, Outcome.INVALID, words)]
    if not course.was_well:
        words = f"Callers were not even served before {what_happened(own)}: recovery was not tried."
        return [Finding(CHECK, Outcome.INCONCLUSIVE, words)]
    if course.recovered_s is not None:
        words = f"{_came_back(own, course)}{_expected(case, own, stays_down=False)}"
        return [_finding(own, course, Outcome.PASS, words)]
    outcome, beside = _beside(recovery_of(case, "base"))
    healing = f"{_healing(own, course)}{_restarted(case.measurement.restart)}"
    words = f"{_stayed_down(own, course)} {healing}{beside}{_expected(case, own, stays_down=True)}"
    return [_finding(own, course, outcome, words)]


def _beside(base: Recovery | None) -> tuple[Outcome, str]:
    """Return what it means that the candidate stays down, and what the base did."""
    other = None if base is None else course_of(base)
    if other is None:
        return Outcome.FAIL, ""
    if other.recovered_s is None:
        return Outcome.WARN, " The base stays down too, so this change is not why."
    return Outcome.FAIL, f" At the base they were, after {number(other.recovered_s)} s."


def _expected(case: Case, own: Recovery, *, stays_down: bool) -> str:
    """Return what the formula says of it: a backlog keeps itself if more is retried than served."""
    worst_rps = retried_rps(case, own)
    if own.mu_over_rps is None or worst_rps is None:
        return ""
    sent, served = told_apart([worst_rps, own.mu_over_rps], 0)
    right = stays_down == (worst_rps > own.mu_over_rps)
    return (
        f" Callers that all retry send {sent}/s, and {served}/s are worked off under overload: "
        f"{'as' if right else 'not as'} was to be expected."
    )


def retried_rps(case: Case, own: Recovery) -> float | None:
    """Return what its callers send a second while all retry, None where the ledger has no calls."""
    peak = peak_demand(steps_of(case.terms))
    return own.demand_rps * peak.worst_rps / peak.first_try_rps if peak.first_try_rps else None


def recovery_of(case: Case, role: BuildRole) -> Recovery | None:
    """Return how a build fared, None where it went through nothing."""
    return next((one for one in case.measurement.recoveries if one.build == role), None)


def is_down(case: Case) -> bool:
    """Tell whether the candidate went through an upset and did not come back, as far as known."""
    own = recovery_of(case, "candidate")
    if own is None or own.validity.faults:
        return False
    course = course_of(own)
    return course.was_well and course.recovered_s is None


def _finding(own: Recovery, course: Course, outcome: Outcome, words: str) -> Finding:
    return Finding(
        check=CHECK,
        outcome=outcome,
        reason=words,
        observed=course.recovered_s,
        limit=own.upset.limit_s,
        unit="s",
        hint="" if outcome is Outcome.PASS else HINT,
    )


def what_happened(own: Recovery) -> str:
    """Return what it was: "a spike to 300/s for 5 s"."""
    upset = own.upset
    seconds = number(upset.to_s - upset.from_s)
    match upset.kind:
        case "stall":
            return f"a standstill of {seconds} s"
        case "change":
            return f"{seconds} s of the {upset.rate_rps:.0f}/s that are planned"
        case "restart":
            return "a restart"
    return f"a spike to {upset.rate_rps:.0f}/s for {seconds} s"


def _came_back(own: Recovery, course: Course) -> str:
    soon = "at once" if not course.recovered_s else f"{number(course.recovered_s)} s later"
    return (
        f"After {what_happened(own)}, callers were served again {soon} (limit "
        f"{number(own.upset.limit_s)} s)."
    )


def _stayed_down(own: Recovery, course: Course) -> str:
    queue = "" if not course.most_waiting else f"; up to {course.most_waiting} waited"
    return (
        f"{number(own.upset.limit_s)} s after {what_happened(own)}, with the demand back at "
        f"{own.demand_rps:.0f}/s, {100 * course.answered_ratio:.0f} % of calls were answered in "
        f"time, at {course.attempts_per_call:.1f} attempts each{queue}."
    )


def _restarted(again: Recovery | None) -> str:
    """Return whether a restart brought it back; nothing where that was not tried, or in vain."""
    back_s = None if again is None or again.validity.faults else course_of(again).recovered_s
    return "" if back_s is None else f" A restart did, within {number(back_s + WELL_FOR_S)} s."


def _healing(own: Recovery, course: Course) -> str:
    if course.healed_rps is not None:
        share = 100 * course.healed_rps / own.demand_rps
        return (
            f"It ended only when the demand was lowered to {course.healed_rps:.0f}/s "
            f"({share:.0f} %)."
        )
    if course.healed_quiet:
        return "It ended only when nobody retried any more."
    return "Neither less demand nor an end of all retries brought it back."
