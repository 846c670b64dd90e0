"""The code says of itself what the generated pages tell, and no message of it is left out."""

from __future__ import annotations

import ast
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import click
from manual import commands, errors, findings, picture
from manual.sources import ALL, Source

from perfgate.errors import FileFaultsError, SpoiltError

DOCS = Path(__file__).parent.parent / "docs"
RAISED = errors.raised()

AN_EXAMPLE = """
HINT = "Try again."
WORDS = "the word {name} is wrong"

class OddError(UsageError):
    def __init__(self, count):
        super().__init__(f"{count} are odd" if count else "nothing is", hint=HINT)

def fails(path, sure):
    why = "early"
    raise UsageError(why)
    why = "torn" if sure else "worn"
    raise UsageError(f"{path}: {path.size} is {why}")

def chooses(kind=UsageError):
    raise kind(WORDS.format(name="x"), hint=_hint("Ask."))

def _hint(text):
    return text or HINT
"""


def said(source: Source) -> list[list[str]]:
    """Return the ways in which the first argument of each error of a module may read."""
    made = ("UsageError", "kind", "__init__")
    return [call.says(call.given(0, "")) for call in source.calls if call.name in made]


def test_texts_are_read_from_the_code() -> None:
    """Words are told as they stand, with every choice; the rest by its name, or not at all."""
    assert said(Source("example", ast.parse(AN_EXAMPLE))) == [
        ["... are odd", "nothing is"],
        ["early"],
        ["PATH: ... is torn", "PATH: ... is worn"],
        ["the word NAME is wrong"],
    ]


def test_hints_are_read_from_the_code() -> None:
    """A hint may be a constant, or what a function makes of what it is given."""
    calls = Source("example", ast.parse(AN_EXAMPLE)).calls
    hints = [call.says(call.given(1, "hint")) for call in calls if call.given(1, "hint")]
    assert hints == [["Try again."], ["Ask.", "Try again."]]


def test_the_page_of_errors_is_the_code() -> None:
    """docs/errors.md is what `make docs` writes now: run it after a change of an error."""
    assert (DOCS / "errors.md").read_text() == errors.page()


def test_the_page_of_commands_is_the_commands() -> None:
    """docs/commands.md is what `make docs` writes now: run it after a change of an option."""
    assert (DOCS / "commands.md").read_text() == commands.page()


def test_every_option_is_on_the_page_of_commands() -> None:
    """Each command stands there once, and each of its options in its own part."""
    parts = dict(part.split("`", 1) for part in commands.page().split("\n## `")[1:])
    for name, context in commands.commands():
        told = set(
            re.findall(r"(?<!\S)--?[a-z-]+", parts[name].replace(",", " ").replace("`", " "))
        )
        options = [own for own in context.command.params if isinstance(own, click.Option)]
        assert {word for own in options for word in own.opts} <= told


def test_no_error_is_left_out() -> None:
    """Every error that the code makes has words that can be read; parts of others are indented."""
    silent = {own.module for own in RAISED if not own.message.texts}
    assert silent == {"perfgate.newcomer.rehearsal"}
    assert {own.kind for own in RAISED} == set(errors.kinds().values())


def test_every_error_says_what_to_do() -> None:
    """Each has a hint; those of spoilt load get one with their finding, faults have their own."""
    exempt = (SpoiltError, FileFaultsError)
    without = [own for own in RAISED if own.message.texts and not own.message.hints]
    assert [own.message.texts for own in without if own.kind not in exempt] == []


def test_hints_are_sentences_or_commands() -> None:
    """A hint begins like a sentence, or is a command to be run; near matches are questions."""
    begins = re.compile(r"[A-Z`.]|(git|perfgate|pytest) |did you mean |known here: ")
    hints = [hint for own in RAISED for hint in own.message.hints]
    assert [hint for hint in hints if not begins.match(hint)] == []


def test_messages_are_no_sentences() -> None:
    """A message ends without a full stop, as what stands behind `error:` does."""
    texts = [text for own in RAISED for text in own.message.texts]
    assert [text for text in texts if re.search(r"[^.]\.$", text)] == []


def test_every_finding_is_on_its_page() -> None:
    """docs/findings.md has each name that a finding may have in the code, and no other one."""
    told = re.findall(r"^\| (`[^|]+`) \|", (DOCS / "findings.md").read_text(), re.MULTILINE)
    assert {name for cell in told for name in re.findall(r"`([^`]+)`", cell)} == findings.names()


def test_every_finding_has_a_name_that_can_be_read() -> None:
    """Else it could be missing on the page; those of a kept verdict have had theirs before."""
    calls = (call for source in ALL.values() for call in source.calls if call.name == "Finding")
    unread = {call.source.module for call in calls if not call.says(call.given(0, "check"))}
    assert unread == {"perfgate.cli.demo"}


def test_the_picture_is_what_the_page_draws() -> None:
    """The picture in the README is the one that a report has, with no colour left unknown."""
    text = (DOCS / "verdict.svg").read_text()
    assert text == picture.page()
    used, known = (
        set(re.findall(what, text)) for what in (r"var\((--\w+[\w-]*)\)", r"(--[\w-]+):")
    )
    assert used <= known | {"--fill", "--edge"}
    (drawn,) = (part for part in ET.fromstring(text) if part.tag.endswith("svg"))  # noqa: S314 - ours
    assert drawn.findtext(".//{*}title")
