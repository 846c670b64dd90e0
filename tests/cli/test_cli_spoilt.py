"""``perfgate check`` of equal builds, and somebody interferes with its load: INVALID."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from load.mischief import forge, process_in
from load.runs import HEADER, PLAIN, processes_in

from cli.command_line import PERFGATE, make_project
from cli.test_cli_doctor import LEDGER, SHORT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.slow

LIMIT_S = 120.0
WORDS = ("check", "--base", ".", "--output", "kept", "--on-inconclusive", "pass")


def project_with(tmp_path: Path, workers: int, callers: str = PLAIN) -> Path:
    """Return a project whose service is a tiny server, and its load from so many processes."""
    text = SHORT.replace("[load]", f"[load]\nworkers = {workers}")
    text = text.replace("identities = 8", f"identities = {8 * workers}")
    project = make_project(tmp_path / "project", text, LEDGER)
    (project / "callers.py").write_text(HEADER + callers)
    return project


def checked(project: Path, stage: str, disturb: Callable[[Path], object]) -> tuple[int, str]:
    """Return exit code and output of a check disturbed once the workers of a stage write."""
    with subprocess.Popen([PERFGATE, *WORDS], cwd=project, stdout=subprocess.PIPE) as process:
        begun_s, pattern = time.monotonic(), f"kept/runs/*-{stage}/worker-*/journal-*.bin"
        while len(found := [*project.glob(pattern)]) < 2:
            assert process.poll() is None
            assert time.monotonic() - begun_s < LIMIT_S
            time.sleep(0.05)
        disturb(found[0].parents[1])
        out, _ = process.communicate(timeout=LIMIT_S)
    return process.returncode, out.decode()


def assert_invalid(project: Path, code: int, out: str, words: str) -> None:
    """Assert that nothing was judged, that the reason is told everywhere, and that all is gone."""
    verdict = json.loads((project / "kept" / "verdict.json").read_text())
    assert (code, verdict["verdict"]) == (3, "INVALID"), out
    assert words in verdict["reason"]
    assert out.startswith("INVALID: ")
    assert words in " ".join(out.split())
    assert processes_in(project) == []


def kill(run_dir: Path) -> None:
    """Kill one of the run's workers."""
    process_in(run_dir / "worker-1", "--worker").send_signal(signal.SIGKILL)


def test_a_worker_that_is_killed(tmp_path: Path) -> None:
    """Law: a check that has lost a worker is INVALID, exit code 3, though a pass was asked for."""
    project = project_with(tmp_path, 2)
    code, out = checked(project, "required-rate", kill)
    assert_invalid(project, code, out, "was lost")


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("disturb", "words"),
    [
        (kill, "was lost"),
        (lambda run_dir: forge(run_dir, "a guess", "hello", ""), "not sealed with this run's key"),
    ],
    ids=["killed", "forged"],
)
def test_a_session_that_is_interfered_with(
    tmp_path: Path, disturb: Callable[[Path], object], words: str
) -> None:
    """Law: it is not made again as if nothing had happened: the check ends there, INVALID."""
    project = project_with(tmp_path, 2)
    code, out = checked(project, "session-2", disturb)
    assert_invalid(project, code, out, words)
    kept = json.loads((project / "kept" / "measurement.json").read_text())
    assert len(kept["measurement"]["sessions"]) == 1
    assert len(os.listdir(project / "kept" / "runs")) == 3  # noqa: PTH208 - their number only


THROWS = """
class Odd:
    @property
    def status_code(self):
        raise TypeError("no status")

class Caller(FastHttpUser):
    @task
    def fetch(self):
        self.client.get("/ok")
        if "session-2" in os.getcwd():
            self.environment.events.request.fire(
                request_type="X", name="x", response_time=1.0, response_length=0,
                exception=None, context={}, response=Odd(),
            )
"""


@pytest.mark.nightly
def test_a_recorder_that_throws_in_a_session(tmp_path: Path) -> None:
    """Law: what the recorder could not take down makes the check INVALID, with the exception."""
    project = project_with(tmp_path, 1, THROWS)
    with subprocess.Popen([PERFGATE, *WORDS], cwd=project, stdout=subprocess.PIPE) as process:
        out, _ = process.communicate(timeout=LIMIT_S)
    assert_invalid(project, process.returncode, out.decode(), "TypeError: no status")
