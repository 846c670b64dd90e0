"""A service rate that was measured with one mix of operations becomes that with another.

A saturated service completes 1 / sum of share_i cost_i requests per second, where cost_i is what a
request of operation i takes of that which runs out first (bottleneck analysis: Denning and Buzen,
The operational analysis of queueing network models, ACM Computing Surveys 10 (3), 1978). So what is
known of the rate with one mix holds for another, times the ratio of both sums. Nothing is measured
here, and which demand has which mix is said by :mod:`perfgate.demand.demand`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import exp, fsum, hypot, inf, log
from typing import TYPE_CHECKING

from perfgate.demand.ledger import Spread

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.demand.risk import UncertainRate

# Mixes whose shares all differ by less than this share of themselves are taken for the same where
# nothing better is known: even the dearest operation moves the rate by no more than that.
SAME_MIX = 0.05
# A recomputed rate that may be off by more (log) says too little: hardly anything of the headroom
# that is left by default (1.25) would be sure.
WIDEST = 0.2
# Beside others under load an operation may cost so many times as much as alone, or as little, even
# where all together do not: logins of the bundled service, which hash passwords, cost 1.3 times as
# much while saturated, and the other requests a quarter less.
UNDER_LOAD = 1.25
# Where less than half of the work would be work that was there under load, what it would contend
# for has not shown, however well its cost alone is known.
MOST_MOVED = 0.5
CERTAIN = Spread(1.0, 1.0, 1.0)
# Shares of record are rounded; those that differ by less are equal.
ROUNDED = 1e-5


@dataclass(frozen=True, slots=True)
class Work:
    """What requests cost, and the mix with which the service rate was measured.

    ``weights`` say by operation how many requests of that mix one of it costs as much as, each sent
    alone; empty where that is not known. ``alone`` is how many times as much a request of the mix
    costs alone as in a saturated service. Without a mix, any is taken to be the measured one.
    """

    mix: Mapping[str, float]
    weights: Mapping[str, Spread] = field(default_factory=dict)
    alone: Spread = CERTAIN

    def factor(self, mix: Mapping[str, float]) -> Spread:
        """Return what the service rate is multiplied by with another mix.

        1 / (1 + a (W - 1)), where W is the weight of a request of the other mix. What a request
        costs more alone than saturated is likely the same for each, a wake-up say (a = ``alone``),
        but may be a share of its cost (a = 1), or differ by UNDER_LOAD: low and high hold all
        that, with everything that is uncertain at its worst. High is infinite where nothing bounds
        it. Raises KeyError for an operation without a weight.
        """
        shifts = _shifts(self.mix, mix)
        more = fsum(by * self.weights[name].likely for name, by in shifts.items())
        ends = [_end(self.weights, shifts, sign) for sign in (1, -1)]
        ratios = (min(1.0, self.alone.low), max(1.0, self.alone.high))
        costs = [1 + ratio * end for ratio in ratios for end in ends]
        likely = _inverse(1 + self.alone.likely * more)
        return Spread(_inverse(max(costs)), likely, _inverse(min(costs)))

    def moved(self, mix: Mapping[str, float]) -> float:
        """Return the share of the other mix's work that was not there in the measured one."""
        was, becomes = (self._work_shares(one) for one in (self.mix, mix))
        return fsum(max(share - was.get(name, 0.0), 0.0) for name, share in becomes.items())

    def untellable(self, mix: Mapping[str, float]) -> str:
        """Return why the rate with another mix has to be measured, "" where it can be told."""
        if not self.weights:
            alike = not self.mix or same_mix(self.mix, mix)
            return "" if alike else "single operations were not measured"
        new = sorted(mix.keys() - self.weights.keys())
        if new:
            return f"{' and '.join(new)} {'was' if len(new) == 1 else 'were'} never measured"
        if (moved := self.moved(mix)) > MOST_MOVED:
            return f"{100 * moved:.0f} % of the work would be other work than was measured"
        low, _, high = self.factor(mix)
        if high > low * exp(2 * WIDEST):
            return f"what operations cost alone does not tell it to within {100 * WIDEST:.0f} %"
        return ""

    def _work_shares(self, mix: Mapping[str, float]) -> dict[str, float]:
        work = {name: share * self.weights[name].likely for name, share in mix.items()}
        whole = fsum(work.values())
        return {name: part / whole for name, part in work.items()}


