"""``perfgate selftest``: on real services nightly, and what it refuses and says ahead."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from load.runs import HEADER, processes_in

from cli.command_line import CONFIG, PERFGATE, make_project, run_process
from cli.test_cli_doctor import LEDGER, SHORT
from perfgate.exitcodes import ExitCode

ROOT = Path(__file__).parents[2]
WHOLE_S = 900.0
# A Locust file whose task takes any answer for a good one.
CREDULOUS = """
class Caller(FastHttpUser):
    @task
    def fetch(self):
        with self.client.get(drawn("/ok"), name="fetch", catch_response=True) as answer:
            answer.success()
"""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--only", "latency,cpus"], "'cpus' is none of latency, cpu, errors"),
        (["--only", ""], "'' is none of latency, cpu, errors"),
        (["--profile", "gone"], "no profile 'gone'"),
        (["--output", "."], "is not empty"),
    ],
)
def test_usage(tmp_path: Path, words: list[str], told: str) -> None:
    """What is asked for wrongly is told before anything is tried."""
    run = run_process([PERFGATE, "selftest", *words], make_project(tmp_path / "project"))
    assert (run.code, run.out) == (ExitCode.USAGE, "")
    assert told in run.err
    assert "plan:" not in run.err


def test_the_plan_comes_first(tmp_path: Path) -> None:
    """It says what it will do and how long that takes; harms come in their order, and once."""
    broken = CONFIG.replace("-m http.server {port}", "-c 'raise SystemExit(3)' {port}")
    project = make_project(tmp_path / "project", broken)
    run = run_process([PERFGATE, "selftest", "--only", "errors,latency,errors"], project)
    plan = "plan: 3 checks of the service beside itself, with nothing, latency, errors in front"
    assert run.err.startswith(plan)
    assert run.code == ExitCode.NO_TARGET
    assert "exited with code 3 before it was ready" in run.err
    assert run.out == ""


@pytest.mark.nightly
def test_a_gate_that_checks_nothing_is_found_asleep(tmp_path: Path) -> None:
    """Where the Locust file takes errors for answers, the selftest says so, and fails."""
    project = make_project(tmp_path / "project", SHORT, LEDGER)
    (project / "callers.py").write_text(HEADER + CREDULOUS)
    words = ["--only", "errors", "--margin", "30%", "--format", "json"]  # short runs are noisy
    run = run_process([PERFGATE, "selftest", *words], project)
    found = json.loads(run.out)
    nothing, errors = found["trials"]
    assert nothing["answer"] in {"right", "undecided"}, run.err  # busy as the machine may be
    assert errors["answer"] == "asleep", run.err
    assert "The Locust file takes answers with status 500 for good ones" in errors["hint"]
    assert errors["harmed"] == pytest.approx(errors["requests"] / 10, rel=0.05)
    assert run.code == ExitCode.FAIL
    assert processes_in(project) == []


@pytest.mark.nightly
def test_the_gate_of_the_auth_service_is_awake(tmp_path: Path) -> None:
    """It ships as it is, every harm fails, all is kept, and the repository stays as it was."""
    status = ("git", "-C", str(ROOT), "status", "--porcelain")
    before = subprocess.run(status, check=True, capture_output=True, text=True).stdout
    done = subprocess.run(
        [PERFGATE, "selftest", "--format", "json", "--output", tmp_path / "kept"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=WHOLE_S,
    )
    found = json.loads(done.stdout)
    assert {own["in_front"]: own["answer"] for own in found["trials"]} == dict.fromkeys(
        ("nothing", "latency", "cpu", "errors"), "right"
    ), done.stdout
    assert done.returncode == ExitCode.PASS
    assert all(
        (tmp_path / "kept" / own["in_front"] / "report.html").is_file() for own in found["trials"]
    )
    after = subprocess.run(status, check=True, capture_output=True, text=True).stdout
    assert after == before
