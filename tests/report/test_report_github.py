"""Workflow commands are as many as GitHub shows, on the right lines, and all are ours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from builders import Build, case, config, dependent, incident, ledger, terms
from hostile import TEXTS, hostile_case
from hypothesis import given
from hypothesis import strategies as st
from upsets import after, came_back

from perfgate.report.github import LEVELS, MOST, render
from perfgate.tail import escaped
from perfgate.verdict.finding import Finding, Outcome, verdict_of
from perfgate.verdict.judge import judge
from perfgate.verdict.scope import left_out_words
from perfgate.verdict.written import Written

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

COMMAND = re.compile(r"::(?P<level>error|warning|notice) (?P<properties>[^:\r\n]+)::(?P<text>.+)")
CONFIG = """\
service = "auth"

[target]
start = "serve"

[margins]
slowdown = 0.03

[slo.introspect]
p95_ms = 10.0

[slo."*"]
p95_ms = 100.0
"""
LEDGER = """\
format = "perfgate.demand/1"

[[dependent]]
name = "gateway"
attempts = 3

[[dependent]]
name = "mail"

[[dependent.change]]
from = "2026-12-01"
what = "fewer"

[[dependent.change]]
from = "2026-12-15"
what = "delegate sign-in"
"""
CHANGES = [
    {"from": "2026-12-01", "what": "fewer", "scale": 0.5},
    {"from": "2026-12-15", "what": "delegate sign-in", "add_rps": 340.0},
]


def read(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Return level, properties and text of each command, unescaped as GitHub's runner does."""
    found = []
    for line in text.splitlines():
        match = COMMAND.fullmatch(line)
        assert match is not None, line
        pairs = (pair.split("=", 1) for pair in match["properties"].split(","))
        properties = {name: unescaped(value) for name, value in pairs}
        found.append((match["level"], properties, unescaped(match["text"])))
    return found


def unescaped(text: str) -> str:
    """Return what stood there before it was escaped."""
    for code, letter in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, letter)
    return text


def rendered(made: Case) -> list[tuple[str, dict[str, str], str]]:
    """Return the commands for a case."""
    return read(render(made, judge(made)))


def placed(*rows: dict[str, object], **sections: object) -> dict[str, object]:
    """Return terms whose files are known, with these dependents."""
    return {
        "config": config(**sections),
        "ledger": ledger(*rows),
        "config_file": Written.of("service/perfgate.toml", CONFIG),
        "ledger_file": Written.of("service/demand.toml", LEDGER),
    }


def lines_of(made: Case) -> dict[str, tuple[str, str | None]]:
    """Return file and line that each finding is shown at, by what its title names."""
    found = rendered(made)[1:]
    return {
        properties["title"].partition(": ")[2]: (properties["file"], properties.get("line"))
        for _, properties, _ in found
    }


def test_findings_stand_at_what_they_are_about() -> None:
    """Slowdowns stand at the margin, promises at the promise, the demand at what tips it."""
    slow = Build(cost=0.3, capacity=0.3, latency=2.0)
    held_to = placed(
        dependent("gateway"),
        dependent("mail", 10.0, change=CHANGES),
        slo={"introspect": {"p95_ms": 10.0}, "*": {"p95_ms": 100.0}},
    )
    found = lines_of(case(slow, held_to=terms(**held_to)))
    assert found["cost"] == ("service/perfgate.toml", "7")
    assert found["slo:introspect"] == ("service/perfgate.toml", "9")
    assert found["slo:login"] == ("service/perfgate.toml", "12")
    assert found["latency:introspect"] == ("service/perfgate.toml", "6"), "the table around it"
    assert found["demand"] == ("service/demand.toml", "14")


def test_retries_stand_at_who_adds_most() -> None:
    """That retries would keep an overload alive stands at the dependent that adds most of them."""
    held_to = placed(dependent("gateway", 150.0, attempts=3), dependent("mail", 10.0))
    assert lines_of(case(held_to=terms(**held_to)))["retries"] == ("service/demand.toml", "3")


