"""Laws of the histogram of durations."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.measurement.histogram import TICKS_PER_S, Histogram

untimed = settings(deadline=None)  # the machine may be busy with other work
durations = st.floats(min_value=0, max_value=1e8, allow_subnormal=False)
samples = st.lists(durations | st.floats(min_value=0, max_value=0.1), max_size=40)
shares = st.floats(min_value=0, max_value=1)


def of(*seconds: float) -> Histogram:
    """Build the histogram of the durations given."""
    return Histogram.from_seconds(np.array(seconds, dtype=np.float64))


def told(seconds: float) -> float:
    """Return how one duration is told by a histogram of nothing else."""
    quantile = of(seconds).quantile(1)
    assert quantile is not None
    return quantile


@untimed
@given(durations)
def test_error_is_bounded_at_any_magnitude(seconds: float) -> None:
    """A duration is told within 0.05 % of itself, or within half a tick where that is more."""
    assert abs(told(seconds) - seconds) <= max(0.5005 / TICKS_PER_S, 0.0005 * seconds)


@untimed
@given(st.integers(min_value=0, max_value=2**11 - 1))
def test_whole_ticks_below_two_to_the_eleven_are_exact(ticks: int) -> None:
    """Below 2**11 ticks every tick has a bucket of its own."""
    assert told(ticks / TICKS_PER_S) == ticks / TICKS_PER_S


@untimed
@given(durations, durations)
def test_order_survives(one: float, other: float) -> None:
    """A longer duration is never told as a shorter one."""
    assert told(min(one, other)) <= told(max(one, other))


def test_five_percent_shift_of_a_short_median_shows() -> None:
    """A median of 1.5 ms that rises by 5 % is told as 5 %, to a tenth of a percent."""
    before = np.random.default_rng(5).lognormal(math.log(0.0015), 0.4, size=20_000)
    base = Histogram.from_seconds(before).quantile(0.5)
    candidate = Histogram.from_seconds(before * 1.05).quantile(0.5)
    assert base is not None
    assert candidate is not None
    assert candidate / base == pytest.approx(1.05, rel=0.001)


@untimed
@given(samples, samples)
def test_merging_equals_counting_together(one: list[float], other: list[float]) -> None:
    """The merge of two histograms is the histogram of all their durations, in either order."""
    together = of(*one, *other)
    assert of(*one).merge(of(*other)) == together
    assert of(*other).merge(of(*one)) == together


@untimed
@given(samples, samples, samples)
def test_merging_is_associative(one: list[float], two: list[float], three: list[float]) -> None:
    """How merges are grouped does not matter."""
    first, second, third = of(*one), of(*two), of(*three)
    assert first.merge(second).merge(third) == first.merge(second.merge(third))


@untimed
@given(samples)
def test_merging_with_nothing_changes_nothing(seconds: list[float]) -> None:
    """The empty histogram is the neutral element of merging."""
    assert of(*seconds).merge(Histogram()) == of(*seconds)


@untimed
@given(samples)
def test_json_round_trip_is_exact(seconds: list[float]) -> None:
    """What is written as JSON text is read back as an equal histogram with an equal hash."""
    histogram = of(*seconds)
    again = Histogram.from_json(json.loads(json.dumps(histogram.to_json())))
    assert again == histogram
    assert hash(again) == hash(histogram)


def test_json_names_lowest_ticks_and_counts() -> None:
    """The document holds two lists: the lowest ticks of the buckets, ascending, and counts."""
    document = of(0.0003, 1e-7, 0.0003, 0.00030005).to_json()
    assert document == {"ticks": [1, 3000], "counts": [1, 3]}


@untimed
@given(samples.filter(len), shares)
def test_quantile_is_the_duration_of_its_rank(seconds: list[float], share: float) -> None:
    """A quantile is the smallest duration that at least that share of all do not exceed."""
    share = round(share, 3)
    rank = max(1, math.ceil(round(share * len(seconds), 6)))
    assert of(*seconds).quantile(share) == told(sorted(seconds)[rank - 1])


@untimed
@given(samples.filter(len))
def test_mean_is_that_of_the_durations(seconds: list[float]) -> None:
    """Law: the mean is that of the durations, as exact as they are kept."""
    found = Histogram.from_seconds(np.array(seconds)).mean()
    assert found == pytest.approx(float(np.mean(seconds)), rel=2**-11, abs=1e-7)


@given(samples.filter(len), shares, shares)
def test_quantiles_ascend(seconds: list[float], one: float, other: float) -> None:
    """A larger share never has a smaller quantile."""
    low, high = (of(*seconds).quantile(share) for share in sorted((one, other)))
    assert low is not None
    assert high is not None
    assert low <= high


def test_rank_is_not_fooled_by_binary_fractions() -> None:
    """Seven hundredths of a hundred durations are seven, though 0.07 * 100 exceeds 7 as floats."""
    seconds = [tick / TICKS_PER_S for tick in range(1, 101)]
    assert of(*seconds).quantile(0.07) == pytest.approx(7 / TICKS_PER_S)


def test_quantiles_agree_with_numpy() -> None:
    """Of many durations above 0.1 ms, quantiles are numpy's inverted distribution to 0.05 %."""
    seconds = 0.0001 + np.random.default_rng(6).lognormal(-6, 1, size=50_000)
    histogram = Histogram.from_seconds(seconds)
    for share in (0.0, 0.5, 0.95, 0.99, 0.999, 1.0):
        expected = float(np.quantile(seconds, share, method="inverted_cdf"))
        assert histogram.quantile(share) == pytest.approx(expected, rel=0.0005)


