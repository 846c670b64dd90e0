"""Attempts per first try follow from the share that fails by the laws of the model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ledgers import dependent, dependents

from perfgate.demand.attempts import callers_of
from perfgate.demand.demand import amplification
from perfgate.demand.ledger import Budget

if TYPE_CHECKING:
    from perfgate.demand.ledger import Dependent

SHARES = st.floats(0, 1)
RATES = st.floats(0, 1e4)
HAIR = 1 + 1e-9


def attempts_per_try(one: Dependent, failed_ratio: float, first_rps: float = 100.0) -> float:
    """Return the attempts per first try of one dependent."""
    return float(callers_of([one], [first_rps]).attempts_per_try(failed_ratio)[0])


@given(dependents(), RATES)
def test_without_failures_there_are_no_retries(one: Dependent, rate: float) -> None:
    """Law: A(0) = 1, whatever the attempts and the budget."""
    assert attempts_per_try(one, 0.0, rate) == 1.0


@given(SHARES, st.integers(1, 6), st.integers(1, 4))
def test_without_a_budget_attempts_are_a_geometric_sum(share: float, own: int, above: int) -> None:
    """Law: attempt k is made if all k - 1 before it have failed, up to m u of them."""
    one = dependent(attempts=own, upstream_attempts=above)
    expected = sum(share**before for before in range(own * above))
    assert attempts_per_try(one, share) == pytest.approx(expected)


@given(dependents(), RATES, SHARES)
def test_attempts_lie_between_one_and_all(one: Dependent, rate: float, share: float) -> None:
    """Law: a budget never takes the first try away, and never adds attempts."""
    made = attempts_per_try(one, share, rate)
    assert made * HAIR >= 1
    assert made <= one.attempts * one.upstream_attempts * HAIR


# A floor that the calls of a dependent's own callers share.
FLOORED = dependent(
    attempts=2,
    upstream_attempts=2,
    budget=Budget(kind="per_request", ratio=0.625, min_rps=1.0, clients=2),
)


@given(dependents(), RATES, SHARES, st.integers(1, 6))
@example(FLOORED, 9.0, 0.75, 1)
def test_more_attempts_never_amplify_less(
    one: Dependent, rate: float, share: float, more: int
) -> None:
    """Law: A(p) is monotone in attempts and in upstream attempts."""
    keener = one.model_copy(update={"attempts": one.attempts + more})
    above = one.model_copy(update={"upstream_attempts": one.upstream_attempts + more})
    made = attempts_per_try(one, share, rate)
    assert made <= attempts_per_try(keener, share, rate) * HAIR
    assert made <= attempts_per_try(above, share, rate) * HAIR


@given(dependents(), SHARES, SHARES)
def test_a_larger_budget_never_amplifies_less(one: Dependent, share: float, ratio: float) -> None:
    """Law: A(p) is monotone in the ratio of a budget of any kind, up to none at all."""
    made = attempts_per_try(one, share)
    larger = one.budget.model_copy(update={"ratio": max(ratio * 0.99, one.budget.ratio)})
    assert made <= attempts_per_try(one.model_copy(update={"budget": larger}), share) * HAIR
    unlimited = one.model_copy(update={"budget": Budget(kind="none")})
    assert made <= attempts_per_try(unlimited, share) * HAIR


@given(dependents(), SHARES, SHARES)
def test_more_failures_never_make_fewer_attempts(
    one: Dependent, share: float, other: float
) -> None:
    """Law: A(p) is monotone in p, but for a budget of successes, which failures use up."""
    if one.budget.kind != "per_success":
        few, many = sorted((share, other))
        assert attempts_per_try(one, few) <= attempts_per_try(one, many) * HAIR


@given(SHARES, st.integers(1, 6), st.integers(1, 4))
def test_a_floor_that_is_never_reached_is_no_budget(share: float, own: int, above: int) -> None:
    """Law: a budget that always allows a million retries per second takes none away."""
    floor = Budget(kind="per_request", ratio=0, min_rps=1e6)
    one, free = (
        dependent(attempts=own, upstream_attempts=above, budget=budget)
        for budget in (floor, Budget(kind="none"))
    )
    assert attempts_per_try(one, share) == pytest.approx(attempts_per_try(free, share))


@given(dependents(), RATES)
def test_amplification_is_the_limit(one: Dependent, rate: float) -> None:
    """Law: as p goes to 1, A(p) goes to the amplification, and gets there."""
    near = attempts_per_try(one, 1 - 1e-12, rate)
    assert near == pytest.approx(amplification(one, rate), rel=1e-6)
    assert callers_of([one], [rate]).amplification[0] == amplification(one, rate)


@given(SHARES, st.floats(0, 1), st.integers(1, 9))
def test_a_budget_of_successes_bounds_retries_by_successes(
    share: float, ratio: float, attempts: int
) -> None:
    """Law: retries are at most that share of the attempts that succeed."""
    one = dependent(attempts=attempts, budget=Budget(kind="per_success", ratio=ratio))
    made = attempts_per_try(one, share)
    assert made - 1 <= ratio * made * (1 - share) * HAIR + 1e-9


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (Budget(kind="none"), 6.0),
        (Budget(kind="per_request", ratio=0.2), 2.4),
        (Budget(kind="per_request", ratio=0.2, min_rps=10, clients=3), 2.4 + 30 / 100),
        (Budget(kind="per_request", ratio=1, min_rps=1e6), 6.0),
        (Budget(kind="per_success", ratio=0.2), 2.0),
        (Budget(kind="concurrency", ratio=0.2), 2.5),
        (Budget(kind="concurrency", ratio=0.999), 6.0),
    ],
)
def test_each_kind_of_budget_has_its_cap(budget: Budget, expected: float) -> None:
    """While everything fails a budget caps 3 attempts; callers that call twice double that."""
    one = dependent(attempts=3, upstream_attempts=2, budget=budget)
    assert amplification(one, 100.0) == pytest.approx(expected)


def test_attempts_are_the_cap_where_nothing_is_sent() -> None:
    """A floor of retries per second is no limit per first try when there are no first tries."""
    floor = Budget(kind="per_request", ratio=0.1, min_rps=1)
    assert amplification(dependent(attempts=3, budget=floor), 0.0) == 3.0
    no_floor = Budget(kind="per_request", ratio=0.1)
    assert amplification(dependent(attempts=3, budget=no_floor), 0.0) == pytest.approx(1.1)


@given(st.lists(st.tuples(dependents(), RATES, SHARES), min_size=1, max_size=5))
def test_together_they_are_what_each_is_alone(rows: list[tuple[Dependent, float, float]]) -> None:
    """Law: an array of dependents is evaluated entry by entry, and their load is the sum."""
    ones, rates, shares = zip(*rows, strict=True)
    callers = callers_of(ones, rates)
    alone = [attempts_per_try(*row) for row in zip(ones, shares, rates, strict=True)]
    assert callers.attempts_per_try(np.array(shares)).tolist() == alone
    expected = sum(made * rate for made, rate in zip(alone, rates, strict=True))
    assert callers.load_rps(np.array(shares)) == pytest.approx(expected)


def test_each_dependent_needs_a_rate() -> None:
    """A rate too few is a mistake of the caller's."""
    with pytest.raises(ValueError, match="shorter"):
        callers_of([dependent(), dependent()], [1.0])
