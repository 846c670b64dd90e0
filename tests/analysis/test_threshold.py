"""Laws of the search: what trials say of the highest rate within a promise, and where to go on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queues import Queue

from perfgate.analysis.threshold import Belief, Span, Trial, belief, next_rate

if TYPE_CHECKING:
    from perfgate.analysis.interval import Interval

ALLOWED = 0.05
LEVEL = 0.9
SPAN = Span(100.0, 1000.0)
TRIALS = 8
# Patient settings: on a busy machine an example may take its time.
patient = settings(deadline=None, max_examples=25)

rates = st.floats(SPAN.low_rps, SPAN.high_rps)
counted = st.tuples(rates, st.integers(0, 9000), st.floats(0, 1))
trials_of_any_kind = st.lists(
    counted.map(lambda own: Trial(own[0], own[1], round(own[1] * own[2]))), max_size=6
)


def searched(queue: Queue, seed: int) -> Interval:
    """Return what a search of the defaults' length finds, its service rate known to 2 %."""
    rng = np.random.default_rng(seed)
    span = Span(0.1 * queue.mu_rps, queue.mu_rps * math.exp(0.02 * rng.standard_normal()))
    trials: list[Trial] = []
    for made in range(TRIALS):
        rate_rps = next_rate(belief(trials, ALLOWED, span), made, span)
        latencies_s = queue.latencies_s(rate_rps, 5.0, 10.0, rng)
        late = int((latencies_s > queue.promised_s).sum())
        trials.append(Trial(rate_rps, len(latencies_s), late))
    return belief(trials, ALLOWED, span).interval(LEVEL)


def held(queue: Queue, runs: int) -> tuple[float, float, float]:
    """Return how often the interval holds the limit, the mean error, and its mean half-width."""
    found = [searched(queue, seed) for seed in range(runs)]
    limit = queue.limit_rps(ALLOWED)
    holding = [own.lower <= limit <= own.upper for own in found]
    errors = [own.estimate / limit - 1 for own in found]
    halves = [(own.upper - own.lower) / 2 / limit for own in found]
    return float(np.mean(holding)), float(np.mean(errors)), float(np.mean(halves))


def fewest(runs: int) -> float:
    """Return the least share that a simulation may tell of a chance of LEVEL: three errors."""
    return LEVEL - 3 * math.sqrt(LEVEL * (1 - LEVEL) / runs)


# Limits at 0.4 to 0.97 of the service rate: mu * promised is what decides.
@pytest.mark.long
@pytest.mark.parametrize(
    ("queue", "half"),
    [
        (Queue(100.0, 0.05), 0.25),
        pytest.param(Queue(200.0, 0.1), 0.1, marks=pytest.mark.nightly),
        pytest.param(Queue(1000.0, 0.05), 0.07, marks=pytest.mark.nightly),
        pytest.param(Queue(1000.0, 0.1), 0.07, marks=pytest.mark.nightly),
    ],
)
def test_the_interval_holds_the_limit_as_often_as_it_says(queue: Queue, half: float) -> None:
    """Law: in nine of ten searches of simulated queues it holds the true limit, and is narrow."""
    runs = 150
    share, error, width = held(queue, runs)
    assert share >= fewest(runs)
    assert abs(error) < 0.05
    assert width < half


def test_the_interval_holds_the_limit() -> None:
    """The same of few searches: quicker, and it finds a gross mistake."""
    share, error, _ = held(Queue(200.0, 0.1), 40)
    assert share >= fewest(40)
    assert abs(error) < 0.03


@patient
@given(trials=trials_of_any_kind, factor=st.floats(0.01, 100))
def test_the_unit_of_rates_does_not_matter(trials: list[Trial], factor: float) -> None:
    """Law: rates that are all so many times as large have a limit so many times as large."""
    own = belief(trials, ALLOWED, SPAN)
    scaled = [Trial(one.rate_rps * factor, one.arrivals, one.missed) for one in trials]
    span = Span(SPAN.low_rps * factor, SPAN.high_rps * factor)
    other = belief(scaled, ALLOWED, span)
    assert other.chances == pytest.approx(own.chances, abs=1e-9)
    assert other.rates_rps == pytest.approx(own.rates_rps * factor)


