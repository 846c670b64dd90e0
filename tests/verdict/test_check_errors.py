"""Wrong answers fail where they are surely too many and the base does not give as many."""

from __future__ import annotations

import pytest
from builders import ARRIVALS, Build, case, config, demand_run, sessions, terms
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.config.models import Slo
from perfgate.verdict.checks.errors import UNANSWERED, Tally, check, slo_of, tallies
from perfgate.verdict.finding import Finding, Outcome

NONE = Build()


def failing(per_run: int, name: str = "introspect", failure: str = "wrong body") -> Build:
    """Return a build with so many wrong answers in every run."""
    return Build(failed={name: per_run}, failure=failure)


def only(findings: list[Finding]) -> Finding:
    """Return the only finding."""
    (own,) = findings
    return own


def test_no_failures_pass_and_count() -> None:
    """Where none failed, one finding says how many were seen, and nothing of what nobody saw."""
    own = only(check(case()))
    assert (own.check, own.outcome) == ("errors", Outcome.PASS)
    assert own.reason == "None of 1350 answers failed, by status or by what the tasks check."


def test_new_failures_fail() -> None:
    """Wrong answers well above the limit that the base does not give fail, with their cause."""
    own = only(check(case(failing(20))))
    assert (own.check, own.outcome) == ("errors:introspect", Outcome.FAIL)
    assert own.reason == (
        "introspect: 100 of 1200 answers were wrong or missing (8.33%, allowed 0.10%): "
        '"wrong body" (100 times); of the base\'s answers, 0 of 960.'
    )
    assert (own.unit, own.limit) == ("ratio", 0.001)
    assert own.observed == pytest.approx(100 / 1200)


def test_failures_as_many_as_the_bases_warn() -> None:
    """Errors above the limit that the base has alike are a warning, and the reason says why."""
    own = only(check(case(failing(20), failing(20))))
    assert own.outcome is Outcome.WARN
    assert own.reason.endswith("; the base is not shown to be better, with 80 of 960.")


def test_a_few_failures_within_the_promise_pass() -> None:
    """Failures that the promised error share allows pass, and are told all the same."""
    lenient = terms(config=config(slo={"*": {"error_ratio": 0.05}}))
    own = only(check(case(failing(1), held_to=lenient)))
    assert own.outcome is Outcome.PASS
    assert "5 of 1200 answers were wrong or missing (0.42%, allowed 5.00%)" in own.reason


def test_new_failures_within_the_promise_warn() -> None:
    """Failures within the promise, but surely more than the base's, are a warning."""
    lenient = terms(config=config(slo={"introspect": {"error_ratio": 0.5}}))
    own = only(check(case(failing(20), held_to=lenient)))
    assert own.outcome is Outcome.WARN


def test_one_failure_is_no_proof() -> None:
    """A single failure above the limit by its share is not surely above it."""
    one = case(demand_run=demand_run(failing(1, "login")))
    own = only(check(one))
    assert own.outcome is Outcome.PASS
    assert '"wrong body" (1 time)' in own.reason
    assert own.observed is not None
    assert own.observed > 0.001


def test_without_a_base_the_limit_alone_decides() -> None:
    """A candidate measured alone fails above the limit: there is no base to blame."""
    own = only(check(case(failing(20), base=None)))
    assert own.outcome is Outcome.FAIL
    assert "base" not in own.reason


def test_operations_are_judged_apart() -> None:
    """Every operation that failed has a finding of its own, in order of names."""
    both = Build(failed={"login": 30, "introspect": 1})
    found = check(case(both))
    assert [own.check for own in found] == ["errors:introspect", "errors:login"]
    assert found[1].outcome is Outcome.FAIL


def test_the_commonest_kind_is_told_and_others_counted() -> None:
    """The reason quotes the kind of failure seen most often and counts the other kinds."""
    runs = (*sessions(3, failing(9)), *sessions(1, failing(20, failure="status 500")))
    own = only(check(case(sessions=runs)))
    assert '"wrong body" (27 times) and 1 other kind;' in own.reason


def test_unanswered_requests_of_a_session_are_failures() -> None:
    """A request that hangs for good fails like a wrong answer, even without a promised latency."""
    hanging = Build(missing={"login": 10})
    own = only(check(case(hanging, demand_run=demand_run())))
    assert (own.check, own.outcome) == ("errors:login", Outcome.FAIL)
    assert f'40 of 150 answers were wrong or missing (26.67%, allowed 0.10%): "{UNANSWERED}"' in (
        own.reason
    )


def test_unanswered_requests_at_the_required_rate_are_not_failures() -> None:
    """An overload at the required rate is no wrong answer: demand and slo tell of it."""
    overloaded = case(demand_run=demand_run(Build(missing={"introspect": 200, "login": 30})))
    own = only(check(overloaded))
    assert own.outcome is Outcome.PASS
    assert (
        own.reason == f"None of {1350 - 230} answers failed, by status or by what the tasks check."
    )


def test_nothing_measured_says_nothing() -> None:
    """Without any run there is no finding, so that nothing reads as answered correctly."""
    assert check(case(count=0, demand_run=None)) == []


def test_tallies_add_up_over_runs() -> None:
    """Requests and failures of an operation are those of the required rate and all sessions."""
    made = case(failing(2), failing(1), count=3)
    assert tallies(made, "candidate")["introspect"] == Tally(960, {"wrong body": 8})  # type: ignore[arg-type] # a Counter equals its dict
    assert tallies(made, "base")["introspect"].failed == 3
    assert tallies(case(base=None), "base") == {}


def test_promises_for_one_operation_come_before_those_for_all() -> None:
    """An operation's own promises hold, else those for all, else the defaults."""
    made = config(slo={"login": {"error_ratio": 0.2}, "*": {"error_ratio": 0.1}})
    assert slo_of(made, "login").error_ratio == 0.2
    assert slo_of(made, "introspect").error_ratio == 0.1
    assert slo_of(config(), "login") == Slo()


@settings(max_examples=60)
@given(own=st.integers(0, ARRIVALS["introspect"]), base=st.integers(0, ARRIVALS["introspect"]))
def test_fewer_failures_than_the_base_never_fail(own: int, base: int) -> None:
    """A candidate whose share of failures is no larger than the base's does not fail."""
    found = only(check(case(failing(own), failing(base), demand_run=None)))
    if own <= base:
        assert found.outcome is not Outcome.FAIL
    if own == 0:
        assert found.outcome is Outcome.PASS


@settings(max_examples=40)
@given(own=st.integers(0, 100), more=st.integers(0, 100))
def test_more_failures_are_never_judged_more_kindly(own: int, more: int) -> None:
    """With the same base, more failures never give a better outcome."""
    fewer, rather = (
        only(check(case(failing(count), demand_run=None))) for count in (own, own + more)
    )
    assert fewer.outcome.severity <= rather.outcome.severity


def test_a_load_that_tests_nothing_is_invalid() -> None:
    """Where most answers of both builds are wrong, nothing was tested, and nothing passes."""
    broken = Build(failed=dict(ARRIVALS))
    found = check(case(broken, broken))
    assert {own.outcome for own in found} == {Outcome.INVALID}
    assert all("mend the task" in own.hint for own in found)
    assert {own.outcome for own in check(case(broken))} == {Outcome.FAIL}
