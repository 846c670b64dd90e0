"""The chapters as they are written: commands that exist, and a time that a newcomer has."""

from __future__ import annotations

import click
import pytest

from perfgate.analysis.change import CAPACITY
from perfgate.cli.group import cli
from perfgate.story.chapters import CHAPTERS, COMMITS, OUTAGE, Chapter
from perfgate.verdict.judge import CHECKS

each_chapter = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.title)


def parse(words: tuple[str, ...]) -> None:
    """Parse a command line as perfgate does, and run nothing."""
    command: click.Command = cli
    while isinstance(command, click.Group):
        name, *words_left = words
        words = tuple(words_left)
        found = command.get_command(click.Context(command), name)
        assert found is not None, f"there is no command {name}"
        command = found
    command.make_context(str(command.name), list(words))


@each_chapter
def test_commands_exist(chapter: Chapter) -> None:
    """Every command of a chapter parses, as JSON too where it gives a verdict."""
    for words in chapter.commands:
        parse((*words, "--format", "json") if chapter.judges else words)


@each_chapter
def test_what_is_wanted_can_be_found(chapter: Chapter) -> None:
    """A chapter waits for outcomes of checks that there are, and has a branch that is made."""
    assert chapter.wanted
    assert set(chapter.wanted) <= {*CHECKS, CAPACITY}
    assert chapter.branch in {commit.branch for commit in COMMITS}


@each_chapter
def test_what_is_measured_is_kept(chapter: Chapter) -> None:
    """The measurement that is read is one that the commands keep."""
    kept = [words[words.index("--output") + 1] for words in chapter.commands if "--output" in words]
    assert [chapter.measurement.removesuffix("/measurement.json")] == (kept or [""])


def test_it_takes_less_than_four_minutes() -> None:
    """All chapters together are expected to end in less than four minutes."""
    assert sum(chapter.expected_s for chapter in CHAPTERS) < 240


def test_one_chapter_is_the_outage() -> None:
    """The outage is told once, with an overload in it."""
    assert [chapter for chapter in CHAPTERS if chapter.outage] == [OUTAGE]
    assert "--recovery" in OUTAGE.commands[0]
