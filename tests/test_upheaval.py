"""Laws of the upset: what is sent, by whom, and for how long."""

from __future__ import annotations

import math

import pytest
from builders import Build, case, dependent, ledger, terms
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.rates import service_rates
from perfgate.config.models import RecoveryTest
from perfgate.demand.demand import peak_demand
from perfgate.gate import OVERHEAD_S
from perfgate.upheaval import (
    DRAIN_S,
    callers_of,
    longest_s,
    ordeal_of,
    shortest_s,
    spec_of,
    stages_of,
    upset_of,
)
from perfgate.verdict.case import steps_of

TESTS = st.builds(
    RecoveryTest,
    limit_s=st.floats(4, 99),
    upset=st.sampled_from(["spike", "stall"]),
    upset_s=st.floats(1, 9),
    spike_ratio=st.floats(1.1, 4),
    before_s=st.floats(6, 20),
    steps=st.lists(st.floats(0.1, 0.9), max_size=3).map(tuple),
    step_s=st.floats(4, 20),
)


@given(TESTS, st.floats(1, 100), st.floats(100, 1000))
def test_an_upset_is_what_is_configured(
    test: RecoveryTest, demand_rps: float, rate_rps: float
) -> None:
    """Law: the demand, then a spike or a standstill, then the demand again.

    The stages last as long as is announced, and nobody retries in the last of them.
    """
    upset = upset_of(test, test.upset, rate_rps, demand_rps)
    before, during, after, *steps, last = stages_of(upset, demand_rps, test.step_s)
    assert [one.rate_rps for one in (before, during, after, last)] == pytest.approx(
        [demand_rps, rate_rps, demand_rps, demand_rps]
    )
    assert [one.rate_rps for one in steps] == pytest.approx([s * demand_rps for s in test.steps])
    total_s = math.fsum(one.duration_s for one in (before, during, after, *steps, last))
    assert total_s + OVERHEAD_S + DRAIN_S == pytest.approx(longest_s(test))
    assert shortest_s(test) < longest_s(test)
    assert upset.quiet_s == pytest.approx(total_s - test.step_s)
    spec = spec_of(upset, (), "schedule.npz")
    assert (spec.upset_s, spec.after_s, spec.quiet_s) == (upset.from_s, upset.to_s, upset.quiet_s)
    assert spec.stalls == (test.upset == "stall")


@given(slowdown=st.floats(-1.0, 3.0))
def test_what_is_tried_leaves_callers_served_before(slowdown: float) -> None:
    """Law: a spike on the highest demand where it is carried, else that demand on today's.

    Where not even today's is carried there is no such demand, and the spike is left.
    """
    planned = {"from": "2026-12-01", "what": "delegation", "scale": 3.0}
    held_to = terms(ledger=ledger(dependent(change=[planned])))
    judged = case(Build(saturated=slowdown), held_to=held_to)
    today_rps, peak_rps = (
        step.first_try_rps for step in (steps_of(held_to)[0], peak_demand(steps_of(held_to)))
    )
    served_rps = service_rates(judged.measurement.runs, "candidate").mean()
    ordeal = ordeal_of(judged, held_to)
    assert ordeal is not None
    assert today_rps < peak_rps
    if today_rps < served_rps <= peak_rps:
        assert ordeal.upset.kind == "change"
        assert ordeal.demand_rps == pytest.approx(today_rps)
        assert ordeal.upset.rate_rps == pytest.approx(peak_rps)
    else:
        assert ordeal.upset.kind == "spike"
        assert ordeal.demand_rps == pytest.approx(peak_rps)
        assert ordeal.upset.rate_rps > 1.49 * served_rps


@given(st.floats(1, 1000))
def test_callers_are_those_of_the_ledger(demand_rps: float) -> None:
    """Law: together they send the demand, each its part of it and its own mix."""
    held_to = case().terms
    peak = peak_demand(steps_of(held_to))
    callers = callers_of(held_to, demand_rps)
    sent = [math.fsum(one.rates_rps.values()) for one in callers]
    assert math.fsum(sent) == pytest.approx(demand_rps)
    for one, own_rps, row, asked in zip(
        callers, sent, peak.dependents, held_to.ledger.dependents, strict=True
    ):
        assert own_rps == pytest.approx(demand_rps * row.first_try_rps / peak.first_try_rps)
        mix = held_to.ledger.mix_of(asked)
        assert one.rates_rps == pytest.approx({name: own_rps * mix[name] for name in mix})
        assert (one.name, one.attempts) == (asked.name, asked.attempts)
        assert len(one.waits_s) == asked.attempts - 1


@given(st.floats(0.05, 1.0))
def test_the_floor_of_a_budget_is_that_of_the_share_that_comes_here(share: float) -> None:
    """Law: retries that need no success are as many per first try here as in production."""
    budget = {"kind": "per_request", "ratio": 0.1, "min_rps": 10.0, "clients": 40}
    held_to = terms(ledger=ledger(dependent(budget=budget, attempts=3)))
    sent_rps = peak_demand(steps_of(held_to)).first_try_rps
    (one,) = callers_of(held_to, share * sent_rps)
    assert one.budget.min_rps * one.budget.clients == pytest.approx(share * 10.0 * 40)
    assert one.budget.clients == max(1, round(share * 40))
