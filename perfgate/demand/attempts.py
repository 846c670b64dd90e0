"""Dependents become arrays, and the share of their attempts that fail becomes attempts per call.

It does not know how many fail: that is the service's part, in :mod:`perfgate.demand.curve`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from perfgate.demand.budgets import limits_of, saved_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.demand.ledger import Dependent

Floats = NDArray[np.float64]

_ROUNDS = 40  # until attempts and calls of a shared floor agree, nearly


@dataclass(frozen=True)
class Callers:
    """Dependents as arrays, one entry each, shape (dependents,).

    ``first_try_rps`` counts each call once. Retries are limited per call to ``request_ratio``
    (infinite without such a budget), to ``success_ratio`` of the successes, to ``flight_ratio`` of
    the attempts in flight, and ``floor_rps`` more are always allowed by all clients together;
    ``saved_up`` is how many more there may be at once after a calm time.
    """

    first_try_rps: Floats
    timeout_s: Floats
    attempts: Floats
    upstream_attempts: Floats
    request_ratio: Floats
    success_ratio: Floats
    flight_ratio: Floats
    floor_rps: Floats
    saved_up: Floats

    def attempts_per_try(self, failed_ratio: float | Floats) -> Floats:
        """Return the attempts A(p) per first try while a share p of all attempts fails.

        ``failed_ratio`` is p, within 0 to 1, for all or of shape (..., dependents); so is what
        returns.
        A call makes a = (1 - p^m) / (1 - p) attempts, or as many as its budget allows if that is
        less: 1 + r (a share r of first tries), 1 / (1 - r (1 - p)) (of successes), 1 / (1 - r) (of
        attempts in flight), and a floor's part. It fails with chance f = 1 - a (1 - p), p^m without
        a budget; then the dependent's own callers call again, which makes (1 - f^u) / (1 - f)
        calls of a first try: A(0) = 1, and A(1) = m u without a budget. A budget is the dependent's
        own, which takes a call of its callers for a first try whatever they do, but its floor is
        shared out among all calls.
        """
        passed = 1 - np.asarray(failed_ratio, dtype=float)
        own = _tries(passed, self.attempts)
        with np.errstate(divide="ignore"):
            limit = (1 + self.request_ratio) / (1 - self.flight_ratio - self.success_ratio * passed)
        made, calls = own, np.ones(own.shape)
        # From above, and so to the most attempts that agree with the calls that they leave.
        for _ in range(_ROUNDS if self._shares_floor else 1):
            made = np.minimum(own, limit + self._floor_ratio / calls)
            calls = _tries(np.minimum(made * passed, 1.0), self.upstream_attempts)
        sent: Floats = calls * made
        return sent

    def load_rps(self, failed_ratio: float | Floats) -> float:
        """Return the attempts per second of all while a share of them fails."""
        return float(self.attempts_per_try(failed_ratio) @ self.first_try_rps)

    def loads_rps(self, failed_ratio: Floats) -> Floats:
        """Return the same for shares of shape (loads, dependents), shape (loads,)."""
        loads: Floats = self.attempts_per_try(failed_ratio) @ self.first_try_rps
        return loads

    @cached_property
    def amplification(self) -> Floats:
        """Attempts per first try while every attempt fails, A(1), shape (dependents,)."""
        return self.attempts_per_try(1.0)

    @cached_property
    def _shares_floor(self) -> bool:
        return bool(((self.floor_rps > 0) & (self.upstream_attempts > 1)).any())

    @cached_property
    def _floor_ratio(self) -> Floats:
        """Retries per first try that need none: without limit where there are no first tries."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio = self.floor_rps / self.first_try_rps
        return np.where(self.floor_rps > 0, ratio, 0.0)


def callers_of(dependents: Sequence[Dependent], first_try_rps: Sequence[float]) -> Callers:
    """Return the dependents as arrays; ``first_try_rps`` has one rate for each of them.

    Raises ValueError when there are more of one than of the other.
    """
    rows = [
        (
            rate,
            one.timeout_s,
            one.attempts,
            one.upstream_attempts,
            *limits_of(one.budget),
            saved_up(one.budget, rate),
        )
        for one, rate in zip(dependents, first_try_rps, strict=True)
    ]
    return Callers(*np.array(rows, dtype=float).reshape(-1, 9).T)


def _tries(passed_ratio: Floats, most: Floats) -> Floats:
    """Return 1 + p + p^2 + ..., ``most`` terms of it, where p is the share that does not pass."""
    with np.errstate(divide="ignore", invalid="ignore"):
        tried = -np.expm1(most * np.log1p(-passed_ratio)) / passed_ratio
    return np.where(passed_ratio > 0, tried, most)
