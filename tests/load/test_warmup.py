"""A warm-up's rounds: equal work with every operation in it, and an end when all have settled."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.load.warmup import LEAST_ROUNDS, Rounds, has_settled, round_of

if TYPE_CHECKING:
    from collections.abc import Callable

# What a round of one build takes once it is warm, as for the bundled service.
ROUND_S = 0.08
LIMIT_S = 30.0
weights = st.floats(0.001, 1000)


def warm_up(
    factor: Callable[[float], float], noise: float = 0.0, seed: int = 1
) -> tuple[int, float]:
    """Return how many rounds a warm-up of two builds lasts, and how many seconds.

    At time t a round takes ``factor(t)`` times as long as when the service is warm.
    """
    rng = np.random.default_rng(seed)
    now_s, count = 0.0, 0
    rounds = Rounds(("base", "candidate"))
    while now_s < LIMIT_S and rounds.unsettled():
        for build in ("base", "candidate"):
            took_s = ROUND_S * factor(now_s) * math.exp(noise * rng.standard_normal())
            rounds.add(build, took_s, took_s)
            now_s += took_s
        count += 1
    return count, now_s


@given(level=st.floats(1e-6, 1e3))
def test_a_constant_service_is_warm_at_once(level: float) -> None:
    """Law: where nothing changes, the fewest rounds that can tell are enough."""
    assert has_settled([level] * LEAST_ROUNDS)
    assert not has_settled([level] * (LEAST_ROUNDS - 1))


def test_noise_does_not_keep_a_warm_up_going() -> None:
    """Law: rounds that differ by 4 % at random take half as many again at most, on average."""
    counts = [warm_up(lambda _: 1.0, noise=0.04, seed=seed)[0] for seed in range(300)]

    assert np.mean(counts) <= 1.5 * LEAST_ROUNDS
    assert max(counts) <= 6 * LEAST_ROUNDS


@given(rate=st.floats(0.0, 1.0))
def test_getting_slower_does_not_keep_a_warm_up_going(rate: float) -> None:
    """Law: a rise does not prolong a warm-up: what grows is told by another check."""
    assert warm_up(lambda now_s: 1 + rate * now_s)[0] == LEAST_ROUNDS


@given(decay_s=st.floats(0.5, 3.0), times=st.floats(2.0, 10.0))
def test_an_exponential_decay_is_waited_for(decay_s: float, times: float) -> None:
    """Law: a service that starts so many times dearer is within 10 % when its warm-up ends."""
    _, ended_s = warm_up(lambda now_s: 1 + (times - 1) * math.exp(-now_s / decay_s))

    assert (times - 1) * math.exp(-ended_s / decay_s) <= 0.1
    assert ended_s < LIMIT_S


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.04])
@pytest.mark.parametrize("seed", range(20))
def test_five_times_dearer_over_eight_seconds(noise: float, seed: int) -> None:
    """Law: from five times as dear to normal in eight seconds: waited for, but not for long."""
    _, ended_s = warm_up(lambda now_s: 5 ** max(1 - now_s / 8, 0.0), noise, seed)

    assert 7.5 <= ended_s <= 13


def test_one_build_that_is_cold_keeps_both_going() -> None:
    """Law: all builds must have settled, by either figure; those that have not are named."""
    flat, falling = [1.0] * 12, [1.2**-n for n in range(12)]
    for cpu_s, own_s in ((flat, falling), (falling, flat)):
        rounds = Rounds(("base", "candidate"))
        for place in range(12):
            rounds.add("base", 1.0, 1.0)
            rounds.add("candidate", cpu_s[place], own_s[place])
        assert rounds.unsettled() == ["candidate"]


def test_a_build_without_accounts_is_told_by_the_clock() -> None:
    """Law: where no CPU time can be read, it stays 0 and does not count."""
    rounds = Rounds(("candidate",))
    for _ in range(LEAST_ROUNDS):
        rounds.add("candidate", 0.0, 0.2)
    assert rounds.unsettled() == []


@given(
    shares=st.lists(weights, min_size=1, max_size=12),
    requests=st.integers(1, 2000),
    seed=st.integers(0, 2**64),
)
def test_every_operation_is_in_each_round(shares: list[float], requests: int, seed: int) -> None:
    """Law: no operation is missing from a round, and common ones are there by their share."""
    made = Counter(round_of(shares, requests, seed))
    size = math.ceil(requests / LEAST_ROUNDS)

    assert set(made) == set(range(len(shares)))
    for place, share in enumerate(shares):
        assert made[place] == max(1, round(share / sum(shares) * size))
    assert size - len(shares) / 2 <= made.total() <= size + len(shares)