@untimed
@given(samples.filter(len), durations)
def test_share_above_counts_what_exceeds_the_limit(seconds: list[float], limit_s: float) -> None:
    """The share lies between those of the durations clearly above and not clearly below."""
    blur = max(0.001 * limit_s, 2 / TICKS_PER_S)
    share = of(*seconds).share_above(limit_s)
    surely = sum(value > limit_s + blur for value in seconds) / len(seconds)
    possibly = sum(value > limit_s - blur for value in seconds) / len(seconds)
    assert share is not None
    assert surely <= share + 1e-12
    assert share <= possibly + 1e-12


def test_a_duration_at_the_limit_is_not_above_it() -> None:
    """Durations exactly at a limit of whole ticks do not exceed it."""
    assert of(0.0001, 0.0001, 0.0002, 0.0003).share_above(0.0001) == 0.5


@untimed
@given(samples)
def test_every_duration_is_counted_once(seconds: list[float]) -> None:
    """The count is the number of durations."""
    assert of(*seconds).count == len(seconds)


def test_shape_does_not_matter() -> None:
    """An array of any shape counts as the row of its durations."""
    assert Histogram.from_seconds(np.array([[0.1, 0.2], [0.3, 0.2]])) == of(0.1, 0.2, 0.3, 0.2)


def test_nothing_counted_tells_nothing() -> None:
    """An empty histogram has a count of 0, and no quantile or share."""
    empty = of()
    assert empty == Histogram()
    assert empty.count == 0
    assert (empty.quantile(0.5), empty.share_above(0.1)) == (None, None)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1e-9, "negative"), (math.nan, "finite"), (math.inf, "finite"), (1e9, "too long")],
)
def test_impossible_durations_are_refused(seconds: float, words: str) -> None:
    """A negative, endless or absurd duration is an error, never a count."""
    with pytest.raises(ValueError, match=words):
        of(0.1, seconds)


@pytest.mark.parametrize("share", [-0.01, 1.01, math.nan])
def test_quantiles_of_impossible_shares_are_refused(share: float) -> None:
    """A share outside 0 to 1 has no quantile, not even of nothing."""
    with pytest.raises(ValueError, match="from 0 to 1"):
        of().quantile(share)


def test_a_limit_that_is_no_number_is_refused() -> None:
    """Nothing is above or below a limit that is not a number."""
    with pytest.raises(ValueError, match="not a number"):
        of(0.1).share_above(math.nan)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "object"),
        ({"ticks": []}, "only"),
        ({"ticks": [], "counts": [], "unit": "s"}, "only"),
        ({"ticks": 1, "counts": [1]}, "'ticks' is not a list"),
        ({"ticks": [1.0], "counts": [1]}, "whole numbers"),
        ({"ticks": [1], "counts": [True]}, "'counts' is not a list of whole numbers"),
        ({"ticks": [1, 2], "counts": [1]}, "2 ticks but 1 counts"),
        ({"ticks": [2, 1], "counts": [1, 1]}, "ascend"),
        ({"ticks": [1, 1], "counts": [1, 1]}, "ascend"),
        ({"ticks": [-1], "counts": [1]}, "outside"),
        ({"ticks": [2**200], "counts": [1]}, "outside"),
        ({"ticks": [2**11 + 1], "counts": [1]}, "no bucket begins at tick 2049"),
        ({"ticks": [1], "counts": [0]}, "count of 0"),
        ({"ticks": [1], "counts": [2**60]}, "more than"),
    ],
)
def test_foreign_documents_are_refused(document: object, words: str) -> None:
    """What was not written by a histogram is refused, and the message says what was found."""
    with pytest.raises(ValueError, match=words):
        Histogram.from_json(document)