@dataclass(frozen=True, slots=True)
class RateAt:
    """The service rate with a mix.

    Where it cannot be told, ``why`` says so, and ``rate`` is only what it cannot fall below: None
    where that is nothing.
    """

    rate: UncertainRate | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class MixedRate:
    """A service rate, and the work that it was measured with."""

    rate: UncertainRate
    work: Work

    def at(self, mix: Mapping[str, float]) -> RateAt:
        """Return the rate with a mix: as it is with the measured one, and with none."""
        if not mix or max(map(abs, _shifts(self.work.mix, mix).values())) < ROUNDED:
            return RateAt(self.rate)
        why = self.work.untellable(mix)
        if not why:
            factor = self.work.factor(mix) if self.work.weights else CERTAIN
            return RateAt(multiplied(self.rate, factor))
        sure = surely_left(self.work.mix, mix)
        return RateAt(multiplied(self.rate, Spread(sure, sure, sure)) if sure else None, why)


def multiplied(rate: UncertainRate, factor: Spread) -> UncertainRate:
    """Return the rate times a factor that is not certain either.

    Logarithms add, and their half-widths, which know nothing of each other, combine in quadrature.
    """
    estimate = rate.estimate_rps * factor.likely
    below = hypot(log(rate.estimate_rps / rate.lower_rps), log(factor.likely / factor.low))
    above = hypot(log(rate.upper_rps / rate.estimate_rps), log(factor.high / factor.likely))
    return replace(
        rate,
        estimate_rps=estimate,
        lower_rps=estimate * exp(-below),
        upper_rps=estimate * exp(above),
    )


def surely_left(measured: Mapping[str, float], mix: Mapping[str, float]) -> float:
    """Return the share of the service rate that is left with a mix, whatever operations cost.

    The smallest ratio of a measured share to the new one: with so many times as many requests of
    the measured mix, each operation would be sent at least as often. 0 where one was not measured.
    """
    ratios = (measured.get(name, 0.0) / share for name, share in mix.items() if share > 0)
    return min(1.0, *ratios)


def same_mix(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Tell whether no share differs by more than SAME_MIX of itself."""
    return not other_share(one, other)


def other_share(one: Mapping[str, float], other: Mapping[str, float]) -> str:
    """Return the first operation whose share differs by more than SAME_MIX of itself, or ""."""
    shifts = _shifts(one, other)
    differing = (
        name
        for name, by in sorted(shifts.items())
        if abs(by) > SAME_MIX * max(one.get(name, 0.0), other.get(name, 0.0))
    )
    return next(differing, "")


def most_shifted(work: Work, mix: Mapping[str, float]) -> str:
    """Return the operation whose work changes most with a mix: without costs, whose share grows."""
    by = _shifts(work.mix, mix)
    if not by.keys() <= work.weights.keys():
        return max(sorted(by), key=by.__getitem__)
    return max(sorted(by), key=lambda name: abs(by[name]) * work.weights[name].likely)


def _shifts(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """Return by how much each share is larger in the other mix."""
    return {name: other.get(name, 0.0) - one.get(name, 0.0) for name in {*one, *other}}


def _end(weights: Mapping[str, Spread], shifts: Mapping[str, float], sign: int) -> float:
    """Return the most (1) or least (-1) by which a request may have become heavier."""
    return fsum(
        by * (weights[name].high * UNDER_LOAD if sign * by > 0 else weights[name].low / UNDER_LOAD)
        for name, by in shifts.items()
    )


def _inverse(cost: float) -> float:
    return 1 / cost if cost > 0 else inf
