"""Laws of what can be found at a given noise and pace."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.analysis.resolution import (
    FIRST_LOOK,
    MOST_SESSIONS,
    Pace,
    Resolution,
    detectable,
    fits,
    looks_for,
    looks_up_to,
    resolution_of,
    wanted,
)
from perfgate.analysis.sequential import POWER, Outcome, Plan, decide

PLAN = Plan((4, 6, 8, 10), 0.01, 0.05, math.log(1.01), math.log(1.03))
PACE = Pace(first_s=20.0, session_s=15.0, budget_s=240.0)
RUNS = 4000

spreads = st.floats(1e-4, 0.5)
untimed = settings(deadline=None)  # the machine may be busy with other work


def resolution(sd: float, pace: Pace = PACE, mean: float = 0.0) -> Resolution:
    """Return what is found where four sessions of each metric have this spread."""
    values = mean + sd * np.array([1.5, -1.5, 0.5, -0.5]) / math.sqrt(5 / 3)
    return resolution_of({"cost": values / 2 + mean / 2, "capacity": values}, PLAN, pace)


@untimed
@given(sd=spreads, more=st.floats(1.01, 10))
def test_it_grows_with_noise(sd: float, more: float) -> None:
    """The noisier the sessions, the larger the smallest slowdown found; it exceeds tolerance."""
    for look in PLAN.looks:
        quiet, loud = (detectable(PLAN, look, noise, 2) for noise in (sd, more * sd))
        assert PLAN.tolerance < quiet < loud
        assert (loud - PLAN.tolerance) / (quiet - PLAN.tolerance) == pytest.approx(more)


@untimed
@given(sd=spreads)
def test_it_shrinks_with_sessions(sd: float) -> None:
    """Every look finds less than the one before, and a single metric less than one of two."""
    found = [detectable(PLAN, look, sd, 2) for look in PLAN.looks]
    assert found == sorted(found, reverse=True)
    assert all(detectable(PLAN, look, sd, 1) < two for look, two in zip(PLAN.looks, found))  # noqa: B905 - as long by construction


@pytest.mark.parametrize("look", PLAN.looks)
def test_it_agrees_with_the_rule_of_decision(look: int) -> None:
    """Of builds with just that slowdown, the rule fails as many at the look as are promised."""
    sd = 0.012
    slowdown = detectable(PLAN, look, sd, 2)
    rng = np.random.default_rng(7)
    slow, equal = slowdown + sd * rng.normal(size=(RUNS, look)), np.zeros(look)
    ended = [decide({"cost": row, "capacity": equal}, PLAN).metrics["cost"] for row in slow]
    found = np.mean([metric.lower > PLAN.tolerance for metric in ended])
    # Three standard errors of the simulation.
    assert found == pytest.approx(POWER, abs=3 * math.sqrt(POWER * (1 - POWER) / RUNS))


def begun(session_s: float, budget_s: float) -> int:
    """Return how many sessions a gate begins that asks before each of them, up to a limit."""
    made = 0
    while made < MOST_SESSIONS and fits(made * session_s, made, budget_s):
        made += 1
    return made


@given(session_s=st.floats(0.5, 100.0), budget_s=st.floats(1.0, 1000.0))
def test_what_is_foretold_is_what_is_made(session_s: float, budget_s: float) -> None:
    """Law: a pace affords just the sessions that a gate of that pace begins, the first always.

    All looks that follow from the budget are among them.
    """
    pace, made = Pace(20.0, session_s, budget_s), begun(session_s, budget_s)
    assert [pace.affords(n) for n in range(1, MOST_SESSIONS + 1)] == [
        n <= made for n in range(1, MOST_SESSIONS + 1)
    ]
    assert made >= 1
    assert pace.looks()[-1] in (FIRST_LOOK, *range(1, made + 1))


@given(
    session_s=st.floats(0.5, 100.0),
    budget_s=st.floats(1.0, 1000.0),
    looks=st.sets(st.integers(2, MOST_SESSIONS), min_size=1).map(sorted),
)
def test_a_check_ends_between_its_first_look_and_its_budget(
    session_s: float, budget_s: float, looks: list[int]
) -> None:
    """Law: undecided, it makes all sessions that are afforded, though the last look is nearer."""
    made = min(begun(session_s, budget_s), looks[-1])
    assert Pace(20.0, session_s, budget_s).span(looks) == (min(looks[0], made), made)


@pytest.mark.parametrize(("session_s", "made"), [(12.0, 11), (13.2, 10), (13.3, 9), (1000.0, 1)])
def test_a_session_may_overrun_the_budget_a_little(session_s: float, made: int) -> None:
    """Law: the last session ends within a tenth over the budget, here of 120 s."""
    assert begun(session_s, 120.0) == made


@untimed
@given(sd=spreads, budget_s=st.floats(1.0, 400.0))
def test_the_best_look_is_within_the_budget(sd: float, budget_s: float) -> None:
    """What the budget affords decides; the range of the noise encloses what is found."""
    pace = Pace(20.0, 15.0, budget_s)
    found = resolution(sd, pace)
    affordable = [look for look in found.looks if look.sessions <= begun(15.0, budget_s)]
    if not affordable:
        assert found.best is None
        assert not found.resolves
        assert found.first_to_find(math.inf) is None
        with pytest.raises(ValueError, match="affords no look"):
            _ = found.best_range
        return
    assert found.best == affordable[-1]
    assert found.resolves == (affordable[-1].worst <= PLAN.margin)
    lower, upper = found.best_range
    assert lower < affordable[-1].worst < upper


@given(st.integers(0, 60))
def test_looks_spend_everything_by_the_last_session(sessions: int) -> None:
    """Law: looks ascend from the first one to the last session that is afforded, up to a limit.

    Each saves at least a tenth of what the next one takes, and none but the first is skipped.
    """
    looks = looks_up_to(sessions)
    assert looks[0] == FIRST_LOOK
    assert looks[-1] == min(max(sessions, FIRST_LOOK), MOST_SESSIONS)
    for look, later in pairwise(looks):
        assert look < later <= max(1.5 * look, look + 1)


@given(st.floats(1, 1e6), st.floats(0.1, 1e3))
def test_looks_fit_the_budget(budget_s: float, session_s: float) -> None:
    """Law: the last look is affordable, and one session more were not, unless a limit says so."""
    last = looks_for(budget_s, session_s)[-1]
    assert last == FIRST_LOOK or last * session_s <= budget_s * (1 + 1e-9) + 1e-6
    assert last == MOST_SESSIONS or (last + 1) * session_s > budget_s


def test_five_sessions_of_twelve_seconds_take_a_minute() -> None:
    """The budgets that the error rates are published for have these looks."""
    assert looks_for(60.0, 12.0) == (4, 5)
    assert looks_for(120.0, 12.0) == (4, 5, 6, 8, 10)
    assert looks_for(300.0, 12.0) == (4, 5, 6, 8, 10, 13, 16, 20, 25)
    assert looks_for(math.inf, 12.0)[-1] == MOST_SESSIONS


@settings(deadline=None, max_examples=15)  # each sums up dozens of sessions' chances
@given(sd=spreads)
def test_what_is_wanted_would_do(sd: float) -> None:
    """With the looks and the budget that are named, the margin is found; else nothing is named."""
    found = resolution(sd)
    enough = wanted(found)
    if enough is None:
        assert not found.resolves
        return
    looks, budget_s = enough
    assert looks == PLAN.looks or looks == looks_up_to(looks[-1])
    assert looks[-1] >= PLAN.looks[-1]
    longer = Plan(looks, PLAN.fail_alpha, PLAN.pass_alpha, PLAN.tolerance, PLAN.margin)
    values = {name: sd * np.array([1.5, -1.5, 0.5, -0.5]) / math.sqrt(5 / 3) for name in ("a", "b")}
    pace = Pace(PACE.first_s, PACE.session_s, budget_s)
    assert resolution_of(values, longer, pace).resolves


def test_the_worse_metric_decides() -> None:
    """A slowdown may show in one metric only, so what is found is what the noisier one finds."""
    found = resolution(0.01)
    assert {name: own.sd for name, own in found.noise.items()} == pytest.approx(
        {"cost": 0.005, "capacity": 0.01}
    )
    assert all(look.worst == look.detectable["capacity"] for look in found.looks)
    first = found.first_to_find(math.log(1.05))
    assert first is not None
    assert first.worst <= math.log(1.05)
    assert first.seconds == PACE.first_s + first.sessions * PACE.session_s


@pytest.mark.parametrize(("mean", "biased"), [(0.0, False), (0.005, False), (0.1, True)])
def test_a_build_that_differs_from_itself(mean: float, biased: bool) -> None:
    """A difference beyond chance and tolerance is called a bias, in either direction."""
    for sign in (1, -1):
        noise = resolution(0.002, mean=sign * mean).noise
        assert {own.biased for own in noise.values()} == {biased}


def test_outcomes_are_those_of_a_check() -> None:
    """At no noise at all, anything above tolerance is found: the rule itself says FAIL."""
    slow = np.full(4, PLAN.margin + 1e-6)
    assert decide({"cost": slow}, PLAN).outcome is Outcome.FAIL
    assert detectable(PLAN, 4, 0.0, 1) == PLAN.tolerance
