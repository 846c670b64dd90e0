"""Samples of two builds pass through here: counts, rates and ratios in, intervals and tests out.

It does not decide a verdict, does not know the looks of a sequential plan and reads no files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaincinv, ndtri, stdtrit

from perfgate.analysis.interval import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ErrorShare:
    """What the error counts say; all shares are ratios of 0 to 1.

    ``lower`` is the one-sided lower bound of the candidate's share and ``above_limit`` says that it
    exceeds the limit. ``p_value`` is that of "no worse than the base" and ``above_base`` says that
    it is at most alpha. Without a base, ``base_share``, ``p_value`` and ``above_base`` are None.
    """

    share: float
    lower: float
    above_limit: bool
    base_share: float | None
    p_value: float | None
    above_base: bool | None


def mean_and_sd(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return mean and standard deviation (n - 1) of at least two finite values, shape (n,).

    The sums are exact before they are rounded, so the order of the values does not matter.
    Raises ValueError for another shape, fewer values or values that are not finite.
    """
    sample = _finite_sample(values)
    if sample.size < 2:  # noqa: PLR2004 -- a spread needs two values by its definition
        raise ValueError(f"at least two values are needed, there is {sample.size}")
    mean = math.fsum(sample.tolist()) / sample.size
    squares = (sample - mean) ** 2
    return mean, math.sqrt(math.fsum(squares.tolist()) / (sample.size - 1))


def wilson_interval(failures: int, n: int, level: float) -> Interval:
    """Return the share of failures with its two-sided Wilson score interval.

    Wilson, JASA 22 (1927); Brown, Cai and DasGupta, Statistical Science 16 (2001), eq. 4.
    Raises ValueError unless 0 <= failures <= n, n >= 1 and 0 < level < 1.
    """
    _require_counts("failures", failures, n)
    _require_fraction("level", level)
    z = float(ndtri((1 + level) / 2))
    share = failures / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At the ends the formula gives 0 and 1 exactly, but for rounding.
    lower = 0.0 if failures == 0 else centre - half
    upper = 1.0 if failures == n else centre + half
    return Interval(share, lower, upper)


def exact_lower_bound(failures: int, n: int, alpha: float) -> float:
    """Return the one-sided lower bound of a share that holds with at least 1 - alpha always.

    Clopper and Pearson, Biometrika 26 (1934). Raises ValueError like :func:`wilson_interval`.
    """
    _require_counts("failures", failures, n)
    _require_fraction("alpha", alpha)
    if failures == 0:
        return 0.0
    return float(betaincinv(failures, n - failures + 1, alpha))


def worse_share(
    candidate_failures: int,
    candidate_n: int,
    base_failures: int | None,
    base_n: int | None,
    limit: float,
    alpha: float,
) -> ErrorShare:
    """Ask whether the candidate's error share lies above ``limit`` and above the base's.

    Both answers are one-sided tests at ``alpha``: the exact lower bound against the limit, and
    Fisher's exact test against the base. The Wilson bound will not do for the first: where few
    failures are expected it errs far too often (one failure in 100 would be "above 0.1 %" at alpha
    0.01, though that happens to 10 % of all runs at exactly 0.1 %).
    Without a base both of its counts are None. Raises ValueError for counts that cannot be, one
    base count without the other, and a limit outside [0, 1).
    """
    if not 0 <= limit < 1:
        raise ValueError(f"the limit of an error share is from 0 to below 1, not {limit}")
    lower = exact_lower_bound(candidate_failures, candidate_n, alpha)
    share = candidate_failures / candidate_n
    if base_failures is None or base_n is None:
        if base_failures is not base_n:
            raise ValueError("one of the base's two counts is missing")
        return ErrorShare(share, lower, lower > limit, None, None, None)
    _require_counts("base failures", base_failures, base_n)
    p_value = _fisher_p_value(candidate_failures, candidate_n, base_failures, base_n)
    return ErrorShare(
        share, lower, lower > limit, base_failures / base_n, p_value, p_value <= alpha
    )


