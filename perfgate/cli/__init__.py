"""The command line: one module per verb, the only printer and the only catcher of errors."""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from perfgate.cli.overview import HELP_OPTIONS, overview
from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from types import FrameType


def main() -> NoReturn:
    """Run perfgate; the exit code is one of :class:`ExitCode`."""
    signal.signal(signal.SIGTERM, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A report must not be lost to a terminal that cannot show a letter of it.
        sys.stdout.reconfigure(errors="backslashreplace")
    if sys.argv[1:] in ([option] for option in HELP_OPTIONS):
        _show_overview()
    from perfgate.cli.group import run  # noqa: PLC0415 - click costs more than all of the help

    sys.exit(run())


def _show_overview() -> NoReturn:
    """Print the help of perfgate as a whole."""
    try:
        sys.stdout.write(overview())
        sys.stdout.flush()
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            sys.stderr.write(f"perfgate: the help cannot be written: {error.strerror}\n")
        # Left to itself, Python would end with 1, which says that a build must not ship.
        os._exit(ExitCode.USAGE)
    sys.exit(ExitCode.PASS)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Let SIGTERM unwind everything that was started, as Ctrl-C does."""
    raise KeyboardInterrupt
