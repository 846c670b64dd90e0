"""Laws of intervals and tests on the samples of two builds."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from perfgate.analysis.compare import (
    exact_lower_bound,
    mean_and_sd,
    rate_interval,
    theil_sen_slope,
    trimmed_log_ratio,
    wilson_interval,
    worse_share,
)

untimed = settings(deadline=None)  # the machine may be busy with other work
finite = st.floats(min_value=-1e3, max_value=1e3)
positive = st.floats(min_value=1e-3, max_value=1e3)
some = st.lists(finite, min_size=2, max_size=12)
pairs = st.lists(st.tuples(positive, positive), min_size=1, max_size=40)
alphas = st.floats(min_value=0.001, max_value=0.5)
counts = st.integers(min_value=1, max_value=2000).flatmap(
    lambda n: st.tuples(st.integers(min_value=0, max_value=n), st.just(n))
)


def test_import_stays_cheap() -> None:
    """Importing the module does not import scipy.stats, which takes half a second."""
    code = "import sys, perfgate.analysis.compare; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@untimed
@given(some)
def test_mean_and_sd_agree_with_numpy(values: list[float]) -> None:
    """Mean and standard deviation are numpy's, with n - 1."""
    mean, sd = mean_and_sd(np.array(values))
    assert mean == pytest.approx(np.mean(values), abs=1e-9)
    assert sd == pytest.approx(np.std(values, ddof=1), abs=1e-9)


@untimed
@given(some.flatmap(lambda values: st.tuples(st.just(values), st.permutations(values))))
def test_mean_and_sd_ignore_order(orders: tuple[list[float], list[float]]) -> None:
    """The order of the values does not matter, to the last bit."""
    values, shuffled = orders
    assert mean_and_sd(np.array(values)) == mean_and_sd(np.array(shuffled))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([], "at least two"),
        ([1.0], "at least two"),
        ([1.0, math.nan], "not finite"),
        ([1.0, math.inf], "not finite"),
        ([[1.0, 2.0]], "2 dimensions"),
    ],
)
def test_too_little_to_spread_is_refused(values: list[float], words: str) -> None:
    """One value, no value, a table or a value that is not finite has no spread."""
    with pytest.raises(ValueError, match=words):
        mean_and_sd(np.array(values))


@untimed
@given(counts, st.floats(min_value=0.5, max_value=0.999))
def test_wilson_interval_agrees_with_scipy(sample: tuple[int, int], level: float) -> None:
    """The Wilson interval is scipy's."""
    failures, n = sample
    expected = stats.binomtest(failures, n).proportion_ci(level, method="wilson")
    interval = wilson_interval(failures, n, level)
    assert interval.lower == pytest.approx(expected.low, abs=1e-9)
    assert interval.upper == pytest.approx(expected.high, abs=1e-9)


@untimed
@given(counts)
def test_wilson_interval_holds_its_estimate(sample: tuple[int, int]) -> None:
    """Bounds stay within 0 and 1 and around the share; no failures bound it below by 0."""
    interval = wilson_interval(*sample, 0.95)
    assert 0 <= interval.lower <= interval.estimate <= interval.upper <= 1
    assert (interval.lower == 0) == (sample[0] == 0)


def test_wilson_interval_known_example() -> None:
    """No failure in ten leaves shares up to 27.75 % possible at 95 %."""
    assert wilson_interval(0, 10, 0.95).upper == pytest.approx(0.27753, abs=1e-5)


@untimed
@given(counts, alphas)
def test_exact_lower_bound_agrees_with_scipy(sample: tuple[int, int], alpha: float) -> None:
    """The exact bound is scipy's one-sided Clopper-Pearson bound."""
    test = stats.binomtest(*sample, alternative="greater")
    expected = test.proportion_ci(1 - alpha, method="exact").low
    assert exact_lower_bound(*sample, alpha) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("n", [20, 100, 1_000, 5_000])
@pytest.mark.parametrize("limit", [0.0001, 0.001, 0.01, 0.2])
@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_share_at_the_limit_is_rarely_called_above(n: int, limit: float, alpha: float) -> None:
    """A build that errs exactly as often as it may is called above with at most alpha chance."""
    convicting = next(
        failures
        for failures in range(n + 1)
        if worse_share(failures, n, None, None, limit, alpha).above_limit
    )
    assert stats.binom.sf(convicting - 1, n, limit) <= alpha


def test_one_failure_in_a_hundred_does_not_convict() -> None:
    """One failure in 100 is no evidence of more than 0.1 %; the Wilson bound would say it is."""
    assert not worse_share(1, 100, None, None, 0.001, 0.01).above_limit
    assert wilson_interval(1, 100, 0.98).lower > 0.001


