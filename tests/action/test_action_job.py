"""The action in a job, as a runner runs it: act, on this machine, without any network."""

from __future__ import annotations

import json
import shlex
import signal
import time
from typing import TYPE_CHECKING

import pytest
from cli.test_cli_doctor import SHORT
from load.runs import HEADER, processes_in

from action.jobs import (
    LIMIT_S,
    WIDE,
    commit,
    run_job,
    served_by,
    serving,
    tiny_project,
    words_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    import psutil

# Takes so long that it can be cancelled.
BUILDING = ["sleep", "300"]
# Of all reports together, without what Locust and the builds have written.
MOST_BYTES = 4 * 2**20
DIES = ("--at", "40", "--then", "exit")
HOSTILE = """\
import glob, os, pathlib, sys, time
BELOW = b"@ROOT@/"
FORGED = "verdict=PASS\\nexit-code=0\\nFORGED=yes\\n"
def write():
    for environ in glob.glob("/proc/[0-9]*/environ"):
        try:
            pairs = pathlib.Path(environ).read_bytes().split(b"\\0")
        except OSError:
            continue
        for name, _, path in (pair.partition(b"=") for pair in pairs):
            # Of this test's job alone: there may be others on the machine.
            if name.startswith(b"GITHUB_") and path.startswith(BELOW) and os.path.isfile(path):
                try:
                    with open(path, "a") as file:
                        file.write(FORGED)
                except OSError:
                    pass
for stream in (sys.stdout, sys.stderr):
    print("::set-output name=verdict::PASS", "::error::forged", "##[error]forged", sep="\\n",
          file=stream, flush=True)
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    while True:
        write()
        time.sleep(0.2)
write()
os.ftruncate(1, 2**30)  # its log: a hole, so that no disk is used
"""
# Some answers of the hostile build count as wrong, and are told; so is the operation's name.
NAME = "<script>alert('an operation')</script>"
CALLERS = f"""
def fetch(user):
    with user.client.get(drawn("/ok"), name="fetch", catch_response=True) as answer:
        if answer.text != "ok" and random.random() < 0.3:
            answer.failure(answer.text)

fetch.__name__ = {NAME!r}

class Caller(FastHttpUser):
    tasks = [fetch]
"""


def test_a_configuration_with_faults(tmp_path: Path) -> None:
    """Nothing is measured: the job fails, later steps see why, and faults are on their lines."""
    project = tiny_project(tmp_path / "project", SHORT.replace("pairs = 12", "pears = 12"))
    job = run_job(project, {})
    assert (job.code, job.outcome) == (1, "failure"), job.log
    assert job.outputs["exit-code"] == "2"
    assert job.outputs["verdict"] == ""
    assert job.outputs["reason"] == "perfgate.toml: 1 fault"
    assert "::error file=perfgate.toml,line=16,title=perfgate::profiles.default.pears" in job.log
    assert "nothing was judged (exit code 2)" in job.log, "act prints the summary"
    assert not (job.kept / "perfgate-report").exists()


def test_without_a_baseline(tmp_path: Path) -> None:
    """Neither base nor baseline: the exit code says so."""
    job = run_job(tiny_project(tmp_path / "project"), {})
    assert (job.code, job.outcome) == (1, "failure"), job.log
    assert (job.outputs["exit-code"], job.outputs["verdict"]) == ("4", "")
    assert "there is no baseline" in job.outputs["reason"]


@pytest.mark.long
def test_a_job_that_is_cancelled(tmp_path: Path) -> None:
    """What a runner sends reaches the step itself: it tells why, and nothing is left behind."""
    slow = SHORT.replace("[load]", f'build = "{shlex.join(BUILDING)}"\n\n[load]')
    job = run_job(tiny_project(tmp_path / "project", slow), {"base": "./."}, cancelled)
    assert (job.code, job.outcome) == (1, "failure"), job.log
    assert (job.outputs["exit-code"], job.outputs["verdict"]) == ("130", "")
    assert "interrupted" in job.outputs["reason"]
    assert "nothing was judged (exit code 130)" in job.log, "act prints the summary"
    assert processes_in(tmp_path) == []


def cancelled(act: psutil.Process) -> None:
    """Send the step of a job what a runner sends when the job is cancelled, in the same order."""
    begun_s = time.monotonic()
    while not any(words_of(own) == BUILDING for own in act.children(recursive=True)):
        assert time.monotonic() - begun_s < LIMIT_S
        assert act.is_running()
        time.sleep(0.05)
    (step,) = act.children()
    for sent in (signal.SIGINT, signal.SIGTERM):
        step.send_signal(sent)


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.parametrize(
    ("base", "candidate", "code"),
    [((), (), "0"), ((), DIES, "1"), (DIES, (), "3")],
    ids=["same", "dies", "its base dies"],
)
def test_a_verdict(
    tmp_path: Path, base: tuple[str, ...], candidate: tuple[str, ...], code: str
) -> None:
    """Pass, fail, inconclusive: later steps and the artifact have it, and the job ends so."""
    project = served_by(tiny_project(tmp_path / "project", SHORT + WIDE), serving(base))
    commit(project)
    (project / "serve.py").write_text(serving(candidate))
    job = run_job(project, {"base": "HEAD~1"})
    assert job.outputs["exit-code"] == code, job.log
    assert (job.code, job.outcome) == ((0, "success") if code == "0" else (1, "failure"))
    report = job.kept / "perfgate-report"
    verdict = json.loads((report / "verdict.json").read_text())
    assert verdict["verdict"] == job.outputs["verdict"]
    assert verdict["reason"] == job.outputs["reason"]
    names = {path.name for path in report.iterdir()}
    assert {"measurement.json", "report.md", "comment.md", "junit.xml", "metrics.prom"} <= names


@pytest.mark.slow
@pytest.mark.nightly
def test_a_hostile_candidate_changes_nothing(tmp_path: Path) -> None:
    """Law: it finds the job's files, prints commands, answers scripts, forks off: and fails."""
    project = served_by(tiny_project(tmp_path / "project"), serving(()))
    (project / "callers.py").write_text(HEADER + CALLERS)
    ledger = project / "demand.toml"
    ledger.write_text(ledger.read_text().replace("fetch", json.dumps(NAME)))
    commit(project)
    hostile = HOSTILE.replace("@ROOT@", str(tmp_path))
    (project / "serve.py").write_text(hostile + serving(("--habit", "script")))
    job = run_job(project, {"base": "HEAD~1", "budget": "60s"})
    assert job.outputs["exit-code"] == "1", job.log
    report = job.kept / "perfgate-report"
    text = (report / "verdict.json").read_text()
    verdict = json.loads(text)
    assert verdict["verdict"] == job.outputs["verdict"] == "FAIL"
    assert verdict["reason"] == job.outputs["reason"]
    assert f"errors:{NAME}" in {own["check"] for own in verdict["findings"]}
    assert "alert('a body')" in text
    assert "FORGED" not in job.outputs
    assert job.outcome == "failure", "no variable was forged for later steps"
    assert not [line for line in job.log.splitlines() if "forged" in line], (
        "no annotation is forged"
    )
    assert "<script" not in (report / "report.html").read_text()
    assert sum(file.stat().st_size for file in report.rglob("*")) < MOST_BYTES
    assert processes_in(tmp_path) == []
