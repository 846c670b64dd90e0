"""What people see: a report, and meanwhile a moving line on a terminal or plain ones in a log.

Whoever reads along may go away (``| head``): that ends no measurement and changes no exit code.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from perfgate.report.commands import disarmed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from perfgate.progress import Progress

OUTCOME_COLOURS = {
    "PASS": "green",
    "WARN": "yellow",
    "FAIL": "red",
    "INCONCLUSIVE": "magenta",
    "INVALID": "magenta",
}


class LogProgress:
    """Plain lines with the seconds since the start, for logs."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()

    def stage(self, what: str, expected_s: float) -> None:
        """Print that a stage begins."""
        about = f" (about {expected_s:.0f} s)" if expected_s else ""
        self._say(f"{what}{about}")

    def learned(self, what: str) -> None:
        """Print what it has shown."""
        self._say(f"  {what}")

    def tick(self) -> None:
        """Print nothing: a log needs no sign of life."""

    def _say(self, text: str) -> None:
        say(f"[{time.monotonic() - self._start_s:5.0f} s] {text}")


class TerminalProgress:
    """A bar for the stage that runs, with what is known so far above it."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._task: TaskID | None = None
        self._start_s = 0.0

    def stage(self, what: str, expected_s: float) -> None:
        """Start a new bar."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(what, total=expected_s or None)
        self._start_s = time.monotonic()

    def learned(self, what: str) -> None:
        """Print above the bar what the stage has shown."""
        name = "" if self._task is None else self._bar.tasks[-1].description
        self._bar.console.print(f"  {name}: {what}", markup=False, highlight=False)

    def tick(self) -> None:
        """Move the bar."""
        if self._task is not None:
            self._bar.update(self._task, completed=time.monotonic() - self._start_s)


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Show progress on standard error, in the way that suits what it is connected to."""
    if not sys.stderr.isatty():
        yield LogProgress()
        return
    from rich.console import Console  # noqa: PLC0415 - only terminals need it
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description:>24}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield TerminalProgress(bar)


def put(text: str) -> None:
    """Print what was asked for."""
    _echo(text, sys.stdout)


def say(text: str) -> None:
    """Print what is to be known besides, on standard error."""
    _echo(_shown(text), sys.stderr)


def print_report(text: str) -> None:
    """Print a report, its outcome words in colour where a person looks at it."""
    colourful = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    put((_coloured(text) if colourful else _shown(text)).removesuffix("\n"))


def _shown(text: str) -> str:
    """Return the text as it may stand in a log: GitHub's runner obeys lines of one."""
    return disarmed(text) if os.environ.get("GITHUB_ACTIONS") == "true" else text


def _echo(text: str, stream: IO[str]) -> None:
    try:
        click.echo(text, file=stream)
    except BrokenPipeError:
        # From here on into nothing: what is still in the buffer would complain at the exit.
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)


def _coloured(text: str) -> str:
    return "\n".join(_coloured_line(line) for line in text.split("\n"))


def _coloured_line(line: str) -> str:
    word = line.strip().partition(" ")[0]
    colour = OUTCOME_COLOURS.get(word.rstrip(":"))
    return line.replace(word, click.style(word, fg=colour, bold=True), 1) if colour else line