def test_fisher_known_example() -> None:
    """The lady who tells three of four cups could be guessing with p = 17/70."""
    verdict = worse_share(3, 4, 1, 4, 0.001, 0.05)
    assert verdict.p_value == pytest.approx(17 / 70)
    assert verdict.above_base is False
    assert (verdict.share, verdict.base_share) == (0.75, 0.25)


def test_clearly_more_errors_than_the_base() -> None:
    """Thirty failures in 1000 are above a limit of 0.1 % and above a base of two in 1000."""
    verdict = worse_share(30, 1000, 2, 1000, 0.001, 0.01)
    assert verdict.above_limit
    assert verdict.above_base is True


def test_a_base_as_bad_clears_of_being_worse_but_not_of_the_limit() -> None:
    """Two questions, two answers: above the limit, yet no worse than the base."""
    verdict = worse_share(30, 1000, 31, 1000, 0.001, 0.01)
    assert verdict.above_limit
    assert verdict.above_base is False


def test_without_a_base_only_the_limit_is_judged() -> None:
    """An absent base leaves its answers open, neither yes nor no."""
    verdict = worse_share(30, 1000, None, None, 0.001, 0.01)
    assert verdict.above_limit
    assert (verdict.base_share, verdict.p_value, verdict.above_base) == (None, None, None)


@untimed
@given(counts, counts)
def test_no_failures_are_never_worse(sample: tuple[int, int], base: tuple[int, int]) -> None:
    """A candidate without failures is neither above any limit nor above any base."""
    verdict = worse_share(0, sample[1], *base, 0.0, 0.05)
    assert not verdict.above_limit
    assert verdict.above_base is False


@pytest.mark.parametrize(
    ("counts_given", "words"),
    [
        ((0, 0, None, None), "says nothing"),
        ((5, 4, None, None), "5 of 4 cannot be"),
        ((-1, 4, None, None), "-1 of 4 cannot be"),
        ((1, 4, 5, 4), "base failures: 5 of 4"),
        ((1, 4, 0, 0), "base failures: a share of 0"),
        ((1, 4, 1, None), "one of the base's two counts is missing"),
        ((1, 4, None, 4), "one of the base's two counts is missing"),
    ],
)
def test_impossible_counts_are_refused(
    counts_given: tuple[int, int, int | None, int | None], words: str
) -> None:
    """Counts that cannot be are errors, and so is half a base."""
    with pytest.raises(ValueError, match=words):
        worse_share(*counts_given, 0.001, 0.01)


@pytest.mark.parametrize(("limit", "alpha"), [(-0.1, 0.01), (1.0, 0.01), (0.1, 0.0), (0.1, 1.0)])
def test_impossible_limits_and_levels_are_refused(limit: float, alpha: float) -> None:
    """A limit outside [0, 1) or an alpha outside (0, 1) is an error."""
    with pytest.raises(ValueError, match="not"):
        worse_share(1, 4, 1, 4, limit, alpha)


@untimed
@given(st.lists(positive, min_size=2, max_size=12), st.floats(min_value=0.5, max_value=0.99))
def test_rate_interval_is_the_t_interval_of_logarithms(rates: list[float], level: float) -> None:
    """The interval is scipy's t interval of the logarithms, transformed back."""
    logs = np.log(rates)
    assume(np.std(logs) > 1e-6)
    expected = stats.t.interval(level, len(rates) - 1, logs.mean(), stats.sem(logs))
    interval = rate_interval(np.array(rates), level)
    assert math.log(interval.lower) == pytest.approx(expected[0], abs=1e-8)
    assert math.log(interval.upper) == pytest.approx(expected[1], abs=1e-8)
    assert interval.estimate == pytest.approx(stats.gmean(rates))


@untimed
@given(st.lists(positive, min_size=2, max_size=12), positive)
def test_rate_interval_scales_with_its_unit(rates: list[float], factor: float) -> None:
    """Rates in another unit have the same interval in that unit."""
    before = rate_interval(np.array(rates), 0.9)
    after = rate_interval(np.array(rates) * factor, 0.9)
    # Rounding of the logarithms is magnified by the t quantile and by the exponential.
    assert after.estimate == pytest.approx(before.estimate * factor)
    assert math.log(after.lower) == pytest.approx(math.log(before.lower * factor), abs=1e-9)


def test_rates_without_spread_have_a_narrow_interval() -> None:
    """Equal rates leave no doubt."""
    interval = rate_interval(np.array([250.0, 250.0, 250.0]), 0.95)
    assert (interval.lower, interval.upper) == pytest.approx((250.0, 250.0))