def test_too_large_a_demand_stands_at_the_largest_dependent() -> None:
    """Where no change tips it, the demand stands at whoever sends most."""
    held_to = placed(dependent("gateway", 10.0), dependent("mail", 400.0))
    assert lines_of(case(held_to=terms(**held_to)))["demand"] == ("service/demand.toml", "7")


@pytest.mark.parametrize(
    ("target", "text", "line"),
    [
        ({"start": "serve"}, '[target]\nstart = "serve"\nready = "/up"', "2"),
        (
            {"container": {"engine": "podman", "image": "a", "port": 80}},
            '[target]\nready = "/up"\n\n[target.container]\nengine = "podman"\nimage = "a"',
            "4",
        ),
        ({"url": "http://127.0.0.1:1"}, '[target]\nurl = "http://127.0.0.1:1"', "2"),
    ],
)
def test_a_build_that_dies_stands_at_what_starts_it(
    target: dict[str, object], text: str, line: str
) -> None:
    """Law: what became of a build stands where its kind of target is written."""
    held_to = terms(
        config=config(target=target), config_file=Written.of("service/perfgate.toml", text)
    )
    found = lines_of(case(incidents=(incident("candidate"),), held_to=held_to))
    assert found["survival"] == ("service/perfgate.toml", line)


def test_files_that_are_not_known_are_not_named() -> None:
    """A measurement from before the lines were kept is told without any."""
    found = rendered(case(Build(cost=0.3)))
    assert not any("file" in properties for _, properties, _ in found)


def test_the_verdict_is_always_told() -> None:
    """A pass is a single notice, which has the verdict."""
    assert [(level, text.partition(":")[0]) for level, _, text in rendered(case())] == [
        ("notice", "PASS")
    ]


def test_what_was_left_out_is_told_with_the_verdict() -> None:
    """Questions that were not asked stand in the one notice; where all were asked, nothing does."""
    (_, _, some), (_, _, none) = *rendered(case()), *rendered(after(came_back()))
    assert f" {left_out_words(case())} Sessions differ" in some
    assert left_out_words(after(came_back())) == ""
    assert "Left out" not in none


@pytest.mark.parametrize("outcome", [own for own in Outcome if own is not Outcome.PASS])
def test_what_ends_a_step_is_an_error(outcome: Outcome) -> None:
    """Warnings are warnings; whatever else is no pass is an error."""
    found = read(render(case(), verdict_of([Finding("x", outcome, "So.", hint="Do.")])))
    expected = "warning" if outcome is Outcome.WARN else "error"
    assert found[1] == (expected, {"title": f"perfgate {outcome}: x"}, "So. Do.")


@given(outcomes=st.lists(st.sampled_from(Outcome), max_size=40))
def test_no_more_than_are_shown(outcomes: list[Outcome]) -> None:
    """Law: at most MOST of each level, the severest first, and the last tells how many are not."""
    found = read(render(case(), verdict_of([Finding("x", own, "So.") for own in outcomes])))
    for level in ("error", "warning"):
        own = [text for name, _, text in found if name == level]
        every = [outcome for outcome in outcomes if LEVELS.get(outcome) == level]
        assert len(own) == min(len(every), MOST)
        if len(every) > MOST:
            assert own[-1].startswith(f"{len(every) - MOST + 1} findings more (")


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_starts_no_command(text: str) -> None:
    """Whatever a build is called, the commands are those that there should be."""
    calm, wild = rendered(hostile_case("calm")), rendered(hostile_case(text))
    assert [level for level, _, _ in calm] == [level for level, _, _ in wild]


@given(text=st.text(min_size=1))
def test_any_text_is_data_of_one_command(text: str) -> None:
    """Law: a finding that says anything at all is one command, and arrives as it was shown."""
    verdict = verdict_of([Finding(text, Outcome.FAIL, text)])
    (_, (level, properties, told)) = read(render(case(), verdict))
    assert level == "error"
    assert properties == {"title": escaped(f"perfgate FAIL: {text}")}
    assert told == escaped(text)
