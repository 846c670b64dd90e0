"""The report for people at a terminal: fixed width, and nothing in it that a terminal obeys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import Build, case, cases, config, terms
from hostile import TEXTS, hostile_case
from hypothesis import given, settings

from perfgate.report.lines import WIDTH
from perfgate.report.terminal import render
from perfgate.verdict.finding import Finding, Outcome, Verdict
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from perfgate.verdict.case import Case


def rendered(made: Case) -> str:
    """Return the report on a case."""
    return render(made, judge(made))


def test_the_verdict_and_its_reason_come_first() -> None:
    """The first line is the verdict on which build against which, the second the reason."""
    lines = rendered(case(Build(cost=1.0))).splitlines()
    assert lines[0] == (
        "FAIL: feature (1111111111 Cache keys) against main (2222222222 Serve tokens)"
    )
    assert lines[1].startswith("  CPU time per request rose 171.8 %")
    named = [line.split()[1] for line in lines if line.startswith("  FAIL  ")]
    assert named == ["cost", "operation:introspect", "operation:login"]


def test_without_a_base_none_is_named() -> None:
    """A candidate alone is against nothing, and a dash stands for its base's figures."""
    text = rendered(case(base=None))
    assert "against" not in text
    assert any(line.split()[:3] == ["service", "rate", "-"] for line in text.splitlines())
    assert "-> Name a base: --base REF." in text


def test_without_runs_there_is_no_table() -> None:
    """Where nothing was measured no empty table is shown."""
    assert "candidate  " not in rendered(case(count=0, demand_run=None))


@settings(max_examples=30)
@given(made=cases())
def test_lines_are_never_wider_than_the_report(made: Case) -> None:
    """Every line of any report fits the width."""
    for line in rendered(made).splitlines()[1:]:
        assert len(line) <= WIDTH


@pytest.mark.parametrize("text", TEXTS)
def test_control_characters_are_escaped(text: str) -> None:
    """A name can neither colour nor end a line, nor turn the direction of writing."""
    source = rendered(hostile_case(text))
    assert all(line.isprintable() for line in source.split("\n"))
    assert len(source.splitlines()) == source.count("\n")


def test_control_characters_in_a_url_are_escaped() -> None:
    """Where a measurement says that the service runs cannot do so either."""
    held_to = terms(config=config(target={"url": "http://\x1bc", "allow_remote": True}))
    source = rendered(case(base=None, held_to=held_to))
    assert "It ran already, at http://\\x1bc," in source
    assert "\x1b" not in source


def test_a_long_name_of_a_check_does_not_run_into_its_reason() -> None:
    """However long an operation's name, reasons begin in their column."""
    name = "errors:" + "introspection_of_tokens" * 20
    text = render(case(), Verdict(Outcome.WARN, (Finding(name, Outcome.WARN, "A reason."),)))
    (line,) = [line for line in text.splitlines() if line.startswith("  WARN")]
    assert line.endswith("  A reason.")
    assert len(line) <= WIDTH


def test_control_characters_in_a_checks_name_are_escaped() -> None:
    """A check is named after an operation, which comes from a file."""
    name = "errors:\x1b[2J"
    text = render(case(), Verdict(Outcome.WARN, (Finding(name, Outcome.WARN, "A reason."),)))
    assert "errors:\\x1b[2J" in text
