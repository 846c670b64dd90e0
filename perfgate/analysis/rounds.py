"""Rounds of a benchmark become its time and how sure that is; two times, a slowdown.

Positive is slower. What a slowdown means is judged elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

# Rounds that follow each other are alike (caches, other work, the collector): stretches of them are
# drawn, not single ones.
STRETCHES = 40
DRAWS = 1000
SEED = 1
# Spread between the medians of runs (log) where that is not known: see docs/micro.md.
BETWEEN_RUNS = 0.05
# It counts as if it had been seen in so many differences.
ASSUMED_FREEDOM = 10
# What all benchmarks have shown counts like so many differences of one's own.
SHARED_FREEDOM = 10
# What is known of it is never taken for less.
LEAST_BETWEEN = 0.005


@dataclass(frozen=True, slots=True)
class Timing:
    """The seconds that a call takes, from so many runs.

    Logarithms: ``error`` is the standard error that rounds leave open, ``spread`` the standard
    deviation between the runs' medians, 0 of a single run.
    """

    seconds: float
    error: float
    runs: int
    spread: float


@dataclass(frozen=True, slots=True)
class Between:
    """How much medians of the same code differ between runs (log), and by how many differences.

    ``freedom`` is 0 where that is not known: then ``sd`` is an assumption.
    """

    sd: float
    freedom: int


@dataclass(frozen=True, slots=True)
class Lag:
    """By how much a call got slower (log), with its standard error, and how well that is known."""

    estimate: float
    error: float
    freedom: int

    def beyond(self, limit: float) -> float:
        """Return the chance to see as much if the slowdown were no more than ``limit`` (log)."""
        return float(stdtr(self.freedom, (limit - self.estimate) / self.error))

    def ends(self, level: float) -> tuple[float, float]:
        """Return the two-sided interval."""
        half = float(stdtrit(self.freedom, (1 + level) / 2)) * self.error
        return self.estimate - half, self.estimate + half


def timing_of(runs_s: Sequence[Sequence[float]]) -> Timing:
    """Return the time of a call, the geometric mean of the medians of runs; ValueError without any.

    Each run has the seconds of its rounds, in their order; all are positive.
    """
    if not runs_s or not all(runs_s):
        raise ValueError("a benchmark has runs, and these have rounds")
    logs = [np.log(np.asarray(rounds_s, dtype=float)) for rounds_s in runs_s]
    medians = np.array([np.median(own) for own in logs])
    errors = np.array([_median_error(own) for own in logs])
    return Timing(
        seconds=math.exp(float(medians.mean())),
        error=math.sqrt(float((errors**2).sum())) / len(runs_s),
        runs=len(runs_s),
        spread=float(medians.std(ddof=1)) if len(runs_s) > 1 else 0.0,
    )


def _median_error(logs: NDArray[np.float64]) -> float:
    """Return the standard error of a median by a bootstrap of stretches of rounds.

    The rounds are cut, in their order, into up to STRETCHES stretches, which are drawn with
    replacement (the block bootstrap with fixed blocks of Carlstein, Annals of Statistics 14, 1986).
    A median of medians stands for the median of all.
    """
    stretches = np.array_split(logs, min(logs.size, STRETCHES))
    medians = np.array([np.median(stretch) for stretch in stretches])
    drawn = np.random.default_rng(SEED).integers(medians.size, size=(DRAWS, medians.size))
    return float(np.median(medians[drawn], axis=1).std())


def between_runs(timings: Iterable[Timing]) -> Between:
    """Return how much runs differ, by all benchmarks that have several."""
    known = [own for own in timings if own.runs > 1]
    freedom = sum(own.runs - 1 for own in known)
    if not freedom:
        return Between(BETWEEN_RUNS, 0)
    squares = math.fsum((own.runs - 1) * own.spread**2 for own in known)
    return Between(max(math.sqrt(squares / freedom), LEAST_BETWEEN), freedom)


def lag_between(now: Timing, then: Timing, between: Between, doubt: float) -> Lag:
    """Return the slowdown from ``then`` to ``now``, runs of different hours.

    By ``doubt`` (log) the machine itself may be another by now. Some benchmarks differ far more
    between runs than others, and few runs tell that of one: what all have shown joins in, as if
    seen SHARED_FREEDOM times (Smyth, Statistical Applications in Genetics and Molecular Biology 3,
    2004).
    """
    own = now.runs + then.runs - 2
    squares = (now.runs - 1) * now.spread**2 + (then.runs - 1) * then.spread**2
    shared = min(between.freedom - own, SHARED_FREEDOM) if between.freedom else ASSUMED_FREEDOM
    freedom = own + max(shared, 0)
    sd = max(math.sqrt((squares + max(shared, 0) * between.sd**2) / freedom), LEAST_BETWEEN)
    apart = sd * math.sqrt(1 / now.runs + 1 / then.runs)
    error = math.hypot(now.error, then.error, apart, doubt)
    return Lag(math.log(now.seconds / then.seconds), error, freedom)


def rejected(chances: Mapping[str, float], alpha: float) -> frozenset[str]:
    """Return the names whose hypothesis is rejected, at most ``alpha`` to reject a true one at all.

    Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    ordered = sorted(chances, key=lambda name: chances[name])
    found: set[str] = set()
    for place, name in enumerate(ordered):
        if chances[name] > alpha / (len(ordered) - place):
            break
        found.add(name)
    return frozenset(found)
