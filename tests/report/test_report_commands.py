"""What is to be shown is shown, and no command to GitHub's runner."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.report.commands import disarmed


def obeyed(line: str) -> bool:
    """Tell whether the runner takes a line for a command: so it reads them (ActionCommand.cs)."""
    return line.lstrip().startswith("::") or "##[" in line


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", ":\\:error::x"),
        ("a\n  ::set-output name=verdict::PASS", "a\n  :\\:set-output name=verdict::PASS"),
        ("a ##[add-mask]b", "a #\\#[add-mask]b"),
        ("####[x", "###\\#[x"),
        ("a::b and ## c", "a::b and ## c"),
    ],
)
def test_commands_are_disarmed(text: str, shown: str) -> None:
    """A backslash stands in what would be a command, and nothing else changes."""
    assert disarmed(text) == shown


@given(text=st.text(st.sampled_from(":#[ \t\nab")))
def test_no_line_is_obeyed(text: str) -> None:
    """Law: of no text at all is a line obeyed, and without the backslashes it is what it was."""
    shown = disarmed(text)
    assert not any(map(obeyed, shown.split("\n")))
    assert shown.replace("\\", "") == text
