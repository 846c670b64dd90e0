"""Laws of the arrivals: one seed, one schedule; rates, shares, spacing and order."""

from __future__ import annotations

import math
from collections import Counter
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.load.schedule import Schedule, balanced_order, draw_schedule, even_mix

if TYPE_CHECKING:
    from pathlib import Path

rates = st.floats(0.5, 400)
durations = st.floats(0.1, 20)
seeds = st.integers(0, 2**64)
kinds = st.sampled_from(["poisson", "uniform"])
weights = st.floats(0.001, 1000)
mixes = st.dictionaries(st.text(min_size=1, max_size=8), weights, min_size=1, max_size=8)
shares = st.lists(weights, min_size=1, max_size=8)


def drawn(**changes: Any) -> Schedule:
    """Return a schedule of ten seconds at 100/s, changed as said."""
    wanted: dict[str, Any] = {
        "rate_rps": 100.0,
        "duration_s": 10.0,
        "mix": {"a": 1.0, "b": 3.0},
        "seed": 1,
    }
    return draw_schedule(**wanted | changes)


def same(one: Schedule, other: Schedule) -> bool:
    """Return whether two schedules are equal to the bit."""
    return np.array_equal(one.intended_s, other.intended_s) and np.array_equal(
        one.operation, other.operation
    )


@given(rate_rps=rates, duration_s=durations, seed=seeds, mix=mixes, arrivals=kinds)
def test_a_seed_is_a_schedule(**wanted: object) -> None:
    """Law: the same arguments give the same schedule."""
    assert same(drawn(**wanted), drawn(**wanted))


@given(seed=seeds, mix=mixes)
def test_the_order_in_which_a_mix_is_written_counts_for_nothing(
    seed: int, mix: dict[str, float]
) -> None:
    """Law: operation codes index the sorted names."""
    backwards = dict(reversed(mix.items()))

    assert same(drawn(seed=seed, mix=mix), drawn(seed=seed, mix=backwards))


@given(seed=seeds, mix=mixes, factor=st.floats(0.01, 100))
def test_only_shares_count(seed: int, mix: dict[str, float], factor: float) -> None:
    """Law: a mix in requests per second and the same mix in percent mean the same."""
    scaled = {name: share * factor for name, share in mix.items()}
    one, other = drawn(seed=seed, mix=mix), drawn(seed=seed, mix=scaled)

    assert np.array_equal(one.intended_s, other.intended_s)
    # Rounding of the shares may move a draw that falls on the very border.
    assert np.count_nonzero(one.operation != other.operation) <= 1


@given(seed=seeds, arrivals=kinds)
def test_seeds_differ(seed: int, arrivals: str) -> None:
    """Law: another seed is another schedule, in its operations at least."""
    assert not same(drawn(seed=seed, arrivals=arrivals), drawn(seed=seed + 1, arrivals=arrivals))


@given(rate_rps=rates, duration_s=durations, seed=seeds, mix=mixes, arrivals=kinds)
def test_times_ascend_within_the_duration(**wanted: Any) -> None:
    """Law: intended times ascend from 0 and end before the duration; codes name operations."""
    schedule = drawn(**wanted)

    assert np.all(np.diff(schedule.intended_s) >= 0)
    assert np.all((schedule.intended_s >= 0) & (schedule.intended_s < wanted["duration_s"]))
    assert np.all(schedule.operation < len(wanted["mix"]))
    assert len(schedule) == len(schedule.intended_s) == len(schedule.operation)


@given(rate_rps=rates, duration_s=durations, seed=seeds)
def test_uniform_arrivals_keep_their_distance(
    rate_rps: float, duration_s: float, seed: int
) -> None:
    """Law: uniform arrivals are 1/rate apart, and as many as rate times duration, rounded."""
    schedule = drawn(rate_rps=rate_rps, duration_s=duration_s, seed=seed, arrivals="uniform")

    assert len(schedule) == round(rate_rps * duration_s)
    assert np.allclose(np.diff(schedule.intended_s), 1 / rate_rps, rtol=1e-6)
    assert np.all(schedule.intended_s[:1] == 0)


def test_uniform_arrivals_survive_floating_point() -> None:
    """Law: 100/s for 0.29 s are 29 arrivals, though the product of the floats is below 29."""
    assert len(drawn(duration_s=0.29, arrivals="uniform")) == 29


@given(rate_rps=rates, duration_s=durations, seed=seeds)
def test_poisson_arrivals_come_at_their_rate(rate_rps: float, duration_s: float, seed: int) -> None:
    """Law: the number of Poisson arrivals is within six standard deviations of its mean."""
    mean = rate_rps * duration_s
    count = len(drawn(rate_rps=rate_rps, duration_s=duration_s, seed=seed))

    assert abs(count - mean) <= 6 * math.sqrt(mean) + 6


