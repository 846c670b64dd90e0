"""Laws of recovery: when callers were served again, and what brought a build back at last."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from upsets import (
    DEMAND_RPS,
    DOWN,
    LIMIT_S,
    STEP_S,
    UPSET,
    UPSET_FROM_S,
    UPSET_TO_S,
    WELL,
    alone,
    came_back,
    recovery,
    started_anew,
    stayed_down,
)

from perfgate.analysis.recovery import course_of, was_well
from perfgate.load.pulse import WELL_FOR_S


@given(down_s=st.integers(0, LIMIT_S - WELL_FOR_S))
def test_it_has_recovered_when_callers_are_served_again(down_s: int) -> None:
    """Law: the time to recover is what passed from the upset's end to the first good second."""
    course = course_of(recovery([*[DOWN] * down_s, *[WELL] * WELL_FOR_S]))
    assert course.was_well
    assert course.recovered_s == down_s


@given(down_s=st.integers(LIMIT_S - WELL_FOR_S + 1, LIMIT_S))
def test_after_the_limit_is_too_late(down_s: int) -> None:
    """Law: good seconds that do not all lie within the limit are no recovery."""
    course = course_of(recovery([*[DOWN] * down_s, *[WELL] * (LIMIT_S - down_s), *[DOWN] * 9]))
    assert course.recovered_s is None
    assert course.healed_rps is None
    assert not course.healed_quiet


def test_what_callers_got_while_down_is_told() -> None:
    """A build that stays down is described by what it has settled at."""
    course = course_of(recovery([DOWN] * LIMIT_S))
    assert (course.answered_ratio, course.attempts_per_call) == (0.0, 3.0)


def test_the_demand_at_which_it_heals_is_told() -> None:
    """Law: of the demands that are tried it is the first at which callers are served."""
    healed = recovery([*[DOWN] * LIMIT_S, *[DOWN] * 8, *[DOWN] * 4, *[WELL] * 4])
    assert course_of(healed).healed_rps == healed.upset.steps[1][1]
    quiet = recovery([*[DOWN] * LIMIT_S, *[DOWN] * 16, *[WELL] * 8])
    assert course_of(quiet).healed_rps is None
    assert course_of(quiet).healed_quiet


@pytest.mark.parametrize(
    ("then", "healed_rps", "stuck_rps"),
    [
        ([WELL] * 3, 25.0, 50.0),
        ([*[DOWN] * STEP_S, *[WELL] * 3], 12.5, 25.0),
        ([DOWN] * 3 * STEP_S, None, 12.5),
        ([*[DOWN] * 2 * STEP_S, *[WELL] * 3], None, 12.5),
    ],
)
def test_it_breaks_and_heals_between_two_rates(
    then: list[tuple[int, int, int]], healed_rps: float | None, stuck_rps: float
) -> None:
    """Law: it held the demand and broke at most at the spike; stuck is where it did not heal."""
    course = course_of(recovery([*[DOWN] * LIMIT_S, *then]))
    assert (course.held_rps, course.broke_rps) == (DEMAND_RPS, UPSET.rate_rps)
    assert (course.healed_rps, course.stuck_rps) == (healed_rps, stuck_rps)


def test_no_rate_is_told_of_what_did_not_break_or_was_none() -> None:
    """Law: only a rate that was come from, and not come back from, has broken a build."""
    stall = UPSET.model_copy(update={"kind": "stall", "rate_rps": DEMAND_RPS})
    back, still = course_of(came_back(3)), course_of(stayed_down(upset=stall))
    assert (back.held_rps, back.broke_rps, back.stuck_rps) == (DEMAND_RPS, None, None)
    assert (still.held_rps, still.broke_rps, still.stuck_rps) == (DEMAND_RPS, None, 12.5)
    for own in (stayed_down(before=DOWN), started_anew(STEP_S)):
        course = course_of(own)
        assert (course.held_rps, course.broke_rps) == (None, None)


