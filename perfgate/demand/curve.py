"""How many attempts fail at a load: measured points, or a service rate alone, become a curve.

It does not know who sends the load: :mod:`perfgate.demand.retries` meets the two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perfgate.demand.attempts import Floats


class FailureCurve(Protocol):
    """The share of attempts that fail at a load, for a service that was idle before.

    Beyond ``overload_rps`` the backlog grows, so that in the end every attempt fails.
    """

    @property
    def overload_rps(self) -> float:
        """The first load whose backlog grows, greater than 0."""

    def failed_ratio(self, loads_rps: Floats, timeouts_s: Floats) -> Floats:
        """Return the share that fails or is slower than a timeout, shape (loads, timeouts).

        It does not fall as the load rises, and is 1 from ``overload_rps`` on.
        """

    def times(self, factor: float) -> FailureCurve:
        """Return the curve of a service that takes so many times the load as this one does."""


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """What an open-loop trial at a rate has shown.

    ``failed_ratio`` is, by timeout in seconds, the share of attempts that failed or were slower.
    ``backlog_grows``: latency rose while the trial lasted, so that a longer one would fail more.
    """

    rate_rps: float
    failed_ratio: Mapping[float, float]
    backlog_grows: bool = False


@dataclass(frozen=True)
class MeasuredCurve:
    """Points joined by straight lines, and failure of everything from where the backlog grows.

    A trial that ends says too little of a backlog that would have grown further: at 1.05 of the
    service rate only 15 % were slower than 0.5 s after 10 s. So the first rate whose backlog grows
    counts as 1, whatever was seen; a dip between points is noise and is filled up; beyond the last
    point, which has shown nothing, every attempt counts as failed, and below the first as many as
    there. A timeout between two measured ones is taken as the shorter one. The points must all
    have the same timeouts; anything else, and no point, raises ValueError.
    """

    points: Sequence[LoadPoint]

    def __post_init__(self) -> None:
        if not self.points:
            raise ValueError("a curve needs at least one point")
        if len({frozenset(point.failed_ratio) for point in self.points}) > 1:
            raise ValueError("the points have different timeouts")
        shares = [share for point in self.points for share in point.failed_ratio.values()]
        if not shares or not all(0 <= share <= 1 for share in shares):
            raise ValueError(f"a point needs shares between 0 and 1, not {shares}")

    @cached_property
    def overload_rps(self) -> float:
        """The first load whose backlog grows; the last one measured if it grows at none."""
        growing = [point.rate_rps for point in self.points if point.backlog_grows]
        return min(growing, default=max(point.rate_rps for point in self.points))

    def failed_ratio(self, loads_rps: Floats, timeouts_s: Floats) -> Floats:
        """Return the share that fails or is slower than a timeout, shape (loads, timeouts).

        Raises ValueError for a timeout shorter than any that was measured.
        """
        places = np.searchsorted(self._timeouts_s, timeouts_s, side="right") - 1
        if (places < 0).any():
            raise ValueError(f"no point tells of a timeout of {np.min(timeouts_s):g} s")
        shares = np.array([np.interp(loads_rps, self._rates_rps, row) for row in self._shares])
        shares[:, loads_rps >= self.overload_rps] = 1.0
        return shares[places].T

    def times(self, factor: float) -> MeasuredCurve:
        """Return the curve with every rate so many times as large."""
        grown = [replace(point, rate_rps=point.rate_rps * factor) for point in self.points]
        return MeasuredCurve(grown)

    @cached_property
    def _timeouts_s(self) -> Floats:
        return np.array(sorted(self.points[0].failed_ratio))

    @cached_property
    def _ascending(self) -> list[LoadPoint]:
        """The points up to the one from which everything fails."""
        ascending = sorted(self.points, key=lambda point: point.rate_rps)
        return [point for point in ascending if point.rate_rps <= self.overload_rps]

    @cached_property
    def _rates_rps(self) -> Floats:
        return np.array([point.rate_rps for point in self._ascending])

    @cached_property
    def _shares(self) -> Floats:
        """The share by timeout and rate, shape (timeouts, rates)."""
        rows = [
            [1.0 if point.backlog_grows else point.failed_ratio[each] for point in self._ascending]
            for each in self._timeouts_s.tolist()
        ]
        return np.maximum.accumulate(np.array(rows), axis=1)


@dataclass(frozen=True, slots=True)
class RateCurve:
    """The curve of a service of which only a rate is known: nothing fails below, everything above.

    ``overload_rps`` is mu_slo, or mu_sat where that is all there is. This assumes that no timeout
    is shorter than the latency below that rate, that failures have no other cause than load, and
    that the queue is served in order and without limit, so that under overload every wait outgrows
    every timeout in the end. Between mu_slo and the rate that backlogs are served at, too much is
    said to fail; a service that drops late work or bounds its queue fares better than this. Raises
    ValueError for a rate that is not finite and greater than 0.
    """

    overload_rps: float

    def __post_init__(self) -> None:
        if not 0 < self.overload_rps < inf:
            raise ValueError(f"no rate of a service: {self.overload_rps}")

    def failed_ratio(self, loads_rps: Floats, timeouts_s: Floats) -> Floats:
        """Return 0 below overload, else 1, whatever the timeout, shape (loads, timeouts)."""
        failed = (loads_rps >= self.overload_rps).astype(float)
        return np.repeat(failed[:, np.newaxis], timeouts_s.size, axis=1)

    def times(self, factor: float) -> RateCurve:
        """Return the curve of so many times the rate."""
        return RateCurve(self.overload_rps * factor)
