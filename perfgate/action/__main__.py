"""``python -m perfgate.action``: what action.yml and the workflows run."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from perfgate.action.step import run_check
from perfgate.errors import PerfgateError
from perfgate.exitcodes import ExitCode
from perfgate.tail import escaped

if TYPE_CHECKING:
    from types import FrameType

USAGE = "usage: python -m perfgate.action check, or publish DIRECTORY"


def main(words: list[str]) -> int:
    """Run what the words name; return its exit code."""
    try:
        match words:
            case ["check"]:
                return run_check(os.environ)
            case ["publish", directory]:
                # This imports numpy and requests, which the other does without.
                from perfgate.action.publish import publish  # noqa: PLC0415 - see above

                return publish(Path(directory), os.environ)
    except PerfgateError as error:
        sys.stderr.write(f"error: {escaped(error.message)}\n")
        if error.hint:
            sys.stderr.write(f"hint: {escaped(error.hint)}\n")
        return error.exit_code
    sys.stderr.write(f"{USAGE}\n")
    return ExitCode.USAGE


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Let SIGTERM end the check as Ctrl-C does: a job that is cancelled gets both."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(main(sys.argv[1:]))
