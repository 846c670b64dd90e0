"""The memory of a long run: what has been written is kept nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from perfgate.load.plan import Outcome
from perfgate.load.rows import DTYPE, journal_file
from perfgate.load.schedule import Stage, draw_schedule

pytestmark = pytest.mark.long

EXERCISE = Path(__file__).parent / "exercise_memory.py"
ARRIVALS = 1_000_000
LIMIT_BYTES = 64 * 2**20


def test_a_million_arrivals_take_little_memory(tmp_path: Path) -> None:
    """Law: to send and write down a million arrivals takes no 64 MiB, the schedule included.

    Every one of them is on disk.
    """
    stages = [Stage(ARRIVALS / 10, 10.0)]
    schedule = draw_schedule(stages, mix={"answer": 1.0}, seed=1, arrivals="uniform")
    schedule.write(tmp_path / "schedule.npz")
    done = subprocess.run(
        (sys.executable, str(EXERCISE), str(tmp_path)),
        env=os.environ | {"PYTHONPATH": str(EXERCISE.parents[1])},
        check=True,
        stdout=subprocess.PIPE,
        timeout=300,
    )
    rows = np.fromfile(journal_file(tmp_path / "all", 0), DTYPE)

    assert np.array_equal(np.sort(rows["number"]), np.arange(ARRIVALS))
    assert np.all(rows["outcome"] == Outcome.OK)
    assert int(done.stdout) < LIMIT_BYTES
