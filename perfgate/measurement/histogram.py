"""Durations pass through here: seconds come in, a small mergeable histogram comes out.

It does not know whose durations they are, does not read files and does not compare builds.

A duration is rounded to a tick of 0.1 us and counted in a log-linear bucket: every octave is cut
into 1024 buckets, as in HdrHistogram. So ticks below 2**11 have a bucket each, and a wider bucket
spans at most 2**-10 of its lowest tick. What is told is the middle of a bucket; with the rounding
to ticks included it is off by at most 2**-11 (0.049 %) from 102.4 us up, and by at most 0.05 us
below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

TICKS_PER_S = 10_000_000
_OCTAVE_BITS = 10  # 2**10 buckets an octave
_BUCKETS = 1 << _OCTAVE_BITS
_TICK_LIMIT = 1 << 53  # 28 years; above it a float no longer holds every tick
_COUNT_LIMIT = 1 << 53
_FINEST_SHARE = 1_000_000  # a share asked for is read as so many millionths


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many durations fell into each bucket; equal histograms compare and hash as equal.

    ``ticks`` holds the lowest tick of every bucket in use, ascending, and ``counts`` how many
    durations fell into it (at least one). Any other values raise ValueError. A bucket of lowest
    tick t spans 2**(floor(log2 t) - 10) ticks, and one tick below 2**11.
    """

    ticks: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if len(self.ticks) != len(self.counts):
            raise ValueError(f"{len(self.ticks)} ticks but {len(self.counts)} counts")
        if self.ticks:
            _require_buckets(self.ticks)
            _require_counts(self.counts)

    @classmethod
    def from_seconds(cls, seconds: NDArray[np.float64]) -> Histogram:
        """Count the durations ``seconds`` (any shape, also empty).

        Raises ValueError for a duration that is negative, not finite or longer than 2**53 ticks.
        """
        ticks = _rounded_ticks(np.asarray(seconds, dtype=np.float64).ravel())
        occupancy = np.bincount(_bucket_numbers(ticks))
        numbers = np.flatnonzero(occupancy)
        lowest = _lowest_ticks(numbers)
        return cls(tuple(lowest.tolist()), tuple(occupancy[numbers].tolist()))

    @classmethod
    def from_json(cls, document: object) -> Histogram:
        """Read what ``to_json`` wrote; anything else raises ValueError, saying what was found."""
        if not isinstance(document, dict) or set(document) != {"ticks", "counts"}:
            raise ValueError("a histogram is an object with the lists 'ticks' and 'counts' only")
        return cls(
            _whole_numbers("ticks", document["ticks"]), _whole_numbers("counts", document["counts"])
        )

    def to_json(self) -> dict[str, list[int]]:
        """Return ``ticks`` (units of 0.1 us, ascending) and their ``counts``, ready for JSON."""
        return {"ticks": list(self.ticks), "counts": list(self.counts)}

    def merge(self, other: Histogram) -> Histogram:
        """Return the histogram of both sets of durations; exact, in any order and grouping."""
        both = np.array(self.ticks + other.ticks, dtype=np.int64)
        ticks, places = np.unique(both, return_inverse=True)
        counts = np.zeros(len(ticks), dtype=np.int64)
        np.add.at(counts, places, np.array(self.counts + other.counts, dtype=np.int64))
        return Histogram(tuple(ticks.tolist()), tuple(counts.tolist()))

    @property
    def count(self) -> int:
        """How many durations were counted."""
        return sum(self.counts)

    def mean(self) -> float | None:
        """Return the mean in seconds; None if nothing was counted."""
        if not self.counts:
            return None
        return float(np.average(_middles_s(self.ticks), weights=self.counts))

    def quantile(self, share: float) -> float | None:
        """Return the ``share`` quantile in seconds; None if nothing was counted.

        It is the duration of rank max(1, ceil(share * count)), counted from the shortest: the
        smallest one that at least ``share`` of all do not exceed (definition 1 of Hyndman and Fan,
        The American Statistician 50, 1996). It is told as the middle of its bucket.
        Raises ValueError unless 0 <= share <= 1.
        """
        if not 0 <= share <= 1:
            raise ValueError(f"a quantile is asked for by a share from 0 to 1, not {share}")
        if not self.counts:
            return None
        # As floats 0.07 * 100 exceeds 7, and the rank would be 8: count with the share as meant.
        exact = Fraction(share).limit_denominator(_FINEST_SHARE)
        rank = max(1, math.ceil(exact * self.count))
        place = int(np.searchsorted(np.cumsum(self.counts), rank))
        return float(_middles_s(self.ticks[place : place + 1])[0])

    def share_above(self, limit_s: float) -> float | None:
        """Return the share of durations above ``limit_s`` seconds; None if nothing was counted.

        Exact but for durations in the very bucket of the limit, which count by its middle.
        Raises ValueError if the limit is not a number.
        """
        if math.isnan(limit_s):
            raise ValueError("the limit is not a number")
        if not self.counts:
            return None
        above = _middles_s(self.ticks) > limit_s
        return float(np.average(above, weights=self.counts))


