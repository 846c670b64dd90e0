"""Dependents that retry and a service that fails more under load become the load they settle at.

It does not measure and does not simulate; :mod:`perfgate.demand.simulator` is what it is held
against. Definitions: Bronson et al., Metastable failures in distributed systems (HotOS 2021).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from math import inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from perfgate.demand.attempts import Callers, Floats
    from perfgate.demand.curve import FailureCurve

_GRID = 256  # loads between the first tries and overload at which roots are looked for
_EXACT = 1e-12  # of a bracket: so near are roots found


class Regime(Enum):
    """Where the load settles: always low, low until something upsets it, or never low."""

    STABLE = "stable"
    METASTABLE = "metastable"
    UNSTABLE = "unstable"


@dataclass(frozen=True, slots=True)
class FixedPoint:
    """A load that makes just so many attempts fail that it is sent: it holds, or tips over."""

    load_rps: float
    stable: bool


@dataclass(frozen=True, slots=True)
class RetryOutlook:
    """Where retries take the load, in requests per second.

    ``worst_rps`` is sent while every attempt fails. ``fixed_points`` are all below overload,
    ascending. ``headroom`` is mu_slo over the first tries; ``retry_safe_headroom`` is mu_over over
    ``worst_rps``, the share of the demand below which a backlog drains though all are retried.
    ``critical_wait_s`` is the wait from which a backlog keeps itself, and ``critical_stall_s`` the
    stall that makes it; both infinite where none does. A queue bounded to fewer than mu_over times
    that wait cannot get there.
    """

    regime: Regime
    first_try_rps: float
    worst_rps: float
    overload_rps: float
    fixed_points: tuple[FixedPoint, ...]
    headroom: float
    retry_safe_headroom: float
    critical_wait_s: float
    critical_stall_s: float

    @property
    def too_much(self) -> bool:
        """Tell whether the first tries alone, without any retry, are an overload."""
        return self.first_try_rps >= self.overload_rps

    @property
    def low_rps(self) -> float | None:
        """The load while all is well; None where it cannot be well."""
        return self.fixed_points[0].load_rps if self.fixed_points else None

    @property
    def tipping_rps(self) -> float | None:
        """The load that grows by itself once it is exceeded; None unless metastable."""
        if self.regime is not Regime.METASTABLE:
            return None
        tipping = (point.load_rps for point in self.fixed_points if not point.stable)
        return next(tipping, self.overload_rps)

    @property
    def high_rps(self) -> float | None:
        """The load that keeps itself once all is not well; None where the load is always low."""
        if self.retry_safe_headroom < 1:
            return self.worst_rps
        settled = [point.load_rps for point in self.fixed_points if point.stable]
        return settled[-1] if self.regime is Regime.METASTABLE else None


def retry_outlook(
    callers: Callers, curve: FailureCurve, *, mu_slo_rps: float, mu_over_rps: float
) -> RetryOutlook:
    """Return the regime of a service and its callers, and how far it is from the next.

    Load = sum of lambda_d A_d(p_d(load)), where p_d is the curve at d's timeout. Without a root
    below overload the regime is unstable. It is metastable if there is another state that holds: a
    second stable root, or a backlog, whose waits outgrow every timeout (p = 1), that is not served
    off: sum of lambda_d A_d(1) > mu_over. Backoff plays no part: it only spreads attempts out.
    """
    points = fixed_points(callers, curve)
    first, worst = float(callers.first_try_rps.sum()), callers.load_rps(1.0)
    wait_s = critical_wait_s(callers, mu_over_rps)
    return RetryOutlook(
        regime=_regime(points, keeps=worst > mu_over_rps),
        first_try_rps=first,
        worst_rps=worst,
        overload_rps=curve.overload_rps,
        fixed_points=points,
        headroom=_ratio(mu_slo_rps, first),
        retry_safe_headroom=_ratio(mu_over_rps, worst),
        critical_wait_s=wait_s,
        critical_stall_s=_critical_stall_s(callers, mu_over_rps, wait_s),
    )


def fixed_points(callers: Callers, curve: FailureCurve) -> tuple[FixedPoint, ...]:
    """Return all loads below overload that keep themselves, ascending, stable ones in turn.

    Two roots nearer to each other than a 256th of the way from the first tries to overload may be
    missed, and where the curve jumps over a root the load of the jump is given.
    """
    low, high = float(callers.first_try_rps.sum()), curve.overload_rps
    if low >= high:
        return ()
    loads = np.linspace(low, high, _GRID + 1)
    loads[-1] = np.nextafter(high, 0)
    if not curve.failed_ratio(loads[-1:], callers.timeout_s).any():
        return (FixedPoint(low, stable=True),)  # as nothing fails at less either, nobody retries
    grows = _grows(callers, curve)
    up = grows(loads)
    up[0] = True  # rounding must not hide that nobody sends less than the first tries
    return tuple(
        _turn(lambda load: bool(grows(np.array([load]))[0]), *cell, stable=bool(before))
        for cell, (before, after) in zip(pairwise(loads.tolist()), pairwise(up), strict=True)
        if before != after
    )


def critical_wait_s(callers: Callers, mu_over_rps: float) -> float:
    """Return the wait from which a backlog grows: that of the dependent that is one too many.

    While the wait is w, dependents with shorter timeouts send lambda A(1) and the others lambda.
    Infinite if all of them together are served, 0 if the first tries alone are not.
    """
    waits, loads = _loads_by_wait(callers)
    return float(waits[loads > mu_over_rps].min(initial=inf))


def backlog_after_stall(callers: Callers, stall_s: float) -> float:
    """Return how many attempts wait after the service has stood still for ``stall_s``.

    Sum of lambda max(0, stall - k timeout) over the attempts k = 0, 1, ... up to A(1), the last in
    part: abandoned attempts stay in the queue, and retries come at once, for want of backoff.
    What budgets had saved up comes on top, as far as calls have attempts left for it.
    """
    first_rps, most = callers.first_try_rps, callers.attempts * callers.upstream_attempts
    allowed = first_rps * _waiting_s(callers.timeout_s, callers.amplification, stall_s)
    unlimited = first_rps * _waiting_s(callers.timeout_s, most, stall_s)
    return float((allowed + np.minimum(callers.saved_up, unlimited - allowed)).sum())


def _waiting_s(timeout_s: Floats, made: Floats, stall_s: float) -> Floats:
    """Return the attempts that wait after a stall, over the first tries per second."""
    whole = np.floor(made)
    begun = np.minimum(whole, np.floor(stall_s / timeout_s) + 1)
    waited = begun * stall_s - timeout_s * begun * (begun - 1) / 2
    part = (made - whole) * np.maximum(stall_s - whole * timeout_s, 0.0)
    waiting: Floats = waited + part
    return waiting


def drain_s(callers: Callers, mu_over_rps: float, backlog: float) -> float:
    """Return how long the service takes to serve off a backlog of attempts, in seconds.

    Backlog over what is served beyond the load, which falls each time the wait gets shorter than
    another timeout; infinite where nothing is left over.
    """
    waits, loads = _loads_by_wait(callers)
    spans_s = np.clip(backlog / mu_over_rps - waits, 0.0, np.diff(waits, append=inf))
    left_rps = mu_over_rps - loads[spans_s > 0]
    if (left_rps <= 0).any():
        return inf
    return float((spans_s[spans_s > 0] * mu_over_rps / left_rps).sum())


def _regime(points: tuple[FixedPoint, ...], *, keeps: bool) -> Regime:
    if not points:
        return Regime.UNSTABLE
    another = sum(point.stable for point in points) > 1
    return Regime.METASTABLE if keeps or another else Regime.STABLE


def _grows(callers: Callers, curve: FailureCurve) -> Callable[[Floats], NDArray[np.bool_]]:
    """Return whether loads make more than themselves, as a function of them."""
    timeouts_s, places = np.unique(callers.timeout_s, return_inverse=True)
    return lambda loads: callers.loads_rps(curve.failed_ratio(loads, timeouts_s)[:, places]) > loads


def _turn(grows: Callable[[float], bool], low: float, high: float, *, stable: bool) -> FixedPoint:
    """Return where between two loads it ceases to grow, or begins to."""
    return FixedPoint(_first(lambda load: grows(load) != stable, low, high), stable)


def _first(holds: Callable[[float], bool], low: float, high: float) -> float:
    """Return where in (low, high] something begins to hold that holds at the end, by halving."""
    exact = _EXACT * high
    while high - low > exact:
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _critical_stall_s(callers: Callers, mu_over_rps: float, wait_s: float) -> float:
    """Return the shortest stall after which the wait never falls below ``wait_s``.

    Who comes t after a stall of D began waits D + W(t) / mu - t, where W is what had come by then.
    It is shortest when so many retry that mu comes per second. Then D = wait + t - W(t) / mu, for
    one dependent T (1 + mu / lambda) / 2.
    """
    if not 0 < wait_s < inf:
        return wait_s
    longest_s = float((callers.timeout_s * callers.amplification).max())
    at_s = _first(lambda at_s: _came(callers, at_s)[0] >= mu_over_rps, 0.0, longest_s)
    return wait_s + at_s - _came(callers, at_s)[1] / mu_over_rps


def _came(callers: Callers, at_s: float) -> tuple[float, float]:
    """Return attempts per second, and those that have come, at a time after all begin to fail.

    The steps of first, second, ... attempts are taken as the line through their middles,
    lambda (t / T + 1 / 2), from the first to where it reaches lambda A(1).
    """
    made, timeout_s = callers.amplification, callers.timeout_s
    steps = np.clip(at_s / timeout_s + 0.5, 1.0, made)
    before_s = np.minimum(at_s - timeout_s / 2, 0.0)
    level_s = np.maximum(at_s - timeout_s * (made - 0.5), 0.0)
    came = timeout_s * steps**2 / 2 + before_s + made * level_s
    return float(callers.first_try_rps @ steps), float(callers.first_try_rps @ came)


def _loads_by_wait(callers: Callers) -> tuple[Floats, Floats]:
    """Return waits, 0 and each timeout ascending, and the load while the wait is just longer."""
    order = np.argsort(callers.timeout_s)
    more = callers.first_try_rps * (callers.amplification - 1)
    loads = callers.first_try_rps.sum() + np.cumsum([0.0, *more[order]])
    return np.array([0.0, *callers.timeout_s[order]]), loads


def _ratio(rate_rps: float, load_rps: float) -> float:
    return rate_rps / load_rps if load_rps > 0 else inf
