"""A service that runs already, checked at its URL: judged by what can be known of it, and left."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest
from action.jobs import WIDE
from cli.command_line import PERFGATE, make_project, run_process
from cli.test_cli_doctor import LEDGER, SHORT
from load.runs import HEADER, PLAIN, tiny_server

from perfgate.machine import read_environment
from perfgate.verdict.scope import NOT_COMPARED, UNSEEN

if TYPE_CHECKING:
    from pathlib import Path

PROMISE = '[slo."*"]\np95_ms = 250.0\n'


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("habits", "code"), [((), 0), (("--habit", "crawl"), 1)], ids=["quick", "slow"]
)
def test_a_service_that_runs_already(tmp_path: Path, habits: tuple[str, ...], code: int) -> None:
    """It ships where it carries the demand; what only its processes could tell is not claimed."""
    with tiny_server(*habits) as server:
        # Elsewhere than the load generator, as whoever runs it would see to.
        os.sched_setaffinity(server.pid, set(read_environment().target_cpus))
        config = re.sub(r"start = .*", f'url = "{server.url}"\nready = "/ok"', SHORT)
        # So many that none of them is why an answer is late.
        config = config.replace("identities = 8", "identities = 64")
        project = make_project(tmp_path / "project", config + WIDE + PROMISE, LEDGER)
        (project / "callers.py").write_text(HEADER + PLAIN)
        run = run_process([PERFGATE, "check", "--output", "kept"], project)
        assert run.code == code, run.out + run.err
        assert server.seen(), "it still answers"
    verdict = json.loads((project / "kept" / "verdict.json").read_text())
    assert {own["check"] for own in verdict["findings"]}.isdisjoint({"cost", "capacity", "change"})
    told = " ".join(run.out.split())
    assert all(question in told for question in (NOT_COMPARED, *UNSEEN))
    figures = {own["name"] for own in verdict["figures"]}
    assert figures.isdisjoint({"cost per request", "cost in open loop", "peak memory"})
