"""Figures that are not certain become the chances that the demand is not carried.

It draws each dependent's peak and changes and the service's rates independently of each other:
peaks that come together, or changes that share a cause, make larger demands likelier than it says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import exp, inf, log, log1p, prod, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from perfgate.demand.attempts import callers_of
from perfgate.demand.demand import changes_in_force, sent_rps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from perfgate.demand.attempts import Floats
    from perfgate.demand.ledger import Dependent, Spread

DRAWS = 20_000
# So many of the largest have a draw of their own each time. Those beyond are so many that their
# sum hardly varies; they get a fortieth of the draws, over and over.
DRAWN_IN_FULL = 200
REPEATS = 40
# Draws of so many ledgers and days are kept: one check or admission asks about few.
LEDGERS_KEPT = 8


@dataclass(frozen=True, slots=True)
class UncertainRate:
    """A service rate: the estimate, and the interval in which it lies with chance ``level``.

    Raises ValueError unless 0 < lower <= estimate <= upper, all finite, and 0 < level < 1.
    """

    estimate_rps: float
    lower_rps: float
    upper_rps: float
    level: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.lower_rps <= self.estimate_rps <= self.upper_rps < inf:
            raise ValueError(
                "0 < lower <= estimate <= upper does not hold: "
                f"{self.lower_rps}, {self.estimate_rps}, {self.upper_rps}"
            )
        if not 0 < self.level < 1:
            raise ValueError(f"a level lies between 0 and 1, not at {self.level}")

    def times(self, factor: float) -> UncertainRate:
        """Return the rate times a factor that is certain."""
        return replace(
            self,
            estimate_rps=self.estimate_rps * factor,
            lower_rps=self.lower_rps * factor,
            upper_rps=self.upper_rps * factor,
        )

    @property
    def log_sd(self) -> float:
        """The standard deviation of the rate's logarithm, normal about the estimate's."""
        z = NormalDist().inv_cdf((1 + self.level) / 2)
        return log(self.upper_rps / self.lower_rps) / (2 * z)


@dataclass(frozen=True, slots=True)
class Risk:
    """Shares of draws: mu_slo is less than the first tries; mu_over is less than all attempts."""

    draws: int
    overload_ratio: float
    retries_unsafe_ratio: float


def demand_risk(
    dependents: Sequence[Dependent],
    on: date,
    mu_slo: UncertainRate,
    mu_over: UncertainRate,
    *,
    seed: int,
    draws: int = DRAWS,
) -> Risk:
    """Return the chances that mu_slo < lambda, and that retry-safe headroom is less than 1.

    Peaks are lognormal with the ledger's figure as mean and ``peak_cv`` as relative standard
    deviation, the scales of changes effective on or before ``on`` triangular, service rates
    lognormal about their estimates.
    """
    drawn = drawn_once(tuple(dependents), on, seed, draws)
    return Risk(
        draws=draws,
        overload_ratio=_exceeded_ratio(mu_slo, drawn.slo, drawn.first),
        retries_unsafe_ratio=_exceeded_ratio(mu_over, drawn.over, drawn.worst),
    )


def doubt_ratio(dependent: Dependent, on: date) -> float:
    """Return the relative standard deviation of a dependent's own rate on a day, plans included.

    Of independent factors, 1 plus the square of that multiplies. What a change adds is certain.
    """
    changes = changes_in_force(dependent, on)
    cvs = [dependent.peak_cv, *(_triangular_cv(change.scale) for change in changes)]
    scaled_rps = dependent.peak_rps * prod(_triangular_mean(change.scale) for change in changes)
    own_rps = scaled_rps + sum(change.add_rps for change in changes)
    if own_rps == 0:
        return 0.0
    return sqrt(prod(1 + cv**2 for cv in cvs) - 1) * scaled_rps / own_rps


def _triangular_mean(scale: Spread) -> float:
    return sum(scale) / 3


def _triangular_cv(scale: Spread) -> float:
    low, likely, high = scale
    squares = low**2 + likely**2 + high**2 - low * likely - low * high - likely * high
    mean = _triangular_mean(scale)
    return sqrt(max(squares, 0.0) / 18) / mean if mean else 0.0


class Drawn(NamedTuple):
    """Draws of both loads, and of how far both rates lie from their estimates, in sd of logs."""

    first: Floats
    worst: Floats
    slo: Floats
    over: Floats


@lru_cache(maxsize=LEDGERS_KEPT)
def drawn_once(dependents: tuple[Dependent, ...], on: date, seed: int, draws: int) -> Drawn:
    """Return all draws that do not depend on the service rates; who asks again gets the same."""
    ranked = sorted(dependents, key=lambda one: _at_most_rps(one, on), reverse=True)
    large = _large_drawn(tuple(ranked[:DRAWN_IN_FULL]), on, seed, draws)
    if len(ranked) <= DRAWN_IN_FULL:
        return large
    rest = _small_drawn(tuple(ranked[DRAWN_IN_FULL:]), on, seed, -(-draws // REPEATS))
    first, worst = np.tile(rest, REPEATS)[:, :draws]
    return large._replace(first=large.first + first, worst=large.worst + worst)


# Of a ledger in which one dependent changes, either the large or the others are as they were.
@lru_cache(maxsize=LEDGERS_KEPT)
def _large_drawn(dependents: tuple[Dependent, ...], on: date, seed: int, draws: int) -> Drawn:
    rng = np.random.default_rng(seed)
    first, worst = _loads(dependents, on, draws, rng)
    return Drawn(first, worst, rng.standard_normal(draws), rng.standard_normal(draws))


@lru_cache(maxsize=LEDGERS_KEPT)
def _small_drawn(dependents: tuple[Dependent, ...], on: date, seed: int, draws: int) -> Floats:
    stream = np.random.default_rng([seed, 1])  # of their own, so that the large do not matter
    return _many_loads(dependents, on, draws, stream)


def _loads(
    dependents: Sequence[Dependent], on: date, draws: int, rng: np.random.Generator
) -> Floats:
    """Return draws of first tries and of all attempts while every one fails, shape (2, draws)."""
    loads = np.zeros((2, draws))
    certain = callers_of(dependents, [1.0] * len(dependents)).amplification.tolist()
    for dependent, factor in zip(dependents, certain, strict=True):
        rates = sent_rps(dependent, _own_rps(dependent, on, draws, rng))
        loads[0] += rates
        loads[1] += rates * (factor if dependent.budget.min_rps == 0 else _made(dependent, rates))
    return loads


def _many_loads(
    dependents: Sequence[Dependent], on: date, draws: int, rng: np.random.Generator
) -> Floats:
    """Return the same, faster: those of whom only the peak is uncertain are drawn all at once.

    With half the digits, which are enough for a draw and take less than half the time.
    """
    plain = [one for one in dependents if _is_plain(one, on)]
    others = [one for one in dependents if not _is_plain(one, on)]
    rates = np.array([one.calls_per_request * one.peak_rps for one in plain])
    log_sd = np.sqrt(np.log1p(np.array([one.peak_cv for one in plain]) ** 2)).astype(np.float32)
    away = rng.standard_normal((draws, len(plain)), dtype=np.float32)
    away *= log_sd
    away -= log_sd**2 / 2
    factors = np.exp(away, out=away)
    made = callers_of(plain, rates.tolist()).amplification
    sent = np.array([rates, rates * made], dtype=np.float32)
    loads: Floats = _loads(others, on, draws, rng) + np.einsum("kj,ij->ki", sent, factors)
    return loads


def _is_plain(one: Dependent, on: date) -> bool:
    return one.cache is None and one.budget.min_rps == 0 and not changes_in_force(one, on)


def _own_rps(dependent: Dependent, on: date, draws: int, rng: np.random.Generator) -> Floats:
    log_sd = sqrt(log1p(dependent.peak_cv**2))
    peaks = dependent.peak_rps * np.exp(log_sd * rng.standard_normal(draws) - log_sd**2 / 2)
    changes = changes_in_force(dependent, on)
    for change in changes:
        if change.scale.low == change.scale.high:
            peaks *= change.scale.likely  # without a draw: what is certain adds no chance
        else:
            peaks *= _triangular(change.scale, rng.random(draws))
    return peaks + sum(change.add_rps for change in changes)


def _triangular(scale: Spread, uniform: Floats) -> Floats:
    """Return draws of the triangular distribution, by its inverse."""
    low, likely, high = scale
    rising = low + np.sqrt(uniform * (high - low) * (likely - low))
    falling = high - np.sqrt((1 - uniform) * (high - low) * (high - likely))
    return np.where(uniform * (high - low) < likely - low, rising, falling)


def _made(dependent: Dependent, rates_rps: Floats) -> Floats:
    """Return attempts per first try where a floor of retries makes them depend on the rate."""
    return replace(callers_of([dependent], [1.0]), first_try_rps=rates_rps).amplification


def _at_most_rps(dependent: Dependent, on: date) -> float:
    changes = changes_in_force(dependent, on)
    own_rps = dependent.peak_rps * prod(change.scale.high for change in changes)
    return sent_rps(dependent, own_rps + sum(change.add_rps for change in changes))


def _exceeded_ratio(rate: UncertainRate, away: Floats, loads: Floats) -> float:
    """Return the share of draws in which the rate, so many sd of its log away, is below the load.

    Mostly the lowest rate is above the highest load, which takes no time to see.
    """
    if rate.estimate_rps * exp(rate.log_sd * float(away.min())) >= loads.max():
        return 0.0
    return float(np.mean(rate.estimate_rps * np.exp(rate.log_sd * away) < loads))
