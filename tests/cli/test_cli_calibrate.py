"""``perfgate calibrate`` on a real service, and what the other verbs make of its record."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from load.runs import HEADER, PLAIN, processes_in

from cli.command_line import PERFGATE, make_project, run_process
from cli.test_cli_doctor import LEDGER, SHORT
from perfgate.baseline.noise import noise_path
from perfgate.exitcodes import ExitCode
from perfgate.machine import read_environment

if TYPE_CHECKING:
    from pathlib import Path


# Where the host takes the CPU away for a while, a user waits and asks again.
TRIES = 3


@pytest.mark.slow
def test_noise_is_kept_and_used(tmp_path: Path) -> None:
    """What was calibrated is in the store, and `doctor` tells of it without trying the service."""
    project = make_project(tmp_path / "project", SHORT, LEDGER)
    (project / "callers.py").write_text(HEADER + PLAIN)
    for _ in range(TRIES):
        run = run_process([PERFGATE, "calibrate", "--sessions", "3"], project)
        assert run.code in {0, 3}, run.err  # busy as the machine may be
        if "No noise is known" not in run.out:
            break
    assert "3 sessions of the same build beside itself" in run.out
    (path,) = (project / "baselines" / "noise" / "default").iterdir()
    assert str(path) in run.err
    kept = json.loads(path.read_text())
    assert (kept["sessions"], set(kept["metrics"])) == (3, {"cost", "capacity"})
    assert run_process([PERFGATE, "baseline", "show"], project).code == 4  # it is no baseline
    told = run_process([PERFGATE, "doctor", "--format", "json"], project)
    found = json.loads(told.out)["rehearsal"]
    assert found["known_since"] == kept["measured_at"][:10]
    assert found["session_s"] == pytest.approx(kept["session_s"])
    assert "session 1" not in told.err
    assert processes_in(project) == []


def test_the_plan_comes_first(tmp_path: Path) -> None:
    """A check says how long it will take before it builds anything."""
    unbuildable = SHORT.replace("[target]", '[target]\nbuild = "false"')
    project = make_project(tmp_path / "project", unbuildable, LEDGER)
    run = run_process([PERFGATE, "check", "--base", "."], project)
    assert run.code == ExitCode.NO_TARGET
    assert run.err.startswith("plan: 4 to 10 sessions, about ")
    assert "`perfgate calibrate`" in run.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sessions", "2"], "not in the range x>=3"),
        (["--profile", "gone"], "no profile 'gone'"),
    ],
)
def test_usage(tmp_path: Path, words: list[str], told: str) -> None:
    """What is asked for wrongly is told before anything is measured."""
    run = run_process([PERFGATE, "calibrate", *words], make_project(tmp_path / "project"))
    assert (run.code, run.out) == (2, "")
    assert told in run.err


def test_a_damaged_record_stops_a_check(tmp_path: Path) -> None:
    """A record that cannot be read is an error with a hint, before anything is measured."""
    project = make_project(tmp_path / "project", SHORT, LEDGER)
    path = noise_path(project / "baselines", "default", read_environment())
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    run = run_process([PERFGATE, "check", "--base", "."], project)
    assert run.code == 4
    assert "not a record of noise" in run.err
    assert "hint: " in run.err