def test_poisson_gaps_are_exponential() -> None:
    """Law: gaps have the mean 1/rate and the same standard deviation; counts are dispersed by 1."""
    schedule = drawn(rate_rps=1000, duration_s=50)
    gaps_s = np.diff(schedule.intended_s)
    counts = np.bincount((schedule.intended_s / 0.01).astype(int))

    assert gaps_s.mean() == pytest.approx(0.001, rel=0.02)
    assert gaps_s.std() == pytest.approx(0.001, rel=0.03)
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.1)


@given(seed=seeds, mix=mixes)
def test_operations_come_in_their_shares(seed: int, mix: dict[str, float]) -> None:
    """Law: each operation is drawn in its share, within six standard deviations."""
    schedule = drawn(seed=seed, mix=mix)
    count, total = len(schedule), sum(mix.values())
    for code, name in enumerate(sorted(mix)):
        share = mix[name] / total
        spread = math.sqrt(count * share * (1 - share))
        found = np.count_nonzero(schedule.operation == code)
        assert abs(found - count * share) <= 6 * spread + 6


@pytest.mark.parametrize("changes", [{"rate_rps": 0.0}, {"duration_s": 0.0}, {"rate_rps": -1.0}])
def test_nothing_cannot_be_drawn(changes: dict[str, float]) -> None:
    """Law: a rate or duration that is not positive is refused, saying what was asked for."""
    with pytest.raises(ValueError, match="must be positive"):
        drawn(**changes)


@given(rate_rps=rates, duration_s=durations, seed=seeds)
def test_a_schedule_reads_back(
    tmp_path_factory: pytest.TempPathFactory, rate_rps: float, duration_s: float, seed: int
) -> None:
    """Law: what was written is what is read, to the bit."""
    path: Path = tmp_path_factory.mktemp("schedule") / "schedule.npz"
    schedule = drawn(rate_rps=rate_rps, duration_s=duration_s, seed=seed)
    schedule.write(path)

    assert same(Schedule.read(path), schedule)


@given(blocks=st.integers(0, 50), seed=seeds)
def test_the_candidate_goes_first_twice_in_every_four(blocks: int, seed: int) -> None:
    """Law: each block of four pairs has two of either order; the seed decides which."""
    order = balanced_order(4 * blocks, seed)

    assert len(order) == 4 * blocks
    assert all(sum(order[start : start + 4]) == 2 for start in range(0, len(order), 4))
    assert order == balanced_order(4 * blocks, seed)


def test_all_orders_of_a_block_occur_alike() -> None:
    """Law: the six ways to order two and two are equally likely."""
    order = balanced_order(4 * 6000, seed=3)
    found = Counter(tuple(order[start : start + 4]) for start in range(0, len(order), 4))

    assert len(found) == 6
    assert max(abs(count - 1000) for count in found.values()) <= 6 * math.sqrt(1000)


@given(shares=shares, seed=seeds, count=st.integers(0, 500))
def test_an_even_mix_never_runs_ahead(shares: list[float], seed: int, count: int) -> None:
    """Law: of any first n requests, an operation has at most two more than its share."""
    found = Counter(islice(even_mix(shares, seed), count))

    assert sum(found.values()) == count
    for index, share in enumerate(shares):
        assert found[index] <= count * share / sum(shares) + 2 + 1e-6


@given(shares=shares, seed=seeds)
def test_an_even_mix_falls_behind_by_a_bound(shares: list[float], seed: int) -> None:
    """Law: no operation is starved: it lacks at most as many as there are operations."""
    count = 2000
    found = Counter(islice(even_mix(shares, seed), count))

    for index, share in enumerate(shares):
        assert found[index] >= count * share / sum(shares) - len(shares)


@given(seed=seeds)
def test_rare_operations_come_at_equal_distances(seed: int) -> None:
    """Law: an operation of one percent comes every hundred requests, a few more or less."""
    codes = list(islice(even_mix([75, 12, 8, 4, 1], seed), 3000))
    places = [place for place, code in enumerate(codes) if code == 4]

    assert len(places) in (29, 30, 31)
    assert all(abs(later - earlier - 100) <= 10 for earlier, later in pairwise(places))


@given(shares=shares, seed=seeds)
def test_an_even_mix_follows_its_seed(shares: list[float], seed: int) -> None:
    """Law: the same seed gives the same requests, so that twins are twins."""
    assert list(islice(even_mix(shares, seed), 200)) == list(islice(even_mix(shares, seed), 200))
