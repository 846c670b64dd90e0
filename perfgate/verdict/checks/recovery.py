"""Does the build recover? What callers got after an overload, once its cause had ended.

How far that can be foretold is the business of :mod:`perfgate.verdict.checks.demand`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import TYPE_CHECKING, Final, Literal

from perfgate.analysis.recovery import course_of, was_well
from perfgate.demand.demand import peak_demand
from perfgate.load.pulse import LEAST_SERVED, WELL_FOR_S
from perfgate.verdict.case import measured_rate, recovery_of, steps_of
from perfgate.verdict.finding import Finding, Outcome, first_of, number, possessive, told_apart

if TYPE_CHECKING:
    from perfgate.analysis.recovery import Course
    from perfgate.measurement.models import Recovery
    from perfgate.verdict.case import Case

ServedBy = Literal["mu_over", "mu_sat"]

CHECK = "recovery"
# A spike of which less came than this share was not the one that is told.
SENT = 0.9
# So many dependents that were left out are named.
NAMED = 3
# Which rate is known of what is served, in words.
SERVED: Final[dict[ServedBy, str]] = {
    "mu_over": "worked off under overload",
    "mu_sat": "surely served while saturated",
}
HINT = (
    "Let the service refuse what it cannot answer in time (a bounded queue, or dropping requests "
    "that waited too long), and callers retry less: `perfgate demand explain` shows how much less."
)
DOUBT_HINTS = {
    Outcome.INVALID: "Run it again while nothing else uses this machine.",
    Outcome.INCONCLUSIVE: "Make the overload longer than callers wait, or larger: recovery.upset_s "
    "and recovery.spike_ratio.",
}


def check(case: Case) -> list[Finding]:
    """Return whether callers were served again; nothing where no build went through an upset."""
    own = recovery_of(case, "candidate")
    if own is None:
        return []
    course = course_of(own)
    if own.validity.faults:
        words = f"No run through an overload could be trusted: {own.validity.faults[0]}."
        return [Finding(CHECK, Outcome.INVALID, words, hint=DOUBT_HINTS[Outcome.INVALID])]
    if not course.was_well:
        words = (
            f"Callers were not even served before {what_happened(own)}{_unserved(course)}: "
            "recovery was not tried."
        )
        return [Finding(CHECK, Outcome.INCONCLUSIVE, words)]
    if course.recovered_s is not None:
        if doubt := _no_overload(own, course):
            return [Finding(CHECK, *doubt, hint=DOUBT_HINTS[doubt[0]])]
        words = f"{_came_back(own, course)}{_expected(case, own)}"
        return [_finding(own, course, Outcome.PASS, words)]
    outcome, beside = _beside(case, recovery_of(case, "base"))
    healing = f"{_healing(own, course)}{_restarted(case.measurement.restart)}"
    words = f"{_stayed_down(own, course)} {healing}{beside}{_expected(case, own)}"
    return [_finding(own, course, outcome, words)]


def _beside(case: Case, base: Recovery | None) -> tuple[Outcome, str]:
    """Return what it means that the candidate stays down, and what the base did."""
    if base is None:
        return Outcome.FAIL, " The base could not be tried." if case.measurement.base else ""
    if base.validity.faults:
        return Outcome.FAIL, f" The base could not be tried: {base.validity.faults[0]}."
    other = course_of(base)
    if not other.was_well:
        return Outcome.FAIL, " The base could not be tried: not even before were callers served."
    if other.recovered_s is None:
        return Outcome.WARN, " The base stays down too, so this change is not why."
    return Outcome.FAIL, f" At the base they were, after {number(other.recovered_s)} s."


def _no_overload(own: Recovery, course: Course) -> tuple[Outcome, str] | None:
    """Return why that callers are served after an upset says nothing, None where it does."""
    upset = own.upset
    if upset.kind == "restart":
        return None
    if upset.kind != "stall" and (words := _too_few(own)):
        return Outcome.INVALID, words
    back_s = floor(upset.to_s + (course.recovered_s or 0.0))
    if was_well(own, floor(upset.from_s), back_s + WELL_FOR_S):
        words = (
            f"Callers got what they had called for in {what_happened(own)} before they gave up: it "
            "was no overload, so whether the build recovers from one is not known."
        )
        return Outcome.INCONCLUSIVE, words
    return None


def _too_few(own: Recovery) -> str:
    """Return in a sentence that what was to be the upset was not sent, "" where it was."""
    during = slice(ceil(own.upset.from_s), floor(own.upset.to_s))
    sent, wanted = sum(own.first_tries[during]), own.upset.rate_rps * (during.stop - during.start)
    # Arrivals by chance are fewer now and then, by a root of their number.
    if not own.unsent and sent >= SENT * wanted - 3 * sqrt(wanted):
        return ""
    return (
        f"Of {what_happened(own)} the load generator sent {sent} calls instead of "
        f"{wanted:.0f}{f', and {own.unsent} were never sent' if own.unsent else ''}: whether "
        "the build recovers from it is not known."
    )


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the formula says: a backlog keeps itself if callers that all retry send more than this.

    ``served_rps`` is what the build works off under overload, or, where that was not seen, what it
    surely serves while saturated: ``served_by``. ``came_true`` is None where the run does not tell.
    """

    retried_rps: float
    served_rps: float
    served_by: ServedBy
    stays_down: bool
    came_true: bool | None