def rate_interval(values: NDArray[np.float64], level: float) -> Interval:
    """Return the geometric mean of per-session rates, shape (n,), with its t interval.

    Computed on the logarithms, where sessions differ by factors, and transformed back; unit and
    positivity of the rates are kept. Raises ValueError for fewer than two values, values that are
    not positive and finite, and a level outside (0, 1).
    """
    _require_fraction("level", level)
    logs = t_interval(np.log(_positive_sample("rates", values)), level)
    return Interval(math.exp(logs.estimate), math.exp(logs.lower), math.exp(logs.upper))


def t_interval(values: NDArray[np.float64], level: float) -> Interval:
    """Return the mean of ``values``, shape (n,), with its two-sided t interval, in their unit.

    Raises ValueError for fewer than two values, values that are not finite, and a level outside
    (0, 1).
    """
    _require_fraction("level", level)
    mean, sd = mean_and_sd(values)
    half = float(stdtrit(len(values) - 1, (1 + level) / 2)) * sd / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def trimmed_log_ratio(
    candidate: NDArray[np.float64], base: NDArray[np.float64], trim: float = 0.2
) -> float:
    """Return the trimmed mean of log(candidate / base) over pairs, both of shape (n,).

    The floor(trim * n) smallest and as many largest ratios are left out. The value is a slowdown
    if what is given grows with slowness (times); for rates swap the two. Swapping negates exactly.
    Raises ValueError for no pairs, unequal lengths, values that are not positive and finite, and a
    trim outside [0, 0.5).
    """
    if not 0 <= trim < 0.5:  # noqa: PLR2004 -- trimming half at either end leaves nothing
        raise ValueError(f"the share trimmed at either end is from 0 to below 0.5, not {trim}")
    above = _positive_sample("candidate", candidate)
    below = _positive_sample("base", base)
    if above.size != below.size:
        raise ValueError(f"pairs need equal lengths: candidate {above.size}, base {below.size}")
    if not above.size:
        raise ValueError("there are no pairs")
    ratios = np.sort(np.log(above) - np.log(below))
    cut = int(trim * ratios.size)
    kept = ratios[cut : ratios.size - cut]
    return math.fsum(kept.tolist()) / kept.size


def theil_sen_slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Return the median slope between any two of the points, both of shape (n,).

    In units of y per unit of x; NaN where no two points differ in x. Theil, Proceedings of the
    KNAW 53 (1950); Sen, JASA 63 (1968). It is that of scipy.stats.theilslopes, without its interval
    and the half second that its import takes. Raises ValueError for unequal lengths and for values
    that are not finite.
    """
    along, across = _finite_sample(x), _finite_sample(y)
    if along.size != across.size:
        raise ValueError(f"points need equal lengths: x {along.size}, y {across.size}")
    first, second = np.triu_indices(along.size, 1)
    run, rise = along[second] - along[first], across[second] - across[first]
    apart = run != 0
    return float(np.median(rise[apart] / run[apart])) if apart.any() else math.nan


def _fisher_p_value(failures: int, n: int, base_failures: int, base_n: int) -> float:
    from scipy.stats import fisher_exact  # noqa: PLC0415 -- half a second to import, rarely needed

    table = np.array([[failures, n - failures], [base_failures, base_n - base_failures]])
    return float(fisher_exact(table, alternative="greater").pvalue)


def _finite_sample(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1:
        raise ValueError(f"values come as one row, not in {sample.ndim} dimensions")
    if not np.isfinite(sample).all():
        raise ValueError("a value is not finite")
    return sample


def _positive_sample(name: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
    sample = _finite_sample(values)
    if sample.size and sample.min() <= 0:
        raise ValueError(f"{name}: a value is not positive: {sample.min()}")
    return sample


def _require_counts(name: str, failures: int, n: int) -> None:
    if n < 1:
        raise ValueError(f"{name}: a share of {n} requests says nothing")
    if not 0 <= failures <= n:
        raise ValueError(f"{name}: {failures} of {n} cannot be")


def _require_fraction(name: str, fraction: float) -> None:
    if not 0 < fraction < 1:
        raise ValueError(f"{name} lies between 0 and 1, not at {fraction}")
