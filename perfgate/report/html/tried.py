"""What was tried with a build that stayed down, as marks in its course and in words.

What came of it is worked out in :mod:`perfgate.analysis.recovery`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.recovery import course_of
from perfgate.report.upset import share_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from perfgate.analysis.recovery import Relief
    from perfgate.measurement.models import Recovery
    from perfgate.report.html.plot import Plot

ROW = 14.0  # pixels
# Shares of the demand take turns in so many rows: one that soon ended has no room beside others.
SHARE_ROWS = 2


@dataclass(frozen=True, slots=True)
class Tried:
    """What was tried from one time to another: on the axis, and in a sentence with its outcome.

    ``share`` is that of the demand that was left, "" where nobody retried.
    """

    from_s: float
    to_s: float
    share: str
    told: str


def tried_with(own: Recovery) -> tuple[Tried, ...]:
    """Return what was tried with a build, in order; nothing where it came back in time."""
    return tuple(_tried(own, relief) for relief in course_of(own).reliefs)


def _tried(own: Recovery, relief: Relief) -> Tried:
    share = "" if relief.quiet else share_of(own, relief)
    what = f"lowered to {share}" if share else "nobody retries"
    became = "served again" if relief.helped else "in vain"
    return Tried(relief.from_s, relief.to_s, share, f"{what}: {became}")


def begin_lines(tried: Sequence[Tried], plot: Plot) -> list[Markup]:
    """Return a line where each thing began."""
    return [plot.upright(one.from_s, "change") for one in tried]


def words_below(tried: Sequence[Tried], plot: Plot) -> list[Markup]:
    """Return below the plot what each was."""
    bottom = plot.top + plot.height
    return [
        plot.text(
            plot.x.share((one.from_s + one.to_s) / 2 if one.share else one.to_s),
            bottom + ROW * (row + 1),
            one.share or "nobody retries",
            "tick",
        )
        for row, one in zip(_rows(tried), tried, strict=True)
    ]


def height_of(tried: Sequence[Tried]) -> float:
    """Return how many pixels the words below a plot take."""
    return ROW * (1 + max(_rows(tried), default=-1))


def _rows(tried: Sequence[Tried]) -> list[int]:
    """Return in which row each stands; an end of retries has one of its own."""
    return [
        place % SHARE_ROWS if one.share else min(place, SHARE_ROWS)
        for place, one in enumerate(tried)
    ]