def _rounded_ticks(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    if not np.isfinite(seconds).all():
        raise ValueError("a duration is not finite")
    if seconds.size and seconds.min() < 0:
        raise ValueError(f"a duration is negative: {seconds.min()} s")
    ticks = np.rint(seconds * TICKS_PER_S)
    if ticks.size and ticks.max() >= _TICK_LIMIT:
        raise ValueError(f"a duration is too long to count: {seconds.max()} s")
    return ticks.astype(np.int64)


def _shifts(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the binary logarithm of the width of each tick's bucket."""
    exponents = np.frexp(ticks.astype(np.float64))[1].astype(np.int64)
    return np.maximum(exponents - 1 - _OCTAVE_BITS, 0)


def _bucket_numbers(ticks: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of each tick's bucket, from 0 without gaps: counted without sorting."""
    shifts = _shifts(ticks)
    return shifts * _BUCKETS + (ticks >> shifts)


def _lowest_ticks(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    shifts = np.maximum(numbers // _BUCKETS - 1, 0)
    lowest: NDArray[np.int64] = np.left_shift(numbers - shifts * _BUCKETS, shifts)
    return lowest


def _middles_s(lowest_ticks: tuple[int, ...]) -> NDArray[np.float64]:
    lowest = np.array(lowest_ticks, dtype=np.int64)
    widths = np.left_shift(1, _shifts(lowest))
    return (lowest + (widths - 1) / 2) / TICKS_PER_S


def _require_buckets(ticks: tuple[int, ...]) -> None:
    if any(later <= earlier for earlier, later in pairwise(ticks)):
        raise ValueError("the ticks do not ascend")
    if ticks[0] < 0 or ticks[-1] >= _TICK_LIMIT:
        raise ValueError(f"a tick is outside 0 to 2**53: {ticks[0]} to {ticks[-1]}")
    lowest = np.array(ticks, dtype=np.int64)
    strays = lowest[_lowest_ticks(_bucket_numbers(lowest)) != lowest]
    if strays.size:
        raise ValueError(f"no bucket begins at tick {strays[0]}")


def _require_counts(counts: tuple[int, ...]) -> None:
    if min(counts) < 1:
        raise ValueError(f"a bucket in use has a count of {min(counts)}")
    if sum(counts) > _COUNT_LIMIT:
        raise ValueError("the counts add up to more than 2**53")


def _whole_numbers(name: str, numbers: object) -> tuple[int, ...]:
    # type() is int, for True and 1.0 would slip through and be written back as something else.
    if not isinstance(numbers, list) or not all(type(number) is int for number in numbers):
        raise ValueError(f"{name!r} is not a list of whole numbers")
    return tuple(numbers)
