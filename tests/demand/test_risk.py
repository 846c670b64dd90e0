"""The chances that the demand is not carried, by their laws and against exact figures."""

from __future__ import annotations

from math import log, log1p, sqrt
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import START, change, dependent, dependents

from perfgate.demand.ledger import Budget, Cache, Dependent
from perfgate.demand.risk import DRAWS, Risk, UncertainRate, demand_risk, doubt_ratio, drawn_once

few = settings(max_examples=25)


def exactly(rate_rps: float) -> UncertainRate:
    """Return a rate that is certain."""
    return UncertainRate(rate_rps, rate_rps, rate_rps)


def rate(estimate_rps: float, spread: float = 1.1) -> UncertainRate:
    """Return a rate with an interval from one ``spread``-th of it to so many times."""
    return UncertainRate(estimate_rps, estimate_rps / spread, estimate_rps * spread)


def risk(
    ones: list[Dependent], mu_slo: UncertainRate, mu_over: UncertainRate | None = None
) -> Risk:
    """Return the risk with a fixed seed."""
    return demand_risk(ones, START, mu_slo, mu_over or mu_slo, seed=1)


@pytest.mark.parametrize("mu_rps", [90.0, 100.0, 120.0])
def test_two_lognormals_have_an_exact_answer(mu_rps: float) -> None:
    """P(mu < lambda) is that of a normal difference of logarithms, within the error of draws."""
    peak_sd = sqrt(log1p(0.2**2))
    mu_sd = log(1.1) / NormalDist().inv_cdf(0.95)
    difference = NormalDist(log(mu_rps) - log(100) + peak_sd**2 / 2, sqrt(peak_sd**2 + mu_sd**2))
    expected = difference.cdf(0.0)
    found = risk([dependent(peak_cv=0.2)], rate(mu_rps)).overload_ratio
    assert found == pytest.approx(expected, abs=4 * sqrt(expected * (1 - expected) / DRAWS))


@pytest.mark.parametrize(
    ("spread", "limit", "expected"),
    [
        ((1.0, 1.5, 2.0), 150.0, 0.5),
        ((1.0, 1.0, 2.0), 150.0, 0.25),
        ((1.0, 2.0, 2.0), 150.0, 0.75),
        ((1.0, 1.2, 3.0), 120.0, 0.9),
        ((1.0, 1.2, 3.0), 140.0, 1.6**2 / 3.6),
        ((1.6, 1.6, 1.6), 150.0, 1.0),
    ],
)
def test_scales_are_triangular(
    spread: tuple[float, float, float], limit: float, expected: float
) -> None:
    """P(scale > x) of a triangular distribution, where nothing else is uncertain."""
    one = dependent(peak_cv=0.0, changes=(change(scale=spread),))
    found = risk([one], exactly(limit)).overload_ratio
    assert found == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("added", [0.0, 60.0])
@pytest.mark.parametrize("cv", [0.0, 0.3])
@pytest.mark.parametrize("spread", [(1.0, 2.0, 9.0), (2.0, 2.0, 2.0), (0.0, 1.0, 1.0)])
def test_how_doubtful_a_rate_is_shows_in_its_draws(
    spread: tuple[float, float, float], cv: float, added: float
) -> None:
    """Law: it is the relative standard deviation of what is drawn, plans and additions included."""
    one = dependent(peak_cv=cv, changes=(change(scale=spread, add_rps=added),))
    first = drawn_once((one,), START, 1, DRAWS).first
    assert doubt_ratio(one, START) == pytest.approx(first.std() / first.mean(), rel=0.03, abs=1e-9)


@pytest.mark.parametrize("few", [0, 1])
def test_many_dependents_are_nearly_normal(few: int) -> None:
    """A sum of 4000 equal lognormals has mean and spread of a normal, a large one beside it too."""
    count = 4000
    ones = [dependent(peak_rps=1.0, peak_cv=2.0, attempts=2)] * count
    large = [dependent(peak_rps=400.0, peak_cv=0.0, attempts=1)] * few
    demand = NormalDist(count + 400 * few, 2.0 * sqrt(count))
    for quantile in (0.25, 0.5, 0.75):
        mu_slo = demand.inv_cdf(quantile)
        # All that is retried doubles, what is not is not.
        mu_over = 2 * (mu_slo - 400 * few) + 400 * few
        found = risk(large + ones, exactly(mu_slo), exactly(mu_over))
        assert found.overload_ratio == pytest.approx(1 - quantile, abs=0.05)
        assert found.retries_unsafe_ratio == pytest.approx(found.overload_ratio, abs=1e-3)


