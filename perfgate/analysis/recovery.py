"""What callers got, second by second, becomes whether and when they were served again.

Pure: it measures nothing, and what a build deserves for it is the verdict's business.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, floor
from typing import TYPE_CHECKING

from perfgate.load.pulse import WELL_FOR_S, is_served, is_well

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.measurement.models import Recovery

# The first seconds find connections still to be opened.
SETTLING_S = 2
# What the last seconds before the limit were like is what a build has settled at.
LATEST_S = 10


@dataclass(frozen=True, slots=True)
class Relief:
    """What was tried with a build that had stayed down, in whole seconds from the first call on.

    ``rate_rps`` is what callers sent then; ``quiet``: nobody retried; ``helped``: they were served.
    """

    from_s: int
    to_s: int
    rate_rps: float
    quiet: bool
    helped: bool


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

    The rates between which it broke, and between which it heals, as far as was seen: ``held_rps``
    is the demand that was served before the upset, None if none was. ``broke_rps`` is the rate of
    calls that it did not come back from, None if it came back, or if what broke it was no rate.
    ``stuck_rps`` is the lowest demand at which it stayed down, None if it came back. ``reliefs`` is
    what was tried then, in order, until something helped.
    """

    was_well: bool
    recovered_s: float | None
    answered_ratio: float
    attempts_per_call: float
    most_waiting: int | None
    unserved: tuple[tuple[str, float], ...] = ()
    healed_rps: float | None = None
    healed_quiet: bool = False
    held_rps: float | None = None
    broke_rps: float | None = None
    stuck_rps: float | None = None
    reliefs: tuple[Relief, ...] = ()


def course_of(recovery: Recovery) -> Course:
    """Return how the build came through, by whole seconds.

    Well are :data:`WELL_FOR_S` seconds in a row in which nearly all calls were answered, hardly any
    was tried twice, and no dependent was left out; served again is from the first of them on.
    """
    upset = recovery.upset
    after_s = ceil(upset.to_s)
    limit_s = min(floor(upset.to_s + upset.limit_s), len(recovery.first_tries))
    back_s = _first_well(recovery, after_s, limit_s)
    down = (max(after_s, limit_s - LATEST_S), limit_s) if back_s is None else (after_s, back_s)
    calls, attempts, answered = _sums(recovery, *down)
    before = SETTLING_S, floor(upset.from_s)
    well_before = was_well(recovery, *before)
    course = Course(
        was_well=well_before,
        recovered_s=None if back_s is None else back_s - upset.to_s,
        answered_ratio=answered / calls if calls else 1.0,
        attempts_per_call=attempts / calls if calls else 1.0,
        most_waiting=max((count for count in recovery.waiting if count is not None), default=None),
        unserved=_unserved(recovery, *before) or _unserved(recovery, *down),
        held_rps=recovery.demand_rps if well_before else None,
    )
    return course if back_s is not None else _stuck(recovery, course)


def _stuck(recovery: Recovery, course: Course) -> Course:
    """Return the course with what broke the build, and what brought it back if anything did."""
    upset, reliefs = recovery.upset, _reliefs(recovery)
    healed = next((own for own in reliefs if own.helped), None)
    in_vain = [own.rate_rps for own in reliefs if not (own.helped or own.quiet)]
    broken_by_rate = course.was_well and upset.kind in ("spike", "change")
    return replace(
        course,
        healed_rps=None if healed is None or healed.quiet else healed.rate_rps,
        healed_quiet=healed is not None and healed.quiet,
        broke_rps=upset.rate_rps if broken_by_rate else None,
        stuck_rps=min([recovery.demand_rps, *in_vain]),
        reliefs=tuple(reliefs),
    )


def _reliefs(recovery: Recovery) -> list[Relief]:
    """Return what was tried after the limit."""
    reliefs: list[Relief] = []
    for from_s, to_s, rate_rps, quiet in _tried(recovery):
        helped = _first_well(recovery, from_s, to_s) is not None
        reliefs.append(Relief(from_s, to_s, rate_rps, quiet, helped))
        if helped:
            break
    return reliefs


def _tried(recovery: Recovery) -> Iterator[tuple[int, int, float, bool]]:
    """Yield from when to when there was which demand, and whether nobody retried, if begun.

    Of a run that ends when retries would, the last calls may be late: too short a time for anybody
    to be well in is none in which that was tried.
    """
    upset, end_s = recovery.upset, len(recovery.first_tries)
    from_s = upset.to_s + upset.limit_s
    for seconds, rate_rps in upset.steps:
        if from_s < end_s:
            yield floor(from_s), floor(min(from_s + seconds, end_s)), rate_rps, False
        from_s += seconds
    if upset.quiet_s + WELL_FOR_S <= end_s:
        yield floor(upset.quiet_s), end_s, recovery.demand_rps, True


def _first_well(recovery: Recovery, from_s: int, to_s: int) -> int | None:
    """Return where the first well seconds begin between two times, None where none do.

    They may end later: a run ends with them, and what comes then is no doing of theirs.
    """
    last_s = min(to_s, len(recovery.first_tries) - WELL_FOR_S + 1)
    begins = range(from_s, last_s)
    return next((at for at in begins if was_well(recovery, at, at + WELL_FOR_S)), None)


def was_well(recovery: Recovery, from_s: int, to_s: int) -> bool:
    """Return whether callers were served between two whole seconds, all together and each alone.

    Retries that were due at the end are none that were spared.
    """
    calls, attempts, answered = _sums(recovery, from_s, to_s)
    due = sum(recovery.due[to_s - 1 : to_s])
    return is_well(calls, attempts + due, answered) and not _unserved(recovery, from_s, to_s)


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
