"""Laws of recovery: when callers were served again, and what brought a build back at last."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from upsets import DOWN, LIMIT_S, UPSET_FROM_S, UPSET_TO_S, WELL, alone, recovery

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
