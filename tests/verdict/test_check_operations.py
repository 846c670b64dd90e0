"""An operation that surely got much dearer fails and is named; nothing else is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from builders import ALONE_S, Build, case, config, session, sessions, terms
from hypothesis import given
from hypothesis import strategies as st

from perfgate.verdict.checks.operations import check
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.measurement.models import Run

DOUBLED = Build(operations={"login": math.log(2)})


def only(findings: list[Finding]) -> Finding:
    """Return the only finding."""
    (own,) = findings
    return own


def with_alone(run: Run, *names: str) -> Run:
    """Return the session as if only these operations had been sent alone."""
    kept = {
        role: own.model_copy(update={"solo": {name: own.solo[name] for name in names}})
        for role, own in run.builds.items()
    }
    return run.model_copy(update={"builds": kept})


def test_equal_builds_pass() -> None:
    """Equal costs pass; the reason tells what changed most, the limit, and what would be found."""
    own = only(check(case(Build(operations={"login": math.log(1.02)}))))
    assert (own.check, own.outcome, own.unit) == ("operation", Outcome.PASS, "%")
    assert own.limit == pytest.approx(15.0)
    assert own.observed == pytest.approx(2.0, abs=0.01)
    assert own.reason == (
        "No operation got much dearer; most changed login, by +2 % from 36 ms (15 % is "
        "too much), and +16 % would have been found in any."
    )


def test_an_operation_that_got_cheaper_passes() -> None:
    """What changed most may have changed for the better, and reads so."""
    cheaper = Build(cost=math.log(0.5))
    assert "by -50 % from 1.3 ms (15 % is too much)" in only(check(case(cheaper))).reason


def test_one_operation_that_costs_twice_as_much_fails_and_is_named() -> None:
    """Of all operations the one that got dearer fails, with its cost in either build."""
    own = only(check(case(DOUBLED)))
    assert (own.check, own.outcome) == ("operation:login", Outcome.FAIL)
    assert own.observed == pytest.approx(100.0, abs=0.1)
    assert own.reason == (
        "login: its CPU time per request, sent alone, rose by +100 % from 36 ms (15 % is too much)."
    )


def test_all_that_got_dearer_are_named_the_largest_rise_first() -> None:
    """Every operation that surely got dearer has a finding of its own."""
    found = check(case(Build(operations={"introspect": 0.5, "login": 1.0})))
    assert [own.check for own in found] == ["operation:login", "operation:introspect"]
    assert {own.outcome for own in found} == {Outcome.FAIL}


def test_a_rise_that_is_not_sure_warns() -> None:
    """A large rise in sessions that differ too much to be sure is a warning, not praise."""
    runs = tuple(session(Build(operations={"login": 0.6 + by})) for by in (-0.5, 0.5) * 2)
    own = only(check(case(sessions=runs)))
    assert (own.check, own.outcome) == ("operation:login", Outcome.WARN)
    assert own.reason.endswith("; sessions differ too much to be sure.")


@pytest.mark.parametrize("count", [0, 3])
def test_before_the_first_look_nothing_is_said(count: int) -> None:
    """Law: no level is spent before the first look, however bad an operation seems."""
    assert check(case(DOUBLED, count=count)) == []
    assert check(case(DOUBLED, base=None)) == []


@pytest.mark.parametrize("count", [5, 11])
def test_only_the_sessions_of_a_look_count(count: int) -> None:
    """Law: sessions beyond the last look that was reached change nothing."""
    look = {5: 4, 11: 10}[count]
    at_look = sessions(look, DOUBLED)
    beyond = (*at_look, *(session(Build(operations={"login": -3.0})) for _ in range(count - look)))
    assert check(case(sessions=beyond)) == check(case(sessions=at_look))


def test_the_margin_is_the_configured_one() -> None:
    """A wider margin lets the same rise pass, and the reason tells it."""
    wide = terms(config=config(margins={"operation": 1.5}))
    own = only(check(case(DOUBLED, held_to=wide)))
    assert own.outcome is Outcome.PASS
    assert "by +100 % from 36 ms (150 % is too much)" in own.reason


def test_operations_that_were_not_alone_are_not_claimed() -> None:
    """Law: of an operation that was not timed alone nothing is claimed: that is a warning."""
    found = check(case(sessions=tuple(with_alone(run, "introspect") for run in sessions())))
    assert [(own.check, own.outcome) for own in found] == [
        ("operation", Outcome.PASS),
        ("operation:untimed", Outcome.WARN),
    ]
    assert found[1].reason.endswith("did not time them: login.")


def test_one_batch_without_cpu_time_hides_nothing() -> None:
    """Law: a batch whose CPU time was not seen is left out, not its operation."""
    dearer = case(Build(operations={"login": 0.7}))
    first, *others = dearer.sessions
    own = first.builds["candidate"]
    alone = own.solo["login"]
    blind = alone.model_copy(update={"cpu_s": (0.0, *alone.cpu_s[1:])})
    figures = own.model_copy(update={"solo": own.solo | {"login": blind}})
    run = first.model_copy(update={"builds": first.builds | {"candidate": figures}})
    found = check(case(sessions=(run, *others)))
    assert [(one.check, one.outcome) for one in found] == [("operation:login", Outcome.FAIL)]


def test_without_any_alone_there_is_no_finding() -> None:
    """A measurement without operations alone, as older files are, is judged as it was."""
    assert check(case(sessions=tuple(with_alone(run) for run in sessions()))) == []


@given(login=st.floats(-2, 0.13), noise=st.floats(0, 0.3))
def test_less_than_the_margin_never_fails(login: float, noise: float) -> None:
    """Law: however noisy, a mean rise that is within the margin does not fail."""
    found = check(case(Build(operations={"login": login}), noise=noise))
    assert all(own.outcome is not Outcome.FAIL for own in found)


@given(rise=st.floats(0.2, 2), name=st.sampled_from(sorted(ALONE_S)))
def test_a_sure_rise_beyond_the_margin_fails(rise: float, name: str) -> None:
    """Law: with next to no noise whatever exceeds the margin fails, and it alone."""
    found = check(case(Build(operations={name: rise}), noise=0.001))
    assert [(own.check, own.outcome) for own in found] == [(f"operation:{name}", Outcome.FAIL)]
