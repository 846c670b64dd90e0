"""Figures of many records, oldest first, become levels and the places where the level changed.

The figures were taken hours or months apart. Why a level changed is not asked here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import ruptures
from scipy.special import stdtr, stdtrit

from perfgate.analysis.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# A level is told from so many records on: fewer may be outliers that came together.
LEAST_LEVEL = 4
# With fewer records nothing is known of their noise.
LEAST_RECORDS = 12
# What a change must explain, in units of the noise's variance. Simulated (docs/history.md): with it
# 500 records of one build show no change in 99 of 100 histories, whatever their distribution.
PENALTY = 24.0
# What lies farther from its neighbours' median than so many standard deviations counts as that far.
FARTHEST = 3.0
NEIGHBOURS = 4
# Beyond that, neighbours are so alike that a level cannot be told from a wave.
MOST_ALIKE = 0.9
# Of the differences, by which it is told how alike neighbours are, the largest are left out.
LEFT_OUT = 0.1
# What is told of that from few records is mostly chance: so much, over the root of their number.
DOUBT = 1.5
# The median of the absolute value of a normal deviate.
NORMAL_MEDIAN = 0.6745
# Two-sided 95 %.
NORMAL_QUANTILE = 1.96
LEVEL = 0.95
# Of steps that are none, the chance that any in a whole history is told.
STEP_CHANCE = 0.001
# What other steps have shown of the noise counts like so many degrees of freedom of one's own.
SHARED_FREEDOM = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """From the record at ``index`` on the figures have another level.

    ``ratio`` is log(after / before) with its 95 % interval, as if the place had been known: that it
    was searched makes the truth a little smaller than the estimate.
    """

    index: int
    ratio: Interval


@dataclass(frozen=True, slots=True)
class Trend:
    """The level at each record, in the unit of the figures, and where it changed."""

    levels: tuple[float, ...]
    changes: tuple[Change, ...]


def trend_of(figures: Sequence[float]) -> Trend:
    """Return the levels of figures greater than 0, oldest first, on the log scale.

    Candidates are the least squares segmentation with a penalty for each change (PELT: Killick,
    Fearnhead and Eckley, JASA 107, 2012), which of all segmentations is the best; PENALTY makes
    them significant. Squares are in units of the long-run variance, so that neither noise nor
    waves of neighbours that are alike become changes. One level where there are fewer than
    LEAST_RECORDS. Raises ValueError for a figure that is not positive and finite.
    """
    logs = _logs(figures)
    if logs.size < LEAST_RECORDS:
        return Trend(_levels(logs, _edges((), logs.size)), ())
    bounded, noise = _bounded(logs)
    found = () if noise == 0 else _segmented(bounded / noise)
    edges = _edges(found, logs.size)
    around = zip(edges, edges[1:], edges[2:], strict=False)
    changes = [_change(bounded, noise, *places) for places in around]
    return Trend(_levels(bounded, edges), tuple(changes))


def steps_in(
    estimates: Sequence[float], errors: Sequence[float], freedoms: Sequence[float]
) -> dict[int, Interval]:
    """Return the steps, by their place, that are surely more than noise, with 95 % intervals.

    Each is a log ratio of two builds that ran side by side, with its standard error and degrees of
    freedom. These are few: the other steps' variances join in, as if seen SHARED_FREEDOM times
    (Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004). Of all steps that
    are none, any is told with a chance of STEP_CHANCE (Bonferroni).
    """
    freedom = np.asarray(freedoms, dtype=float)
    squares = freedom * np.asarray(errors, dtype=float) ** 2
    found = {}
    for place, estimate in enumerate(estimates):
        others = freedom.sum() - freedom[place]
        shared = min(others, SHARED_FREEDOM)
        common = (squares.sum() - squares[place]) / others if others > 0 else 0.0
        own = float(freedom[place] + shared)
        error = math.sqrt((squares[place] + shared * common) / own)
        if error > 0 and 2 * stdtr(own, -abs(estimate) / error) <= STEP_CHANCE / len(estimates):
            half = float(stdtrit(own, (1 + LEVEL) / 2)) * error
            found[place] = Interval(estimate, estimate - half, estimate + half)
    return found


def _logs(figures: Sequence[float]) -> Floats:
    values = np.asarray(figures, dtype=float)
    if not (np.isfinite(values) & (values > 0)).all():
        raise ValueError("figures of a history are positive and finite")
    logs: Floats = np.log(values)
    return logs


def _segmented(scaled: Floats) -> tuple[int, ...]:
    """Return where levels begin, the first one's beginning left out."""
    search = ruptures.KernelCPD(kernel="linear", min_size=LEAST_LEVEL).fit(scaled.reshape(-1, 1))
    return tuple(search.predict(pen=PENALTY)[:-1])


