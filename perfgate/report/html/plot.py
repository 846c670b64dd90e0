"""A plot as wide as its place on the page, and what all plots have: grid, axis, levels, marks.

Its width is not known here: along it everything stands in shares, so that letters keep their size
on a phone and on paper. What is plotted is the business of the charts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from perfgate.report.html.svg import UNITS, percent, tag
from perfgate.verdict.finding import number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from markupsafe import Markup

    from perfgate.report.html.scales import Scale

TOP = 20  # pixels above the plot, for what stands over its highest line
FOOT = 24  # pixels below it, for the marks of its axis
LINE = 15  # pixels from one label to the next
ABOVE = 5  # pixels between a line and the label above it
# Nearer to an end of the axis a label would stick out, were it centred.
AT_END = 0.08

Point = tuple[float, float]
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The figures of a picture, for whoever would rather read them."""

    caption: str
    columns: Row
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with what it shows, and its figures."""

    title: str
    picture: Markup
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """A figure that a plot is held against, as a line across it with its words at the right."""

    value: float
    words: str
    kind: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The area between two axes, so many pixels high, with what there is above and below it."""

    x: Scale
    y: Scale
    height: float
    top: float = TOP
    foot: float = FOOT

    def place(self, x: float, y: float) -> Point:
        """Return where a point lies, as shares from the left and from below."""
        return self.x.share(x), self.y.share(y)

    def places(self, points: Iterable[Point]) -> list[Point]:
        """Return where points lie."""
        return [self.place(*point) for point in points]

    def down(self, y: float) -> float:
        """Return how many pixels from the top of the drawing a figure lies."""
        return self.top + self.height * (1 - self.y.share(y))

    def stretched(self, *paths: tuple[str, str]) -> Markup:
        """Return paths, each with its kind, stretched over the plot and cut off at its edges."""
        return tag(
            "svg",
            *(tag("path", d=d, class_=kind) for d, kind in paths if d),
            y=self.top,
            width="100%",
            height=self.height,
            viewBox=f"0 0 {UNITS} {UNITS}",
            preserveAspectRatio="none",
        )

    def grid(self, values: Sequence[float]) -> list[Markup]:
        """Return a line across at each figure."""
        return [_across(self.down(value), "grid") for value in values]

    def figures(
        self, values: Sequence[float], told: Callable[[float], str] = number
    ) -> list[Markup]:
        """Return the figures of a grid, each above the left end of its line."""
        return [_text(told(value), "0", self.down(value) - ABOVE, "tick") for value in values]

    def axis(self, values: Sequence[float], told: Callable[[float], str] = number) -> list[Markup]:
        """Return a mark below the plot at each figure, with the figure."""
        bottom = self.top + self.height
        return [
            part
            for value in values
            for part in (
                _upright(self.x.share(value), bottom, bottom + 4, "axis"),
                self.text(self.x.share(value), bottom + self.foot - 6, told(value), "tick"),
            )
        ]

    def lines(self, levels: Sequence[Level]) -> list[Markup]:
        """Return a line across the plot for each level."""
        return [_across(self.down(level.value), level.kind) for level in levels]

    def words(self, levels: Sequence[Level]) -> list[Markup]:
        """Return the words of levels at the right, above their lines and clear of each other."""
        placed = above([self.down(level.value) for level in levels])
        return [
            _text(level.words, "100%", at, f"label end {level.kind}")
            for level, at in zip(levels, placed, strict=True)
        ]

    def upright(self, x: float, kind: str) -> Markup:
        """Return a line from top to bottom."""
        return _upright(self.x.share(x), self.top, self.top + self.height, kind)

    def span(self, low: float, high: float, kind: str) -> Markup:
        """Return a stretch of the axis as an area from top to bottom, at least a pixel wide."""
        begin, end = self.x.share(low), self.x.share(high)
        return tag(
            "rect",
            x=percent(begin),
            y=self.top,
            width=percent(end - begin),
            height=self.height,
            class_=kind,
        )

    def band(self, low: float, high: float, kind: str) -> Markup:
        """Return an interval as an area across the plot."""
        height = self.down(low) - self.down(high)
        return tag("rect", x="0", y=self.down(high), width="100%", height=height, class_=kind)

    def dot(self, x: float, y: float, kind: str, told: str) -> Markup:
        """Return a point that tells what it is to whoever points at it."""
        return tag(
            "circle",
            tag("title", told),
            cx=percent(self.x.share(x)),
            cy=self.down(y),
            r=4.5,
            class_=kind,
        )

    def bar(self, x: float, low: float, high: float, kind: str) -> Markup:
        """Return an interval as an upright line."""
        return _upright(self.x.share(x), self.down(high), self.down(low), kind)

    def note(self, x: float, words: str) -> Markup:
        """Return words above the plot, beginning at a figure, or ending there in its right half."""
        share = self.x.share(x)
        side = "start" if share < 1 / 2 else "end"
        return _text(words, percent(share), self.top - 7, f"note {side}")

    def mark(self, x: float, words: str) -> Markup:
        """Return a few letters above the plot, in the middle over a figure."""
        return self.text(self.x.share(x), self.top - 7, words, "note")

    def text(self, share: float, down: float, words: str, kind: str) -> Markup:
        """Return words at a share from the left, so many pixels from the top."""
        side = "" if kind == "name" else anchor(share)
        return _text(words, percent(share), down, f"{kind} {side}")


