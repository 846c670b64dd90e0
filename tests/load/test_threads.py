"""A service of many threads, and the same one with a lock, on one CPU: the lock must show."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

import pytest

from load.runs import PLAIN, completed, open_plan, tiny_server
from perfgate.analysis.change import CAPACITY, session_frame
from perfgate.load.plan import Pairs
from perfgate.measurement.summarise import Surroundings, summarise

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.measurement.models import Run

pytestmark = pytest.mark.slow

AROUND = Surroundings(20.0, steal_ratio=None, pressure_ratio=None, peak_rss_bytes={}, apart=True)


def session(directory: Path, candidate_habit: str) -> Run:
    """Return a session of pairs, both services on the same CPU."""
    with (
        tiny_server("--habit", "threads") as base,
        tiny_server("--habit", candidate_habit) as candidate,
    ):
        for server in (base, candidate):
            os.sched_setaffinity(server.pid, {min(os.sched_getaffinity(0))})
        plan = open_plan(
            base.host("base"),
            candidate.host(),
            identities=32,
            warmup_requests=100,
            open=None,
            pairs=Pairs(pairs=40, requests=32, concurrency=16),
        )
        journal = completed(directory, PLAIN, plan, None)
    return summarise(journal, plan, 0.0, 1.0, AROUND)


def walls(run: Run) -> float:
    """Return the log ratio of the clock's times."""
    candidate_s, base_s = (sum(run.builds[role].pairs.wall_s) for role in ("candidate", "base"))
    return math.log(candidate_s / base_s)


def test_a_lock_among_threads_is_not_taken_for_the_neighbours(tmp_path: Path) -> None:
    """Law: what threads wait for each other is the build's time: capacity falls as the clock says.

    All of it taken off, next to nothing of the lock would be left.
    """
    run = session(tmp_path, "lock")
    shown, unbounded = (
        float(session_frame([own])[CAPACITY].iloc[0])
        for own in (run, run.model_copy(update={"others_ratio": None}))
    )

    assert walls(run) > 0.25
    assert shown > 0.6 * walls(run)
    assert unbounded < 0.5 * shown


def test_threads_alone_change_nothing(tmp_path: Path) -> None:
    """Law: two equal services of many threads are about equal."""
    assert abs(session_frame([session(tmp_path, "threads")])[CAPACITY].iloc[0]) < 0.1
