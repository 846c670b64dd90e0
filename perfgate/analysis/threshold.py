"""Open-loop trials become the highest rate within a promise, and the rate to try next.

It knows counts and rates only: what was promised, and what is sent, is said elsewhere.

The share that misses a promise grows with the rate; its log odds do so almost in a line near the
rate at which just as many miss it as may (the limit), by 20 to 30 per service rate for queues that
were measured. So every trial tells of the limit, also one far from it. How far they can be believed
is another question: the requests of a trial share its queue, so that a trial is one sample far more
than its requests are many. Hence counts that scatter more than binomial ones (the beta-binomial
distribution, Skellam, JRSS B 10, 1948), of trials whose service is now faster, now slower. By how
much is not known, nor is the slope: all that are possible are weighed by how well they agree with
the trials (Bayes). The interval holds what is then most likely. That it covers the true
limit as often as it says is held against simulated queues by the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betaln, expit, logit

from perfgate.analysis.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

# Limits that are possible: from so much of the lowest rate to so much of the highest.
_POSSIBLE = (0.8, 1.1)
_RATES = 161
# Of the log odds, per service rate; as likely to be of any size.
_SLOPES = np.geomspace(5.0, 300.0, 9)
# Correlation of two requests of a trial, and how far trials differ as a share of the service rate.
_CORRELATIONS = np.array([0.03, 0.1, 0.4])
_SCATTERS = np.array([0.01, 0.025, 0.05])
# Before any trial: promises are mostly kept until little of the service rate is left.
_LATE = 2
# Rather left of the middle, then right of it: two rates tell the slope, one does not.
_ASIDE = (0.3, 0.7)
_LEAST_CHANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Trial:
    """One promise in one trial: of ``arrivals`` at ``rate_rps`` so many ``missed`` it."""

    rate_rps: float
    arrivals: int
    missed: int


@dataclass(frozen=True, slots=True)
class Span:
    """The rates that are tried: from ``low_rps`` to ``high_rps``, about the service rate."""

    low_rps: float
    high_rps: float


@dataclass(frozen=True, slots=True)
class Belief:
    """How likely it is that the limit lies near each of these rates; both have shape (rates,)."""

    rates_rps: Floats
    chances: Floats

    def quantile(self, share: float) -> float:
        """Return the rate below which the limit lies with this chance."""
        below = np.cumsum(self.chances) - self.chances / 2
        return float(np.interp(share, below, self.rates_rps))

    def interval(self, level: float) -> Interval:
        """Return the median, and the rates between which the limit lies with this chance."""
        tails = ((1 - level) / 2, (1 + level) / 2)
        return Interval(self.quantile(0.5), *map(self.quantile, tails))


def belief(trials: Iterable[Trial], allowed_ratio: float, span: Span) -> Belief:
    """Return what trials say of the limit of a promise that so large a share may miss.

    Trials without arrivals say nothing.
    """
    rates = np.linspace(_POSSIBLE[0] * span.low_rps, _POSSIBLE[1] * span.high_rps, _RATES)
    spread = _spread(rates, span.high_rps)
    told = np.zeros((len(_SCATTERS), _RATES, len(_SLOPES) * len(_CORRELATIONS)))
    for trial in trials:
        likely = _likelihood(trial, float(logit(allowed_ratio)), rates, span.high_rps)
        told += np.log(spread @ likely + np.finfo(float).tiny)
    weights = np.exp(told - told.max()).sum(axis=(0, 2)) * (rates / rates[-1]) ** _LATE
    return Belief(rates, weights / weights.sum())


def next_rate(belief: Belief, made: int, span: Span) -> float:
    """Return the rate of the next trial after so many, within the span."""
    aside = belief.quantile(_ASIDE[made % len(_ASIDE)])
    return min(max(aside, span.low_rps), span.high_rps)


def _likelihood(trial: Trial, limit: float, rates: Floats, service_rps: float) -> Floats:
    """Return how likely a trial's count is, shape (rates, slopes * correlations), 1 at most.

    ``limit`` is the log odds of the share that may miss the promise, ``rates`` possible limits.
    """
    odds = limit + _SLOPES * (trial.rate_rps - rates[:, None]) / service_rps
    share = np.clip(expit(odds), _LEAST_CHANCE, 1 - _LEAST_CHANCE)[:, :, None]
    # As many requests of their own as weigh like what they share.
    size = (1 - _CORRELATIONS) / _CORRELATIONS
    kept = trial.arrivals - trial.missed
    chance = betaln(trial.missed + share * size, kept + (1 - share) * size)
    chance -= betaln(share * size, (1 - share) * size)
    likely: Floats = np.exp(chance - chance.max()).reshape(len(rates), -1)
    return likely


def _spread(rates: Floats, service_rps: float) -> Floats:
    """Return, for each scatter, how a trial's own limit lies about the true one.

    Shape (scatters, rates, rates); normal, and each row adds up to 1.
    """
    apart = (rates[:, None] - rates) / service_rps
    weights = np.exp(-0.5 * (apart / _SCATTERS[:, None, None]) ** 2)
    spread: Floats = weights / weights.sum(axis=2, keepdims=True)
    return spread
