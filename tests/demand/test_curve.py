"""Curves say how many attempts fail at a load: never fewer at a higher one, all under overload."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.demand.curve import LoadPoint, MeasuredCurve, RateCurve

TIMEOUTS_S = (0.5, 2.0)
LOADS = st.floats(0, 2000)


def point(rate_rps: float, *shares: float, grows: bool = False) -> LoadPoint:
    """Return a point with a share for each of the timeouts."""
    return LoadPoint(rate_rps, dict(zip(TIMEOUTS_S, shares, strict=True)), backlog_grows=grows)


def points() -> st.SearchStrategy[list[LoadPoint]]:
    """Return points in any order, with whatever shares."""
    shares = st.floats(0, 1)
    one = st.builds(point, st.floats(1, 1000), shares, shares, grows=st.booleans())
    return st.lists(one, min_size=1, max_size=6)


CURVE = MeasuredCurve(
    [point(100, 0.0, 0.0), point(200, 0.1, 0.02), point(250, 0.2, 0.1, grows=True)]
)


@given(points(), LOADS, LOADS)
def test_no_fewer_fail_at_a_higher_load(given_points: list[LoadPoint], a: float, b: float) -> None:
    """Law: the share is a share, does not fall with the load, and is 1 from overload on."""
    curve = MeasuredCurve(given_points)
    low, high = curve.failed_ratio(np.array(sorted((a, b))), np.array(TIMEOUTS_S))
    assert (low >= 0).all()
    assert (low <= high + 1e-12).all()
    assert (high <= 1 + 1e-12).all()
    if max(a, b) >= curve.overload_rps:
        assert high.tolist() == [1.0, 1.0]


@given(points())
def test_the_order_of_points_does_not_matter(given_points: list[LoadPoint]) -> None:
    """Law: points may be given in any order, if no two are of one rate."""
    own = {one.rate_rps: one for one in given_points}
    forth, back = list(own.values()), list(own.values())[::-1]
    loads = np.array([10.0, 300.0, 700.0])
    shares = [
        MeasuredCurve(order).failed_ratio(loads, np.array(TIMEOUTS_S)).tolist()
        for order in (forth, back)
    ]
    assert shares[0] == shares[1]


@pytest.mark.parametrize(
    ("load_rps", "expected"),
    [
        (50, [0.0, 0.0]),
        (100, [0.0, 0.0]),
        (150, [0.05, 0.01]),
        (200, [0.1, 0.02]),
        (225, [0.55, 0.51]),
        (250, [1.0, 1.0]),
        (1e9, [1.0, 1.0]),
    ],
)
def test_points_are_joined_up_to_where_the_backlog_grows(
    load_rps: float, expected: list[float]
) -> None:
    """Straight lines join the points, the first whose backlog grows counts as 1."""
    [shares] = CURVE.failed_ratio(np.array([load_rps]), np.array(TIMEOUTS_S))
    assert shares.tolist() == pytest.approx(expected)


def test_beyond_what_was_measured_everything_fails() -> None:
    """Where no trial has been, nothing is known to succeed."""
    curve = MeasuredCurve([point(100, 0.0, 0.0), point(200, 0.1, 0.02)])
    assert curve.overload_rps == 200
    shares = curve.failed_ratio(np.array([199.999, 200.001]), np.array([2.0])).ravel()
    assert shares.tolist() == pytest.approx([0.02, 1.0], rel=1e-3)


def test_a_dip_is_noise() -> None:
    """A point with fewer failures than one at a lower rate is taken to have as many."""
    curve = MeasuredCurve([point(100, 0.3, 0.2), point(200, 0.1, 0.4), point(300, 0.5, 0.5)])
    [shares] = curve.failed_ratio(np.array([150.0]), np.array(TIMEOUTS_S))
    assert shares.tolist() == pytest.approx([0.3, 0.3])


def test_a_timeout_in_between_is_taken_as_the_shorter() -> None:
    """Who waits 1.9 s may fare as those who wait 0.5 s, but never better than is known."""
    [shares] = CURVE.failed_ratio(np.array([200.0]), np.array([0.5, 1.9, 2.0, 60.0]))
    assert shares.tolist() == pytest.approx([0.1, 0.1, 0.02, 0.02])
    with pytest.raises(ValueError, match=r"timeout of 0\.4 s"):
        CURVE.failed_ratio(np.array([200.0]), np.array([0.4]))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ([], "at least one point"),
        ([point(100, 0.0, 0.0), LoadPoint(200, {0.5: 0.1})], "different timeouts"),
        ([point(100, 0.0, 1.1)], "between 0 and 1"),
        ([LoadPoint(100, {})], "between 0 and 1"),
    ],
)
def test_points_that_make_no_curve_are_refused(bad: list[LoadPoint], why: str) -> None:
    """What cannot be joined is an error, not a curve of nothing."""
    with pytest.raises(ValueError, match=why):
        MeasuredCurve(bad)


def test_a_rate_alone_is_a_step() -> None:
    """Nothing fails below the rate, everything from it on, whatever the timeout."""
    curve = RateCurve(200.0)
    shares = curve.failed_ratio(np.array([199.9, 200.0]), np.array([0.1, 9.0]))
    assert shares.tolist() == [[0.0, 0.0], [1.0, 1.0]]


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    """A service without a rate has no curve."""
    with pytest.raises(ValueError, match="no rate"):
        RateCurve(rate)
