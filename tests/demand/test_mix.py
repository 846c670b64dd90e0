"""A rate at another mix, by its laws and against services whose costs are known."""

from __future__ import annotations

from math import exp, fsum, inf, log, sqrt
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perfgate.demand.ledger import Spread
from perfgate.demand.mix import (
    MOST_MOVED,
    UNDER_LOAD,
    WIDEST,
    MixedRate,
    Work,
    most_shifted,
    multiplied,
    other_share,
    surely_left,
)
from perfgate.demand.risk import UncertainRate

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("introspect", "login", "token")
Costs = dict[str, float]
RATE = UncertainRate(400.0, 390.0, 410.0)
MIX = {"introspect": 0.9, "login": 0.1}

costs_s = st.fixed_dictionaries({name: st.floats(1e-4, 0.1) for name in NAMES})
mixes = st.fixed_dictionaries({name: st.floats(0.01, 1.0) for name in NAMES}).map(
    lambda parts: {name: part / fsum(parts.values()) for name, part in parts.items()}
)


def request_s(costs: Mapping[str, float], mix: Mapping[str, float]) -> float:
    """Return what a request of a mix takes."""
    return fsum(share * costs[name] for name, share in mix.items())


def exactly(figure: float) -> Spread:
    """Return a figure that is certain."""
    return Spread(figure, figure, figure)


def known(mix: Costs, alone_s: Costs, saturated_s: float, doubt: float = 1.0) -> Work:
    """Return the work of a service whose costs are known up to a factor ``doubt``."""
    unit = request_s(alone_s, mix)
    figures = {name: cost / unit for name, cost in alone_s.items()}
    weights = {name: Spread(own / doubt, own, own * doubt) for name, own in figures.items()}
    return Work(mix, weights, exactly(unit / saturated_s))


def weighed(login: float = 4.0, alone: float = 1.0, **rest: object) -> Work:
    """Return the work of introspections and logins, each of which is as heavy as so many of all."""
    introspect = (1 - MIX["login"] * login) / MIX["introspect"]
    weights = {"introspect": exactly(introspect), "login": exactly(login)}
    return Work(MIX, weights, exactly(alone), **rest)


def logins(share: float) -> Costs:
    """Return a mix with so many logins."""
    return {"introspect": 1 - share, "login": share}


@given(mixes, costs_s, st.floats(1e-4, 1.0), st.floats(1.0, 2.0))
def test_an_equal_mix_changes_nothing(
    mix: Costs, costs: Costs, saturated_s: float, doubt: float
) -> None:
    """Law: with the mix that was measured, the rate is what was measured, as surely known."""
    work = known(mix, costs, saturated_s, doubt)
    assert work.factor(mix) == (1.0, 1.0, 1.0)
    assert work.untellable(mix) == ""
    found = MixedRate(RATE, work).at(mix).rate
    assert found is not None
    assert found.lower_rps == pytest.approx(RATE.lower_rps, rel=1e-12)
    assert found.upper_rps == pytest.approx(RATE.upper_rps, rel=1e-12)


@given(mixes, mixes, costs_s)
def test_the_ratio_is_that_of_the_work(mix: Costs, other: Costs, costs: Costs) -> None:
    """Law: where requests cost saturated what they cost alone, mu' / mu is D / D'."""
    work = known(mix, costs, request_s(costs, mix))
    expected = request_s(costs, mix) / request_s(costs, other)
    low, likely, high = work.factor(other)
    assert likely == pytest.approx(expected)
    assert low <= likely <= high


@given(mixes, mixes, costs_s, st.floats(0.25, 2.0))
def test_the_rate_lies_between_cheapest_and_dearest(
    mix: Costs, other: Costs, costs: Costs, alone: float
) -> None:
    """Law: no mix is served faster than the cheapest operation, or slower than the dearest."""
    work = known(mix, costs, request_s(costs, mix) / alone)
    pure = [work.factor({name: 1.0}).likely for name in NAMES]
    assert min(pure) * (1 - 1e-9) <= work.factor(other).likely <= max(pure) * (1 + 1e-9)


@given(
    mixes,
    mixes,
    costs_s,
    st.floats(0.0, 1.0),
    st.tuples(st.floats(1.0, 1.3), st.floats(0.25, 2.0)),
)
def test_a_dearer_share_never_raises_the_rate(
    mix: Costs, other: Costs, costs: Costs, part: float, doubt: tuple[float, float]
) -> None:
    """Law: the more of the requests are dear, the lower is the rate."""
    work = known(mix, costs, request_s(costs, mix) / doubt[1], doubt[0])
    cheap, dear = sorted(("introspect", "login"), key=costs.__getitem__)
    moved = part * other[cheap]
    dearer = other | {cheap: other[cheap] - moved, dear: other[dear] + moved}
    was, becomes = work.factor(other), work.factor(dearer)
    assume(was.high < inf)
    assert becomes.likely <= was.likely * (1 + 1e-9)


