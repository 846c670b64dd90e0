"""The arrivals of an open-loop run: drawn once from a seed, before anything is started.

A schedule says when and which operation; it knows nothing of builds, users or requests.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Schedule:
    """Intended times in seconds from the start, ascending, and each arrival's operation code."""

    intended_s: NDArray[np.float64]
    operation: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.intended_s)

    def write(self, path: Path) -> None:
        """Write the schedule as an npz file."""
        np.savez(path, intended_s=self.intended_s, operation=self.operation)

    @classmethod
    def read(cls, path: Path) -> Schedule:
        """Read a schedule that :meth:`write` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            return cls(stored["intended_s"], stored["operation"])


def draw_schedule(
    *,
    rate_rps: float,
    duration_s: float,
    mix: Mapping[str, float],
    seed: int,
    arrivals: Literal["poisson", "uniform"] = "poisson",
) -> Schedule:
    """Draw the arrivals of ``duration_s`` seconds at ``rate_rps`` with the shares of ``mix``.

    Operation codes index the sorted names of ``mix``. Poisson arrivals are exponential gaps
    (so their number varies with the seed); uniform ones are equally spaced. Raises ValueError
    for a rate or duration that is not positive.
    """
    if rate_rps <= 0 or duration_s <= 0:
        raise ValueError(f"rate {rate_rps}/s and duration {duration_s} s must be positive")
    rng = np.random.default_rng(seed)
    if arrivals == "uniform":
        # Rounded, for 100/s in 0.29 s are 28.999... as floats.
        intended = np.arange(round(rate_rps * duration_s)) / rate_rps
    else:
        intended = _poisson_times(rng, rate_rps, duration_s)
    shares = np.array([mix[name] for name in sorted(mix)])
    operation = rng.choice(len(shares), size=len(intended), p=shares / shares.sum())
    return Schedule(intended, operation.astype(np.uint8))


def balanced_order(pairs: int, seed: int) -> list[bool]:
    """Return for each pair whether the candidate goes first: two of every four, shuffled.

    Random permuted blocks of four keep trends and periods out of the comparison (facts of the
    method: false alarms stay at .05 where base-always-first reaches .46). ``pairs`` is a
    multiple of four.
    """
    rng = np.random.default_rng(seed)
    blocks = [rng.permutation([True, True, False, False]) for _ in range(pairs // 4)]
    return [bool(first) for block in blocks for first in block]


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


def _poisson_times(
    rng: np.random.Generator, rate_rps: float, duration_s: float
) -> NDArray[np.float64]:
    """Return the times of a Poisson process on [0, duration_s): a count, then sorted uniforms."""
    count = rng.poisson(rate_rps * duration_s)
    return np.sort(rng.uniform(0.0, duration_s, size=count))
