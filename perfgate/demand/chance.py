"""When calls arrive, how long work takes, where in a range a wait lies: by a seed, or evenly.

It knows no service and no callers: :mod:`perfgate.demand.simulator` asks it.
"""

from __future__ import annotations

from itertools import count, repeat
from math import ceil
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.demand.attempts import Floats

_BLOCK = 4096  # random numbers drawn at once
# The fractional parts of its multiples fill a range as evenly as any (Weyl; Knuth 6.4).
GOLDEN = 0.6180339887498949
_NONE = np.empty(0)


class Chance(Protocol):
    """What a simulation leaves open."""

    def arrivals(self, rate_rps: float, start_s: float, seconds: float) -> Floats:
        """Return when calls of such a rate arrive from a time on, in any order."""

    def lengths(self, mean_s: float) -> Iterator[float]:
        """Yield how long work takes that takes so long on average."""

    def shares(self) -> Iterator[float]:
        """Yield figures between 0 and 1."""


class Drawn:
    """A Poisson process, exponential times and uniform shares, decided by a seed."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def arrivals(self, rate_rps: float, start_s: float, seconds: float) -> Floats:
        """Return the times of a Poisson process."""
        return start_s + self._rng.uniform(0, seconds, self._rng.poisson(rate_rps * seconds))

    def lengths(self, mean_s: float) -> Iterator[float]:
        """Yield exponential times."""
        while True:
            yield from self._rng.exponential(mean_s, _BLOCK).tolist()

    def shares(self) -> Iterator[float]:
        """Yield uniform figures."""
        while True:
            yield from self._rng.random(_BLOCK).tolist()


class Even:
    """Nothing is left to chance: the course of a service that is so large that none shows."""

    def __init__(self) -> None:
        self._phases = self.shares()

    def arrivals(self, rate_rps: float, start_s: float, seconds: float) -> Floats:
        """Return times that are equally far apart; no two processes begin at the same one."""
        phase = next(self._phases)
        calls = ceil(rate_rps * seconds - phase)
        if calls <= 0:
            return _NONE
        return start_s + (np.arange(calls, dtype=np.float64) + phase) / rate_rps

    def lengths(self, mean_s: float) -> Iterator[float]:
        """Yield the mean."""
        return repeat(mean_s)

    def shares(self) -> Iterator[float]:
        """Yield shares that fill the range evenly."""
        return (number * GOLDEN % 1.0 for number in count(1))
