"""What is left to chance is so evenly, where no seed decides it."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.demand.chance import Chance, Drawn, Even

SECONDS = st.floats(0.01, 100)


@given(st.floats(0, 200), st.floats(0, 1e3), SECONDS, st.integers(0, 20))
def test_calls_are_equally_far_apart(
    rate_rps: float, start_s: float, seconds: float, others: int
) -> None:
    """Law: within the time come as many as the rate says, to one, whoever else has come before."""
    chance = Even()
    for _ in range(others):
        chance.arrivals(1.0, 0.0, 1.0)
    times_s = chance.arrivals(rate_rps, start_s, seconds)
    assert abs(len(times_s) - rate_rps * seconds) <= 1
    assert (times_s >= start_s).all()
    assert (times_s <= start_s + seconds).all()
    assert np.diff(times_s) == pytest.approx(1 / (rate_rps or 1.0), rel=1e-3)


def test_many_rare_callers_are_as_many_calls_as_a_frequent_one() -> None:
    """Law: a thousand that call twice in seven runs call 2000 times in seven of them."""
    chance = Even()
    calls = sum(len(chance.arrivals(2 / 7, 0.0, 1.0)) for _ in range(7000))
    assert calls == pytest.approx(2000, rel=0.01)


@given(st.integers(1, 200))
def test_shares_fill_the_range(count: int) -> None:
    """Law: however many there are, no gap between them is much wider than it must be."""
    shares = np.sort(list(islice(Even().shares(), count)))
    gaps = np.diff([0.0, *shares, 1.0])
    assert gaps.max() <= 3 / count


@pytest.mark.parametrize("chance", [Even(), Drawn(1)])
def test_work_takes_its_mean(chance: Chance) -> None:
    """Drawn or not, the mean of the lengths is the one that was asked for."""
    assert np.mean(list(islice(chance.lengths(0.2), 10_000))) == pytest.approx(0.2, rel=0.05)
