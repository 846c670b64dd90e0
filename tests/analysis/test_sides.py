"""The laws of telling on which side of a limit slowdowns lie, and how far apart two are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.analysis.compare import t_interval
from perfgate.analysis.sides import Rule, Side, difference, side_of

LOOKS = (3, 4, 5, 6, 8, 10)
RULE = Rule(0.07, LOOKS, 0.01)
RUNS = 3000
figures = st.lists(st.floats(-0.3, 0.3), min_size=2, max_size=12)


@settings(deadline=None)
@given(figures, st.floats(-0.1, 0.1))
def test_the_mirror_image_lies_on_the_other_side(values: list[float], limit: float) -> None:
    """Law: what is above a limit, mirrored, is as surely below the mirrored limit."""
    own = side_of(np.array(values), Rule(limit, LOOKS, 0.01))
    other = side_of(-np.array(values), Rule(-limit, LOOKS, 0.01))
    if own is None or other is None:
        assert own is other
        return
    assert own.sure == other.sure
    assert not own.sure or own.above != other.above


@settings(deadline=None)
@given(figures)
def test_what_is_sure_stays_so(values: list[float]) -> None:
    """Law: a side that was surely told is not taken back, whatever comes later."""
    told = [side_of(np.array(values[:made]), RULE) for made in range(len(values) + 1)]
    first = next((side for side in told if side is not None and side.sure), None)
    if first is not None:
        assert all(side == first for side in told[told.index(first) :])


def test_nothing_before_the_first_look() -> None:
    """However clear, fewer sessions than the first look decide nothing."""
    assert side_of(np.array([0.2, 0.2]), RULE) is None
    assert side_of(np.array([0.2, 0.2, 0.2]), RULE) == Side(above=True, sure=True)


def test_at_the_end_the_estimate_decides() -> None:
    """Where no bound excludes the limit, the estimate says where it is, and that it is not sure."""
    wide = np.array([0.3, -0.1] * 5)
    assert side_of(wide[:9], RULE) is None
    assert side_of(wide, RULE) == Side(above=True, sure=False)
    assert side_of(wide - 0.1, RULE) == Side(above=False, sure=False)


@pytest.mark.parametrize("sd", [0.002, 0.05, 0.5])
def test_at_the_limit_both_sides_are_rare(sd: float) -> None:
    """Law: of what lies at the limit itself, either side is surely told with the chance given."""
    rule = Rule(0.07, LOOKS, 0.05)
    rng = np.random.default_rng(7)
    told = [side_of(rng.normal(0.07, sd, LOOKS[-1]), rule) for _ in range(RUNS)]
    for above in (True, False):
        share = sum(side == Side(above, sure=True) for side in told) / RUNS
        assert share == pytest.approx(0.05, abs=4 * math.sqrt(0.05 * 0.95 / RUNS))


@given(figures)
def test_of_one_group_alone_it_is_students(values: list[float]) -> None:
    """Law: with nothing else to pool, a difference from nothing is Student's interval."""
    own = np.array(values)
    told, expected = difference(None, own, [own], 0.95), t_interval(own, 0.95)
    assert (told.estimate, told.lower, told.upper) == pytest.approx(
        (expected.estimate, expected.lower, expected.upper), abs=1e-12
    )


def test_a_difference_covers_the_truth() -> None:
    """Law: the interval has the true difference in as many cases as it says."""
    rng, covered = np.random.default_rng(3), 0
    for _ in range(RUNS):
        groups = [rng.normal(mean, 0.01, made) for mean, made in ((0.0, 3), (0.15, 4), (0.0, 5))]
        told = difference(groups[0], groups[1], groups, 0.95)
        covered += told.lower <= 0.15 <= told.upper
    assert covered / RUNS == pytest.approx(0.95, abs=4 * math.sqrt(0.05 * 0.95 / RUNS))
