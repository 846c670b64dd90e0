"""Times to answer as two silhouettes on one axis: the candidate's upwards, the base's downwards.

Whether answers got later is judged in :mod:`perfgate.verdict.checks.latency`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perfgate.measurement.histogram import TICKS_PER_S
from perfgate.report.figures import QUANTILES, shown_change
from perfgate.report.html.plot import Plot, drawing, last_with
from perfgate.report.html.scales import Linear, decades
from perfgate.report.html.svg import UNITS, tag
from perfgate.verdict.checks.latency import pooled
from perfgate.verdict.finding import number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from markupsafe import Markup
    from numpy.typing import NDArray

    from perfgate.measurement.histogram import Histogram
    from perfgate.measurement.models import BuildRole
    from perfgate.report.figures import Figure
    from perfgate.report.html.scales import Log
    from perfgate.verdict.case import Case

HEIGHT = 48.0
# So many columns for a factor of ten: one is 7 % wide.
COLUMNS_A_DECADE = 34
# Beyond these shares of the answers the axis need not reach.
ENDS = (0.002, 0.998)
ROLES: tuple[BuildRole, ...] = ("candidate", "base")
MS = 1000.0


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of both builds in words; no ``base`` without one."""

    name: str
    base: str
    candidate: str
    change: str


@dataclass(frozen=True, slots=True)
class Spread:
    """One operation: its silhouettes, its quantiles, and how many answers there were."""

    operation: str
    picture: Markup
    quantiles: tuple[Quantile, ...]
    answers: int


@dataclass(frozen=True, slots=True)
class Spreads:
    """All operations on one axis, which is drawn once."""

    axis: Markup
    operations: tuple[Spread, ...]


def spreads_of(case: Case, figures: Sequence[Figure]) -> Spreads | None:
    """Return how long answers took, by operation; None where there were none.

    ``figures`` are those of :func:`perfgate.report.figures.figures_of`.
    """
    times = {name: own for name, own in _times(case).items() if own["candidate"].count}
    if not times:
        return None
    named = {figure.name: figure for figure in figures}
    scale = _scale([own for builds in times.values() for own in builds.values()])
    rows = [
        _spread(place, operation, builds, scale, named)
        for place, (operation, builds) in enumerate(times.items())
    ]
    return Spreads(_axis(scale), tuple(rows))


def _times(case: Case) -> dict[str, dict[BuildRole, Histogram]]:
    """Return the times to answer of both builds by operation, over the same runs as the figures."""
    runs = case.measurement.sessions or case.measurement.runs
    roles = [role for role in ROLES if all(role in run.builds for run in runs)]
    operations = sorted({name for run in runs for name in run.builds["candidate"].open.operations})
    return {name: {role: pooled(runs, role, name) for role in roles} for name in operations}


def _scale(histograms: Sequence[Histogram]) -> Log:
    """Return the axis, in ms, on which nearly all answers of all operations lie."""
    ends = [own.quantile(share) for own in histograms if own.count for share in ENDS]
    return decades([MS * end for end in ends if end is not None])


def _spread(
    place: int,
    operation: str,
    builds: Mapping[BuildRole, Histogram],
    scale: Log,
    named: Mapping[str, Figure],
) -> Spread:
    rows = [named[f"{operation} {name}"] for name in QUANTILES]
    quantiles = tuple(
        Quantile(name, _cell(row.base), _cell(row.candidate), shown_change(row))
        for name, row in zip(QUANTILES, rows, strict=True)
    )
    told = "; ".join(
        f"{own.name} {f'{own.base} to ' if own.base else ''}{own.candidate} ms" for own in quantiles
    )
    plot = Plot(scale, Linear(-1.0, 1.0), HEIGHT, top=0, foot=0)
    parts = [*_grid(plot), plot.stretched(*_silhouettes(scale, builds))]
    picture = drawing(f"spread-{place}", f"Times of {operation}", f"{told}.", plot, parts)
    return Spread(operation, picture, quantiles, builds["candidate"].count)


def _grid(plot: Plot) -> list[Markup]:
    return [plot.upright(value, "grid") for value in plot.x.ticks(6)]


def _silhouettes(scale: Log, builds: Mapping[BuildRole, Histogram]) -> list[tuple[str, str]]:
    """Return areas and marks of the quantiles; both builds' shares of answers on one scale."""
    count = max(round(COLUMNS_A_DECADE * np.log10(scale.high / scale.low)), 1)
    shares = {role: _shares(own, scale, count) for role, own in builds.items() if own.count}
    most = max(float(own.max()) for own in shares.values())
    paths = [(_silhouette(own / most, _way(role)), role) for role, own in shares.items()]
    marks = [(_marks(builds[role], scale, _way(role)), f"quantile {role}") for role in shares]
    return [*paths, *marks]


def _way(role: BuildRole) -> int:
    """Return in which direction a build's silhouette is drawn."""
    return 1 if role == "candidate" else -1


def _shares(times: Histogram, scale: Log, count: int) -> NDArray[np.float64]:
    """Return which part of the answers lies in each of so many columns of the axis."""
    ms = np.maximum(np.array(times.ticks, dtype=float), 1.0) / TICKS_PER_S * MS
    places = np.log(ms / scale.low) / np.log(scale.high / scale.low) * count
    columns = np.clip(places.astype(int), 0, count - 1)
    return np.bincount(columns, weights=times.counts, minlength=count) / times.count


def _silhouette(heights: NDArray[np.float64], way: int) -> str:
    """Return the path around columns of these heights, from the middle of the plot."""
    filled = np.flatnonzero(heights)
    first, last, wide = filled[0], filled[-1], UNITS / len(heights)
    columns = "".join(
        f"V{_height(heights[column], way)}H{round(wide * (column + 1))}"
        for column in range(first, last + 1)
    )
    return f"M{round(wide * first)} {_height(0.0, way)}{columns}V{_height(0.0, way)}Z"


def _marks(times: Histogram, scale: Log, way: int) -> str:
    """Return a mark at each quantile, as high as the plot is that way."""
    places = [scale.share(MS * (times.quantile(share) or 0.0)) for share in QUANTILES.values()]
    return "".join(f"M{round(UNITS * at)} {_height(0.0, way)}V{_height(1.0, way)}" for at in places)


def _height(share: float, way: int) -> int:
    """Return how far from the top a share of half the plot's height is."""
    return round(UNITS / 2 * (1 - way * share))


def _axis(scale: Log) -> Markup:
    plot = Plot(scale, Linear(0.0, 1.0), 0.0, top=0, foot=22)
    marks = scale.ticks(6)
    return tag(
        "svg",
        *plot.axis(marks, last_with(" ms", marks)),
        aria_hidden="true",
        class_="plot",
        width="100%",
        height=plot.foot,
    )


def _cell(value: float | None) -> str:
    return "" if value is None else number(value)
