"""The laws of the program that runs a command and leaves nothing of it."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

import pytest
from real_repository import alive_with, eventually

from perfgate.build import shepherd


def start(*command: str, parent: int | None = None) -> subprocess.Popen[str]:
    """Start the program as a build does, by default as our own child."""
    pid = str(os.getpid() if parent is None else parent)
    return subprocess.Popen(
        [sys.executable, "-I", "-S", shepherd.__file__, pid, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -15 $$", 143)]
)
def test_the_exit_code_is_the_commands(script: str, code: int) -> None:
    """An exit code is passed on; a signal is told as a shell tells it."""
    shepherded = start("sh", "-c", script)
    shepherded.communicate()
    assert shepherded.returncode == code


def test_output_and_arguments_pass_unchanged() -> None:
    """Words that look like options, are empty or hold spaces reach the command as they are."""
    out, _ = start("printf", "<%s>", "--", "-I", "", "a b\n").communicate()
    assert out == "<--><-I><><a b\n>"


def test_what_cannot_be_run_is_told() -> None:
    """A command that does not exist ends with 126 and the system's reason."""
    shepherded = start("/no/such/program")
    assert shepherded.communicate()[1] == "/no/such/program: No such file or directory\n"
    assert shepherded.returncode == 126


def test_sigterm_ends_all_of_it() -> None:
    """Told to stop, it ends the command and what the command hid, and then itself."""
    marker = f"marker-{uuid.uuid4().hex}"
    sleep = f"setsid {sys.executable} -c 'import time; time.sleep(600)' {marker}"
    shepherded = start("sh", "-c", f"({sleep} &); echo started; sleep 600")
    assert shepherded.stdout is not None
    assert shepherded.stdout.readline() == "started\n"
    shepherded.terminate()
    # The hidden process holds the other end of its output: reading on proves it is gone.
    shepherded.communicate()
    assert shepherded.returncode == 143
    assert alive_with(marker) == []


def test_an_orphan_starts_nothing() -> None:
    """Where the parent is gone before the start, the command is never run."""
    shepherded = start("echo", "run", parent=1)
    assert shepherded.communicate()[0] == ""
    assert shepherded.returncode == 143


def test_descendants_are_all_that_live_below() -> None:
    """Grandchildren count; a process that has ended and awaits its burial does not."""
    program = (
        "import subprocess, sys\n"
        "subprocess.Popen(['true'])\n"  # never waited for
        "below = subprocess.Popen(['sleep', '600'])\n"
        "print(below.pid, flush=True)\n"
        "sys.stdin.read()\n"
        "below.kill()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    below = int(child.stdout.readline())
    assert eventually(lambda: shepherd.descendants(child.pid) == [below])
    assert {child.pid, below} <= set(shepherd.descendants(os.getpid()))
    child.communicate()
    assert child.pid not in shepherd.descendants(os.getpid())