def drawing(key: str, title: str, told: str, plot: Plot, parts: Iterable[str]) -> Markup:
    """Return a plot as a picture, with a name and a description for those who do not see it.

    ``key`` is unique in the page.
    """
    name, description = f"{key}-name", f"{key}-told"
    return tag(
        "svg",
        tag("title", title, id=name),
        tag("desc", told, id=description),
        *parts,
        role="img",
        aria_labelledby=name,
        aria_describedby=description,
        class_="plot",
        width="100%",
        height=plot.top + plot.height + plot.foot,
    )


def last_with(unit: str, values: Sequence[float]) -> Callable[[float], str]:
    """Return how figures of an axis are told: the last one with the unit."""
    return partial(_told_last, unit, values[-1] if values else 0.0)


def above(lines: Sequence[float]) -> list[float]:
    """Return where the words of lines stand, all of it in pixels from the top.

    They stand just above their line, if no other line or word is there; else above all of those
    lines, in their order. Where that is too high for the drawing, they stand at its top.
    """
    groups: list[list[int]] = []
    for place in sorted(range(len(lines)), key=lambda place: -lines[place]):
        if groups and lines[place] > lines[groups[-1][-1]] - ABOVE - LINE * len(groups[-1]) - ABOVE:
            groups[-1].append(place)
        else:
            groups.append([place])
    stands = dict[int, float]()
    for group in groups:
        lowest = max(lines[group[-1]] - ABOVE, LINE * len(group) - ABOVE)
        stands |= {place: lowest - LINE * number for number, place in enumerate(group)}
    return [stands[place] for place in range(len(lines))]


def anchor(share: float) -> str:
    """Return how words stand at a place of the axis so that they do not stick out."""
    if share < AT_END:
        return "start"
    return "end" if share > 1 - AT_END else "middle"


def _told_last(unit: str, last: float, value: float) -> str:
    return f"{number(value)}{unit if value == last else ''}"


def _across(y: float, kind: str) -> Markup:
    return tag("line", x1="0", x2="100%", y1=y, y2=y, class_=kind)


def _upright(share: float, y1: float, y2: float, kind: str) -> Markup:
    return tag("line", x1=percent(share), x2=percent(share), y1=y1, y2=y2, class_=kind)


def _text(words: str, x: str, y: float, kind: str) -> Markup:
    return tag("text", words, x=x, y=y, class_=kind)
