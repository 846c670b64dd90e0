"""Laws of growth: what a queue gains with each second of an open loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from queues import Queue

from perfgate.analysis.backlog import emptied, growth_rps

MU_RPS = 100.0
SECONDS = 15.0
MOMENTS = 16
# Both bounds of an interval of this level are off by 0.5 % together, the lower by half of it.
LEVEL = 0.99

counts = st.lists(st.integers(0, 500), min_size=4, max_size=40)


def growing(load_ratio: float, runs: int, seed: int) -> float:
    """Return the share of runs of a queue at this load in which it surely grows."""
    queue, rng = Queue(MU_RPS, 1.0), np.random.default_rng(seed)
    found = [
        growth_rps(queue.in_flight(load_ratio * MU_RPS, SECONDS, MOMENTS, rng), SECONDS, LEVEL)
        for _ in range(runs)
    ]
    return float(np.mean([own.lower > 0 for own in found]))


@pytest.mark.parametrize("load_ratio", [0.3, 0.8, 0.9, 0.95])
def test_a_queue_that_is_served_rarely_seems_to_grow(load_ratio: float) -> None:
    """Law: below the service rate, growth is seen no more often than the interval errs."""
    runs = 1000
    assert growing(load_ratio, runs, seed=1) <= 0.005 + 3 * np.sqrt(0.005 / runs)


def test_a_queue_that_is_not_served_grows() -> None:
    """Law: where a third more comes than is served, nine of ten runs of 15 s are sure of it."""
    assert growing(1.33, 200, seed=2) > 0.9


def test_what_grows_is_what_is_not_served() -> None:
    """Law: the growth is the offered rate less the service rate."""
    queue, rng = Queue(MU_RPS, 1.0), np.random.default_rng(3)
    found = [
        growth_rps(queue.in_flight(150.0, SECONDS, MOMENTS, rng), SECONDS, LEVEL).estimate
        for _ in range(200)
    ]
    assert np.mean(found) == pytest.approx(50.0, abs=1.5)


@given(grown=st.floats(0, 1000), seconds=st.floats(1, 60))
def test_a_steady_growth_is_found_exactly(grown: float, seconds: float) -> None:
    """Law: equal gains are the growth, per second, without doubt."""
    in_flight = [round(grown) * number for number in range(MOMENTS)]
    found = growth_rps(in_flight, seconds, LEVEL)
    expected = [round(grown) * (MOMENTS - 1) / seconds] * 3
    assert [found.estimate, found.lower, found.upper] == pytest.approx(expected)


@given(in_flight=counts, filled=st.integers(0, 1000))
def test_what_fills_up_first_does_not_count(in_flight: list[int], filled: int) -> None:
    """Law: a queue that fills up in the first third, then stays, does not grow."""
    third = (len(in_flight) - 1) // 3
    steady = [*in_flight[:third], *[filled] * (len(in_flight) - third)]
    assert growth_rps(steady, SECONDS, LEVEL).upper == 0.0


@given(in_flight=st.lists(st.integers(2, 500), min_size=10, max_size=40), at=st.integers(0, 39))
def test_a_queue_is_empty_once_in_the_last_third(in_flight: list[int], at: int) -> None:
    """Law: one empty moment is enough, and only those of the last third count."""
    assert not emptied(in_flight)
    place = at % len(in_flight)
    once = [*in_flight[:place], 1, *in_flight[place + 1 :]]
    assert emptied(once) == (place >= len(in_flight) - (len(in_flight) - 1) // 3)


def test_too_few_moments_say_nothing() -> None:
    """A trend needs two gains after the first third."""
    with pytest.raises(ValueError, match="at least two values"):
        growth_rps([1, 2], SECONDS, LEVEL)
