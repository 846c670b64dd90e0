"""The action in a job, as a runner runs it: act, on this machine, without any network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cli.test_cli_doctor import SHORT
from load.runs import SERVER, processes_in

from action.jobs import commit, run_job, tiny_project

if TYPE_CHECKING:
    from pathlib import Path

SERVE = f"""\
import os, sys
os.execv(sys.executable,
         [sys.executable, "-I", "-S", {str(SERVER)!r}, *sys.argv[1:], *{{options!r}}])
"""
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
"""


def served_by(project: Path, program: str) -> Path:
    """Return the project with this program as its service."""
    config = project / "perfgate.toml"
    config.write_text(config.read_text().replace(f"-I -S '{SERVER}'", "serve.py"))
    (project / "serve.py").write_text(program)
    return project


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


@pytest.mark.slow
@pytest.mark.nightly
@pytest.mark.parametrize(
    ("options", "codes"),
    [((), {"0", "3"}), (("--at", "40", "--then", "exit"), {"1"})],
    ids=["same", "dies"],
)
def test_a_verdict(tmp_path: Path, options: tuple[str, ...], codes: set[str]) -> None:
    """Later steps and the artifact have the verdict, and the job ends as it says."""
    project = served_by(tiny_project(tmp_path / "project"), SERVE.format(options=()))
    commit(project)
    (project / "serve.py").write_text(SERVE.format(options=options))
    job = run_job(project, {"base": "HEAD~1"})
    assert job.outputs["exit-code"] in codes, job.log
    passed = job.outputs["exit-code"] == "0"
    assert (job.code, job.outcome) == ((0, "success") if passed else (1, "failure"))
    report = job.kept / "perfgate-report"
    verdict = json.loads((report / "verdict.json").read_text())
    assert verdict["verdict"] == job.outputs["verdict"]
    assert verdict["reason"] == job.outputs["reason"]
    names = {path.name for path in report.iterdir()}
    assert {"measurement.json", "report.md", "comment.md", "junit.xml", "metrics.prom"} <= names


@pytest.mark.slow
@pytest.mark.nightly
def test_a_hostile_candidate_changes_nothing(tmp_path: Path) -> None:
    """Law: a build that finds the job's files, prints commands and forks off forges no output."""
    hostile = HOSTILE.replace("@ROOT@", str(tmp_path))
    project = served_by(tiny_project(tmp_path / "project"), hostile + SERVE.format(options=()))
    job = run_job(project, {"base": "HEAD", "budget": "60s"})
    assert job.outputs["exit-code"] in {"0", "1", "3"}, job.log
    code = {"PASS": "0", "WARN": "0", "FAIL": "1"}.get(job.outputs["verdict"], "3")
    assert job.outputs["exit-code"] == code, "verdict and exit code are of one check"
    verdict = json.loads((job.kept / "perfgate-report" / "verdict.json").read_text())
    assert (verdict["verdict"], verdict["reason"]) == (
        job.outputs["verdict"],
        job.outputs["reason"],
    )
    assert "FORGED" not in job.outputs
    assert job.outcome in {"success", "failure"}, "no variable was forged for later steps"
    assert not [line for line in job.log.splitlines() if "forged" in line], (
        "no annotation is forged"
    )
    assert processes_in(project) == []
