"""What is seen on a terminal, and in a log."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from cli.command_line import run_process
from perfgate.cli.console import LogProgress, print_report, put, say, shown_progress

if TYPE_CHECKING:
    from pathlib import Path

REPORT = """
from perfgate.cli.console import print_report
print_report("FAIL: the build\\n  reason\\n  PASS  errors\\n")
"""
STAGES = f"""
from perfgate.cli.console import shown_progress
with shown_progress() as progress:
    for stage in ("required rate", "session 1"):
        progress.stage(stage, 2.0)
        progress.learned("cost +1.0 % [bold](noise)")
        progress.tick()
    progress.stage("build", 0.0)
    progress.tick()
{REPORT}"""


def on_terminal(script: str, cwd: Path, **environ: str) -> str:
    """Run a script with its standard error and output on a terminal; return what that shows."""
    controller, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=cwd,
        env={**os.environ, "TERM": "xterm-256color", **environ},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        os.close(terminal)
        shown = b""
        with suppress(OSError):  # the terminal's way of saying that its last user has gone
            while block := os.read(controller, 65536):
                shown += block
        os.close(controller)
        assert process.wait(timeout=60) == 0, shown
    return shown.decode()


def test_a_terminal_sees_a_bar(tmp_path: Path) -> None:
    """On a terminal the stage has a bar that moves in place, with what it has shown above it."""
    shown = on_terminal(STAGES, tmp_path)
    assert re.search("required rate.*\u2501", shown)
    assert "session 1: cost +1.0 % [bold](noise)" in shown
    assert "\x1b[2K" in shown  # a line is wiped, to be drawn anew


def test_a_log_sees_lines(tmp_path: Path) -> None:
    """Where standard error is no terminal, every stage and every lesson is a plain line."""
    run = run_process([sys.executable, "-c", STAGES], tmp_path)
    assert run.code == 0, run.err
    lines = [re.sub(r"^\[ +\d+ s\] ", "", line) for line in run.err.splitlines()]
    assert lines == [
        "required rate (about 2 s)",
        "  cost +1.0 % [bold](noise)",
        "session 1 (about 2 s)",
        "  cost +1.0 % [bold](noise)",
        "build",
    ]
    assert run.out == "FAIL: the build\n  reason\n  PASS  errors\n"


def test_outcomes_have_colours_on_a_terminal(tmp_path: Path) -> None:
    """A person sees outcomes in colour, and nothing else of the report changes."""
    shown = on_terminal(REPORT, tmp_path)
    assert "\x1b[31m\x1b[1mFAIL:" in shown
    assert "\x1b[32m\x1b[1mPASS" in shown
    plain = re.sub(r"\x1b\[\d+m", "", shown).replace("\r\n", "\n")
    assert plain == "FAIL: the build\n  reason\n  PASS  errors\n"


def test_no_color(tmp_path: Path) -> None:
    """NO_COLOR is heeded."""
    shown = on_terminal(REPORT, tmp_path, NO_COLOR="1")
    assert shown == "FAIL: the build\r\n  reason\r\n  PASS  errors\r\n"


@pytest.mark.parametrize("text", ["", "one\n", "one\n\n", "FAIL: two\nlines\n"])
def test_a_report_is_printed_as_it_is(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """To a file goes the report, letter by letter, with a line's end where it has none."""
    print_report(text)
    assert capsys.readouterr().out == (text or "\n")


def test_log_progress_goes_on_without_a_reader(tmp_path: Path) -> None:
    """A measurement whose log nobody reads any more is not lost."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", STAGES],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=writer,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stdout[:5]) == (0, b"FAIL:")


def test_progress_in_a_captured_stream(capsys: pytest.CaptureFixture[str]) -> None:
    """What is no terminal gets the log, on standard error; output stays with the report."""
    with shown_progress() as progress:
        assert isinstance(progress, LogProgress)
        progress.stage("session 1", 12.0)
        progress.tick()
    put("report")
    out, err = capsys.readouterr()
    assert out == "report\n"
    assert err.endswith(" s] session 1 (about 12 s)\n")


def test_a_runner_obeys_no_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a job of GitHub's, what is said has no command in it; elsewhere it is as it is."""
    for runner, shown in (("true", "  :\\:error::x #\\#[y]\n"), ("", "  ::error::x ##[y]\n")):
        monkeypatch.setenv("GITHUB_ACTIONS", runner)
        say("  ::error::x ##[y]")
        print_report("  ::error::x ##[y]")
        assert capsys.readouterr() == (shown, shown)
