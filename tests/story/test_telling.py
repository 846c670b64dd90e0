"""What is told after a chapter: what was found, whatever that is, in lines that fit."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from builders import case
from hypothesis import given
from hypothesis import strategies as st
from upsets import DOWN, LIMIT_S, STEP_S, WELL, after, came_back, recovery, stayed_down

from perfgate.exitcodes import ExitCode
from perfgate.story.chapters import CHAPTERS, OTHERWISE, OUTAGE, Chapter
from perfgate.story.telling import (
    Ending,
    closing,
    exit_code,
    heading,
    only_restart_helps,
    opening,
    told,
)
from perfgate.verdict.finding import Finding, Outcome, verdict_of

if TYPE_CHECKING:
    from perfgate.measurement.models import Recovery
    from perfgate.verdict.case import Case

WIDTH = 80
widths = st.integers(80, 100)
each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.title)


# What a build does that a lower demand, or an end of all retries, brings back.
BY_LESS = recovery([DOWN] * LIMIT_S + [WELL] * STEP_S)
BY_QUIET = recovery([DOWN] * (LIMIT_S + 2 * STEP_S) + [WELL] * STEP_S)


def like_2018() -> Case:
    """Return a case in which only a restart ends the outage."""
    return after(stayed_down(), restart=came_back())


def ending(chapter: Chapter, **found: Outcome) -> Ending:
    """Return how a chapter ended: as it is wanted, but for what was ``found``."""
    outcomes = {**chapter.wanted, **found}
    findings = [Finding(check, one, f"Of {check} so much.") for check, one in outcomes.items()]
    return Ending(chapter, 10.0, verdict_of(findings), like_2018() if chapter.outage else None)


@each_chapter
def test_a_chapter_that_came_out_as_told(chapter: Chapter) -> None:
    """Every finding that was waited for is shown, and what it means."""
    own = ending(chapter)
    text = told(own, WIDTH)
    assert own.otherwise == ()
    assert all(
        f"{one} {check}: Of {check} so much." in text for check, one in chapter.wanted.items()
    )
    assert " ".join(chapter.moral.split()) in " ".join(text.split())
    assert OTHERWISE[:20] not in text


@each_chapter
@pytest.mark.parametrize("outcome", [Outcome.INCONCLUSIVE, Outcome.INVALID, Outcome.WARN])
def test_a_chapter_that_came_out_otherwise(chapter: Chapter, outcome: Outcome) -> None:
    """Whatever was not to be told is told, with the reason of the verdict, and no moral."""
    check = next(iter(chapter.wanted))
    own = ending(chapter, **{check: outcome})
    text = " ".join(told(own, WIDTH).split())
    wanted = chapter.wanted[check]
    assert f"Of {check}, {wanted} was to be told; it is {outcome}." in text
    assert f"{outcome} {check}: Of {check} so much." in text
    assert OTHERWISE in text
    assert not chapter.moral or " ".join(chapter.moral.split()) not in text


def test_what_decided_is_shown() -> None:
    """A finding that nobody waited for is shown where the verdict rests on it."""
    text = told(ending(CHAPTERS[2], retries=Outcome.WARN), WIDTH)
    assert "WARN retries: Of retries so much.\n  WARN (exit code 0)" in text


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.INCONCLUSIVE])
def test_a_fix_that_is_not_let_through(outcome: Outcome) -> None:
    """A recovery alone does not make a happy end: whatever else stands in its way is told."""
    text = told(ending(CHAPTERS[-1], slo=outcome), WIDTH)
    assert f"{outcome} slo: Of slo so much." in text
    assert f"It was to be let through; the verdict is {outcome}." in text


def test_what_was_not_judged() -> None:
    """A check that says nothing is missed."""
    own = Ending(CHAPTERS[0], 1.0, verdict_of([]))
    assert own.otherwise == ("Of demand, PASS was to be told; it was not judged.",)


def test_trouble() -> None:
    """Where a chapter came to no verdict, it says why."""
    own = Ending(CHAPTERS[1], 1.0, trouble="the load generator died")
    assert "the load generator died" in told(own, WIDTH)
    assert exit_code([own]) is ExitCode.UNDECIDED


def test_the_outage_is_drawn() -> None:
    """The outage is shown as queue and goodput over time, before the restart and after it."""
    text = told(ending(OUTAGE), WIDTH)
    assert "candidate, started anew" in text
    assert text.count("goodput") == 2


@pytest.mark.parametrize(
    ("outage", "only"),
    [
        (like_2018(), True),
        (after(stayed_down(), restart=stayed_down()), False),
        (after(stayed_down()), False),
        (after(BY_LESS, restart=came_back()), False),
        (after(BY_QUIET, restart=came_back()), False),
        (case(), False),
    ],
)
def test_whether_only_a_restart_helps(outage: Case, only: bool) -> None:
    """It does where neither a lower demand nor an end of retries did, and fresh processes did."""
    assert only_restart_helps(outage) is only


@pytest.mark.parametrize("healed", [BY_LESS, BY_QUIET])
def test_an_outage_that_ended_by_itself(healed: Recovery) -> None:
    """An outage that less demand or less retries ended is not that of 2018, whatever it is."""
    verdict = ending(OUTAGE).verdict
    own = Ending(OUTAGE, 1.0, verdict, after(healed, restart=came_back()))
    assert own.otherwise == ("It was not a restart alone that ended the outage.",)


def test_exit_codes() -> None:
    """All as told is a pass; one chapter that is not leaves it undecided."""
    good = [ending(chapter) for chapter in CHAPTERS]
    assert exit_code(good) is ExitCode.PASS
    assert exit_code([*good, ending(OUTAGE, recovery=Outcome.PASS)]) is ExitCode.UNDECIDED


def test_the_end() -> None:
    """At the end stand every verdict, the report, the directory, and what to do next."""
    endings = [ending(CHAPTERS[1]), ending(OUTAGE, recovery=Outcome.INCONCLUSIVE)]
    text = closing(endings, "/kept", "/kept/both/report.md")
    first, second = (line for line in text.splitlines() if line.startswith("  ("))
    assert first.split() == [*endings[0].chapter.title.split(), "FAIL", "10", "s"]
    assert second.endswith("INCONCLUSIVE    10 s   otherwise than told")
    assert "/kept/both/report.md" in text
    assert "/kept/auth\n" in text
    assert "Now do this on your service" in text
    assert "report" not in closing(endings, "/kept", "")


@given(width=widths)
def test_lines_fit(width: int) -> None:
    """Law: no line is wider than asked, but for a word that cannot be broken."""
    endings = [ending(chapter, demand=Outcome.INCONCLUSIVE) for chapter in CHAPTERS]
    texts = [opening("/kept", width), closing(endings, "/kept", "/kept/report.html")]
    for chapter in CHAPTERS:
        texts += [heading(chapter, width), told(ending(chapter), width)]
    assert max(len(line) for text in texts for line in text.splitlines()) <= width


@each_chapter
@given(width=widths)
def test_commands_are_told_as_they_are_typed(chapter: Chapter, width: int) -> None:
    """Law: what stands behind the prompts is, for a shell, the words that are run."""
    lines = heading(chapter, width).replace(" \\\n", " ").splitlines()
    typed = [shlex.split(line)[1:] for line in lines if line.startswith("  $ ")]
    wanted = [["perfgate", *words] for words in chapter.commands]
    assert typed[0] == ["git", "switch", chapter.branch]
    assert [words for words in typed if words[0] == "perfgate"] == wanted
