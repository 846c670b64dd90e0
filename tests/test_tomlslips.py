"""What a TOML parser objects to, in the words of whoever wrote the file."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.tomlslips import FOUND_WIDTH, syntax_fault

if TYPE_CHECKING:
    from perfgate.faults import Fault

PIECES = ["a", "b.c", "=", '"', "'", '"""', "'''", "[", "]", "{", "}", ",", "#", ":", "\\", "-"]
PIECES += [
    "1",
    "0",
    ".5",
    "2018-02-30",
    "true",
    "yes",
    " ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\0",
    "\ufeff",
]


def fault_of(text: str) -> Fault:
    """Return the fault of a text that is not TOML."""
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    return syntax_fault(text, caught.value)


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ('a = 1\nb = "x\nc = "y"\n', 2, "close it in the same line"),
        ("a = 1\nb = 'x\nc = 'y'\n", 2, "close it in the same line"),
        ('a = 1\r\nb = "x\r\nc = 1\r\n', 2, "close it in the same line"),
        ('a = "x', 1, "close it in the same line"),
        ("a = 'it'\nb = '", 2, "close it in the same line"),
        ('a = """x\n"""\nb = "y', 3, "close it in the same line"),
        ('a = 1\nb = """x\ny\nz\n', 2, 'close it with """'),
        ("a = '''x'''\nb = [\n  '''y\n]\n", 3, "close it with '''"),
    ],
)
def test_a_string_that_is_not_closed(text: str, line: int, hint: str) -> None:
    """Law: the line is the one in which the string begins, however far reading went on."""
    fault = fault_of(text)
    assert fault.problem == f"the string that begins in line {line} is not closed"
    assert (fault.line, fault.hint) == (line, hint)
    assert fault.found == text.splitlines()[line - 1].strip()


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a = 1\nb = [\n", 2, "the list that begins in line 2 is not closed"),
        ("a = 1\nb = [1,\n\n", 2, "the list that begins in line 2 is not closed"),
        (
            "b = [\n1,\n2\n\n[c]\n",
            5,
            "a comma or the closing ] is missing, in what begins in line 1",
        ),
        ("b = [1 2]\n", 1, "a comma or the closing ] is missing"),
        ("b = [1,\nc = 2\n", 2, "this is no value, in what begins in line 1"),
        ("b = { c = 1\nd = 2\n", 1, "a comma or the closing } is missing"),
        ("b = { c = 1, }\n", 1, "a key is missing, or begins as none can"),
        ("[b\nc = 1\n", 1, "the closing ] is missing"),
        ("[[b]\nc = 1\n", 1, "the closing ]] is missing"),
    ],
)
def test_brackets_that_are_not_closed(text: str, line: int, problem: str) -> None:
    """Law: both are told, where the bracket stands and where another thing stood in its place."""
    fault = fault_of(text)
    assert (fault.line, fault.problem) == (line, problem)


@pytest.mark.parametrize(
    ("text", "line", "found", "hint"),
    [
        ("a = yes\n", 1, "yes", "true, in small letters"),
        ("a = Off # for now\n", 1, "Off", "false, in small letters"),
        ("a = None\n", 1, "None", "leave the line out"),
        ("a = python -m auth\n", 1, "python -m auth", 'text stands in "quotes"'),
        ("a = .5\n", 1, ".5", "a number begins with a digit"),
        ("a =\nb = 1\n", 1, "a =", "write one, or leave the line out"),
        ("b = 1\na =", 2, "a =", "write one, or leave the line out"),
        ("a: 1\n", 1, "a: 1", "write = instead of :"),
        ("a 1\n", 1, "a 1", "one key = value stands on a line"),
        ("a = 5ms\n", 1, "ms", "a number has no unit"),
        ("a = 2026-13-01\n", 1, "-13-01", "a date is written like"),
        ("a = 2026-02-30\n", 1, "a = 2026-02-30", "a date is written like"),
        ('a = "say "hi""\n', 1, 'hi""', 'a quote within "text"'),
        ("a = 1;\n", 1, ";", "leave out the ;"),
        ('a = "C:\\Users"\n', 1, 'a = "C:\\Users"', "write \\\\ for a backslash"),
        ("\u00e4 = 1\n", 1, "\u00e4 = 1", 'or stands in "quotes"'),
        ("[\u00e4]\n", 1, "[\u00e4]", 'or stands in "quotes"'),
        ("a b = 1\n", 1, "a b = 1", 'or stands in "quotes"'),
        ("// of the day\n", 1, "// of the day", "comments begin with #"),
    ],
)
def test_what_stands_where_it_cannot(text: str, line: int, found: str, hint: str) -> None:
    """Law: what was found is shown as it was written, with what to write instead."""
    fault = fault_of(text)
    assert (fault.line, fault.found) == (line, found)
    assert hint in fault.hint


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a = 1\nb = 1\n\na = 2\n", 4, "a is there twice, first in line 1"),
        ("[c]\na = 1\n[d]\na = 1\na = [\n2]", 5, "a is there twice, first in line 4"),
        ("[a]\nb = 1\n[a] # again\nc = 1\n", 3, "[a] is there twice, first in line 1"),
        ("a.b = 1\na = 2\n", 2, "a is there already, written in another way"),
        ("[x]\nb = 1\n[y]\nb.c = 1\nb = 2\n", 5, "b is there already, written in another way"),
        ("a = { b = 1, b = 2 }\n", 1, "is not TOML: duplicate inline table key 'b'"),
    ],
)
def test_what_is_there_twice(text: str, line: int, problem: str) -> None:
    """Law: the later one is the fault, and the earlier is named where it is written alike."""
    fault = fault_of(text)
    assert (fault.line, fault.problem) == (line, problem)
    assert fault.hint.startswith("leave one of them out")


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_every_slip_has_a_place(text: str) -> None:
    """Law: whatever is not TOML is one fault with a line of the file, a problem and a hint."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = syntax_fault(text, error)
        assert fault.line is not None
        assert 1 <= fault.line <= text.count("\n") + 1
        assert fault.problem
        assert fault.hint
        assert "\n" not in fault.problem + fault.found
        assert len(fault.found) <= FOUND_WIDTH


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = " + "[" * 300 + "\n1 2\n", 2),
        ("a = [\n" + '{ b = "[", c = 1 }, # "\n' * 20_000 + "1 2 ]\n", 20_002),
        ('a = """\n' + "b\n" * 20_000, 1),
    ],
)
def test_long_and_deep_files(text: str, line: int) -> None:
    """Law: the slip of a long or deep file is found as that of a short one, in one pass."""
    fault = fault_of(text)
    assert fault.line == line
    assert "line 1" in fault.problem
