"""A queue of which everything is known: one server, Poisson arrivals, exponential work (M/M/1).

Its latency is exponential, so that the highest rate within a promise has a formula.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Queue:
    """A server of ``mu_rps`` whose callers were promised an answer within ``promised_s``."""

    mu_rps: float
    promised_s: float

    def limit_rps(self, allowed_ratio: float = 0.05) -> float:
        """Return the rate at which just so many wait for longer: exp(-(mu - rate) t) of all."""
        return self.mu_rps - math.log(1 / allowed_ratio) / self.promised_s

    def run(self, rate_rps: float, seconds: float, rng: np.random.Generator) -> tuple[Floats, ...]:
        """Return when requests come and when each is answered, from empty on (Lindley, 1952)."""
        due_s = np.sort(rng.uniform(0.0, seconds, rng.poisson(rate_rps * seconds)))
        work_s = rng.exponential(1 / self.mu_rps, len(due_s))
        done_s = np.cumsum(work_s)
        begun_s = np.maximum.accumulate(due_s - (done_s - work_s))
        return due_s, done_s + begun_s

    def latencies_s(
        self, rate_rps: float, settle_s: float, trial_s: float, rng: np.random.Generator
    ) -> Floats:
        """Return the latencies of what comes in a trial, after a start that is not judged."""
        due_s, answered_s = self.run(rate_rps, settle_s + trial_s, rng)
        own: Floats = (answered_s - due_s)[due_s >= settle_s]
        return own

    def in_flight(
        self, rate_rps: float, seconds: float, moments: int, rng: np.random.Generator
    ) -> list[int]:
        """Return how many are in flight at moments of equal distance, the first one included."""
        due_s, answered_s = self.run(rate_rps, seconds, rng)
        at_s = np.linspace(0.0, seconds, moments)
        come, gone = (np.searchsorted(times, at_s, side="right") for times in (due_s, answered_s))
        return (come - gone).tolist()  # type: ignore[no-any-return]  # numpy's stubs say Any
