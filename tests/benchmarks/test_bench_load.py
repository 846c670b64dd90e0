"""Times of drawing arrivals, and of reading and summarising a run."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from load.journals import CANDIDATE, journal, plan, row, window, write_run

from perfgate.load.journal import read_journal
from perfgate.load.plan import Phase
from perfgate.load.rows import DTYPE, journal_file
from perfgate.load.schedule import Stage, draw_schedule
from perfgate.measurement.summarise import Surroundings, summarise

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_benchmark.fixture import BenchmarkFixture

MIX = {"fetch": 0.9, "login": 0.1}
ROWS = 20_000
MANY = 1_000_000


def test_draw_schedule(benchmark: BenchmarkFixture) -> None:
    """Ten minutes of a hundred arrivals per second are drawn before a run starts."""
    drawn = benchmark(draw_schedule, [Stage(100.0, 600.0)], mix=MIX, seed=1)
    assert len(drawn) > ROWS


def test_read_a_long_journal(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """A million rows, in the order in which they ended, prove to be complete."""
    rows = np.zeros(MANY, DTYPE)
    rows["number"] = np.random.default_rng(1).permutation(MANY)
    rows["phase"], rows["build"] = Phase.OPEN, CANDIDATE
    seal = hashlib.sha256(rows.tobytes()).hexdigest()
    write_run(tmp_path, [], manifest={"rows": MANY, "sha256": seal})
    journal_file(tmp_path, 0).write_bytes(rows.tobytes())
    read = benchmark(read_journal, tmp_path, plan(), MANY)
    assert len(read.rows["number"]) == MANY


def test_summarise_session(benchmark: BenchmarkFixture) -> None:
    """The rows of a long session become figures."""
    rows = [row(number=number, intended_s=number / 100) for number in range(ROWS)]
    whole = journal(rows, [window(phase=Phase.OPEN)])
    seen = Surroundings(200.0, None, None, {})
    run = benchmark(summarise, whole, plan(), 100.0, 200.0, seen)
    assert run.builds["candidate"].open.arrivals == ROWS
