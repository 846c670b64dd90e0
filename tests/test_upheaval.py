"""Laws of the upset: what is sent, by whom, and for how long."""

from __future__ import annotations

import math
from itertools import chain, repeat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import (
    Build,
    case,
    conditions,
    config,
    dependent,
    environment,
    incident,
    ledger,
    terms,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from upsets import VALIDITY, came_back, stayed_down

from perfgate.analysis.rates import service_rates
from perfgate.build.provide import Build as Provided
from perfgate.config.models import RecoveryTest, Target
from perfgate.demand.demand import peak_demand
from perfgate.gate import OVERHEAD_S, Order
from perfgate.load.engine import Engine
from perfgate.load.pulse import WELL_FOR_S
from perfgate.progress import Silence
from perfgate.rig import Outcome, Rig
from perfgate.upheaval import (
    DRAIN_S,
    Ordeal,
    Try,
    assignment_of,
    callers_of,
    longest_s,
    ordeal_of,
    shortest_s,
    spec_of,
    try_recovery,
    turns_of,
    upset_of,
    with_turns,
)
from perfgate.verdict.case import steps_of
from perfgate.verdict.checks import recovery
from perfgate.verdict.checks.validity import DISCARD_LIMIT
from perfgate.verdict.finding import Outcome as Verdict
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.upheaval import Turn
    from perfgate.verdict.case import Case, Terms

TESTS = st.builds(
    RecoveryTest,
    limit_s=st.floats(4, 99),
    upset=st.sampled_from(["spike", "stall"]),
    upset_s=st.floats(2, 9),
    spike_ratio=st.floats(1.1, 4),
    before_s=st.floats(6, 20),
    steps=st.lists(st.floats(0.1, 0.9), max_size=3).map(tuple),
    step_s=st.floats(4, 20),
)
RIG = Rig(Target(start="serve"), Engine(Path("locustfile.py")), None, Path("runs"), Silence())


BACK, DOWN = Try(Outcome(recovery=came_back())), Try(Outcome(recovery=stayed_down()))
DIED = Try(Outcome(incidents=(incident(),)))
BROKEN = Try(Outcome(), broken_off="Locust did not end")
LATE = VALIDITY.model_copy(update={"faults": ("the load generator was late",)})
FAULTY = Try(Outcome(recovery=stayed_down(validity=LATE)))


def order(held_to: Terms, *, beside_base: bool) -> Order:
    """Return an order of builds that are nowhere."""
    build = Provided("candidate", Path("/nowhere"), None, dirty=False, label="candidate")
    base = build if beside_base else None
    return Order(held_to, "default", build, base, environment(), conditions(), ())


def turns_ahead(held_to: Terms, *, beside_base: bool = True) -> list[Turn]:
    """Return the turns of a candidate that stays down."""
    ordeal = ordeal_of(case(held_to=held_to), held_to)
    assert ordeal is not None
    return turns_of(order(held_to, beside_base=beside_base), ordeal)


@given(TESTS, st.floats(1, 100), st.floats(100, 1000))
def test_an_upset_is_what_is_configured(
    test: RecoveryTest, demand_rps: float, rate_rps: float
) -> None:
    """Law: the demand, then a spike or a standstill, then the demand again.

    Nobody retries in the last of the stages.
    """
    upset = upset_of(test, test.upset, rate_rps, demand_rps)
    before, during, after, *steps, last = Ordeal(demand_rps, upset, test.step_s).stages
    assert [one.rate_rps for one in (before, during, after, last)] == pytest.approx(
        [demand_rps, rate_rps, demand_rps, demand_rps]
    )
    assert [one.rate_rps for one in steps] == pytest.approx([s * demand_rps for s in test.steps])
    total_s = math.fsum(one.duration_s for one in (before, during, after, *steps, last))
    assert shortest_s(test) < total_s + OVERHEAD_S + DRAIN_S
    assert upset.quiet_s == pytest.approx(total_s - test.step_s)
    spec = spec_of(upset, (), "schedule.npz")
    assert (spec.upset_s, spec.after_s, spec.quiet_s) == (upset.from_s, upset.to_s, upset.quiet_s)
    assert spec.stalls == (test.upset == "stall")


@pytest.mark.parametrize("beside_base", [True, False])
@settings(max_examples=10)
@given(test=TESTS)
def test_what_stays_down_takes_as_long_as_is_announced(
    test: RecoveryTest, beside_base: bool
) -> None:
    """Law: candidate, candidate anew and base are each sent calls as long as expected, and in all.

    Where there is no base, none is waited for. Nothing is tried after the restart: calls end when
    fresh processes that are well at the last moment have been so for long enough.
    """
    held_to = terms(config=config(recovery=test))
    stages = ["recovery of the candidate", "restart of the candidate", "recovery of the base"]
    turns = turns_ahead(held_to, beside_base=beside_base)
    assert [turn.stage for turn in turns] == stages[: 3 if beside_base else 2]
    made_for = order(held_to, beside_base=beside_base)
    asked = [assignment_of(made_for, turn, 0) for turn in turns]
    for own in asked:
        sent_s = own.schedule.intended_s[-1]  # a hundred calls a second, of which it is the last
        assert own.expected_s - OVERHEAD_S - DRAIN_S == pytest.approx(sent_s, abs=0.5)
    anew = asked[1].upset
    assert anew is not None
    assert anew.limit_s == test.step_s
    assert anew.quiet_s == anew.limit_s + WELL_FOR_S
    assert asked[1].expected_s == pytest.approx(OVERHEAD_S + anew.quiet_s + DRAIN_S)
    expected_s = math.fsum(own.expected_s for own in asked)
    assert longest_s(test, 2 if beside_base else 1) == pytest.approx(expected_s)


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


def gone_through(*came: Try) -> tuple[Case, list[str]]:
    """Return what is known after turns in which each run comes to the same, and which were made.

    In turns beyond those given, builds stay down.
    """
    held_to, made = terms(), []

    def drawn() -> Iterator[tuple[Turn, Iterator[Try]]]:
        for turn, tried in zip(turns_ahead(held_to), chain(came, repeat(DOWN)), strict=False):
            made.append(turn.stage)
            yield turn, repeat(tried)

    return with_turns(case(held_to=held_to), drawn()), made


@pytest.mark.parametrize(
    ("came", "turns"),
    [
        ((BACK,), 1),
        ((DIED,), 1),
        ((BROKEN,), 1),
        ((FAULTY,), 1),
        ((DOWN, DIED), 2),
        ((DOWN, BACK), 3),
        ((DOWN, BROKEN), 3),
    ],
)
def test_no_turn_is_made_in_vain(came: tuple[Try, ...], turns: int) -> None:
    """Law: only a candidate that stays down is started anew, and only beside it the base tried."""
    known, made = gone_through(*came)
    assert len(made) == turns
    assert known.measurement.incidents == came[-1].outcome.incidents
    assert known.measurement.restart == (came[1].outcome.recovery if came[1:] else None)
    upset = [own.outcome.recovery for own in (came[0], *[DOWN] * (turns == 3))]
    assert list(known.measurement.recoveries) == [own for own in upset if own]


@pytest.mark.parametrize("bad", [BROKEN, FAULTY], ids=["broken off", "not to be trusted"])
@pytest.mark.parametrize("count", range(DISCARD_LIMIT + 2))
def test_a_run_that_proves_nothing_is_repeated(bad: Try, count: int) -> None:
    """Law: no more than are allowed are made, and none after one that can be trusted.

    What breaks runs off is kept; where no run is left, nothing can be judged.
    """
    held_to = terms()
    tries = iter([*[bad] * count, *[BACK] * (DISCARD_LIMIT + 1)])
    known = with_turns(case(held_to=held_to), [(turns_ahead(held_to)[0], tries)])
    in_vain = min(count, DISCARD_LIMIT + 1)
    left = in_vain > DISCARD_LIMIT
    assert len(list(tries)) == DISCARD_LIMIT + left
    assert len(known.measurement.broken_off) == in_vain * (bad is BROKEN)
    assert len(known.measurement.recoveries) == (not left or bad is FAULTY)
    assert (judge(known).outcome is Verdict.INVALID) == left


def test_what_is_known_of_a_build_that_stayed_down_is_kept() -> None:
    """Law: that neither its restart nor the base could be tried takes nothing back."""
    known, _ = gone_through(DOWN, BROKEN, BROKEN)
    (own,) = recovery.check(known)
    assert own.outcome is Verdict.FAIL
    assert "The base could not be tried." in own.reason
    assert known.measurement.broken_off == ()


@pytest.mark.parametrize(
    "untried",
    [case(incidents=(incident(),)), case(sessions=(), demand_run=None)],
    ids=["did not come through", "no service rate"],
)
def test_who_was_not_even_measured_is_not_upset(untried: Case) -> None:
    """Law: a build that ended in the sessions, or served nothing in them, is not started again."""
    assert try_recovery(untried, order(untried.terms, beside_base=True), RIG) is untried
