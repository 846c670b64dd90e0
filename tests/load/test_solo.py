"""Operations share the time that they have alone: each gets enough, and none gets more than all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.load.plan import Solo
from perfgate.load.schedule import BALANCED_IN
from perfgate.load.solo import Share, allot

DEMO = Solo(pairs=16, requests=8, seconds=1.8)
# A login hashes a password; the others take a millisecond or two.
DEMO_S = {0: 0.002, 1: 0.001, 2: 0.04, 3: 0.002, 4: 0.0015}

solos = st.builds(
    Solo,
    pairs=st.integers(1, 10).map(lambda fours: 4 * fours),
    requests=st.integers(1, 20),
    seconds=st.floats(0.1, 10),
)
times = st.dictionaries(st.integers(0, 30), st.floats(1e-4, 5), max_size=12)


def needed_s(took_s: float, share: Share) -> float:
    """Return how long a share's batches take for both builds."""
    return 2 * took_s * share.pairs * share.requests


@given(solo=solos, took_s=times)
def test_all_shares_fit_into_the_time(solo: Solo, took_s: dict[int, float]) -> None:
    """Law: what is planned, with what was spent to learn how long a request takes, fits."""
    shares = allot(solo, took_s)
    planned_s = sum(needed_s(took_s[operation], own) for operation, own in shares.items())
    spent_s = 2 * sum(took_s.values())
    assert not shares or planned_s + spent_s <= solo.seconds * (1 + 1e-9)
    assert sum(own.seconds for own in shares.values()) <= solo.seconds * (1 + 1e-9)


@given(solo=solos, took_s=times)
def test_a_share_is_whole_fours_within_the_limits(solo: Solo, took_s: dict[int, float]) -> None:
    """Law: pairs come in fours, at least one, and neither they nor batches exceed the plan."""
    for own in allot(solo, took_s).values():
        assert own.pairs % BALANCED_IN == 0
        assert BALANCED_IN <= own.pairs <= solo.pairs
        assert 1 <= own.requests <= solo.requests


@given(solo=solos, took_s=times)
def test_only_the_slowest_get_nothing(solo: Solo, took_s: dict[int, float]) -> None:
    """Law: shares come in ascending order of time, and whoever has none is no quicker."""
    shares = allot(solo, took_s)
    kept = [took_s[operation] for operation in shares]
    left_out = [took_s[operation] for operation in took_s if operation not in shares]
    assert kept == sorted(kept)
    assert not kept or not left_out or max(kept) <= min(left_out)


@pytest.mark.parametrize("dearer", [1, 2, 4])
def test_the_demo_s_operations_all_have_enough(dearer: int) -> None:
    """Law: a login that takes 40 ms, and even one that takes four times as long, gets its pairs."""
    shares = allot(DEMO, DEMO_S | {2: dearer * 0.04})
    assert set(shares) == set(DEMO_S)
    assert shares[1].pairs == DEMO.pairs


def test_quick_operations_have_larger_batches() -> None:
    """Law: time that pairs do not need goes into batches, and a slow operation has fewer pairs."""
    shares = allot(Solo(pairs=8, requests=10, seconds=1.0), {0: 0.001, 1: 0.05})
    assert (shares[0].pairs, shares[0].requests) == (8, 10)
    assert (shares[1].pairs, shares[1].requests) == (4, 1)