@given(mixes, mixes, costs_s, st.floats(0.0, 0.01), st.floats(0.5, 2.0))
def test_the_interval_holds_services_of_either_kind(
    mix: Costs, other: Costs, costs: Costs, wakeup_s: float, factor: float
) -> None:
    """Law: be it the same, a share or neither that requests cost more alone, the truth is in it."""
    truth = request_s(costs, mix) / request_s(costs, other)
    cheapest = min(costs, key=costs.__getitem__)
    for alone_s in (
        {name: cost + wakeup_s for name, cost in costs.items()},
        {name: cost * factor for name, cost in costs.items()},
        costs | {cheapest: costs[cheapest] * sqrt(UNDER_LOAD)},
    ):
        low, _, high = known(mix, alone_s, request_s(costs, mix)).factor(other)
        assert low * (1 - 1e-9) <= truth <= high * (1 + 1e-9)


@given(mixes, mixes, costs_s)
def test_what_is_surely_left_needs_no_costs(mix: Costs, other: Costs, costs: Costs) -> None:
    """Law: whatever operations cost, the rate falls no lower than the shares alone tell."""
    truth = request_s(costs, mix) / request_s(costs, other)
    assert surely_left(mix, other) <= truth * (1 + 1e-9)
    assert surely_left(mix, mix) == 1.0


def test_a_server_that_never_rests_serves_that_many() -> None:
    """Against requests served one after the other: the rates at both mixes, from one of them."""
    rng = np.random.default_rng(1)
    costs, count = {"introspect": 0.001, "login": 0.02}, 200_000

    def served_rps(mix: Costs) -> float:
        drawn = rng.choice([costs[name] for name in mix], size=count, p=list(mix.values()))
        return float(count / rng.exponential(drawn).sum())

    measured = served_rps(logins(0.02))
    work = known(logins(0.02), costs, 1 / measured)
    (rate,) = (multiplied(exact(measured), work.factor(logins(0.06))),)
    assert rate.estimate_rps == pytest.approx(served_rps(logins(0.06)), rel=0.02)


def exact(rate_rps: float) -> UncertainRate:
    """Return a rate that is certain."""
    return UncertainRate(rate_rps, rate_rps, rate_rps)


@given(st.floats(1.0, 1.2), st.floats(1.0, 1.2), st.floats(1.0, 1.2), st.floats(0.1, 10.0))
def test_half_widths_combine_in_quadrature(
    rate: float, below: float, above: float, likely: float
) -> None:
    """Law: the interval is wider than that of rate or factor alone, and narrower than both."""
    factor = Spread(likely / below, likely, likely * above)
    found = multiplied(UncertainRate(100.0, 100.0 / rate, 100.0 * rate), factor)
    assert found.estimate_rps == pytest.approx(100 * likely)
    for width, other in (
        (found.estimate_rps / found.lower_rps, below),
        (found.upper_rps / found.estimate_rps, above),
    ):
        assert max(rate, other) <= width * (1 + 1e-9)
        assert width <= rate * other * (1 + 1e-9)


@pytest.mark.parametrize(
    ("work", "mix", "why"),
    [
        (weighed(), logins(0.2), ""),
        (weighed(), {"login": 0.1, "verify": 0.9}, "verify was never measured"),
        (weighed(), {"a": 0.5, "b": 0.5}, "a and b were never measured"),
        (Work(MIX), logins(0.104), ""),
        (Work(MIX), logins(0.11), "single operations were not measured"),
        (Work({}), logins(0.9), ""),
        (weighed(), logins(0.8), "56 % of the work would be other work than was measured"),
        (weighed(alone=3.0), logins(0.25), "does not tell it to within 20 %"),
        (weighed(login=9.0, alone=1.5), logins(0.05), "does not tell it to within 20 %"),
    ],
)
def test_where_it_has_to_be_measured(work: Work, mix: Costs, why: str) -> None:
    """An operation nobody timed, a mix too far off, costs too doubtful: then nothing is told."""
    found = work.untellable(mix)
    assert found.endswith(why) if why else not found


@given(st.floats(0.0, 1.0), st.floats(1.0, 9.0), st.floats(0.5, 3.0))
def test_what_is_told_is_within_the_bounds(share: float, login: float, alone: float) -> None:
    """Law: no rate is told that may be off by more than is allowed, or rests on too little."""
    work = weighed(login, alone)
    if not work.untellable(logins(share)):
        low, likely, high = work.factor(logins(share))
        assert low <= likely <= high
        assert log(high / low) <= 2 * WIDEST + 1e-9
        assert work.moved(logins(share)) <= MOST_MOVED


def test_what_cannot_be_told_is_what_is_surely_left() -> None:
    """Without costs the rate is what no cost could take away; of an unknown operation, nothing."""
    served = MixedRate(RATE, Work(MIX)).at(logins(0.2))
    assert served.rate is not None
    assert served.rate.lower_rps == pytest.approx(RATE.lower_rps / 2)
    assert served.why
    assert MixedRate(RATE, Work(MIX)).at({"verify": 1.0}).rate is None
    assert MixedRate(RATE, Work(MIX)).at({}) == MixedRate(RATE, weighed()).at({})


def test_what_makes_the_difference_is_named() -> None:
    """The operation whose work changes most is told, or the first whose share does."""
    assert most_shifted(weighed(), logins(0.2)) == "login"
    assert other_share(MIX, logins(0.2)) == "introspect"
    assert other_share(MIX, MIX) == ""
    assert exp(WIDEST) < 1.25
