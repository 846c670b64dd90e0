"""The laws of a log's end, made safe to show."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from perfgate.tail import LINES, WIDTH, escaped, shortened, tail, tail_of

if TYPE_CHECKING:
    from pathlib import Path

REACH = 256 * 1024


def written(directory: Path, content: bytes) -> Path:
    """Return a file in `directory` with that content."""
    path = directory / "build.log"
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that the examples of a property may share."""
    return tmp_path_factory.mktemp("tail")


PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)


@given(st.lists(PLAIN, max_size=40), st.integers(0, 20), st.booleans())
def test_the_last_lines_in_order(
    scratch: Path, lines: list[str], count: int, ends_line: bool
) -> None:
    """The outcome is the last `count` lines of the file, first to last."""
    text = "\n".join(lines) + ("\n" if ends_line and lines else "")
    expected = text.removesuffix("\n").split("\n")[-count:] if count and text else []
    assert tail(written(scratch, text.encode()), count) == tuple(expected)


@given(st.binary(max_size=2000), st.integers(1, 10), st.integers(0, 50))
def test_anything_is_safe_to_show(scratch: Path, content: bytes, lines: int, width: int) -> None:
    """Whatever bytes a log holds, few enough, short enough and printable lines come out."""
    shown = tail(written(scratch, content), lines, width=width)
    assert len(shown) <= lines
    assert all(line.isprintable() and len(line) <= width for line in shown)


@given(st.text(max_size=100))
@example("\x1b]0;title\x07\x1b[31mred\r\n::error::forged")
@example("\u202egnp.exe")
@example("tab\there")
def test_escaped_text_is_one_printable_line(text: str) -> None:
    """Escaping leaves printable text as it is, and makes all other text printable."""
    shown = escaped(text)
    assert shown.isprintable()
    assert escaped(shown) == shown
    if text.isprintable():
        assert shown == text


@given(st.text(max_size=100), st.integers(0, 120))
def test_shortened_text_fits(text: str, width: int) -> None:
    """A text that fits is left as it is; a longer one keeps start and end, and just fits."""
    shown = shortened(text, width)
    assert len(shown) == min(len(text), width)
    if len(text) <= width:
        assert shown == text
    elif width > 20:
        assert shown[:5] == text[:5]
        assert shown[-5:] == text[-5:]


def test_a_terminal_sequence_becomes_its_escape() -> None:
    """A colour, a bell and a carriage return can be read, but not obeyed."""
    assert escaped("\x1b[31mred\x07\r") == r"\x1b[31mred\x07\r"


def test_windows_line_ends_are_line_ends(tmp_path: Path) -> None:
    """CR LF ends a line like LF does."""
    assert tail(written(tmp_path, b"one\r\ntwo\r\n")) == ("one", "two")


def test_bytes_that_are_no_text_can_be_read(tmp_path: Path) -> None:
    """A byte that is not UTF-8 is shown as its number; text beside it stays."""
    assert tail(written(tmp_path, b"caf\xc3\xa9 \xff\n")) == ("caf\u00e9 \\xff",)


def test_a_file_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    """A missing log is an empty one: whoever shows it has something worse to tell."""
    assert tail(tmp_path / "absent.log") == ()
    assert tail(written(tmp_path, b"")) == ()


def test_a_huge_log_is_read_at_its_end_only(tmp_path: Path) -> None:
    """A gigabyte of log shows its last lines, and nothing before them is read."""
    path = tmp_path / "huge.log"
    with path.open("wb") as log:
        log.seek(1 << 30)  # a hole: no disk is used
        log.write(b"\nlast but one\nlast\n")
    assert tail(path, 2) == ("last but one", "last")


def test_a_line_beyond_the_reach_is_marked(tmp_path: Path) -> None:
    """Of a line whose start lies too far back, the start is not pretended to be known."""
    (line,) = tail(written(tmp_path, b"x" * (REACH * 2)), LINES)
    assert line.startswith("...x")
    assert len(line) == WIDTH


def test_a_line_that_begins_at_the_reach_is_whole(tmp_path: Path) -> None:
    """A line that exactly fills the reach is not taken for a part of one."""
    content = b"before\n" + b"y" * (REACH - 1) + b"\n"
    (line,) = tail(written(tmp_path, content), LINES)
    assert line.startswith("yyy")


def test_an_open_log_keeps_its_position(tmp_path: Path) -> None:
    """Showing the end of an open file does not move where its writer writes next."""
    with (tmp_path / "open.log").open("w+b", buffering=0) as log:
        log.write(b"one\n")
        assert tail_of(log.fileno()) == ("one",)
        log.write(b"two\n")
        assert os.fstat(log.fileno()).st_size == len(b"one\ntwo\n")
        assert tail_of(log.fileno()) == ("one", "two")
