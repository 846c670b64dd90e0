"""What a source saw of each caller becomes figures that a ledger can hold: peak, spread and mix.

It reads nothing: where the times and rates come from is each source's to know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from math import exp, fsum, isfinite, log, sqrt
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from perfgate.errors import SourceError
from perfgate.tomlfile import near_or_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

DAY_S = 86_400
WEEK_DAYS = 7
# Fewer than these say more of chance than of the spread.
LEAST_PAIRS = 5
# 1 / (sqrt(2) z) with z the upper quartile of the normal distribution.
SHAMOS = 1.0483
# Shares are told in ten thousandths.
SHARE_UNITS = 10_000


@dataclass(frozen=True, slots=True)
class Naming:
    """What the ledger calls callers that a source sees (``renamed``), and which count.

    ``only`` holds names of the ledger; empty, all count.
    """

    renamed: Mapping[str, str]
    only: frozenset[str] = frozenset()

    def name_of(self, seen: str) -> str:
        """Return what the ledger calls the caller ``seen``."""
        return self.renamed.get(seen, seen)

    def wants(self, name: str) -> bool:
        """Tell whether the dependent ``name`` counts."""
        return not self.only or name in self.only


@dataclass(frozen=True, slots=True)
class Observed:
    """What a source saw of one dependent.

    ``peak_rps`` are requests per second as they came, retries included. ``peak_cv`` is None where
    it cannot be told. ``mix`` is the share of each operation at the peak; it sums to 1, or is
    empty where nothing tells operations apart.
    """

    name: str
    peak_rps: float
    peak_cv: float | None
    mix: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Observation:
    """What a source saw of all dependents, in the order of their names.

    ``source`` says in words where from and how, ``measured_on`` is the last day seen (UTC), and
    ``remarks`` are what must be known to believe the figures; they say of ``told`` why these are
    not among the dependents.
    """

    dependents: tuple[Observed, ...]
    source: str
    measured_on: date
    remarks: tuple[str, ...]
    told: frozenset[str] = frozenset()


def chosen(observation: Observation, naming: Naming) -> Observation:
    """Return what was seen of those that count; the others are named in a remark.

    Raises SourceError where none of those that alone count was seen.
    """
    counted = tuple(one for one in observation.dependents if naming.wants(one.name))
    others = [one for one in observation.dependents if not naming.wants(one.name)]
    named = ", ".join(f"{one.name} ({one.peak_rps:.3g}/s)" for one in others)
    remark = (f"seen too, but not imported: {named}",) if others else ()
    unseen = sorted(naming.only - {one.name for one in counted})
    if unseen and not counted:
        seen = near_or_all(unseen[0], [one.name for one in others])
        raise SourceError(f"{', '.join(unseen)}: no request was seen", hint=seen)
    missing = tuple(f"{name}: was not seen" for name in unseen)
    return replace(
        observation,
        dependents=counted,
        remarks=(*observation.remarks, *remark, *missing),
        told=frozenset([*(one.name for one in others), *unseen]),
    )


def busiest(times_s: NDArray[np.float64], window_s: float) -> slice:
    """Return which of ``times_s`` (ascending, at least one) lie in the busiest window.

    A window is [t, t + ``window_s``) where t is one of the times: any other window loses nothing
    when it is moved on to the first time in it. Of windows equally busy it is the earliest.
    """
    ends = np.searchsorted(times_s, times_s + window_s, side="left")
    first = int(np.argmax(ends - np.arange(times_s.size)))
    return slice(first, int(ends[first]))


def upper_quantile(figures: NDArray[np.float64], quantile: float) -> float:
    """Return the least of ``figures`` (at least one) that this share of them does not exceed."""
    return float(np.quantile(figures, quantile, method="inverted_cdf"))


def spread_of(day_peaks: Sequence[float]) -> float | None:
    """Return the relative standard deviation of a day's peak, None where it cannot be told.

    ``day_peaks`` are those of days in a row; one that is 0 or nan tells nothing. Days are compared
    with the same day of other weeks only: that a Sunday is quiet is known and not uncertain. Of
    the differences d of their logarithms s = SHAMOS median |d| is the standard deviation of one
    (Shamos 1976), and cv = sqrt(exp(s^2) - 1) that of a log-normal figure. Like the peak, it passes
    over an incident on one day; growth from week to week is in it. None with fewer differences
    than LEAST_PAIRS: two whole weeks have 7.
    """
    weekdays = [day_peaks[first::WEEK_DAYS] for first in range(WEEK_DAYS)]
    differences = [
        abs(log(later / earlier))
        for peaks in weekdays
        for earlier, later in combinations(filter(_tells, peaks), 2)
    ]
    if len(differences) < LEAST_PAIRS:
        return None
    deviation = SHAMOS * median(differences)
    return sqrt(exp(deviation**2) - 1)


def _tells(peak: float) -> bool:
    return isfinite(peak) and peak > 0


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """Return the share of each weight above 0, to four digits; they sum to 1.

    None is rounded to 0: what was seen is sent. The largest makes up for what rounding adds.
    """
    total = fsum(weights.values())
    units = {
        name: max(1, round(SHARE_UNITS * weight / total))
        for name, weight in sorted(weights.items())
        if weight > 0
    }
    if units:
        largest = max(units, key=lambda name: units[name])
        units[largest] += SHARE_UNITS - sum(units.values())
    return {name: count / SHARE_UNITS for name, count in units.items()}
