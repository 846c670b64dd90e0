"""Tags of SVG as text, in which nothing that others have named can end a tag or turn a line.

What is drawn, and where, is the business of the charts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from perfgate.report.html.scales import within
from perfgate.tail import escaped

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Lines and areas are drawn on so many units either way, and stretched to the size of their plot.
UNITS = 1000

Points = "Sequence[tuple[float, float]]"


def tag(name: str, *children: str, **attributes: str | float) -> Markup:
    """Return an element; text among the children is escaped, and ``_`` in a name stands for ``-``.

    A trailing ``_`` is for names that are words of Python.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{safe(_written(value))}"'
        for key, value in attributes.items()
    )
    inside = Markup("").join(map(safe, children))
    return Markup(f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>")  # noqa: S704 - every part is escaped above


def safe(text: str) -> Markup:
    """Return text that HTML and SVG show as it is, on one line; what is markup stays so."""
    return text if isinstance(text, Markup) else Markup.escape(escaped(text))


def percent(share: float) -> str:
    """Return a place along an axis as SVG has it."""
    return f"{_written(100 * share)}%"


def line(points: Iterable[tuple[float, float]]) -> str:
    """Return the path through points, each (share from the left, share from below)."""
    return "M" + "L".join(f"{_unit(x)} {_unit(1 - y)}" for x, y in points)


def area(upper: Sequence[tuple[float, float]], lower: Sequence[tuple[float, float]]) -> str:
    """Return the path around what lies between two lines."""
    return f"{line([*upper, *reversed(lower)])}Z"


def steps(points: Sequence[tuple[float, float]], end: float = 1.0) -> list[tuple[float, float]]:
    """Return the corners of a line that keeps each height until the next point, and to the end."""
    ends = [x for x, _ in points[1:]] + [end]
    return [
        corner
        for (x, y), until in zip(points, ends, strict=True)
        for corner in ((x, y), (until, y))
    ]


def _unit(share: float) -> int:
    """Return the place on the units of a plot; far beyond it, what is cut off anyway."""
    return round(within(share, -1.0, 2.0) * UNITS)


def _written(value: str | float) -> str:
    return value if isinstance(value, str) else f"{round(value, 1):g}"
