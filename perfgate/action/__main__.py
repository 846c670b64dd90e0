"""``python -P -m perfgate.action``: what action.yml and the workflows run."""

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

USAGE = "usage: python -P -m perfgate.action check, or publish DIRECTORY"
# What a runner sends to a step that is cancelled, within seconds, before it kills it.
ENDING = (signal.SIGINT, signal.SIGTERM)


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
    """Let the first of the signals end the check, which takes until after the next one."""
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    for each in ENDING:
        signal.signal(each, _interrupt)
    sys.exit(main(sys.argv[1:]))
