"""A lineage becomes a table with a row for each record, and the places where a level changed.

Whether a change is grave is not judged: it has been accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import pandas as pd
from scipy.special import stdtrit

from perfgate.analysis.change import CAPACITY, COST
from perfgate.analysis.history import LEVEL, steps_in, trend_of
from perfgate.analysis.interval import Interval
from perfgate.baseline.anchor import Slowdown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from perfgate.analysis.history import Change, Trend
    from perfgate.baseline.lineage import Entry, Lineage

# A change of another figure so many records away came with it.
NEAR = 2


@dataclass(frozen=True, slots=True)
class Metric:
    """A column of the table: how it is called, its unit, and whether more of it is worse.

    ``short`` is for the heads of tables; ``step`` names the slowdown of it in a record's step,
    "" if there is none.
    """

    column: str
    words: str
    short: str
    unit: str
    more_is_worse: bool
    step: str = ""


YARDSTICK = Metric("yardstick_per_s", "yardstick", "yardstick", "/s", more_is_worse=False)
# Of these the changes are told.
METRICS = (
    Metric(
        "undisturbed_rps",
        "undisturbed rate",
        "undisturbed",
        "/s",
        more_is_worse=False,
        step=CAPACITY,
    ),
    Metric("cost_ms", "cost per request", "cost", "ms CPU", more_is_worse=True, step=COST),
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


@dataclass(frozen=True, slots=True)
class Turn:
    """A change of one metric at a row of the table: log(after / before), and the levels.

    These are None where only sessions side by side tell it. ``beside`` is what such sessions say of
    the records around it, None where not all of these have any. ``came_with`` is what else was
    another from there on.
    """

    metric: Metric
    row: int
    ratio: Interval
    levels: tuple[float, float] | None
    beside: Interval | None
    came_with: tuple[str, ...]

    @property
    def is_worse(self) -> bool:
        """Tell whether it is a change for the worse."""
        return (self.ratio.estimate > 0) == self.metric.more_is_worse

    @property
    def not_the_build(self) -> bool:
        """Tell whether sessions side by side exclude half of the change."""
        if self.beside is None or self.levels is None:
            return False
        most = max(abs(self.beside.lower), abs(self.beside.upper))
        return most < abs(self.ratio.estimate) / 2


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
    turns = list(_turns(lineage.entries, courses))
    turns += _steps(lineage.entries, turns)
    return Chronicle(lineage, table, courses, tuple(sorted(turns, key=lambda turn: turn.row)))


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
    """Yield the changes of level."""
    machine = [
        course.row_of(change)
        for course in courses
        if course.metric is YARDSTICK
        for change in course.trend.changes
    ]
    for course in courses:
        for change in course.trend.changes:
            row, levels = course.row_of(change), course.trend.levels
            before = entries[course.rows[change.index - 1]]
            near = course.metric is not YARDSTICK and any(abs(row - one) <= NEAR for one in machine)
            words = [*_differences(before, entries[row]), *(["another yardstick"] if near else [])]
            yield Turn(
                metric=course.metric,
                row=row,
                ratio=change.ratio,
                levels=(levels[change.index - 1], levels[change.index]),
                beside=_beside(entries, row, course.metric),
                came_with=tuple(words),
            )


def _steps(entries: Sequence[Entry], turns: Sequence[Turn]) -> Iterator[Turn]:
    """Yield what only sessions beside the record before tell: no change of level is near it."""
    for metric in METRICS:
        steps = {
            row: own
            for row in range(1, len(entries))
            if (own := _step(entries, row, metric)) is not None
        }
        near = [turn.row for turn in turns if turn.metric is metric]
        for row, ratio in _standing_out(steps).items():
            if all(abs(row - other) > NEAR for other in near):
                differences = tuple(_differences(entries[row - 1], entries[row]))
                yield Turn(metric, row, ratio, None, ratio, differences)


def _standing_out(steps: Mapping[int, Slowdown]) -> dict[int, Interval]:
    rows, found = list(steps), list(steps.values())
    told = steps_in(
        [own.estimate for own in found],
        [own.error for own in found],
        [own.freedom for own in found],
    )
    return {rows[place]: ratio for place, ratio in told.items()}


def _beside(entries: Sequence[Entry], row: int, metric: Metric) -> Interval | None:
    """Return the sum of the steps around a row, where the change may as well lie."""
    around = range(max(row - NEAR, 1), min(row + NEAR + 1, len(entries)))
    steps = [own for place in around if (own := _step(entries, place, metric))]
    if len(steps) < len(around):
        return None
    whole = reduce(Slowdown.then, steps)
    half = float(stdtrit(whole.freedom, (1 + LEVEL) / 2)) * whole.error
    return Interval(whole.estimate, whole.estimate - half, whole.estimate + half)


def _step(entries: Sequence[Entry], row: int, metric: Metric) -> Slowdown | None:
    """Return log(after / before) of a metric from sessions beside the record before it."""
    record, before = entries[row].record, entries[row - 1].past
    if record is None or record.step is None or record.step.against != before.commit:
        return None
    own = record.step.slowdowns.get(metric.step)
    if own is None or metric.more_is_worse:
        return own
    # More time for equal work is a lower rate.
    return own.model_copy(update={"estimate": -own.estimate})


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
