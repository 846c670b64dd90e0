"""What callers sent and got over time, and what waited: measured through an upset, or simulated.

What became of it is told in :mod:`perfgate.verdict.checks.recovery`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from statistics import fmean
from typing import TYPE_CHECKING

from perfgate.analysis.recovery import course_of
from perfgate.demand.picture import answered_ratio
from perfgate.report.html.callers import rate_words
from perfgate.report.html.plot import Level, Plot, Table, drawing, last_with
from perfgate.report.html.scales import Linear, from_nothing
from perfgate.report.html.svg import area, line, steps
from perfgate.report.picture import full_queue
from perfgate.report.upset import UNKNOWN, is_known, known
from perfgate.verdict.checks.recovery import retried_rps, what_happened
from perfgate.verdict.finding import number
from perfgate.verdict.overload import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from perfgate.demand.picture import Picture
    from perfgate.demand.simulator import Trace
    from perfgate.measurement.models import Recovery
    from perfgate.report.html.plot import Point
    from perfgate.verdict.case import Case

HEIGHT = 110.0
QUEUE_HEIGHT = 64.0
# Calls are shown up to so many times the demand: how much more an overload was is told in words.
TIMES_DEMAND = 2.0
# Of a longer course, so many stretches of equal length are drawn.
MOST_POINTS = 240
# A shorter queue fills no plot: one or two that wait are none.
LEAST_QUEUE = 10.0
COLUMNS = ("build", "outcome", "answered in time", "attempts a call", "most waiting", "worked off")


@dataclass(frozen=True, slots=True)
class Course:
    """How one build came through: calls above, what waited below, on the same axis of time."""

    name: str
    calls: Markup
    queue: Markup


@dataclass(frozen=True, slots=True)
class _Told:
    """Figures for stretches of time that end at ``ends_s``; what happened, and from when to when.

    ``kind`` is whose course it is, which colours it; ``levels`` are what calls are held against, at
    last the demand. ``limit_s`` is when callers had to be served again, where they had to.
    """

    name: str
    kind: str
    ends_s: Sequence[float]
    first_tries_rps: Sequence[float]
    attempts_rps: Sequence[float]
    answered_rps: Sequence[float]
    waiting: Sequence[float]
    upset: tuple[float, float, str]
    levels: tuple[Level, ...]
    limit_s: float | None = None


def measured_courses(case: Case) -> list[Course]:
    """Return how builds came through an upset; none without one."""
    told = [_measured(case, own) for own in case.measurement.recoveries]
    most = max((count for own in told for count in own.waiting), default=0.0)
    return _courses("measured", told, most)


def measured_table(case: Case) -> Table:
    """Return how builds came through in figures."""
    rows = [(str(own.build), *_cells(own)) for own in case.measurement.recoveries]
    if (again := case.measurement.restart) is not None:
        rows.append(("candidate, started anew", *_cells(again)))
    return Table("How builds came through it", COLUMNS, rows)


def simulated_courses(picture: Picture) -> list[Course]:
    """Return what would become of a stall, as it is and with what would end it."""
    told = [_simulated(picture, picture.as_it_is, "as it is")]
    if picture.cure is not None and picture.cured is not None:
        told.append(_simulated(picture, picture.cured, f"with {in_words(picture.cure)}"))
    return _courses("simulated", told, full_queue(picture))


def _measured(case: Case, own: Recovery) -> _Told:
    upset, each = own.upset, ceil(len(own.first_tries) / MOST_POINTS)
    return _Told(
        name=f"{own.build}: {_back(own)}",
        kind=own.build,
        ends_s=[
            float(min(start + each, len(own.first_tries)))
            for start in range(0, len(own.first_tries), each)
        ],
        first_tries_rps=_means(own.first_tries, each),
        attempts_rps=_means(own.attempts, each),
        answered_rps=_means(own.answered, each),
        waiting=_means(known(own.waiting), each) if is_known(own.waiting) else [],
        upset=(upset.from_s, upset.to_s, what_happened(own)),
        levels=_levels(case, own),
        limit_s=upset.to_s + upset.limit_s,
    )


def _means(values: Sequence[float], each: int) -> list[float]:
    """Return the means of so many seconds each; the last one of what is left."""
    return [fmean(values[start : start + each]) for start in range(0, len(values), each)]


def _levels(case: Case, own: Recovery) -> tuple[Level, ...]:
    """Return the demand and the prediction: what all send that retry, and what is worked off."""
    figures = (
        ("retried", "if all retry", retried_rps(case, own)),
        ("rate", "worked off", own.mu_over_rps),
        ("demand", "demand", own.demand_rps),
    )
    return tuple(
        Level(rate, f"{words} {rate_words(rate)}", kind)
        for kind, words, rate in figures
        if rate is not None
    )


def _simulated(picture: Picture, trace: Trace, name: str) -> _Told:
    start_s, sent = picture.stall_at_s, picture.first_try_rps
    what = f"stands still for {number(picture.stall_s)} s" if picture.stall_s else ""
    good = 100 * answered_ratio(trace)
    return _Told(
        name=f"{name}: {good:.0f} % of calls answered at the end",
        kind="candidate",
        ends_s=trace.end_s.tolist(),
        first_tries_rps=trace.first_tries_rps.tolist(),
        attempts_rps=trace.attempts_rps.tolist(),
        answered_rps=trace.goodput_rps.tolist(),
        waiting=trace.waiting.tolist(),
        upset=(start_s, start_s + picture.stall_s, what),
        levels=(Level(sent, f"demand {rate_words(sent)}", "demand"),),
    )


def _courses(key: str, told: Sequence[_Told], full: float) -> list[Course]:
    """Return all courses on the same scales; a queue of ``full`` fills its plot."""
    if not told:
        return []
    seconds = Linear(0.0, max(float(own.ends_s[-1]) for own in told))
    most = [
        figure
        for own in told
        for figure in (TIMES_DEMAND * own.levels[-1].value, *(one.value for one in own.levels))
    ]
    calls = Plot(seconds, from_nothing(most), HEIGHT, foot=4)
    queue = Plot(seconds, from_nothing([full, LEAST_QUEUE]), QUEUE_HEIGHT)
    return [_course(f"{key}-{place}", own, calls, queue) for place, own in enumerate(told)]


def _course(key: str, told: _Told, calls: Plot, queue: Plot) -> Course:
    last = f"at the end {rate_words(told.answered_rps[-1])} are answered in time"
    waiting = f"at the end {number(told.waiting[-1])} wait" if told.waiting else UNKNOWN
    return Course(
        told.name,
        drawing(f"{key}-calls", f"Calls, {told.name}", f"{last}.", calls, _calls(told, calls)),
        drawing(f"{key}-queue", f"Queue, {told.name}", f"{waiting}.", queue, _queue(told, queue)),
    )


def _calls(told: _Told, plot: Plot) -> list[str]:
    begin_s, end_s, what = told.upset
    marks = plot.y.ticks(3)
    answered = _corners(told, plot, told.answered_rps)
    return [
        *([plot.span(begin_s, end_s, "upset"), plot.note(begin_s, what)] if what else []),
        *plot.grid(marks),
        plot.stretched(
            (area(answered, _bottom(answered)), f"answered {told.kind}"),
            (line(_corners(told, plot, told.attempts_rps)), "attempts"),
            (line(_corners(told, plot, told.first_tries_rps)), "tries"),
        ),
        *plot.lines(told.levels[:-1]),
        *plot.figures(marks, last_with("/s", marks)),
        *plot.words(told.levels),
    ]


def _queue(told: _Told, plot: Plot) -> list[str]:
    begin_s, end_s, what = told.upset
    marks, seconds = plot.y.ticks(3), plot.x.ticks(6)
    return [
        *([plot.span(begin_s, end_s, "upset")] if what else []),
        *plot.grid(marks),
        *_waiting(told, plot),
        *_limit(told, plot),
        *plot.figures(marks, last_with(" waiting", marks)),
        *plot.axis(seconds, last_with(" s", seconds)),
        *plot.words([_last(told)]),
    ]


def _waiting(told: _Told, plot: Plot) -> list[str]:
    if not told.waiting:
        return []
    waiting = _corners(told, plot, told.waiting)
    return [plot.stretched((area(waiting, _bottom(waiting)), "waiting"))]


def _last(told: _Told) -> Level:
    """Return how many wait at the end, in words, or that nobody knows."""
    if not told.waiting:
        return Level(0.0, UNKNOWN, "queue")
    return Level(told.waiting[-1], f"{told.waiting[-1]:.0f} at the end", "queue")


def _limit(told: _Told, plot: Plot) -> list[str]:
    """Return a line at the limit; nothing of one that was not reached."""
    if told.limit_s is None or told.limit_s >= told.ends_s[-1]:
        return []
    return [plot.upright(told.limit_s, "limit"), plot.note(told.limit_s, "limit")]


def _corners(told: _Told, plot: Plot, values: Sequence[float]) -> list[Point]:
    begins = [0.0, *told.ends_s[:-1]]
    end = plot.x.share(float(told.ends_s[-1]))
    return steps(plot.places(zip(begins, values, strict=True)), end)


def _bottom(upper: Sequence[Point]) -> list[Point]:
    return [(upper[0][0], 0.0), (upper[-1][0], 0.0)]


def _back(own: Recovery) -> str:
    """Return when callers were served again."""
    back_s = course_of(own).recovered_s
    if back_s is None:
        return f"not served again within {number(own.upset.limit_s)} s"
    return f"served again after {number(back_s)} s"


def _cells(own: Recovery) -> tuple[str, ...]:
    course = course_of(own)
    most, rate = course.most_waiting, own.mu_over_rps
    return (
        _back(own),
        f"{course.answered_ratio:.0%}",
        f"{course.attempts_per_call:.1f}",
        "-" if most is None else str(most),
        "-" if rate is None else rate_words(rate),
    )
