"""What callers got, second by second, becomes whether and when they were served again.

Pure: it measures nothing, and what a build deserves for it is the verdict's business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor
from typing import TYPE_CHECKING

from perfgate.load.pulse import WELL_FOR_S, is_served, is_well

if TYPE_CHECKING:
    from perfgate.measurement.models import Recovery

# The first seconds find connections still to be opened.
SETTLING_S = 2
# What the last seconds before the limit were like is what a build has settled at.
LATEST_S = 10


@dataclass(frozen=True, slots=True)
class Course:
    """How a build came through an upset.

    ``was_well``: before it, callers were served. ``recovered_s``: how long after its end they were
    again, None if not within the limit. Until then, or in the last seconds before the limit,
    callers got ``answered_ratio`` of their calls answered and made ``attempts_per_call``.
    Of the dependents that make enough calls to be judged each alone, ``unserved`` are those that
    were not served then, or not even before, with the shares of their calls that were answered.
    ``healed_rps`` is the demand at which a build that had stayed down was well again, None if at
    none that was tried; ``healed_quiet``: so it was without retries.
    """

    was_well: bool
    recovered_s: float | None
    answered_ratio: float
    attempts_per_call: float
    most_waiting: int | None
    unserved: tuple[tuple[str, float], ...] = ()
    healed_rps: float | None = None
    healed_quiet: bool = False


def course_of(recovery: Recovery) -> Course:
    """Return how the build came through, by whole seconds.

    Well are :data:`WELL_FOR_S` seconds in a row in which nearly all calls were answered, hardly any
    was tried twice, and no dependent was left out; served again is from the first of them on.
    """
    upset = recovery.upset
    after_s = floor(upset.to_s)
    limit_s = min(after_s + floor(upset.limit_s), len(recovery.first_tries))
    back_s = _first_well(recovery, after_s, limit_s)
    down = (max(after_s, limit_s - LATEST_S), limit_s) if back_s is None else (after_s, back_s)
    calls, attempts, answered = _sums(recovery, *down)
    before = SETTLING_S, floor(upset.from_s)
    course = Course(
        was_well=was_well(recovery, *before),
        recovered_s=None if back_s is None else float(back_s - after_s),
        answered_ratio=answered / calls if calls else 1.0,
        attempts_per_call=attempts / calls if calls else 1.0,
        most_waiting=max((count for count in recovery.waiting if count is not None), default=None),
        unserved=_unserved(recovery, *before) or _unserved(recovery, *down),
    )
    return course if back_s is not None else _healing(recovery, course, limit_s)


def _healing(recovery: Recovery, course: Course, from_s: int) -> Course:
    """Return the course with what brought the build back at last, if anything did."""
    for seconds, rate_rps in recovery.upset.steps:
        to_s = from_s + floor(seconds)
        if _first_well(recovery, from_s, to_s) is not None:
            return replace(course, healed_rps=rate_rps)
        from_s = to_s
    quiet = _first_well(recovery, floor(recovery.upset.quiet_s), len(recovery.first_tries))
    return replace(course, healed_quiet=quiet is not None)


def _first_well(recovery: Recovery, from_s: int, to_s: int) -> int | None:
    """Return where the first well seconds begin that lie between two times, None without any."""
    begins = range(from_s, to_s - WELL_FOR_S + 1)
    return next((at for at in begins if was_well(recovery, at, at + WELL_FOR_S)), None)


def was_well(recovery: Recovery, from_s: int, to_s: int) -> bool:
    """Return whether callers were served between two whole seconds, all together and each alone."""
    return is_well(*_sums(recovery, from_s, to_s)) and not _unserved(recovery, from_s, to_s)


def _unserved(recovery: Recovery, from_s: int, to_s: int) -> tuple[tuple[str, float], ...]:
    """Return the dependents that were not served between two times, and what share of calls was."""
    sums = [
        (own.name, sum(own.first_tries[from_s:to_s]), sum(own.answered[from_s:to_s]))
        for own in recovery.callers
    ]
    return tuple(
        (name, answered / calls) for name, calls, answered in sums if not is_served(calls, answered)
    )


def _sums(recovery: Recovery, from_s: int, to_s: int) -> tuple[int, int, int]:
    """Return first tries, attempts and answered calls between two times."""
    columns = (recovery.first_tries, recovery.attempts, recovery.answered)
    calls, attempts, answered = (sum(column[from_s:to_s]) for column in columns)
    return calls, attempts, answered
