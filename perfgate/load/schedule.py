"""The arrivals of an open-loop run: drawn once from a seed, before anything is started.

A schedule says when and which operation; it knows nothing of builds, users or requests, and reads
no log: recorded times are given to it.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Times = NDArray[np.float64]

# The order of turns is balanced in so many.
BALANCED_IN = 4


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of load at ``rate_rps``, or with a rate that goes there in a line from another."""

    rate_rps: float
    duration_s: float
    from_rps: float | None = None

    @property
    def initial_rps(self) -> float:
        """Return the rate at the start."""
        return self.rate_rps if self.from_rps is None else self.from_rps

    @property
    def expected(self) -> float:
        """Return the number of arrivals to be expected: the rate's integral over the stage."""
        return (self.initial_rps + self.rate_rps) / 2 * self.duration_s


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Columns of equal length: for each arrival its number, time and operation code.

    Intended times are seconds from the start and ascend. Numbers count the arrivals of the whole
    schedule from 0, also in a share of it.
    """

    number: NDArray[np.int64]
    intended_s: Times
    operation: NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.number)

    def share(self, worker: int, workers: int) -> Schedule:
        """Return what falls to one of ``workers``, counted from 0: each in turn gets an arrival."""
        return self._cut(slice(worker, None, workers))

    def split(self, at_s: float) -> tuple[Schedule, Schedule]:
        """Return what comes before ``at_s``, and the rest."""
        count = int(np.searchsorted(self.intended_s, at_s))
        return self._cut(slice(count)), self._cut(slice(count, None))

    def _cut(self, part: slice) -> Schedule:
        return Schedule(self.number[part], self.intended_s[part], self.operation[part])

    def write(self, path: Path) -> None:
        """Write the schedule as an npz file."""
        np.savez(path, number=self.number, intended_s=self.intended_s, operation=self.operation)

    @classmethod
    def read(cls, path: Path) -> Schedule:
        """Read a schedule that :meth:`write` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["number"], stored["intended_s"], stored["operation"])


def draw_schedule(
    stages: Sequence[Stage],
    *,
    mix: Mapping[str, float],
    seed: int,
    arrivals: Literal["poisson", "uniform", "replayed"] = "poisson",
    recorded_s: Sequence[float] = (),
) -> Schedule:
    """Draw the arrivals of the stages, one after the other, with the shares of ``mix``.

    Operation codes index the sorted names of ``mix``. With L(t) the expected number of arrivals
    up to t, the integral of the rate, arrivals are drawn at rate 1 on [0, L(end)) and carried to
    the clock by the inverse of L. ``poisson`` ones, then, are exactly those of the inhomogeneous
    Poisson process (Cinlar, Introduction to Stochastic Processes, 1975, section 4.7), and their
    number varies with the seed; ``uniform`` ones come whenever L has grown by 1; ``replayed`` ones
    in the pattern of ``recorded_s``, in seconds of any clock and in any order, of which at least
    two must differ. The pattern decides when within a stage they come, never how many: a spike in
    the stages is one, even where the log has a gap. Raises ValueError for a rate or duration that
    is negative, for stages in which nothing is to be expected, and for times without a pattern.
    """
    above = _expected(stages)
    rng = np.random.default_rng(seed)
    match arrivals:
        case "poisson":
            # Given their number, the arrivals of a Poisson process are sorted uniforms.
            reached = np.sort(rng.uniform(0.0, above[-1], size=rng.poisson(above[-1])))
        case "uniform":
            # Rounded, for 100/s in 0.29 s are 28.999... as floats.
            reached = np.arange(np.round(above[-1]))
        case "replayed":
            reached = _replayed(rng, np.sort(recorded_s), above)
    operation = shuffled_shares(np.array([mix[name] for name in sorted(mix)]), len(reached), rng)
    number = np.arange(len(reached), dtype=np.int64)
    return Schedule(number, _moments(stages, above, reached), operation)


def shuffled_shares(
    shares: NDArray[np.float64], count: int, rng: np.random.Generator
) -> NDArray[np.uint16]:
    """Return so many operations in any order, of each its share: less than one more or fewer.

    Systematic sampling (Cochran, Sampling Techniques, 1977, ch. 8). Drawn one by one, an operation
    of which five are due would come less than three times in one schedule of eight.
    """
    places = (np.arange(count) + rng.random()) / max(count, 1)
    above = np.cumsum(shares / shares.sum())
    drawn = np.searchsorted(above[:-1], places, side="right")
    return rng.permutation(drawn.astype(np.uint16))


def derived_seed(seed: int, purpose: str) -> int:
    """Return the seed for one purpose of a run, so that no two purposes share their draws."""
    return int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:8])


def coin(seed: int, purpose: str) -> bool:
    """Toss the coin of one purpose of a run."""
    rng = random.Random(derived_seed(seed, purpose))  # noqa: S311 - an order is not cryptography
    return rng.random() < 0.5  # noqa: PLR2004 - a coin