@given(seconds=st.integers(0, 3 * STEP_S))
def test_only_what_was_begun_was_tried(seconds: int) -> None:
    """Law: what was tried follows the limit without a gap, as far as the run went.

    That nobody retried was tried where it went on for long enough for anybody to be well.
    """
    reliefs = course_of(recovery([DOWN] * (LIMIT_S + seconds))).reliefs
    begins = [UPSET_TO_S + LIMIT_S + each * STEP_S for each in range(3)]
    until_s = [begins[0], begins[1], begins[2] + WELL_FOR_S - 1]
    assert [own.from_s for own in reliefs] == [
        at for at, least_s in zip(begins, until_s, strict=True) if least_s < begins[0] + seconds
    ]
    assert [own.to_s for own in reliefs[:-1]] == [own.from_s for own in reliefs[1:]]
    assert [own.quiet for own in reliefs] == [False, False, True][: len(reliefs)]
    assert not any(own.helped for own in reliefs)


@given(late_s=st.integers(0, WELL_FOR_S - 1))
def test_nothing_is_tried_after_a_restart(late_s: int) -> None:
    """Law: fresh processes that do not serve the demand in time are told of that alone."""
    again = started_anew(STEP_S)
    series = {
        name: (count,) * (STEP_S + WELL_FOR_S + late_s)
        for name, count in zip(("first_tries", "attempts", "answered"), DOWN, strict=True)
    }
    course = course_of(again.model_copy(update=series))
    assert (course.recovered_s, course.stuck_rps) == (None, again.demand_rps)
    assert course.reliefs == ()


@given(before=st.integers(1, 2))
def test_well_seconds_count_where_they_begin(before: int) -> None:
    """Law: a run ends at the first well seconds, so they are found though a limit parts them."""
    course = course_of(recovery([*[DOWN] * (LIMIT_S - before), *[WELL] * 3]))
    assert course.recovered_s == LIMIT_S - before
    healed = course_of(recovery([*[DOWN] * (LIMIT_S + STEP_S - before), *[WELL] * 3]))
    assert healed.healed_rps == UPSET.steps[0][1]
    assert [own.helped for own in healed.reliefs] == [True]


def test_who_was_not_well_before_is_told() -> None:
    """Law: what was already down before is not what the upset did."""
    assert not course_of(recovery([WELL] * LIMIT_S, before=DOWN)).was_well


@given(lost=st.integers(0, 10), seconds=st.integers(3, 20))
def test_a_few_lost_calls_are_no_outage(lost: int, seconds: int) -> None:
    """Law: one call in twenty may be lost to bad luck."""
    course = course_of(recovery([(100, 100, 100 - lost)] * seconds))
    assert (course.recovered_s == 0.0) == (lost <= 5)


def test_who_is_left_out_is_no_recovery() -> None:
    """Law: while one dependent is not served, callers are not, however few its calls are."""
    served = recovery([WELL] * LIMIT_S, callers=(alone("gateway", [10] * LIMIT_S),))
    assert course_of(served).recovered_s == 0.0
    few = alone("batch", [*[0] * 6, *[10] * 3, *[0] * (LIMIT_S - 9)], calls=10)
    course = course_of(served.model_copy(update={"callers": (*served.callers, few)}))
    assert course.recovered_s == 5.0  # from there on, 20 of its 30 calls
    assert course.unserved == (("batch", 0.0),)
    none = alone("batch", [0] * LIMIT_S)
    left = served.model_copy(update={"callers": (*served.callers, none)})
    assert course_of(left).recovered_s is None
    assert not was_well(left, UPSET_TO_S, UPSET_TO_S + LIMIT_S)
    assert was_well(left, 0, UPSET_FROM_S)


def test_who_was_not_served_before_either_is_told() -> None:
    """Law: a dependent that was left out from the start was not left out by the upset."""
    course = course_of(recovery([WELL] * 3, callers=(alone("batch", [10] * 3, before=0),)))
    assert not course.was_well
    assert course.unserved == (("batch", 0.0),)
