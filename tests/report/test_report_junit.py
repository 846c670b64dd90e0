"""The JUnit report is read by others as it is meant: what is not shown to be well is no pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from builders import Build, case, cases, incident
from hostile import TEXTS, hostile_case
from hypothesis import given, settings
from hypothesis import strategies as st
from junitparser import Error, Failure, JUnitXml
from upsets import after, came_back

from perfgate.report.junit import render
from perfgate.report.null import what_shows
from perfgate.tail import escaped
from perfgate.verdict.finding import Finding, Outcome, Verdict, verdict_of
from perfgate.verdict.judge import judge
from perfgate.verdict.scope import left_out, left_out_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from junitparser import TestCase, TestSuite

    from perfgate.verdict.case import Case

KINDS = {Outcome.FAIL: Failure, Outcome.INVALID: Error, Outcome.INCONCLUSIVE: Error}


def read(text: str) -> tuple[TestSuite, list[TestCase]]:
    """Return the one suite of a report and its test cases."""
    (suite,) = JUnitXml.fromstring(text.encode())
    return suite, list(suite)


def rendered(made: Case) -> tuple[TestSuite, list[TestCase]]:
    """Return the report on a case, read back."""
    return read(render(made, judge(made)))


def properties(suite: TestSuite) -> dict[str, str]:
    """Return the properties of a suite."""
    listed: Callable[[], Iterable[Any]] = suite.properties
    return {own.name: own.value for own in listed()}


@settings(max_examples=20)
@given(made=cases())
def test_every_finding_is_a_test_case(made: Case) -> None:
    """Law: FAIL is a failure, INVALID and INCONCLUSIVE are errors, and all are counted."""
    verdict = judge(made)
    suite, tests = rendered(made)
    kinds = [KINDS.get(own.outcome) for own in verdict.findings]
    assert kinds == [type(own.result[0]) if own.result else None for own in tests]
    assert (suite.tests, suite.failures, suite.errors) == (
        len(kinds),
        kinds.count(Failure),
        kinds.count(Error),
    )
    assert len({own.name for own in tests}) == len(tests), "programs take equal names for one test"


def test_a_failure_says_why_and_what_to_do() -> None:
    """Reason and hint of a finding stand in its failure."""
    finding = Finding("demand", Outcome.FAIL, "Too little.", hint="Add instances.")
    _, (test,) = read(render(case(), verdict_of([finding])))
    (failure,) = test.result
    assert (failure.type, failure.message) == ("FAIL", "Too little.")
    assert failure.text == "Too little.\nAdd instances."
    assert (test.classname, test.name) == ("perfgate.auth", "demand")


def test_a_warning_passes_and_is_told() -> None:
    """WARN lets the test pass, and its output says so."""
    _, (test,) = read(render(case(), verdict_of([Finding("x", Outcome.WARN, "Near.")])))
    assert test.is_passed
    assert test.system_out == "WARN: Near."


def test_nothing_judged_is_an_error() -> None:
    """A verdict without findings is one test case, and no pass."""
    _, (test,) = read(render(case(), Verdict(Outcome.INCONCLUSIVE, ())))
    assert test.name == "verdict"
    assert test.is_error


def test_the_suite_says_of_what() -> None:
    """Builds, verdict and its reason are properties, and the time of the load is the suite's."""
    made = case(Build(cost=1.0))
    suite, _ = rendered(made)
    told = properties(suite)
    assert told["verdict"] == "FAIL"
    assert told["reason"] == judge(made).reason
    assert told["candidate"] == "feature (1111111111 Cache keys)"
    assert suite.time == 75.0


def test_what_was_left_out_stands_in_the_suite() -> None:
    """Questions that were not asked are a property, and head the output, if there are any."""
    some, none = case(), after(came_back())
    assert (len(left_out(some)), left_out(none)) == (1, [])
    for made, head in ((some, f"{left_out_words(some)}\n"), (none, "")):
        text = render(made, judge(made))
        suite, _ = read(text)
        assert properties(suite)["left_out"] == "; ".join(left_out(made))
        suites = ET.fromstring(text.encode())  # noqa: S314 - made here
        assert suites.findtext("testsuite/system-out") == f"{head}{what_shows(made)}"


def test_two_findings_of_a_check_are_told_apart() -> None:
    """Where a check has found several things, each has a number."""
    _, tests = rendered(case(incidents=(incident("base"), incident("base"))))
    names = [own.name for own in tests if own.name.startswith("survival")]
    assert names == ["survival", "survival (2)"]


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_is_text(text: str) -> None:
    """Whatever a build is called arrives as text: no element comes of it."""
    suite, tests = rendered(hostile_case(text))
    _, calm = rendered(hostile_case("calm"))
    assert [type(own.result) for own in tests] == [type(own.result) for own in calm]
    told = properties(suite)
    assert told["candidate"] == escaped(text)


@given(text=st.text(min_size=1))
def test_any_text_makes_a_document(text: str) -> None:
    """Law: XML comes of any text at all, those that XML knows no letters for too."""
    verdict = verdict_of([Finding(text, Outcome.FAIL, text, hint=text)])
    _, (test,) = read(render(case(), verdict))
    assert test.name == escaped(text)
