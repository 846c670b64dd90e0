"""A lineage becomes a table with a row for each record, and the places where a level changed.

Whether a change is grave is not judged: it has been accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from perfgate.analysis.history import trend_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perfgate.analysis.history import Change, Trend
    from perfgate.baseline.lineage import Entry, Lineage

# A change of another figure so many records away came with it.
NEAR = 2


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of the table: how it is called, its unit, and whether more of it is worse.

    ``short`` is for the heads of tables.
    """

    column: str
    words: str
    short: str
    unit: str
    more_is_worse: bool


YARDSTICK = Metric("yardstick_per_s", "yardstick", "yardstick", "/s", more_is_worse=False)
# Of these the changes are told.
METRICS = (
    Metric("undisturbed_rps", "undisturbed rate", "undisturbed", "/s", more_is_worse=False),
    Metric("cost_ms", "cost per request", "cost", "ms CPU", more_is_worse=True),
    Metric("peak_rss_mib", "peak memory", "memory", "MiB", more_is_worse=True),
    YARDSTICK,
)
# This one says how busy the machine was rather than how fast the build is.
SERVICE_RATE = Metric("service_rate_rps", "service rate", "rate", "/s", more_is_worse=False)


@dataclass(frozen=True, slots=True)
class Course:
    """A metric over time: the rows of the table that have it, their figures, and their trend."""

    metric: Metric
    rows: tuple[int, ...]
    figures: tuple[float, ...]
    trend: Trend

    def row_of(self, change: Change) -> int:
        """Return the row of the first record with the new level."""
        return self.rows[change.index]

    def levels_around(self, change: Change) -> tuple[float, float]:
        """Return the levels before and after."""
        return self.trend.levels[change.index - 1], self.trend.levels[change.index]

    def is_worse(self, change: Change) -> bool:
        """Tell whether the new level is the worse one."""
        return (change.ratio.estimate > 0) == self.metric.more_is_worse


@dataclass(frozen=True, slots=True)
class Turn:
    """A change of one metric, at a row of the table, and what else was another from there on."""

    course: Course
    change: Change
    came_with: tuple[str, ...]

    @property
    def row(self) -> int:
        """Return the row of the first record with the new level."""
        return self.course.row_of(self.change)


@dataclass(frozen=True, slots=True)
class Chronicle:
    """The lineage, its table, the course of each metric that records have, and the turns."""

    lineage: Lineage
    table: pd.DataFrame
    courses: tuple[Course, ...]
    turns: tuple[Turn, ...]


def chronicle_of(lineage: Lineage) -> Chronicle:
    """Return what the records of a lineage have been, and where that changed."""
    table = table_of(lineage.entries)
    courses = tuple(_courses(table))
    turns = sorted(_turns(lineage.entries, courses), key=lambda turn: turn.row)
    return Chronicle(lineage, table, courses, tuple(turns))


def table_of(entries: Sequence[Entry]) -> pd.DataFrame:
    """Return one row per record, oldest first; NaN where a record lacks a figure.

    Columns: ``measured_at`` (UTC), ``commit``, the columns of SERVICE_RATE and METRICS, and
    ``accepted_because``.
    """
    table = pd.DataFrame([_row(entry) for entry in entries])
    table["measured_at"] = pd.to_datetime(table["measured_at"], utc=True)
    figures = [metric.column for metric in (SERVICE_RATE, *METRICS)]
    return table.astype(dict.fromkeys(figures, float))


def _row(entry: Entry) -> dict[str, object]:
    past, record = entry.past, entry.record
    return {
        "measured_at": past.measured_at,
        "commit": past.commit,
        "service_rate_rps": past.service_rate_rps,
        "undisturbed_rps": past.undisturbed_rps,
        "cost_ms": past.cost_ms,
        "peak_rss_mib": None if record is None else record.peak_rss_mib,
        "yardstick_per_s": past.yardstick_per_s,
        "accepted_because": "" if record is None else record.accepted_because,
    }


def _courses(table: pd.DataFrame) -> Iterator[Course]:
    """Yield the course of each metric that some record has, above 0."""
    for metric in METRICS:
        known = [(row, own) for row, own in enumerate(table[metric.column]) if own > 0]
        if known:
            rows, figures = zip(*known, strict=True)
            yield Course(metric, rows, figures, trend_of(figures))


def _turns(entries: Sequence[Entry], courses: Sequence[Course]) -> Iterator[Turn]:
    machine = [
        course.row_of(change)
        for course in courses
        if course.metric is YARDSTICK
        for change in course.trend.changes
    ]
    for course in courses:
        for change in course.trend.changes:
            row = course.row_of(change)
            before = entries[course.rows[change.index - 1]]
            near = course.metric is not YARDSTICK and any(abs(row - one) <= NEAR for one in machine)
            words = [*_differences(before, entries[row]), *(["another yardstick"] if near else [])]
            yield Turn(course, change, tuple(words))


def _differences(before: Entry, after: Entry) -> Iterator[str]:
    """Yield in words what was not the build's doing and differs between two records."""
    old, new = before.record, after.record
    if old is None or new is None:
        return
    if old.conditions and new.conditions and (other := old.conditions.differ(new.conditions)):
        yield other
    if other := old.environment.differs(new.environment):
        yield other
    if old.perfgate != new.perfgate:
        yield f"perfgate {new.perfgate} after {old.perfgate}"