@pytest.mark.parametrize(
    ("rates", "level", "words"),
    [
        ([100.0], 0.95, "at least two"),
        ([100.0, 0.0], 0.95, "rates: a value is not positive"),
        ([100.0, -1.0], 0.95, "rates: a value is not positive"),
        ([100.0, math.nan], 0.95, "not finite"),
        ([100.0, 101.0], 1.0, "level lies between"),
    ],
)
def test_impossible_rates_are_refused(rates: list[float], level: float, words: str) -> None:
    """One rate, a rate of zero and a level of one have no interval."""
    with pytest.raises(ValueError, match=words):
        rate_interval(np.array(rates), level)


@untimed
@given(pairs, st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.45]))
def test_trimmed_log_ratio_agrees_with_scipy(sides: list[tuple[float, float]], trim: float) -> None:
    """The trimmed mean is scipy's, of the logarithms of the ratios."""
    candidate, base = np.array(sides).T
    expected = stats.trim_mean(np.log(candidate / base), trim)
    assert trimmed_log_ratio(candidate, base, trim) == pytest.approx(expected, abs=1e-9)


@untimed
@given(pairs)
def test_swapping_the_builds_negates(sides: list[tuple[float, float]]) -> None:
    """What is slower by x the one way is faster by x the other, to the last bit."""
    candidate, base = np.array(sides).T
    assert trimmed_log_ratio(candidate, base) == -trimmed_log_ratio(base, candidate)


@untimed
@given(pairs, st.floats(min_value=0.5, max_value=2))
def test_a_common_factor_is_found(sides: list[tuple[float, float]], factor: float) -> None:
    """A candidate slower by a factor in every pair has just that log ratio."""
    base = np.array([side[0] for side in sides])
    assert trimmed_log_ratio(base * factor, base) == pytest.approx(math.log(factor), abs=1e-12)


def test_stray_pairs_are_trimmed() -> None:
    """A fifth of the pairs at either end may be as wild as they like."""
    base = np.ones(10)
    candidate = np.array([1e9, 1e9, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 1e-9, 1e-9])
    assert trimmed_log_ratio(candidate, base) == pytest.approx(math.log(1.1))


@pytest.mark.parametrize(
    ("candidate", "base", "trim", "words"),
    [
        ([], [], 0.2, "no pairs"),
        ([1.0], [1.0, 2.0], 0.2, "candidate 1, base 2"),
        ([0.0], [1.0], 0.2, "candidate: a value is not positive"),
        ([1.0], [-1.0], 0.2, "base: a value is not positive"),
        ([math.nan], [1.0], 0.2, "not finite"),
        ([1.0], [1.0], 0.5, "below 0.5"),
        ([1.0], [1.0], -0.1, "from 0"),
    ],
)
def test_impossible_pairs_are_refused(
    candidate: list[float], base: list[float], trim: float, words: str
) -> None:
    """Missing, unequal or non-positive pairs and a trim of everything are errors."""
    with pytest.raises(ValueError, match=words):
        trimmed_log_ratio(np.array(candidate), np.array(base), trim)


@untimed
@given(points=st.lists(st.tuples(st.integers(0, 20), finite), min_size=2, max_size=30))
def test_theil_sen_slope_agrees_with_scipy(points: list[tuple[int, float]]) -> None:
    """The slope is scipy's, in whatever order the points come."""
    x, y = np.array(points, dtype=float).T
    assume(len(set(x)) > 1)
    with np.errstate(invalid="ignore"):  # scipy's interval, which is not used, may have no width
        expected = stats.theilslopes(y, x).slope
    assert theil_sen_slope(x, y) == pytest.approx(expected, abs=1e-9)
    assert theil_sen_slope(x[::-1], y[::-1]) == pytest.approx(theil_sen_slope(x, y), abs=1e-9)


def test_points_above_each_other_have_no_slope() -> None:
    """Where x never changes there is no slope, and neither is there with one point or none."""
    assert math.isnan(theil_sen_slope(np.ones(3), np.arange(3.0)))
    assert math.isnan(theil_sen_slope(np.zeros(0), np.zeros(0)))


def test_points_need_both_coordinates() -> None:
    """Unequal lengths and values that are not finite are refused."""
    with pytest.raises(ValueError, match="equal lengths"):
        theil_sen_slope(np.ones(3), np.ones(2))
    with pytest.raises(ValueError, match="not finite"):
        theil_sen_slope(np.ones(2), np.array([1.0, np.nan]))