def balanced_turns(seed: int) -> Iterator[bool]:
    """Yield, turn by turn, whether the candidate goes first: in two of every four, shuffled.

    Random permuted blocks of four keep trends and periods out of the comparison (facts of the
    method: false alarms stay at .05 where base-always-first reaches .46).
    """
    rng = np.random.default_rng(seed)
    while True:
        yield from map(bool, rng.permutation([True, True, False, False]))


def even_mix(shares: Sequence[float], seed: int) -> Iterator[int]:
    """Yield indices in proportion to ``shares``, each spread as evenly as can be.

    Smooth weighted round robin from a random start: rare, dear operations come at equal
    distances, so that stretches of equal length hold equal work.
    """
    rng = random.Random(seed)  # noqa: S311 - drawing requests is not cryptography
    owed = [share * rng.random() for share in shares]
    while True:
        owed = [debt + share for debt, share in zip(owed, shares, strict=True)]
        index = max(range(len(owed)), key=owed.__getitem__)
        owed[index] -= sum(shares)
        yield index


def _expected(stages: Sequence[Stage]) -> Times:
    """Return how many arrivals are to be expected up to each stage's end; raises as told above."""
    for stage in stages:
        if min(stage.rate_rps, stage.initial_rps, stage.duration_s) < 0:
            raise ValueError(f"neither rates nor durations may be negative: {stage}")
    above = np.cumsum([stage.expected for stage in stages])
    if not above[-1:].sum() > 0:
        raise ValueError(f"in these stages nothing is to be expected: {list(stages)}")
    return above


def _moments(stages: Sequence[Stage], above: Times, reached: Times) -> Times:
    """Return the seconds at which the expected number of arrivals has reached these numbers.

    Within a stage that starts at rate r and changes by s per second, n arrivals are expected in the
    t seconds with n = r t + s t^2 / 2; solved for t in the form that is exact for s = 0, too.
    """
    end_s = np.cumsum([stage.duration_s for stage in stages])
    duration_s, initial_rps, final_rps = np.array(
        [(stage.duration_s, stage.initial_rps, stage.rate_rps) for stage in stages]
    ).T
    reached = np.minimum(reached, np.nextafter(above[-1], 0.0))
    # Right of the border, so that stages in which nothing happens are never found.
    at = np.searchsorted(above, reached, side="right")
    within = reached - np.concatenate([[0.0], above])[at]
    slope = (final_rps[at] - initial_rps[at]) / duration_s[at]
    squared = initial_rps[at] ** 2 + 2 * slope * within
    mean_rps = (initial_rps[at] + np.sqrt(np.maximum(squared, 0.0))) / 2
    passed_s = np.divide(within, mean_rps, out=np.zeros_like(within), where=mean_rps > 0)
    moments = np.concatenate([[0.0], end_s])[at] + np.minimum(passed_s, duration_s[at])
    # Rounding may swap neighbours at a border, or reach the very end.
    ascending: Times = np.minimum(np.maximum.accumulate(moments), np.nextafter(end_s[-1], 0.0))
    return ascending


def _replayed(rng: np.random.Generator, recorded_s: Times, above: Times) -> Times:
    """Return numbers on [0, ``above[-1]``), in the pattern of ascending recorded times.

    As many consecutive arrivals as are expected: from a random one on where more were recorded,
    else the recording over and over, with a mean gap between its end and its beginning. Those of a
    stage are stretched together, so that the one that would come next falls on its end.
    """
    if len(recorded_s) == 0 or recorded_s[0] == recorded_s[-1]:
        raise ValueError("at least two recorded times must differ")
    times_s = _spread(rng, recorded_s - np.floor(recorded_s[0]))
    length, ends = len(times_s), np.round(above).astype(int)
    period_s = (times_s[-1] - times_s[0]) * length / (length - 1)
    place = rng.integers(max(length - ends[-1], 1)) + np.arange(ends[-1] + 1)
    unrolled_s = times_s[place % length] + place // length * period_s
    parts, start, below = [], 0, 0.0
    for end, top in zip(ends, above, strict=True):
        passed_s = unrolled_s[start:end] - unrolled_s[start]
        # Where all came at once, so they do again.
        span_s = unrolled_s[end] - unrolled_s[start] or 1.0
        part = below + passed_s / span_s * (top - below)
        parts.append(np.minimum(part, np.nextafter(top, 0.0)))
        start, below = end, top
    return np.concatenate(parts)


def _spread(rng: np.random.Generator, times_s: Times) -> Times:
    """Spread at random within its second what shares one, where the clock counted whole seconds."""
    if np.any(times_s != np.floor(times_s)):
        return times_s
    _, place, sharing = np.unique(times_s, return_inverse=True, return_counts=True)
    return np.sort(times_s + rng.uniform(size=len(times_s)) * (sharing[place] > 1))
