"""Figures become places along an axis, and an axis the few round figures that it is marked with.

A place is a share of the axis: 0 at its low end and 1 at its high one, less or more beyond them.
Nothing is drawn here.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

# What a round figure begins with, and of which every decade may be marked.
ROUND = (1.0, 2.0, 5.0, 10.0)
# Sets of marks within a decade, the fullest first.
OF_A_DECADE = ((1.0, 2.0, 3.0, 5.0, 7.0), (1.0, 2.0, 5.0), (1.0, 3.0), (1.0,))
MONTHS = 12
# So many months from one mark to the next.
MONTHS_APART = (1, 2, 3, 6, 12)
WHOLE = 1e-9  # of a step: what is off by less is taken for whole
# A figure below it has lost its digits: it is taken for nothing.
LEAST = 100 * sys.float_info.min


class Scale(Protocol):
    """Where figures lie along an axis."""

    def share(self, value: float) -> float:
        """Return the place of a figure."""

    def ticks(self, most: int) -> list[float]:
        """Return at most so many round figures within the axis, ascending."""


@dataclass(frozen=True, slots=True)
class Linear:
    """An axis on which equal differences are equally long; low < high, both finite."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Return the place of a figure."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> list[float]:
        """Return at most so many round figures within the axis, ascending; at least one step."""
        step = round_step((self.high - self.low) / max(most - 1, 1))
        first = math.ceil(self.low / step - WHOLE)
        last = math.floor(self.high / step + WHOLE)
        return [number * step for number in range(first, last + 1)][:most]


@dataclass(frozen=True, slots=True)
class Log:
    """An axis on which equal ratios are equally long; 0 < low < high, both finite."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """Return the place of a figure above 0."""
        return math.log(value / self.low) / math.log(self.high / self.low)

    def ticks(self, most: int) -> list[float]:
        """Return at most so many round figures within the axis, ascending."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for leading in OF_A_DECADE:
            found = [first * 10.0**decade for decade in decades for first in leading]
            inside = [value for value in found if self.low <= value <= self.high]
            if len(inside) <= most:
                return inside
        return inside[:: math.ceil(len(inside) / most)]


@dataclass(frozen=True, slots=True)
class Days:
    """An axis of days, from one to a later one; figures are their ordinals."""

    first: date
    last: date

    def share(self, value: float) -> float:
        """Return the place of a day's ordinal."""
        return Linear(self.first.toordinal(), self.last.toordinal()).share(value)

    def ticks(self, most: int) -> list[float]:
        """Return the first days of at most so many months, at equal distances."""
        begins = list(_months(self.first, self.last))
        for apart in MONTHS_APART:
            kept = [day for day in begins if (day.month - 1) % apart == 0]
            if len(kept) <= most:
                break
        return [float(day.toordinal()) for day in kept[:most]]


def from_nothing(values: Iterable[float], room: float = 1.08) -> Linear:
    """Return an axis from 0 to somewhat more than the largest figure that is finite."""
    largest = max((value for value in values if math.isfinite(value)), default=0.0)
    return Linear(0.0, largest * room if largest > LEAST else 1.0)


def around(values: Iterable[float], room: float = 0.1) -> Linear:
    """Return an axis that holds all finite figures, with some room at either end."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    apart = high - low
    space = room * (apart if apart > LEAST else max(abs(high), 1.0))
    return Linear(low - space, high + space)


def decades(values: Iterable[float], room: float = 1.15) -> Log:
    """Return a logarithmic axis that holds all finite figures above 0, with some room."""
    positive = [value for value in values if LEAST < value < math.inf] or [1.0]
    return Log(min(positive) / room, max(positive) * room)


def round_step(least: float) -> float:
    """Return the least of 1, 2 and 5 times a power of ten that is not below ``least``, above 0."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(first * power for first in ROUND if first * power >= least * (1 - WHOLE))


def within(value: float, low: float, high: float) -> float:
    """Return the value, or the end beyond which it lies."""
    return min(max(value, low), high)


def _months(first: date, last: date) -> Iterable[date]:
    """Yield the first day of each month in (first, last)."""
    count = first.year * MONTHS + first.month
    while (day := date(count // MONTHS, count % MONTHS + 1, 1)) < last:
        yield day
        count += 1
