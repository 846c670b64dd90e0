"""Laws of the pulse: it is well while callers are answered at once, and not a second before."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.load.plan import Caller
from perfgate.load.pulse import HEARD_CALLS, WELL_FOR_S, Pulse, heard_of

START_S = 0.0


def felt(seconds: list[tuple[int, int, int]]) -> Pulse:
    """Return the pulse after seconds of so many first tries, retries and answers each."""
    pulse = Pulse()
    for second, (first_tries, retries, answers) in enumerate(seconds):
        for _ in range(first_tries):
            pulse.sent(second + 0.5, 0, retry=False)
        for _ in range(retries):
            pulse.sent(second + 0.5, 0, retry=True)
        for _ in range(answers):
            pulse.answered(second + 0.5, 0)
    return pulse


@given(calls=st.integers(1, 50), before=st.integers(0, 5))
def test_it_takes_some_whole_seconds_to_be_well(calls: int, before: int) -> None:
    """Law: it is well once so many whole seconds were, and not while the last one has not ended."""
    bad, good = [(calls, 2 * calls, 0)] * before, [(calls, 0, calls)] * WELL_FOR_S
    pulse, end_s = felt([*bad, *good]), before + WELL_FOR_S
    assert pulse.is_well(end_s + 0.1, START_S)
    assert not felt([*bad, *good[1:]]).is_well(end_s - 0.1, START_S)


@pytest.mark.parametrize(
    ("second", "well"),
    [
        ((100, 0, 95), True),
        ((100, 0, 94), False),
        ((100, 10, 100), True),
        ((100, 11, 100), False),
        ((0, 0, 0), False),
        ((0, 5, 5), False),
    ],
)
def test_few_lost_calls_and_retries_are_well(second: tuple[int, int, int], well: bool) -> None:
    """Law: 95 % answered and 10 % tried again is well, and silence is not."""
    assert felt([second] * WELL_FOR_S).is_well(WELL_FOR_S, START_S) == well


@given(since_s=st.floats(0.1, WELL_FOR_S))
def test_what_was_before_does_not_count(since_s: float) -> None:
    """Law: seconds that began before the moment that counts do not make it well."""
    pulse = felt([(10, 0, 10)] * (2 * WELL_FOR_S))
    assert not pulse.is_well(WELL_FOR_S, since_s)
    assert pulse.is_well(2 * WELL_FOR_S, since_s)


@pytest.mark.parametrize(("answers", "well"), [(0, False), (3, False), (4, True), (10, True)])
def test_who_makes_few_of_the_calls_is_heard(answers: int, well: bool) -> None:
    """Law: it is not well while a caller that is heard gets less than half, whatever others get.

    One call of it may still be under way.
    """
    pulse, deaf = Pulse(heard=[0, 1]), Pulse(heard=[0])
    for own in (pulse, deaf):
        for caller, calls, answered in ((0, 990, 990), (1, 10, answers)):
            for call in range(calls):
                own.sent(WELL_FOR_S * call / calls, caller, retry=False)
            for call in range(answered):
                own.answered(WELL_FOR_S * call / calls, caller)
    assert pulse.is_well(WELL_FOR_S, START_S) == well
    assert deaf.is_well(WELL_FOR_S, START_S)


def test_only_who_makes_enough_calls_is_heard() -> None:
    """Law: ten calls in the time that counts, of all operations together, are enough."""
    rate_rps = HEARD_CALLS / WELL_FOR_S
    callers = [
        Caller("few", {"fetch": 0.9 * rate_rps}, 1.0),
        Caller("enough", {"fetch": 0.6 * rate_rps, "list": 0.5 * rate_rps}, 1.0),
    ]
    assert heard_of(callers) == [1]


def test_retries_that_are_due_are_waited_for() -> None:
    """Law: while more callers wait to try again than may try again, it is not well."""
    pulse = felt([(10, 0, 10)] * WELL_FOR_S)
    with ExitStack() as stack:
        for waiting in range(1, 10):
            stack.enter_context(pulse.due())
            assert pulse.is_well(WELL_FOR_S, START_S) == (waiting <= WELL_FOR_S)
    assert pulse.is_well(WELL_FOR_S, START_S)
