"""What a caller would have seen: from the moments a schedule implies, and from known stalls.

Pure: times in seconds come in, times in seconds go out. Nothing is sent and no clock is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Stalls:
    """The first ``length_s`` of every ``every_s`` seconds from ``start_s`` on."""

    start_s: float
    every_s: float
    length_s: float

    def over_s(self, moment_s: float) -> float:
        """Return ``moment_s``, or the end of the stall that it falls into."""
        return moment_s + max(0.0, self.length_s - (moment_s - self.start_s) % self.every_s)


def answered_s(
    arrivals_s: NDArray[np.float64], service_s: float, stalls: Stalls
) -> NDArray[np.float64]:
    """Return when one server answers arrivals (ascending), first come, first served.

    Lindley's recursion (Proc. Cambridge Phil. Soc. 48, 1952): a request is begun when it has come
    and the one before is answered, but never during a stall; then it takes ``service_s``.
    """
    free_s = -math.inf
    answers: list[float] = []
    for arrival_s in arrivals_s.tolist():
        free_s = stalls.over_s(max(arrival_s, free_s)) + service_s
        answers.append(free_s)
    return np.array(answers)


def true_latencies_s(
    arrivals_s: NDArray[np.float64], service_s: float, stalls: Stalls
) -> NDArray[np.float64]:
    """Return how long each arrival (ascending) takes at a server that stalls."""
    return answered_s(arrivals_s, service_s, stalls) - arrivals_s


def paced_s(first_s: float, period_s: float, until_s: float) -> NDArray[np.float64]:
    """Return when a user who is to start a task each period, first at ``first_s``, is to do so.

    These are the moments that Locust's ``constant_throughput`` aims at, as long as no task
    outlasts its period; later ones are put off then, here they are not.
    """
    count = max(0, math.ceil((until_s - first_s) / period_s))
    return first_s + period_s * np.arange(count, dtype=np.float64)


def phase_s(started_s: Sequence[float], period_s: float) -> float:
    """Return when a user's first task was due, from the starts of all its tasks in order.

    None starts before it is due, so it is the earliest that any start allows; the first ones,
    of users who are spawned all at once, are late themselves.
    """
    return min(start_s - number * period_s for number, start_s in enumerate(started_s))


def from_intended_s(
    users: Iterable[Sequence[tuple[float, float]]], period_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return lag and latency of each request, counted from when its user was to send it.

    Each user is its requests as (started, ended), in order.
    """
    lags, latencies = [], []
    for requests in users:
        first_s = phase_s([started_s for started_s, _ in requests], period_s)
        for number, (started_s, ended_s) in enumerate(requests):
            intended_s = first_s + number * period_s
            lags.append(started_s - intended_s)
            latencies.append(ended_s - intended_s)
    return np.array(lags), np.array(latencies)


def quantile_ms(seconds: NDArray[np.float64], share: float) -> float:
    """Return a quantile in milliseconds: the smallest that ``share`` of all do not exceed."""
    return float(np.quantile(seconds, share, method="inverted_cdf")) * 1000
