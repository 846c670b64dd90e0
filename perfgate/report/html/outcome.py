"""How builds came through an upset, in words and figures: the table beside the courses.

What they deserve for it is told in :mod:`perfgate.verdict.checks.recovery`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.analysis.recovery import course_of
from perfgate.demand.demand import rate_words
from perfgate.report.html.plot import Table
from perfgate.verdict.finding import number

if TYPE_CHECKING:
    from perfgate.analysis.recovery import Course
    from perfgate.measurement.models import Recovery
    from perfgate.verdict.case import Case

COLUMNS = (
    "build",
    "outcome",
    "answered in time",
    "attempts",
    "most waiting",
    "worked off",
    "held",
    "broke by",
    "healed at",
)
ANEW = "candidate, started anew"


def measured_table(case: Case) -> Table:
    """Return how builds came through in figures, and at which rates they broke and healed."""
    rows = [(str(own.build), *_cells(own)) for own in case.measurement.recoveries]
    if (again := case.measurement.restart) is not None:
        rows.append((ANEW, *_cells(again)))
    return Table("How builds came through it", COLUMNS, rows)


def back_words(own: Recovery) -> str:
    """Return when callers were served again."""
    back_s = course_of(own).recovered_s
    if back_s is None:
        return f"not served again within {number(own.upset.limit_s)} s"
    return f"served again after {number(back_s)} s"


def _cells(own: Recovery) -> tuple[str, ...]:
    course = course_of(own)
    return (
        back_words(own),
        f"{course.answered_ratio:.0%}",
        f"{course.attempts_per_call:.1f}",
        "-" if course.most_waiting is None else str(course.most_waiting),
        _rate(own.mu_over_rps),
        _rate(course.held_rps),
        _rate(course.broke_rps),
        _healed(course),
    )


def _rate(rate_rps: float | None) -> str:
    return "-" if rate_rps is None else rate_words(rate_rps)


def _healed(course: Course) -> str:
    """Return the demand at which a build that stayed down was well again, or was not even then."""
    if course.healed_quiet:
        return "no retries"
    if course.healed_rps is None and course.stuck_rps is not None:
        return f"not at {rate_words(course.stuck_rps)}"
    return _rate(course.healed_rps)