def _edges(found: Sequence[int], count: int) -> tuple[int, ...]:
    return (0, *found, count)


def _levels(logs: Floats, edges: Sequence[int]) -> tuple[float, ...]:
    means = [(float(np.exp(logs[a:b].mean())), b - a) for a, b in pairwise(edges) if b > a]
    return tuple(level for level, length in means for _ in range(length))


def _change(logs: Floats, noise: float, start: int, index: int, end: int) -> Change:
    estimate = float(logs[index:end].mean() - logs[start:index].mean())
    half = NORMAL_QUANTILE * noise * math.sqrt(1 / (index - start) + 1 / (end - index))
    return Change(index, Interval(estimate, estimate - half, estimate + half))


def _bounded(logs: Floats) -> tuple[Floats, float]:
    """Return the logs with outliers drawn in, and the root of their long-run variance.

    What lies FARTHEST from its neighbours is drawn in; of neighbours that are alike it is the
    variance of means over many records that counts. Differences know nothing of levels, so that
    changes hardly count.
    """
    sd = _typical(np.diff(logs)) / math.sqrt(2)
    middle = _running_median(logs)
    bounded = np.clip(logs, middle - FARTHEST * sd, middle + FARTHEST * sd)
    noise = _root_mean_square(np.diff(bounded)) / math.sqrt(2)
    return bounded, noise * _inflation(_alike(logs))


def _inflation(alike: float) -> float:
    """Return the long-run over the short-run standard deviation, of AR(1) noise.

    Differences of neighbours have 2 (1 - alike) of the variance, means in the long run
    (1 + alike) / (1 - alike).
    """
    return math.sqrt(1 + alike) / (1 - alike)


def _alike(logs: Floats) -> float:
    """Return the correlation of neighbours, from 0 to MOST_ALIKE.

    Var(x[i+2] - x[i]) / Var(x[i+1] - x[i]) is 1 + it (Chakar, Lebarbier, Levy-Leduc and Robin,
    Bernoulli 23, 2017, who take medians; trimmed squares are known better from few records).
    """
    one, two = (_trimmed_square(logs[lag:] - logs[:-lag]) for lag in (1, 2))
    if one == 0:
        return 0.0
    return min(max(two / one - 1 - DOUBT / math.sqrt(logs.size), 0.0), MOST_ALIKE)


def _trimmed_square(steps: Floats) -> float:
    """Return the mean of the squares, the largest left out: those of changes and outliers."""
    squares = np.sort(steps**2)
    # A single change is in two of the differences over two records.
    left_out = max(round(LEFT_OUT * squares.size), 2)
    return float(squares[:-left_out].mean())


def _typical(steps: Floats) -> float:
    """Return the standard deviation by the median; where most steps are 0, by the squares."""
    return float(np.median(np.abs(steps))) / NORMAL_MEDIAN or _root_mean_square(steps)


def _root_mean_square(values: Floats) -> float:
    return math.sqrt(float(np.mean(values**2)))


def _running_median(logs: Floats) -> Floats:
    windows = (logs[max(0, i - NEIGHBOURS) : i + NEIGHBOURS + 1] for i in range(logs.size))
    return np.array([np.median(window) for window in windows])
