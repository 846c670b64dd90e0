"""The memory of a long run: what has been written is kept nowhere else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from perfgate.load.rows import ROW

pytestmark = pytest.mark.slow

EXERCISE = Path(__file__).parent / "exercise_memory.py"
ROWS = 1_000_000


def test_a_million_rows_take_no_memory(tmp_path: Path) -> None:
    """Law: a recorder grows by less than 2 % of what it writes, of which every row is on disk."""
    journal = tmp_path / "journal.bin"
    done = subprocess.run(
        (sys.executable, str(EXERCISE), str(journal), str(ROWS)),
        env=os.environ | {"LOCUST_SKIP_MONKEY_PATCH": "1"},
        check=True,
        stdout=subprocess.PIPE,
        timeout=300,
    )

    assert journal.stat().st_size == ROWS * ROW.size
    assert int(done.stdout) < 0.02 * ROWS * ROW.size
