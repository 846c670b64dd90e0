"""Axes: where figures lie on them, and which round figures mark them."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perfgate.report.html.scales import (
    Days,
    Linear,
    Log,
    Scale,
    around,
    decades,
    from_nothing,
    round_step,
)

FIGURES = st.floats(-1e9, 1e9)
POSITIVE = st.floats(1e-6, 1e9)
MOST = st.integers(2, 12)


def linear(one: float, other: float) -> Linear:
    """Return an axis between two figures that differ by something."""
    low, high = sorted([one, other])
    assume(high - low > 1e-6 * max(abs(low), abs(high), 1.0))
    return Linear(low, high)


def log(one: float, other: float) -> Log:
    """Return an axis between two figures that differ by something."""
    low, high = sorted([one, other])
    assume(high > 1.01 * low)
    return Log(low, high)


@given(FIGURES, FIGURES, st.floats(0, 1))
def test_equal_differences_are_equally_long(one: float, other: float, share: float) -> None:
    """Law: a figure that is a share of the way from low to high lies at that share."""
    axis = linear(one, other)
    value = axis.low + share * (axis.high - axis.low)
    assert axis.share(value) == pytest.approx(share, abs=1e-6)


@given(POSITIVE, POSITIVE, st.floats(0, 1))
def test_equal_ratios_are_equally_long(one: float, other: float, share: float) -> None:
    """Law: a figure that is a share of the way on the log scale lies at that share."""
    axis = log(one, other)
    value = axis.low * (axis.high / axis.low) ** share
    assert axis.share(value) == pytest.approx(share, abs=1e-6)


def held_ticks(axis: Scale, most: int, low: float, high: float) -> list[float]:
    """Return the marks of an axis; they ascend, lie within it and are no more than asked for."""
    ticks = axis.ticks(most)
    assert len(ticks) <= most
    assert all(later > earlier for earlier, later in pairwise(ticks))
    slack = 1e-6 * max(abs(low), abs(high))
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    return ticks


@given(FIGURES, FIGURES, MOST)
def test_marks_are_round_and_equally_far_apart(one: float, other: float, most: int) -> None:
    """Law: marks are multiples of 1, 2 or 5 times a power of ten, one step from each other."""
    axis = linear(one, other)
    ticks = held_ticks(axis, most, axis.low, axis.high)
    for earlier, later in pairwise(ticks):
        step = round_step(0.999 * (later - earlier))
        assert later - earlier == pytest.approx(step, rel=1e-5)
        assert earlier / step == pytest.approx(round(earlier / step), abs=1e-5)


@given(POSITIVE, POSITIVE, MOST)
def test_marks_of_ratios_have_one_digit(one: float, other: float, most: int) -> None:
    """Law: marks of a logarithmic axis have one digit."""
    axis = log(one, other)
    for tick in held_ticks(axis, most, axis.low, axis.high):
        leading = tick / 10.0 ** math.floor(math.log10(tick) + 1e-9)
        assert round(leading, 6) in {1.0, 2.0, 3.0, 5.0, 7.0}


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 1500), st.integers(2, 6))
def test_days_are_marked_by_months(first: date, days: int, most: int) -> None:
    """Law: marks of days are first days of months, and no more than asked for."""
    axis = Days(first, first + timedelta(days=days))
    ends = (first.toordinal(), first.toordinal() + days)
    assert [axis.share(end) for end in ends] == [0.0, 1.0]
    for tick in held_ticks(axis, most, *map(float, ends)):
        assert date.fromordinal(int(tick)).day == 1


def test_marks_that_people_would_choose() -> None:
    """Marks of the axes that come up most."""
    assert Linear(0.0, 1100.0).ticks(5) == [0.0, 500.0, 1000.0]
    assert Linear(-2.4, 3.3).ticks(5) == [-2.0, 0.0, 2.0]
    assert Log(3.0, 400.0).ticks(6) == [5.0, 10.0, 20.0, 50.0, 100.0, 200.0]
    assert Log(0.8, 5000.0).ticks(6) == [1.0, 10.0, 100.0, 1000.0]
    days = Days(date(2026, 11, 24), date(2027, 2, 22)).ticks(4)
    assert [str(date.fromordinal(int(day))) for day in days] == [
        "2026-12-01",
        "2027-01-01",
        "2027-02-01",
    ]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True)))
def test_an_axis_is_found_for_any_figures(values: list[float]) -> None:
    """Law: whatever the figures, ends are finite and apart, and the axis has a mark or two."""
    bounded = [value for value in values if not math.isfinite(value) or abs(value) < 1e100]
    for axis in (from_nothing(bounded), around(bounded), decades(map(abs, bounded))):
        assert -math.inf < axis.low < axis.high < math.inf
        assert axis.ticks(5) or isinstance(axis, Log)


def test_axes_hold_their_figures() -> None:
    """From nothing on, around all, or in decades: no figure lies beyond an end."""
    values = [3.0, 40.0, 500.0]
    assert from_nothing(values) == Linear(0.0, 540.0)
    assert around([-1.0, 3.0]) == Linear(-1.4, 3.4)
    assert all(0 < decades(values).share(value) < 1 for value in values)
