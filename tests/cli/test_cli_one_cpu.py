"""``perfgate`` restricted to one CPU: what that costs is told, and no verdict hides it."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

import pytest
from load.runs import HEADER, PLAIN, processes_in

from cli.command_line import PERFGATE, Finished, make_project, run_process
from cli.test_cli_doctor import LEDGER, SHORT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.nightly]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project whose service is a tiny server."""
    root = make_project(tmp_path / "project", SHORT, LEDGER)
    (root / "callers.py").write_text(HEADER + PLAIN)
    return root


def on_one_cpu(project: Path, *words: str) -> Finished:
    """Run perfgate with one CPU of those that the tests may use."""
    cpu = str(min(os.sched_getaffinity(0)))
    return run_process(["taskset", "--cpu-list", cpu, PERFGATE, *words], project)


def test_a_check_on_one_cpu(project: Path) -> None:
    """Law: the report says what share the generator took; the outcome is valid or says why not."""
    run = on_one_cpu(project, "check", "--base", ".", "--output", "kept")
    verdict = json.loads((project / "kept" / "verdict.json").read_text())

    assert re.search(
        r"One CPU for builds and load generator: the generator took up to \d+% of it, which the "
        "service rate lacks",
        " ".join(run.out.split()),
    ), run.out
    assert (run.code, verdict["verdict"]) in {
        (0, "PASS"),
        (0, "WARN"),
        (3, "INCONCLUSIVE"),
        (3, "INVALID"),
    }, run.out
    assert processes_in(project) == []


def test_doctor_on_one_cpu(project: Path) -> None:
    """Law: doctor says what each request costs there, and that a second CPU would help."""
    run = on_one_cpu(project, "doctor", "--sessions", "3")

    assert run.code in {0, 3}, run.err
    assert "1, for builds and load generator: of its time, " in " ".join(run.out.split()), run.out
    assert "A second CPU: the load generator would no longer take " in " ".join(run.out.split())
