"""A service that answers first and works afterwards: its work is charged to it all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.runs import PLAIN, completed, open_plan, tiny_server
from load.tiny_server import PUT_OFF_WORK_S
from perfgate.load.plan import Pairs
from perfgate.measurement.summarise import Surroundings, summarise

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

AROUND = Surroundings(seconds=20.0, steal_ratio=None, pressure_ratio=None, peak_rss_bytes={})
REQUESTS, CONCURRENCY, PAIRS = 8, 4, 40


def test_work_after_the_answer_is_charged(tmp_path: Path) -> None:
    """Law: work that is done when its turn has long ended, and the other's goes on, still counts.

    A turn of the base takes so long that most of the candidate's work falls into it.
    """
    with tiny_server("--habit", "cold") as base, tiny_server("--habit", "later") as candidate:
        plan = open_plan(
            base.host("base"),
            candidate.host(),
            identities=CONCURRENCY,
            warmup_requests=50,
            open=None,
            pairs=Pairs(PAIRS, REQUESTS, CONCURRENCY),
        )
        run = summarise(completed(tmp_path, PLAIN, plan, None), plan, 0.0, 1.0, AROUND)

    pairs = run.builds["candidate"].pairs
    assert sum(pairs.cpu_s) > 0.9 * PUT_OFF_WORK_S * sum(pairs.answered)