def prediction_of(case: Case, own: Recovery) -> Prediction | None:
    """Return what was to be expected of a build, None where that is not known.

    Nothing is of a restart, for it leaves no backlog.
    """
    retried_rps, served = _retried_rps(case, own), _served(case, own)
    if retried_rps is None or served is None or own.upset.kind == "restart":
        return None
    stays_down, is_left_down = retried_rps > served[0], _is_left_down(own)
    came_true = None if is_left_down is None else is_left_down == stays_down
    return Prediction(retried_rps, *served, stays_down, came_true)


def _served(case: Case, own: Recovery) -> tuple[float, ServedBy] | None:
    """Return what is served, and which rate that is; None where neither is known."""
    if own.mu_over_rps is not None:
        return own.mu_over_rps, "mu_over"
    here = measured_rate(case, own.build)
    return None if here is None else (here.lower, "mu_sat")


def _is_left_down(own: Recovery) -> bool | None:
    """Tell whether it did not come back, None where the run does not tell."""
    course = course_of(own)
    if own.validity.faults or not course.was_well:
        return None
    if course.recovered_s is None:
        return True
    return None if _no_overload(own, course) else False


def _expected(case: Case, own: Recovery) -> str:
    """Return in a sentence what was to be expected, and whether it came true."""
    prediction = prediction_of(case, own)
    if prediction is None:
        return ""
    sent, served = told_apart([prediction.retried_rps, prediction.served_rps], 0)
    if prediction.came_true:
        words = "as was to be expected"
    elif prediction.stays_down:
        words = "a service that takes them all would have stayed down"
    else:
        words = "not as was to be expected"
    return (
        f" Callers that all retry send {sent}/s, and {served}/s are "
        f"{SERVED[prediction.served_by]}: {words}."
    )


def _retried_rps(case: Case, own: Recovery) -> float | None:
    """Return what its callers send a second while all retry, None where the ledger has no calls."""
    peak = peak_demand(steps_of(case.terms))
    return own.demand_rps * peak.worst_rps / peak.first_try_rps if peak.first_try_rps else None


def is_down(case: Case) -> bool:
    """Tell whether the candidate went through an upset and did not come back, as far as known."""
    own = recovery_of(case, "candidate")
    return own is not None and _is_left_down(own) is True


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
        f"time{_unserved(course)}, and {course.attempts_per_call:.1f} attempts came for each new "
        f"one{queue}."
    )


def _unserved(course: Course) -> str:
    """Return which dependents were left out, where others were served."""
    if course.answered_ratio < LEAST_SERVED or not course.unserved:
        return ""
    parts = [f"{100 * ratio:.0f} % of {possessive(name)}" for name, ratio in course.unserved]
    return f" ({first_of(parts, NAMED)})"


def restarted_s(again: Recovery | None) -> float | None:
    """Return within which time fresh processes served the demand, None where that is not known."""
    back_s = None if again is None or again.validity.faults else course_of(again).recovered_s
    return None if back_s is None else back_s + WELL_FOR_S


def _restarted(again: Recovery | None) -> str:
    """Return whether a restart brought it back; nothing where that was not tried."""
    back_s = restarted_s(again)
    if back_s is not None:
        return f" Fresh processes served the demand within {number(back_s)} s."
    if again is None or again.validity.faults:
        return ""
    return " Fresh processes did not serve it either."


def _healing(own: Recovery, course: Course) -> str:
    if course.healed_rps is not None:
        share = 100 * course.healed_rps / own.demand_rps
        return f"It ended when the demand was lowered to {course.healed_rps:.0f}/s ({share:.0f} %)."
    if course.healed_quiet:
        return "It ended when nobody retried any more."
    lowered = [relief for relief in course.reliefs if not relief.quiet]
    tried = [
        f"an end of all retries within {relief.to_s - relief.from_s} s"
        for relief in course.reliefs
        if relief.quiet
    ]
    if lowered:
        shares = " nor ".join(f"{100 * one.rate_rps / own.demand_rps:.0f} %" for one in lowered)
        each = "" if len(lowered) == 1 else " each"
        seconds = lowered[0].to_s - lowered[0].from_s
        tried.insert(0, f"{shares} of the demand, for {seconds} s{each}")
    if not tried:
        return "It was not watched for longer."
    several = len(tried) > 1 or len(lowered) > 1
    return f"{'Neither' if several else 'Not even'} {', nor '.join(tried)} brought it back."
