"""Rates measured here are carried over to production, with what is not certain about them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.capacity import margin_in_force, production_rate, scaled_rate
from perfgate.analysis.interval import Interval
from perfgate.config.models import Production

Z = 1.6448536269514722
NO_CHANGE = Interval(0.0, 0.0, 0.0)
RATES = st.floats(0.1, 1e6)


def declared(
    rate_rps: float = 500.0, cv: float = 0.05, instances: int = 1, imbalance: float = 1.0
) -> Production:
    """Return production with a declared service rate."""
    return Production(
        service_rate_rps=rate_rps,
        service_rate_cv=cv,
        instances=instances,
        imbalance=imbalance,
    )


def test_instances_multiply_all_three() -> None:
    """Four instances serve four times the rate, and are no more certain than one."""
    assert scaled_rate(Interval(100.0, 90.0, 120.0), 4) == Interval(400.0, 360.0, 480.0)


def test_equal_builds_keep_the_declared_rate() -> None:
    """Without a change the rate is the declared one, as uncertain as it was declared."""
    rate = production_rate(declared(), NO_CHANGE)
    assert rate.estimate == pytest.approx(500.0)
    assert rate.lower == pytest.approx(500.0 * math.exp(-Z * 0.05))
    assert rate.upper == pytest.approx(500.0 * math.exp(Z * 0.05))


def test_the_ratio_measured_is_carried_over() -> None:
    """A build that is half as fast here is half as fast in production, at every instance."""
    halved = Interval(math.log(2), math.log(2), math.log(2))
    rate = production_rate(declared(cv=0.0, instances=3), halved)
    assert rate.estimate == pytest.approx(750.0)
    assert rate.lower == pytest.approx(750.0)
    assert rate.upper == pytest.approx(750.0)


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=9), RATES)
def test_the_busiest_instance_is_full_first(loads_rps: list[float], rate_rps: float) -> None:
    """Law: at the demand that fills the busiest of instances that share it as unevenly as this."""
    count, total = len(loads_rps), sum(loads_rps)
    imbalance = max(1.0, min(max(loads_rps) * count / total, count))
    full_rps = total * rate_rps / max(loads_rps)
    found = production_rate(declared(rate_rps, 0.0, count, imbalance), NO_CHANGE)
    assert found.estimate == pytest.approx(full_rps)
    there = declared(instances=count, imbalance=imbalance).full_instances
    here = scaled_rate(Interval(rate_rps, rate_rps, rate_rps), there)
    assert here.lower == pytest.approx(full_rps)


def test_uncertainties_add_in_quadrature() -> None:
    """What is uncertain in the declared rate and in the ratio combine like sides of a triangle."""
    rate = production_rate(declared(cv=0.03 / Z), Interval(0.1, 0.06, 0.14))
    assert math.log(rate.upper / rate.estimate) == pytest.approx(0.05)
    assert math.log(rate.estimate / rate.lower) == pytest.approx(0.05)


@given(rate=RATES, cv=st.floats(0, 0.9), half=st.floats(0, 1), slowdown=st.floats(-2, 2))
def test_bounds_enclose_the_estimate(rate: float, cv: float, half: float, slowdown: float) -> None:
    """The estimate lies within its bounds, and more uncertainty never narrows them."""
    measured = Interval(slowdown, slowdown - half, slowdown + half)
    found = production_rate(declared(rate, cv), measured)
    surer = production_rate(declared(rate, cv / 2), measured)
    assert 0 < found.lower <= found.estimate * (1 + 1e-12)
    assert found.estimate <= found.upper * (1 + 1e-12)
    assert found.lower <= surer.lower * (1 + 1e-12)


def test_without_a_declared_rate_there_is_nothing_to_carry_over() -> None:
    """Asking for production's rate where none is declared is a mistake of the caller."""
    with pytest.raises(ValueError, match="no production service rate is declared"):
        production_rate(Production(), NO_CHANGE)


def test_margin_shrinks_with_the_headroom() -> None:
    """The margin is the policy's while there is room, then what the headroom leaves."""
    policy, tolerance = 0.03, 0.01
    assert margin_in_force(policy, tolerance, 400.0, 100.0) == policy
    assert margin_in_force(policy, tolerance, 102.0, 100.0) == pytest.approx(math.log(1.02))
    assert margin_in_force(policy, tolerance, 100.0, 100.0) == pytest.approx(tolerance, rel=1e-3)
    assert margin_in_force(policy, tolerance, 50.0, 100.0) == pytest.approx(tolerance, rel=1e-3)


def test_margin_without_demand_or_rate() -> None:
    """No demand leaves the policy alone; a base that serves nothing has nothing to lose."""
    assert margin_in_force(0.03, 0.01, 400.0, 0.0) == 0.03
    assert margin_in_force(0.03, 0.01, 0.0, 100.0) == pytest.approx(0.01, rel=1e-3)


@given(
    tolerance=st.floats(0, 0.5),
    above=st.floats(1e-6, 0.5),
    base=st.floats(0, 1e6),
    required=st.floats(0, 1e6),
)
def test_margin_lies_between_tolerance_and_policy(
    tolerance: float, above: float, base: float, required: float
) -> None:
    """Whatever the headroom, the margin exceeds the tolerance and never the policy."""
    margin = margin_in_force(tolerance + above, tolerance, base, required)
    assert tolerance < margin <= tolerance + above


@given(base=RATES, more=RATES, required=RATES)
def test_margin_never_shrinks_when_the_base_is_faster(
    base: float, more: float, required: float
) -> None:
    """A faster base never makes the margin smaller."""
    slower = margin_in_force(0.03, 0.01, base, required)
    assert slower <= margin_in_force(0.03, 0.01, base + more, required)
