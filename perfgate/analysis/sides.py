"""Slowdowns of sessions become the side of a limit on which their truth lies, and differences.

How many sessions there are, and what the limit is, is decided elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import stdtrit

from perfgate.analysis.bounds import t_multipliers
from perfgate.analysis.compare import mean_and_sd
from perfgate.analysis.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Rule:
    """When it is said on which side of ``limit`` (a log ratio) a slowdown lies, and how surely.

    ``looks`` are numbers of sessions, ascending, each at least 2. ``alpha`` is the chance, over all
    looks, of calling the wrong side surely: whichever is the wrong one, and whatever the spread.
    """

    limit: float
    looks: tuple[int, ...]
    alpha: float


@dataclass(frozen=True, slots=True)
class Side:
    """Whether a slowdown lies ``above`` the limit; not ``sure`` where only the estimate says so."""

    above: bool
    sure: bool


def side_of(slowdowns: NDArray[np.float64], rule: Rule) -> Side | None:
    """Return the side on which the mean slowdown lies, None where more sessions have to tell.

    ``slowdowns`` are log ratios, shape (n,), one per session. At each look up to n the bounds of
    :func:`perfgate.analysis.bounds.t_multipliers` are held against the limit, and the first that
    excludes it decides. At the last look the estimate decides, if nothing else does. Raises
    ValueError for values that are not finite.
    """
    multipliers = t_multipliers(rule.looks, rule.alpha)
    for look, multiplier in zip(rule.looks, multipliers, strict=True):
        if look > len(slowdowns):
            return None
        mean, sd = mean_and_sd(slowdowns[:look])
        if abs(mean - rule.limit) > multiplier * sd / math.sqrt(look):
            return Side(mean > rule.limit, sure=True)
    return Side(mean > rule.limit, sure=False)


def difference(
    earlier: NDArray[np.float64] | None,
    later: NDArray[np.float64],
    all_of_them: Iterable[NDArray[np.float64]],
    level: float,
) -> Interval:
    """Return by how much ``later`` is slower than ``earlier``, which is 0 for certain where None.

    Each is shape (n,), one log ratio per session beside the same third build. The interval is
    Student's, two-sided, with the spread pooled over ``all_of_them``, which include these two:
    sessions of one service on one machine differ alike. Of each at least two are needed, or
    ValueError is raised.
    """
    groups = list(all_of_them)
    free = sum(len(group) - 1 for group in groups)
    squares = sum((len(group) - 1) * mean_and_sd(group)[1] ** 2 for group in groups)
    mean = mean_and_sd(later)[0] - (0.0 if earlier is None else mean_and_sd(earlier)[0])
    parts = 1 / len(later) + (0.0 if earlier is None else 1 / len(earlier))
    half = float(stdtrit(free, (1 + level) / 2)) * math.sqrt(squares / free * parts)
    return Interval(mean, mean - half, mean + half)
