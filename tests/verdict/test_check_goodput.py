"""Goodput: a build that refuses work fails, however fast it is, and the reason says so."""

from __future__ import annotations

import math

import pytest
from builders import ARRIVALS, Build, case, session, sessions
from hypothesis import given
from hypothesis import strategies as st

from perfgate.verdict.checks.goodput import check
from perfgate.verdict.finding import Finding, Outcome
from perfgate.verdict.judge import decided, judge

# Refuses two answers of three in no time, and gives a third fewer correct ones.
SHEDS = Build(shed=2 / 3, saturated=math.log(1.5))


def only(findings: list[Finding]) -> Finding:
    """Return the only finding."""
    (own,) = findings
    return own


@given(shed=st.floats(0, 1), late=st.integers(0, ARRIVALS["introspect"]))
def test_what_the_base_does_too_is_not_told(shed: float, late: int) -> None:
    """Law: a build that refuses and delays as its base does has nothing to tell."""
    same = Build(shed=shed, late=late)
    assert check(case(same, same)) == []


def test_shed_load_fails_and_is_called_so() -> None:
    """Fast refusals that cost correct answers fail: shares, loss, limit and the seeming gain."""
    own = only(check(case(SHEDS)))
    assert (own.check, own.outcome) == ("goodput", Outcome.FAIL)
    assert own.reason == (
        "The candidate sheds load: while saturated, 67 % of its answers were refused or wrong (of "
        "the base's, 0 %), so that callers got 33.3 % fewer correct answers in time (at least "
        "32.7 % over 4 sessions, where 2.9 % is the limit), while latency improved: answers of any "
        "kind came 50 % sooner."
    )
    assert own.observed == pytest.approx(100 / 3)
    assert own.limit == pytest.approx(3 / 1.03)
    assert own.unit == "%"


def test_shed_load_is_the_first_reason() -> None:
    """Shedding explains the lost rate: it comes before capacity, and ends the measurement."""
    made = case(SHEDS)
    assert judge(made).findings[0].check == "goodput"
    assert decided(made)


def test_a_latency_that_did_not_improve_is_not_said_to() -> None:
    """Refusals that take as long as answers improve nothing."""
    own = only(check(case(Build(shed=1 / 3, saturated=math.log(1.5)))))
    assert own.outcome is Outcome.FAIL
    assert "improved" not in own.reason


def test_who_refuses_everything_fails() -> None:
    """A candidate without any good answer while saturated fails, though no ratio is finite."""
    own = only(check(case(Build(shed=1.0))))
    assert own.outcome is Outcome.FAIL
    assert own.reason.startswith(
        "The candidate served nobody while saturated in 4 of 4 sessions: of its 32000 answers 0 "
        "were correct and in time, and 32000 refused or wrong; of the base's 3200, 3200 were "
        "correct and in time, while latency improved"
    )
    assert judge(case(Build(shed=1.0))).outcome is Outcome.FAIL


def test_who_refuses_everything_in_some_sessions_fails() -> None:
    """Sessions without a good answer count as what they are beside those with some."""
    runs = (*sessions(2, SHEDS), *sessions(2, Build(shed=1.0)))
    (own, *_) = check(case(sessions=runs))
    assert own.outcome is Outcome.FAIL
    assert "served nobody while saturated in 2 of 4 sessions" in own.reason


def test_refusals_that_cost_nothing_are_told() -> None:
    """A build that sheds what it could not serve anyway keeps its goodput: a warning."""
    own = only(check(case(Build(shed=0.2))))
    assert own.outcome is Outcome.WARN
    assert "20 % of its answers were refused" in own.reason
    assert "the correct ones in time are not shown to be fewer (at most 0.4 %" in own.reason


def test_a_slower_build_sheds_nothing() -> None:
    """A loss of rate without refusals is capacity's to tell."""
    assert check(case(Build(saturated=1.0, capacity=1.0))) == []


def test_one_point_of_refusals_is_not_shedding() -> None:
    """A share above the base's by less than a point is the business of the error share."""
    assert check(case(Build(shed=0.009, saturated=0.1))) == []


def test_answers_after_their_callers_have_gone_fail() -> None:
    """Correct answers after the callers' timeout are lost goodput, and counted as late."""
    own = only(check(case(Build(late=60, failed={"login": 3}))))
    assert own.outcome is Outcome.FAIL
    assert own.reason == (
        "At 54/s callers got 23 % fewer correct answers in time (at least 23 % over 4 sessions, "
        "where 3 % is the limit): of 1080 requests 240 were answered after their callers' timeout "
        "or never and 12 wrongly; of the base's, 0 and 0."
    )


def test_a_single_late_answer_is_not_a_loss() -> None:
    """One late answer in a session of many is below the limit."""
    runs = (session(Build(late=1)), *sessions(3))
    assert check(case(sessions=runs)) == []


def test_without_a_base_or_a_look_nothing_is_told() -> None:
    """Goodput is lost only against a base, and told only at a look."""
    assert check(case(SHEDS, None)) == []
    assert check(case(SHEDS, count=3)) == []


def test_files_that_do_not_tell_failures_from_late_answers_are_read() -> None:
    """In an older file whatever was not good counts as refused: the verdict is the same."""
    made = case(SHEDS)
    runs = []
    for run in made.sessions:
        builds = {
            role: own.model_copy(
                update={"saturation": own.saturation.model_copy(update={"failed": ()})}
            )
            for role, own in run.builds.items()
        }
        runs.append(run.model_copy(update={"builds": builds}))
    assert check(case(sessions=tuple(runs))) == check(made)
