"""`perfgate worker` before it has a master, and two of them that send the load of a check."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from load.hosts import HERE, clock, hosts, on
from load.remote import KEY, working
from load.runs import HEADER, PLAIN, processes_in

from cli.command_line import PERFGATE, make_project, run_process
from cli.test_cli_doctor import LEDGER, SHORT
from perfgate.exitcodes import ExitCode
from perfgate.target.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("key", "what"), [("", "it is not set"), ("short", "it is shorter")])
def test_a_worker_needs_a_key(
    project: Path, monkeypatch: pytest.MonkeyPatch, key: str, what: str
) -> None:
    """Without a good key no worker starts, and the command that makes one is told."""
    monkeypatch.setenv("PERFGATE_KEY", key)
    run = run_process([PERFGATE, "worker", "--master", "127.0.0.1"], project)
    assert run.code == ExitCode.USAGE
    assert what in run.err
    assert "openssl rand -hex 32" in run.err


@pytest.mark.slow
@pytest.mark.nightly
def test_a_check_whose_load_comes_from_other_machines(tmp_path: Path) -> None:
    """Law: with two workers on hosts and clocks of their own a check is made as with one here.

    Every run has a journal of each of them, which perfgate has found to be the schedule together.
    """
    text = (
        SHORT.replace("[target]", f'[target]\nhost = "{HERE}"')
        .replace("[load]", f'[load]\nexpect_workers = 2\nbind = "{HERE}"\nport = {free_port()}')
        .replace("identities = 8", "identities = 16")
        .replace("looks = [4, 6, 8, 10]", "looks = [3]")
    )
    project = make_project(tmp_path / "project", text, LEDGER)
    (project / "callers.py").write_text(HEADER + PLAIN)
    with ExitStack() as stack:
        works = [
            stack.enter_context(working(project, HERE, *on(host), *clock(ahead_s)))
            for host, ahead_s in zip(stack.enter_context(hosts(2)), (0, 1000), strict=True)
        ]
        words = ["check", "--base", ".", "--output", "kept"]
        run = run_process([PERFGATE, *words], project, {"PERFGATE_KEY": KEY})
    verdict = json.loads((project / "kept" / "verdict.json").read_text())["verdict"]
    runs = sorted((project / "kept" / "runs").iterdir())

    # Three short sessions need not be enough to tell that equal builds are equal.
    assert (run.code, verdict) in {(0, "PASS"), (0, "WARN"), (3, "INCONCLUSIVE")}, run.out
    assert len(runs) >= 4
    for directory in runs:
        sizes = [(directory / f"journal-{worker}.bin").stat().st_size for worker in range(2)]
        assert min(sizes) > 0
    assert all(work.told.count("a run has ended") >= len(runs) - 1 for work in works)
    assert processes_in(project) == []
