"""What callers sent and got over time, and what waited: measured through an upset, or simulated.

What became of it is told in :mod:`perfgate.verdict.checks.recovery`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from statistics import fmean
from typing import TYPE_CHECKING

from perfgate.demand.demand import rate_words
from perfgate.demand.picture import answered_ratio
from perfgate.report.html.outcome import ANEW, back_words
from perfgate.report.html.plot import Level, Plot, drawing, last_with
from perfgate.report.html.scales import Linear, from_nothing
from perfgate.report.html.svg import area, line, steps
from perfgate.report.html.tried import begin_lines, height_of, tried_with, words_below
from perfgate.report.picture import full_queue
from perfgate.report.upset import UNKNOWN, is_known, known
from perfgate.verdict.checks.recovery import prediction_of, what_happened
from perfgate.verdict.finding import number
from perfgate.verdict.overload import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from perfgate.demand.picture import Picture
    from perfgate.demand.simulator import Trace
    from perfgate.measurement.models import Recovery
    from perfgate.report.html.plot import Point
    from perfgate.report.html.tried import Tried
    from perfgate.verdict.case import Case

HEIGHT = 110.0
QUEUE_HEIGHT = 64.0
# Calls are shown up to so many times the demand, or to what retries made of it: how much more an
# overload was is told in words.
TIMES_DEMAND = 2.0
# Of a longer course, so many stretches of equal length are drawn.
MOST_POINTS = 240
# A shorter queue fills no plot: one or two that wait are none.
LEAST_QUEUE = 10.0
FOOT = 4.0  # pixels below the plot of calls


@dataclass(frozen=True, slots=True)
class Course:
    """How one build came through: calls above, what waited below, on the same axis of time.

    ``tried`` says what was done to bring it back, and what came of that; "" where nothing was.
    """

    name: str
    tried: str
    calls: Markup
    queue: Markup


@dataclass(frozen=True, slots=True)
class _Told:
    """Figures for stretches of time that end at ``ends_s``; what happened, and from when to when.

    ``kind`` is whose course it is, which colours it; ``levels`` are what calls are held against, at
    last the demand. ``limit_s`` is when callers had to be served again, where they had to, and
    ``tried`` what was done when they were not. Its axis of time is ``axis_s`` long.
    """

    name: str
    kind: str
    axis_s: float
    ends_s: Sequence[float]
    first_tries_rps: Sequence[float]
    attempts_rps: Sequence[float]
    answered_rps: Sequence[float]
    waiting: Sequence[float]
    upset: tuple[float, float, str]
    levels: tuple[Level, ...]
    limit_s: float | None = None
    tried: tuple[Tried, ...] = ()

    @property
    def begins_s(self) -> list[float]:
        """Return when the stretches of time begin."""
        return [0.0, *self.ends_s[:-1]]


def measured_courses(case: Case) -> list[Course]:
    """Return how builds came through an upset, and then fresh processes; none without one.

    These have an axis of time of their own, for they need but seconds.
    """
    recoveries, again = case.measurement.recoveries, case.measurement.restart
    longest_s = max((len(own.first_tries) for own in recoveries), default=0)
    told = [_measured(case, own, own.build, longest_s) for own in recoveries]
    if again is not None:
        told.append(_measured(case, again, ANEW, len(again.first_tries)))
    most = max((count for own in told for count in own.waiting), default=0.0)
    return _courses("measured", told, most)


def simulated_courses(picture: Picture) -> list[Course]:
    """Return what would become of a stall, as it is and with what would end it."""
    told = [_simulated(picture, picture.as_it_is, "as it is")]
    if picture.cure is not None and picture.cured is not None:
        told.append(_simulated(picture, picture.cured, f"with {in_words(picture.cure)}"))
    return _courses("simulated", told, full_queue(picture))


def _measured(case: Case, own: Recovery, name: str, axis_s: float) -> _Told:
    upset, each = own.upset, ceil(len(own.first_tries) / MOST_POINTS)
    return _Told(
        name=f"{name}: {back_words(own)}",
        kind=own.build,
        axis_s=axis_s,
        ends_s=[
            float(min(start + each, len(own.first_tries)))
            for start in range(0, len(own.first_tries), each)
        ],
        first_tries_rps=_means(own.first_tries, each),
        attempts_rps=_means(own.attempts, each),
        answered_rps=_means(own.answered, each),
        waiting=_means(known(own.waiting), each) if is_known(own.waiting) else [],
        upset=(upset.from_s, upset.to_s, "" if upset.kind == "restart" else what_happened(own)),
        levels=_levels(case, own),
        limit_s=upset.to_s + upset.limit_s,
        tried=tried_with(own),
    )


def _means(values: Sequence[float], each: int) -> list[float]:
    """Return the means of so many seconds each; the last one of what is left."""
    return [fmean(values[start : start + each]) for start in range(0, len(values), each)]


def _levels(case: Case, own: Recovery) -> tuple[Level, ...]:
    """Return the demand and the prediction: what all send that retry, and what is worked off."""
    prediction = prediction_of(case, own)
    figures = (
        ("retried", "if all retry", None if prediction is None else prediction.retried_rps),
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
        axis_s=float(trace.end_s[-1]),
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
    most = [
        figure
        for own in told
        for figure in (
            TIMES_DEMAND * own.levels[-1].value,
            *(one.value for one in own.levels),
            _attempts_after(own),
        )
    ]
    foot = FOOT + max(height_of(own.tried) for own in told)
    calls, queue = from_nothing(most), from_nothing([full, LEAST_QUEUE])
    return [
        _course(
            f"{key}-{place}",
            own,
            Plot(Linear(0.0, own.axis_s), calls, HEIGHT, foot=foot),
            Plot(Linear(0.0, own.axis_s), queue, QUEUE_HEIGHT),
        )
        for place, own in enumerate(told)
    ]


def _attempts_after(told: _Told) -> float:
    """Return what was attempted a second once the upset was over, but for the most violent tenth.

    Right after a large spike, retries of its calls come at many times the demand.
    """
    pairs = zip(told.begins_s, told.attempts_rps, strict=True)
    after = sorted(rate for begin_s, rate in pairs if begin_s >= told.upset[1])
    return after[len(after) * 9 // 10] if after else 0.0


def _course(key: str, told: _Told, calls: Plot, queue: Plot) -> Course:
    parts = (told.upset[-1], *(one.told for one in told.tried), _last_answered(told))
    happened = "; ".join(filter(None, parts))
    waiting = f"at the end {number(told.waiting[-1])} wait" if told.waiting else UNKNOWN
    return Course(
        told.name,
        "; ".join(one.told for one in told.tried),
        drawing(f"{key}-calls", f"Calls, {told.name}", f"{happened}.", calls, _calls(told, calls)),
        drawing(f"{key}-queue", f"Queue, {told.name}", f"{waiting}.", queue, _queue(told, queue)),
    )


def _last_answered(told: _Told) -> str:
    return f"at the end {rate_words(told.answered_rps[-1])} are answered in time"


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
        *begin_lines(told.tried, plot),
        *words_below(told.tried, plot),
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
        *begin_lines(told.tried, plot),
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
    end = plot.x.share(float(told.ends_s[-1]))
    return steps(plot.places(zip(told.begins_s, values, strict=True)), end)


def _bottom(upper: Sequence[Point]) -> list[Point]:
    return [(upper[0][0], 0.0), (upper[-1][0], 0.0)]
