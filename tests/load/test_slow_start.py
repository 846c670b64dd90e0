"""Two services that are five times dearer after their start, until eight seconds later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.runs import PLAIN, completed, open_plan, tiny_server
from load.tiny_server import WARMING_S
from perfgate.analysis.change import session_frame, trends
from perfgate.load.plan import Pairs
from perfgate.measurement.summarise import Surroundings, summarise

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.measurement.models import Run

pytestmark = pytest.mark.slow

AROUND = Surroundings(seconds=20.0, steal_ratio=None, pressure_ratio=None, peak_rss_bytes={})


def loaded(directory: Path, warmup_limit_s: float) -> Run:
    """Return a session of two cold services."""
    with tiny_server("--habit", "cold") as base, tiny_server("--habit", "cold") as candidate:
        plan = open_plan(
            base.host("base"),
            candidate.host(),
            identities=16,
            warmup_requests=200,
            warmup_limit_s=warmup_limit_s,
            open=None,
            pairs=Pairs(pairs=40, requests=16, concurrency=8),
        )
        journal = completed(directory, PLAIN, plan, None)
    return summarise(journal, plan, 0.0, 1.0, AROUND)


def test_cold_services_are_waited_for(tmp_path: Path) -> None:
    """Law: both are warm when they are measured, and then they are equal and stay so.

    Of a build alone no drift is asked for: the machine itself may get slower within the run.
    """
    run = loaded(tmp_path, 15.0)

    assert run.validity.unsettled == ()
    assert run.validity.warmup_s is not None
    assert WARMING_S <= run.validity.warmup_s < 15.0
    assert abs(session_frame([run])["capacity"][0]) < 0.05
    drifts = [trends([run], role)[0] for role in run.builds]
    assert abs(drifts[0] - drifts[1]) < 0.05


def test_a_warm_up_that_is_too_short_is_told(tmp_path: Path) -> None:
    """Law: where time is up before the services are warm, the run says so."""
    run = loaded(tmp_path, 2.0)

    assert run.validity.unsettled == ("base", "candidate")
    assert run.validity.warmup_s is not None
    assert 2.0 <= run.validity.warmup_s < 4.0
