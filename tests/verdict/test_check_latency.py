"""Latency fails where answers surely come much later, and never on what is noise or tiny."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from builders import Build, case, config, operation, session, sessions, terms
from hypothesis import given
from hypothesis import strategies as st

from perfgate.verdict.checks.latency import check, pooled
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.measurement.models import Run

TRIPLED = Build(latency=math.log(3))
# So short that no rise matters.
INSTANT = Build(latency=math.log(0.01))


def only(findings: list[Finding]) -> Finding:
    """Return the only finding."""
    (own,) = findings
    return own


def test_equal_builds_pass() -> None:
    """Equal latencies pass; the reason tells what changed most, and the limit."""
    own = only(check(case(noise=0.01)))
    assert (own.check, own.outcome, own.limit) == ("latency", Outcome.PASS, 50.0)
    assert own.reason.startswith("No operation got much slower; most changed ")
    assert own.reason.endswith("50 % is too much).")


def test_answers_three_times_as_late_fail() -> None:
    """Every operation that got much slower fails once, at the quantile that rose most."""
    found = check(case(TRIPLED))
    assert [own.check for own in found] == ["latency:introspect", "latency:login"]
    for own in found:
        assert own.outcome is Outcome.FAIL
        assert own.observed == pytest.approx(200, abs=1)
    assert " rose by +200 % from 4.99 ms (50 % is too much)." in found[0].reason


def test_only_the_operation_that_got_slower_is_named() -> None:
    """An operation that did not change is not named beside one that did."""
    runs = tuple(map(with_slow_login, sessions()))
    assert [own.check for own in check(case(sessions=runs))] == ["latency:login"]


def with_slow_login(run: Run) -> Run:
    """Return the session with a candidate whose logins alone take three times as long."""
    own = run.builds["candidate"]
    operations = {**own.open.operations, "login": operation(TRIPLED, "login")}
    slow = own.model_copy(update={"open": own.open.model_copy(update={"operations": operations})})
    return run.model_copy(update={"builds": {**run.builds, "candidate": slow}})


def test_a_rise_below_the_floor_passes_and_says_so() -> None:
    """Microseconds that double are no failure, and the reason explains why."""
    runs = tuple(session(Build(latency=INSTANT.latency + 0.7), INSTANT) for _ in range(4))
    own = only(check(case(sessions=runs)))
    assert own.outcome is Outcome.PASS
    assert own.reason.endswith("50 % is too much); 1 ms more count as nothing.")
    strict = terms(config=config(margins={"latency_floor_ms": 0.0}))
    found = check(case(sessions=runs, held_to=strict))
    assert {own.outcome for own in found} == {Outcome.FAIL}


def test_a_rise_that_is_not_sure_warns() -> None:
    """A large rise in sessions that differ too much to be sure is a warning, not praise."""
    runs = tuple(session(Build(latency=0.7 + by)) for by in (-0.6, 0.6) * 2)
    found = check(case(sessions=runs))
    assert {own.outcome for own in found} == {Outcome.WARN}
    assert "sessions differ too much to be sure" in found[0].reason


def test_a_large_rise_before_the_first_look_is_only_a_warning() -> None:
    """Law: nothing is decided between looks; what three sessions seem to show is a warning."""
    found = check(case(TRIPLED, count=3))
    assert {own.outcome for own in found} == {Outcome.WARN}


def test_sessions_after_the_last_look_decide_nothing() -> None:
    """Law: a check that ends between two looks says what the look before it said."""
    looked = sessions(4, TRIPLED)
    after = session(Build(latency=-2.0))
    assert check(case(sessions=(*looked, after))) == check(case(sessions=looked))


def test_a_look_that_more_may_follow_asks_for_more() -> None:
    """Law: looks are paid for; what the only look would fail, the first of four may not."""
    runs = tuple(session(Build(latency=0.85 + by)) for by in (-0.085, 0.085) * 2)
    once = {"default": {"looks": [4]}}
    assert {own.outcome for own in check(case(sessions=runs))} == {Outcome.WARN}
    only_look = check(case(sessions=runs, held_to=terms(config=config(profiles=once))))
    assert {own.outcome for own in only_look} == {Outcome.FAIL}


def test_operations_with_few_answers_are_not_claimed() -> None:
    """An operation too rare to compare is named, rather than said to be as fast as before."""
    rare = Build(missing={"login": 15})
    own = only(check(case(rare, rare)))
    assert own.outcome is Outcome.PASS
    assert "No operation got much slower (too few answers to tell: login);" in own.reason


def test_too_few_answers_of_everything_warn() -> None:
    """Where nothing can be compared, that is a warning with what gives more."""
    rare = Build(missing={"login": 15, "introspect": 230})
    own = only(check(case(rare, rare)))
    assert own.outcome is Outcome.WARN
    assert own.hint == "A longer split_s in [profiles.default] gives more."


def test_one_session_compares_nothing() -> None:
    """A test needs two sessions of both builds; with fewer there is no finding."""
    assert check(case(TRIPLED, count=1)) == []
    assert check(case(TRIPLED, base=None)) == []


def test_pooled_times_are_those_of_all_sessions() -> None:
    """Pooled service times hold every session's, and none of an operation nobody sent."""
    runs = sessions(3)
    assert pooled(runs, "candidate", "login").count == 90
    assert pooled(runs, "base", "refresh").count == 0


@given(latency=st.floats(-2, 0.4), noise=st.floats(0, 0.3))
def test_less_than_the_margin_never_fails(latency: float, noise: float) -> None:
    """However noisy, a mean rise that is within the margin does not fail."""
    found = check(case(Build(latency=latency), noise=noise))
    assert all(own.outcome is not Outcome.FAIL for own in found)


@given(latency=st.floats(0.5, 2))
def test_a_sure_rise_beyond_the_margin_fails(latency: float) -> None:
    """Without noise, whatever exceeds margin and floor fails."""
    assert {own.outcome for own in check(case(Build(latency=latency)))} == {Outcome.FAIL}
