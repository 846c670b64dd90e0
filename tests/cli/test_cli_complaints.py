"""How errors read on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.cli.complaints import complain
from perfgate.errors import FileFaultsError, PerfgateError, RefError, StoreError, UsageError
from perfgate.exitcodes import ExitCode
from perfgate.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Finished


def complaint(error: Exception, capsys: pytest.CaptureFixture[str]) -> tuple[ExitCode, str]:
    """Return the exit code of an error and what is printed about it."""
    code = complain(error)
    out, err = capsys.readouterr()
    assert out == ""
    return code, err


def test_faults_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    """Each fault stands on a line that editors can follow; what is not known is left out."""
    faults = [
        Fault(3, "target.start", "is missing", hint="the command"),
        Fault(14, "slo.login.p95ms", "is not a known key", "250.0", 'did you mean "p95_ms"?'),
        Fault(None, "", "is too large"),
    ]
    code, err = complaint(FileFaultsError("perfgate.toml", faults), capsys)
    assert code is ExitCode.USAGE
    assert err.splitlines() == [
        "perfgate.toml:3: target.start: is missing (the command)",
        "perfgate.toml:14: slo.login.p95ms: is not a known key, found 250.0 "
        '(did you mean "p95_ms"?)',
        "perfgate.toml: is too large",
        "error: perfgate.toml: 3 faults",
    ]


@pytest.mark.parametrize(
    "error",
    [UsageError("no", hint="yes"), StoreError("no", hint="yes"), RefError("no", hint="yes")],
)
def test_message_hint_and_code(error: PerfgateError, capsys: pytest.CaptureFixture[str]) -> None:
    """An error is its message, then what to do, with the exit code of its kind."""
    assert complaint(error, capsys) == (error.exit_code, "error: no\nhint: yes\n")


def test_a_hint_of_many_lines_is_indented(capsys: pytest.CaptureFixture[str]) -> None:
    """Lines of a hint are kept, to be copied."""
    _, err = complaint(UsageError("no", hint="write:\n\n[target]"), capsys)
    assert err == "error: no\nhint: write:\n  \n  [target]\n"


@given(st.text())
def test_nothing_reaches_the_terminal_unescaped(text: str) -> None:
    """Whatever stands in a message, a hint or a fault, only printable characters are shown."""
    fault = Fault(1, text, text, text, text)
    for error in (UsageError(text, hint=text), FileFaultsError(text, [fault]), ValueError(text)):
        shown: list[str] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("perfgate.cli.complaints.say", shown.append)
            complain(error)
        assert all(click.unstyle(line).isprintable() for line in shown)


def test_control_characters_in_a_file(perfgate: Callable[..., Finished], project: Path) -> None:
    """A file cannot paint the terminal through the faults in it."""
    config = project / "perfgate.toml"
    config.write_text(config.read_text() + '\n["evil\\u001b[2J"]\nkey = "\\u001b]0;owned\\u0007"\n')
    run = perfgate("check")
    assert run.code == 2
    assert "evil\\u001b[2J" in run.err
    assert "\x1b" not in run.err


def test_control_characters_in_an_argument(perfgate: Callable[..., Finished]) -> None:
    """Nor can a file's name."""
    run = perfgate("judge", "gone\x1b[2J.json")
    assert run.code == 2
    assert "gone\\x1b[2J.json" in run.err
    assert "\x1b" not in run.err
