"""The history of a baseline as one page of HTML: every record a point, every level a line.

What changed, and when, is worked out in :mod:`perfgate.baseline.chronicle`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from perfgate.report.history import (
    COMMIT,
    figure_words,
    head_words,
    left_out_words,
    nothing_found,
    table_rows,
    turn_words,
)
from perfgate.report.html.callers import month_words
from perfgate.report.html.plot import Chart, Level, Plot, Table, drawing, last_with
from perfgate.report.html.scales import Days, around
from perfgate.report.html.svg import line, steps
from perfgate.report.html.templates import template

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from perfgate.baseline.chronicle import Chronicle, Course

TEMPLATE = "history.html"
HEIGHT = 150.0
DAY_S = 86_400


def render(chronicle: Chronicle) -> str:
    """Return the page; whatever came from a record is escaped."""
    columns, rows = table_rows(chronicle)
    return template(TEMPLATE).render(
        lineage=chronicle.lineage,
        head=head_words(chronicle),
        left_out=left_out_words(chronicle.lineage),
        charts=list(_charts(chronicle)),
        turns=[
            (f"{_at(chronicle, turn.row):%Y-%m-%d}", _commit(chronicle, turn.row), turn_words(turn))
            for turn in chronicle.turns
        ],
        nothing_found=nothing_found(chronicle),
        table=Table("Every record, the oldest first", columns, rows),
    )


def _charts(chronicle: Chronicle) -> Iterator[Chart]:
    days = _days(chronicle)
    for course in chronicle.courses:
        title = f"{course.metric.words}, {course.metric.unit}"
        plot = Plot(days, around(course.figures), HEIGHT)
        told = f"Now {figure_words(course.trend.levels[-1])}."
        picture = drawing(course.metric.column, title, told, plot, _parts(chronicle, course, plot))
        yield Chart(title, picture)


def _parts(chronicle: Chronicle, course: Course, plot: Plot) -> list[str]:
    marks, rows = plot.y.ticks(6), course.rows
    places = [_ordinal(_at(chronicle, row)) for row in rows]
    levels = zip(places, course.trend.levels, strict=True)
    now = Level(course.trend.levels[-1], f"now {figure_words(course.trend.levels[-1])}", "rate")
    turns = [
        _ordinal(_at(chronicle, turn.row))
        for turn in chronicle.turns
        if turn.metric is course.metric
    ]
    return [
        *plot.grid(marks),
        *(plot.upright(at, "change") for at in turns),
        *(
            plot.dot(at, figure, "dot", _sentence(chronicle, row, figure))
            for at, row, figure in zip(places, rows, course.figures, strict=True)
        ),
        plot.stretched((line(steps(plot.places(levels))), "rate")),
        *plot.figures(marks, last_with(f" {course.metric.unit}", marks)),
        *plot.words([now]),
        *plot.axis(plot.x.ticks(5), month_words),
    ]


def _days(chronicle: Chronicle) -> Days:
    """Return the days of the records, at least one, with a twentieth of them after the last."""
    first, last = (_at(chronicle, row).date() for row in (0, -1))
    return Days(first, last + timedelta(days=1 + (last - first).days // 20))


def _at(chronicle: Chronicle, row: int) -> datetime:
    at: datetime = chronicle.table["measured_at"].iloc[row].to_pydatetime()
    return at


def _ordinal(at: datetime) -> float:
    return at.toordinal() + (at.hour * 3600 + at.minute * 60 + at.second) / DAY_S


def _commit(chronicle: Chronicle, row: int) -> str:
    return str(chronicle.table["commit"].iloc[row])[:COMMIT]


def _sentence(chronicle: Chronicle, row: int, figure: float) -> str:
    day = f"{_at(chronicle, row):%Y-%m-%d %H:%M}"
    return f"{day}, {_commit(chronicle, row)}: {figure_words(figure)}"
