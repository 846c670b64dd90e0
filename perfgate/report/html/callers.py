"""Demand and service rate over the days to come, as a picture: who sends what, and what is served.

Whether that is enough is judged in :mod:`perfgate.verdict.checks.demand`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from math import fsum
from typing import TYPE_CHECKING

from perfgate.demand.demand import LARGEST_NAMED, rate_words
from perfgate.report.html.plot import Chart, Level, Plot, Table, drawing, last_with
from perfgate.report.html.scales import Days, from_nothing
from perfgate.report.html.svg import area, line, steps
from perfgate.tail import shortened
from perfgate.verdict.case import steps_of
from perfgate.verdict.checks.demand import capacity_in
from perfgate.verdict.finding import first_of, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup

    from perfgate.demand.demand import Demand, DependentDemand
    from perfgate.demand.mix import RateAt
    from perfgate.demand.risk import UncertainRate
    from perfgate.report.html.plot import Point
    from perfgate.verdict.case import Case

TITLE = "Service rate and demand, requests a second"
HEIGHT = 260.0
# So many dependents have a layer of their own; all others share one.
LAYERS = 5
# A layer that is less thick, in pixels, has no room for its name.
NAMED_PX = 18
# Where a layer's name begins: so far after a change, and clear of the figures at the left.
NAME_AFTER, NAME_FROM = 0.02, 0.16
NAME = 16  # characters


@dataclass(frozen=True, slots=True)
class Layer:
    """What one dependent sends after each step, or all that have no layer of their own."""

    name: str
    kind: str
    rates_rps: tuple[float, ...]

    @property
    def told(self) -> str:
        """Return what it sends, at first and at the end where that differs."""
        first, last = (rate_words(self.rates_rps[place]) for place in (0, -1))
        return first if first == last else f"{first}, at the end {last}"


@dataclass(frozen=True, slots=True)
class Outlook:
    """The picture, the layers from the top down, and the planned changes that it numbers.

    ``unknown`` says from when on the service rate is not known, and why; "" where it is.
    """

    chart: Chart
    layers: tuple[Layer, ...]
    changes: tuple[str, ...]
    unknown: str


@dataclass(frozen=True, slots=True)
class _Series:
    """A figure after each step, None where it is not known; ``more`` is said after the last."""

    kind: str
    name: str
    values: Sequence[float | None]
    more: str = ""

    @property
    def level(self) -> Level | None:
        """Return the last figure that is known, in words; None where none is."""
        known = [value for value in self.values if value is not None]
        if not known:
            return None
        return Level(known[-1], f"{self.name} {rate_words(known[-1])}{self.more}", self.kind)


@dataclass(frozen=True, slots=True)
class _Days:
    """The steps of the demand, the service rate with the mix of each, and where they are drawn."""

    demands: Sequence[Demand]
    rates: Sequence[RateAt | None]
    plot: Plot

    @property
    def told(self) -> list[UncertainRate | None]:
        """Return the service rate after each step, None where it cannot be told."""
        return [None if own is None or own.why else own.rate for own in self.rates]

    def corners(self, values: Sequence[float]) -> list[Point]:
        """Return the corners of what has these values after each step."""
        days = [step.on.toordinal() for step in self.demands]
        return steps(self.plot.places(zip(days, values, strict=True)))

    def stretches(self, values: Sequence[float | None]) -> Iterator[list[Point]]:
        """Yield both ends of the stretch with each value that is known."""
        ends = [*(self.plot.x.share(step.on.toordinal()) for step in self.demands), 1.0]
        for (begin, end), value in zip(pairwise(ends), values, strict=True):
            if value is not None:
                yield [(begin, self.plot.y.share(value)), (end, self.plot.y.share(value))]


def outlook_of(case: Case) -> Outlook:
    """Return the demand until the end of the horizon, and the service rate where one is certain."""
    days = _days_of(case)
    layers, series = _layers(days.demands), _series(days, case.terms.config.margins.headroom)
    levels = [level for own in series if (level := own.level)]
    marks = days.plot.y.ticks(6)
    parts = [
        *days.plot.grid(marks),
        days.plot.stretched(*_areas(days, layers), _band(days), *_lines(days, series)),
        *days.plot.figures(marks, last_with("/s", marks)),
        *_names(days, layers),
        *_marks(days),
        *days.plot.axis(days.plot.x.ticks(4), month_words),
        *days.plot.words(levels),
    ]
    told = "; ".join(level.words for level in levels)
    picture = drawing("demand", TITLE, f"On the last day: {told}.", days.plot, parts)
    chart = Chart(TITLE, picture, _table(days, layers, series))
    return Outlook(chart, layers[::-1], tuple(_changes(days.demands)), _unknown(days))


def _days_of(case: Case) -> _Days:
    demands, capacity = steps_of(case.terms), capacity_in(case)
    rates = [None if capacity is None else capacity.at(step) for step in demands]
    headroom = case.terms.config.margins.headroom
    most = [
        *(max(step.first_try_rps * headroom, step.worst_rps) for step in demands),
        *(own.rate.upper_rps for own in rates if own and own.rate),
    ]
    days = max(case.terms.config.demand.horizon_days, 1)
    axis = Days(case.terms.on, case.terms.on + timedelta(days=days))
    return _Days(demands, rates, Plot(axis, from_nothing(most), HEIGHT))


def _layers(demands: Sequence[Demand]) -> tuple[Layer, ...]:
    """Return what dependents send, the largest first, and in one layer what all others do."""
    rows = list(zip(*(step.dependents for step in demands), strict=True))
    rows.sort(key=lambda row: -max(one.first_try_rps for one in row))
    shown = rows if len(rows) <= LAYERS else rows[: LAYERS - 1]
    layers = [
        Layer(row[0].name, f"layer{place}", tuple(one.first_try_rps for one in row))
        for place, row in enumerate(shown)
    ]
    if rest := rows[len(shown) :]:
        layers.append(_others(rest, f"layer{len(shown)}"))
    return tuple(layers)


def _others(rows: Sequence[Sequence[DependentDemand]], kind: str) -> Layer:
    columns = zip(*rows, strict=True)
    sums = tuple(fsum(one.first_try_rps for one in column) for column in columns)
    return Layer(f"{len(rows)} others", kind, sums)


def _series(days: _Days, headroom: float) -> list[_Series]:
    more = f" (headroom {headroom:g})"
    first = [step.first_try_rps for step in days.demands]
    worst = [step.worst_rps for step in days.demands]
    rates = [None if rate is None else rate.estimate_rps for rate in days.told]
    certain = [f", {rate_words(rate.lower_rps)} certain" for rate in days.told if rate]
    return [
        _Series("rate", "service rate", rates, *certain[-1:]),
        *([] if worst == first else [_Series("retried", "if all were retried", worst)]),
        _Series("required", "required", [headroom * rate for rate in first], more),
        _Series("demand", "demand", first),
    ]


def _areas(days: _Days, layers: Sequence[Layer]) -> Iterator[tuple[str, str]]:
    """Yield the layers, from the lowest up."""
    below = [0.0] * len(days.demands)
    for layer in layers:
        above = [low + own for low, own in zip(below, layer.rates_rps, strict=True)]
        yield area(days.corners(above), days.corners(below)), f"layer {layer.kind}"
        below = above


def _band(days: _Days) -> tuple[str, str]:
    """Return the interval of the service rate."""
    ends = [
        days.stretches([None if rate is None else getattr(rate, name) for rate in days.told])
        for name in ("lower_rps", "upper_rps")
    ]
    return "".join(area(upper, lower) for lower, upper in zip(*ends, strict=True)), "band"


def _lines(days: _Days, series: Sequence[_Series]) -> Iterator[tuple[str, str]]:
    for own in series:
        yield "".join(map(line, days.stretches(own.values))), own.kind


def _names(days: _Days, layers: Sequence[Layer]) -> Iterator[Markup]:
    """Yield the names of layers that are thick enough, where most days pass without a change."""
    begins = [days.plot.x.share(step.on.toordinal()) for step in days.demands]
    longest = max(pairwise([*begins, 1.0]), key=lambda ends: ends[1] - ends[0])
    below, place = 0.0, begins.index(longest[0])
    for layer in layers:
        above = below + layer.rates_rps[place]
        low, high = days.plot.down(below), days.plot.down(above)
        if low - high >= NAMED_PX:
            at = max(longest[0] + NAME_AFTER, NAME_FROM)
            yield days.plot.text(at, (low + high) / 2 + 4, shortened(layer.name, NAME), "name")
        below = above


def _marks(days: _Days) -> Iterator[Markup]:
    """Yield a line for each day of changes, with its number."""
    for number_, step in enumerate(days.demands[1:], start=1):
        yield days.plot.upright(step.on.toordinal(), "change")
        yield days.plot.mark(step.on.toordinal(), str(number_))


def _changes(demands: Sequence[Demand]) -> Iterator[str]:
    """Yield in words what changes on each of the days that are numbered."""
    for before, after in pairwise(demands):
        senders: dict[str, list[str]] = {}
        for row in after.dependents:
            for change in row.changes:
                if change.effective_from == after.on:
                    senders.setdefault(change.what, []).append(row.name)
        told = "; ".join(
            f"{what} ({first_of(names, LARGEST_NAMED)})" for what, names in senders.items()
        )
        rates = [rate_words(own.first_try_rps) for own in (before, after)]
        yield f"{after.on}: {told}. The demand goes from {rates[0]} to {rates[1]}."


def _unknown(days: _Days) -> str:
    for step, rate in zip(days.demands, days.rates, strict=True):
        if rate is not None and rate.why:
            return (
                f"What the service rate is with the mix of {step.on} is not known, as {rate.why}."
            )
    return ""


def _table(days: _Days, layers: Sequence[Layer], series: Sequence[_Series]) -> Table:
    rows: list[tuple[str, Sequence[float | None]]] = [
        *((own.name, own.values) for own in series),
        *((layer.name, layer.rates_rps) for layer in layers),
    ]
    return Table(
        "Requests a second on the first day, and from each day of changes on",
        ("rate", *(str(step.on) for step in days.demands)),
        [(name, *map(_cell, values)) for name, values in rows],
    )


def _cell(value: float | None) -> str:
    return "-" if value is None else number(value)


def month_words(ordinal: float) -> str:
    """Return "1 Dec"; a year's first day with the year."""
    day = date.fromordinal(round(ordinal))
    return f"1 {day:%b %Y}" if day.month == 1 else f"1 {day:%b}"