def test_who_is_drawn_together_is_drawn_alike() -> None:
    """Of many, those of whom only the peak is uncertain have the same spread as all others."""
    plain = [dependent(peak_rps=1.0 + n / 3000, peak_cv=1.0, attempts=2) for n in range(3000)]
    kept = change(0, scale=1.0)
    changed = [one.model_copy(update={"changes": (kept,)}) for one in plain]
    some, others = (drawn_once(tuple(ones), START, 1, 20_000) for ones in (plain, changed))
    for together, alone in ((some.first, others.first), (some.worst, others.worst)):
        assert together.mean() == pytest.approx(alone.mean(), rel=0.01)
        assert together.std() == pytest.approx(alone.std(), rel=0.2)


def test_a_change_that_is_not_in_force_does_not_count() -> None:
    """A change counts from its first day on, as in the demand itself."""
    one = dependent(peak_cv=0.0, changes=(change(1, add_rps=100.0),))
    assert risk([one], exactly(150.0)).overload_ratio == 0.0
    later = demand_risk([one], START.replace(day=2), exactly(150.0), exactly(150.0), seed=1)
    assert later.overload_ratio == 1.0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"attempts": 1}, 0.0),
        ({"attempts": 2}, 1.0),
        ({"attempts": 2, "budget": Budget(kind="per_request", ratio=0.4)}, 0.0),
        ({"attempts": 2, "budget": Budget(kind="per_request", ratio=0.4, min_rps=20)}, 1.0),
        ({"attempts": 2, "cache": Cache(ttl_s=60, active_tokens=6000)}, 0.0),
        ({"attempts": 2, "calls_per_request": 0.7}, 0.0),
    ],
)
def test_retries_count_with_their_budget(fields: dict[str, object], expected: float) -> None:
    """Where all is certain, retry-safe headroom is less than 1 or it is not."""
    one = dependent(peak_cv=0.0, **fields)
    assert risk([one], exactly(150.0)).retries_unsafe_ratio == expected


@few
@given(st.lists(dependents(), min_size=1, max_size=3), st.floats(1, 1e5), st.floats(1, 3))
def test_a_faster_service_is_never_riskier(
    ones: list[Dependent], mu_rps: float, factor: float
) -> None:
    """Law: chances lie between 0 and 1 and fall with the rate; with retries they are larger."""
    slow, fast = risk(ones, rate(mu_rps)), risk(ones, rate(mu_rps * factor))
    assert 0 <= fast.overload_ratio <= slow.overload_ratio <= 1
    assert 0 <= fast.retries_unsafe_ratio <= slow.retries_unsafe_ratio <= 1
    certain = risk(ones, exactly(mu_rps))
    assert certain.overload_ratio <= certain.retries_unsafe_ratio


def test_a_seed_decides_everything() -> None:
    """The same seed gives the same chances, another one slightly different ones."""
    ones = [dependent(attempts=3)]
    assert risk(ones, rate(100.0)) == risk(ones, rate(100.0))
    other = demand_risk(ones, START, rate(100.0), rate(100.0), seed=2)
    assert other != risk(ones, rate(100.0))


def test_draws_are_made_once() -> None:
    """Law: an equal ledger gets the draws that it had, with whatever rate, and no other does."""
    risk([dependent(peak_cv=0.3)], rate(100.0))
    made = drawn_once.cache_info().misses
    risk([dependent(peak_cv=0.3)], rate(200.0))
    assert drawn_once.cache_info().misses == made
    risk([dependent(peak_cv=0.4)], rate(100.0))
    risk([dependent(peak_cv=0.3, mix={"verify": 1.0})], rate(100.0))
    assert drawn_once.cache_info().misses == made + 2


@pytest.mark.parametrize(
    "figures",
    [(100, 101, 102), (100, 90, 99), (100, 0, 110), (float("inf"), 1, float("inf"))],
)
def test_an_interval_must_enclose_its_estimate(figures: tuple[float, float, float]) -> None:
    """An interval that holds no lognormal rate is refused."""
    with pytest.raises(ValueError, match="does not hold"):
        UncertainRate(*figures)


@pytest.mark.parametrize("level", [0.0, 1.0, 90.0])
def test_a_level_is_a_share(level: float) -> None:
    """A level of 90 is a mistake for 0.9."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        UncertainRate(100, 90, 110, level)