@patient
@given(trials=trials_of_any_kind)
def test_the_order_of_trials_does_not_matter(trials: list[Trial]) -> None:
    """Law: trials say the same in whatever order they were made."""
    forth, back = (belief(own, ALLOWED, SPAN) for own in (trials, trials[::-1]))
    assert back.chances == pytest.approx(forth.chances, abs=1e-9)
    assert forth.chances.sum() == pytest.approx(1)


@patient
@given(trials=trials_of_any_kind, made=st.integers(0, 50))
def test_the_next_rate_lies_in_the_span(trials: list[Trial], made: int) -> None:
    """Law: no rate is tried outside the span, and the same trials give the same one."""
    own = belief(trials, ALLOWED, SPAN)
    rate = next_rate(own, made, SPAN)
    assert SPAN.low_rps <= rate <= SPAN.high_rps
    assert rate == next_rate(belief(trials, ALLOWED, SPAN), made, SPAN)


@patient
@given(trials=trials_of_any_kind, rate=rates)
def test_no_trial_without_requests_counts(trials: list[Trial], rate: float) -> None:
    """Law: a trial without requests says nothing."""
    own = belief(trials, ALLOWED, SPAN)
    more = belief([*trials, Trial(rate, 0, 0)], ALLOWED, SPAN)
    assert more.chances == pytest.approx(own.chances, abs=1e-9)


@patient
@given(
    rate=st.floats(1.5 * SPAN.low_rps, SPAN.high_rps),
    missed=st.lists(st.integers(0, 1000), min_size=2, max_size=2, unique=True),
)
def test_more_that_miss_it_lower_the_limit(rate: float, missed: list[int]) -> None:
    """Law: the more of a trial's requests miss the promise, the lower the limit, to a thousandth.

    Where nearly all miss it, how many do tells of the slope too; and below the lowest possible
    limit a single trial finds no room for it.
    """
    few, many = (belief([Trial(rate, 1000, own)], ALLOWED, SPAN) for own in sorted(missed))
    assert many.quantile(0.5) <= few.quantile(0.5) * 1.001


def test_rates_are_tried_on_both_sides() -> None:
    """Law: of two trials in a row one is below the median of what is believed, the other above."""
    own = belief([], ALLOWED, SPAN)
    assert next_rate(own, 0, SPAN) < own.quantile(0.5) < next_rate(own, 1, SPAN)


def test_what_is_kept_at_every_rate_has_its_limit_beyond() -> None:
    """Law: where the service rate itself keeps the promise, the limit is believed beyond it."""
    own = belief([Trial(rate, 9000, 0) for rate in (700.0, 950.0, 1000.0)], ALLOWED, SPAN)
    assert own.quantile(0.5) > SPAN.high_rps


def test_what_is_missed_at_every_rate_has_its_limit_below() -> None:
    """Law: where the lowest rate misses the promise, the limit is believed below it."""
    own = belief([Trial(rate, 900, 900) for rate in (700.0, 300.0, 100.0)], ALLOWED, SPAN)
    assert own.quantile(0.5) < SPAN.low_rps


@given(shares=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_quantiles_ascend(shares: list[float]) -> None:
    """Law: quantiles ascend, and the interval of a level is between those of its tails."""
    own = Belief(np.linspace(1.0, 2.0, 11), np.full(11, 1 / 11))
    low, high = map(own.quantile, shares)
    assert 1.0 <= low <= high <= 2.0
    rate = own.interval(0.5)
    assert (rate.lower, rate.estimate, rate.upper) == pytest.approx((1.225, 1.5, 1.775))
