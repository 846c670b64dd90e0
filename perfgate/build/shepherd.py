"""A command passes through and is run; when this program ends, nothing the command started lives.

It runs on its own (``python -I -S shepherd.py PARENT_PID COMMAND...``), keeps no log, sets no time
limit, and uses the standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PAUSE_S = 0.01
_PATIENCE_S = 5.0

# What a shell answers in the same cases.
CANNOT_RUN = 126
SIGNAL_BASE = 128


def main(argv: list[str]) -> int:
    """Run the command and return its exit code, 128 + n when signal n ended it.

    SIGTERM, or the end of the process `argv[0]`, ends the command and everything it started.
    """
    parent, command = int(argv[0]), argv[1:]
    signal.signal(signal.SIGTERM, _stop)
    try:
        _adopt_orphans()
        if os.getppid() != parent:  # it ended before we could ask to be told
            return SIGNAL_BASE + signal.SIGTERM
        return _run(command)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _kill_descendants()


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(SIGNAL_BASE + signal.SIGTERM)


def _adopt_orphans() -> None:
    """Become the parent of orphans below, so that a double fork does not hide a process.

    Also ask for SIGTERM when our own parent dies, even if it is killed outright.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _run(command: list[str]) -> int:
    try:
        # Its own session: a command that signals its group must not hit the shepherd.
        child = subprocess.Popen(command, start_new_session=True)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        return CANNOT_RUN
    code = child.wait()
    return SIGNAL_BASE - code if code < 0 else code


def _kill_descendants() -> None:
    """Kill until none is left: whoever forks between two looks is found by the next."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        alive = descendants(os.getpid())
        if not alive:
            return
        for pid in alive:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        _reap()
        time.sleep(_PAUSE_S)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def descendants(root: int) -> list[int]:
    """Return the pids of all living processes below `root`; those only awaiting burial are not."""
    children: dict[int, list[int]] = {}
    dead: set[int] = set()
    for directory in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name in brackets may hold anything, brackets and spaces too.
            fields = (directory / "stat").read_bytes().rpartition(b")")[2].split()
            pid = int(directory.name)
            children.setdefault(int(fields[1]), []).append(pid)
            if fields[0] in b"ZX":
                dead.add(pid)
    found = list(children.get(root, ()))
    for pid in found:  # grows while it is walked
        found.extend(children.get(pid, ()))
    return [pid for pid in found if pid not in dead]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
