"""Writes many rows through a recorder; started as a process by the tests.

Usage: exercise_memory.py JOURNAL ROWS. By how many bytes it has grown goes to standard output.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from perfgate.load.inside.recorder import Arrival, Recorder
from perfgate.load.plan import Phase

# What grows at first: buffers, caches, code that is loaded when it is needed.
FIRST = 10_000
CANDIDATE = 1


def main() -> None:
    """Write the first rows, then all others."""
    journal, rows = Path(sys.argv[1]), int(sys.argv[2])
    recorder = Recorder(journal)
    recorder.expect_open_loop([CANDIDATE], rows)
    for number in range(FIRST):
        recorder.run(answer, Arrival(number, Phase.OPEN, CANDIDATE, 0))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(FIRST, rows):
        recorder.run(answer, Arrival(number, Phase.OPEN, CANDIDATE, 0))
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    recorder.close(journal.with_suffix(".json"), {})
    sys.stdout.write(f"{grown_kb * 1024}\n")


def answer() -> None:
    """Stand for a task: what it requests is not the recorder's to keep."""


if __name__ == "__main__":
    main()
