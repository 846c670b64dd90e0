"""A plan travels to Locust as JSON and arrives as it left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from load.journals import both_hosts, plan
from perfgate.load.plan import Host, Open, Pairs, Plan, Saturation, Solo

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("saturation", [None, Saturation(2, 1.0, 0.1, 16)])
@pytest.mark.parametrize("pairs", [None, Pairs(48, 16, 8)])
@pytest.mark.parametrize("solo", [None, Solo(16, 8, 2.0)])
@pytest.mark.parametrize("open_loop", [None, Open("schedule.npz", 5.0, 2000)])
def test_a_plan_reads_back(
    tmp_path: Path,
    saturation: Saturation | None,
    pairs: Pairs | None,
    solo: Solo | None,
    open_loop: Open | None,
) -> None:
    """Law: read returns what write wrote, whichever phases there are."""
    written = plan(
        hosts=(*both_hosts()[:1], Host("candidate", "http://127.0.0.1:9", 1, members=(1, 7))),
        saturation=saturation,
        pairs=pairs,
        solo=solo,
        open=open_loop,
        silence_s=1.5,
        limit_s=90.0,
    )
    written.write(tmp_path / "plan.json")

    assert Plan.read(tmp_path / "plan.json") == written


def test_operations_are_sorted() -> None:
    """Law: codes of operations are the places of their sorted names."""
    assert plan(mix={"token": 1.0, "jwks": 2.0}).operations == ("jwks", "token")
