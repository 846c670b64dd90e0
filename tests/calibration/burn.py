"""A stranger: a process that keeps a CPU busy for a share of the time, wherever it is put."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PERIOD_S = 0.05


@contextmanager
def burning(share: float) -> Iterator[None]:
    """Let a process burn this share of a CPU meanwhile; none for 0."""
    if not share:
        yield
        return
    with subprocess.Popen((sys.executable, __file__, str(share))) as process:
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError("the process that was to burn CPU time has ended")
        finally:
            process.kill()


def burn(share: float) -> None:
    """Burn for ever: CPU time, not the clock's, so that it gets its share where CPUs are few."""
    while True:
        start_s, until_s = time.monotonic(), time.thread_time() + share * PERIOD_S
        while time.thread_time() < until_s:
            pass
        time.sleep(max(start_s + PERIOD_S - time.monotonic(), 0.0))


if __name__ == "__main__":
    burn(float(sys.argv[1]))
