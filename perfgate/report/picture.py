"""Queue and goodput over time as plots, and as series for programs.

What they are, and which cure is shown, is worked out elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.demand.demand import rates_told
from perfgate.demand.picture import POINTS, answered_ratio, picture_of
from perfgate.demand.retries import Regime
from perfgate.report.blocks import plot
from perfgate.report.lines import wrapped
from perfgate.tail import escaped
from perfgate.verdict.finding import number
from perfgate.verdict.overload import in_words, pictured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.demand.attempts import Floats
    from perfgate.demand.levers import Lever
    from perfgate.demand.picture import Picture
    from perfgate.demand.simulator import Trace
    from perfgate.verdict.matter import State

WIDTH = 78
LABEL = 12
HEIGHT = 2
# So many times the longest queue that the cure leaves is shown of the other one.
TIMES = 4.0
# A queue of that many seconds' calls fills the height where none is longer.
LEAST_S = 0.5
EACH = 3  # of so many points programs get one


def render_picture(state: State, asked: Lever | None) -> str:
    """Return the picture of a state with these levers; without any, with the cure if it needs one.

    Where nothing is sent that is said.
    """
    named = None if asked else pictured(state)
    picture = named or picture_of(state.scene, asked)
    if picture is None:
        return f"Nobody sends anything on {state.on}, so that nothing can happen."
    return "\n".join(picture_lines(picture))


def picture_lines(picture: Picture) -> list[str]:
    """Return the picture as lines of at most WIDTH columns."""
    full = full_queue(picture)
    lines = [wrapped(title_of(picture), "", width=WIDTH), "", head("as it is")]
    lines += _course(picture, picture.as_it_is, full)
    if picture.cure is not None and picture.cured is not None:
        lines += wrapped(f"with {escaped(in_words(picture.cure))}", "", width=WIDTH).split("\n")
        lines += _course(picture, picture.cured, full)
    end_s, columns = float(picture.as_it_is.end_s[-1]), _columns(picture)
    lines += axis(end_s, columns, "stands still")
    return [line.rstrip() for text in lines for line in text.split("\n")]


def picture_document(picture: Picture) -> dict[str, object]:
    """Return the series for programs: every third time, and between them the mean goodput."""
    cured = picture.cured
    return {
        "regime": picture.regime.value,
        "stall_at_s": _rounded(picture.stall_at_s),
        "stall_s": _rounded(picture.stall_s),
        "first_try_rps": _rounded(picture.first_try_rps),
        "cure": None if picture.cure is None else in_words(picture.cure),
        "end_s": _thinned(picture.as_it_is.end_s[EACH - 1 :: EACH]),
        "as_it_is": _series(picture.as_it_is),
        "cured": None if cured is None else _series(cured),
    }


def _series(trace: Trace) -> dict[str, list[float]]:
    return {
        "waiting": _thinned(trace.waiting[EACH - 1 :: EACH]),
        "goodput_rps": _thinned(trace.goodput_rps.reshape(-1, EACH).mean(axis=1)),
    }


def _thinned(figures: Floats) -> list[float]:
    return list(map(_rounded, figures.tolist()))


def _rounded(figure: float) -> float:
    return round(figure, 2)


def title_of(picture: Picture) -> str:
    """Return in a sentence what was simulated."""
    sent, served = rates_told(picture.first_try_rps, picture.mu_rps)
    rates = f"at {sent} calls/s; {served}/s are certain to be served"
    if not picture.stall_s:
        return f"Simulated: {number(picture.as_it_is.end_s[-1])} s {rates}. No stall."
    long = (
        "" if picture.regime is not Regime.METASTABLE else " (more than the shortest that would do)"
    )
    return f"Simulated: a stall of {number(picture.stall_s)} s{long} {rates}."


def full_queue(picture: Picture) -> float:
    """Return the queue that fills a plot: of one that grows on and on only the beginning counts."""
    longest, cured = (
        0.0 if each is None else float(each.waiting.max())
        for each in (picture.as_it_is, picture.cured)
    )
    least = LEAST_S * picture.first_try_rps
    return max(min(longest, TIMES * cured) if cured > least else longest, least)


def head(text: str) -> str:
    """Return the line above the plots of one course."""
    return f"{text:<{LABEL + POINTS + 1}}{'at the end':>{WIDTH - LABEL - POINTS - 1}}"


def _course(picture: Picture, trace: Trace, full: float) -> list[str]:
    good = 100 * answered_ratio(trace)
    return [
        *strip("queue", trace.waiting.tolist(), full, f"{trace.waiting[-1]:.0f}"),
        *strip("goodput", trace.goodput_rps.tolist(), picture.first_try_rps, f"{good:.0f} %"),
    ]


def strip(name: str, values: Sequence[float], most: float, last: str) -> list[str]:
    """Return a plot of POINTS values that is full at ``most``, with what stands at its end."""
    *upper, lowest = plot(values, most, HEIGHT)
    rest = WIDTH - LABEL - POINTS
    return [
        *(f"{'':<{LABEL}}{line}" for line in upper),
        f"  {name:<{LABEL - 2}}{lowest}{last:>{rest}}",
    ]


def _columns(picture: Picture) -> tuple[int, int]:
    """Return where in the plots the stall begins, and how wide it is: 0 where there is none."""
    window_s = float(picture.as_it_is.end_s[0])
    wide = max(round(picture.stall_s / window_s), 1) if picture.stall_s else 0
    return round(picture.stall_at_s / window_s), wide


def axis(end_s: float, columns: tuple[int, int], what: str) -> list[str]:
    """Return the axis below plots, with what happened from a column on, so many wide."""
    first, wide = columns
    end, middle = f"{number(end_s)} s", f"= {what}" if wide else ""
    return [
        f"{'':<{LABEL}}{'-' * first}{'=' * wide}{'-' * (POINTS - first - wide)}",
        f"{'':<{LABEL}}0 s{middle:^{POINTS - 3 - len(end)}}{end}",
    ]
