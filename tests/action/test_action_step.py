"""The step gives the job what the check kept, or why nothing was, and ends as the check did."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from builders import Build, case
from cli.command_line import CONFIG, Finished, make_project, run_process
from hypothesis import given
from hypothesis import strategies as st

from perfgate.action.channels import Channels
from perfgate.action.inputs import Inputs
from perfgate.action.step import Ended, tell
from perfgate.cli.verdicts import tell as keep

ACTION = Path(__file__).parents[2] / "action.yml"
# As the action runs it.
(WORDS,) = re.findall(r"^ +run: exec python3 (.+)$", ACTION.read_text(), re.MULTILINE)
STEP: list[str | Path] = [sys.executable, *WORDS.split()]


def files_in(root: Path) -> dict[str, str]:
    """Return what names the files of a step, in a directory for them."""
    root.mkdir()
    for name in ("OUTPUT", "STEP_SUMMARY", "ENV", "PATH", "STATE"):
        (root / f"GITHUB_{name}").touch()
    return {path.name: str(path) for path in root.iterdir()}


def outputs(root: Path) -> dict[str, str]:
    """Return the outputs that a step has set."""
    lines = (root / "GITHUB_OUTPUT").read_text().removesuffix("\n").split("\n")
    return dict(line.split("=", 1) for line in lines)


def run_step(project: Path, tmp_path: Path, **inputs: str) -> tuple[Finished, Path]:
    """Run the step in a project; return how it ended, and where its files are."""
    files = tmp_path / "files"
    environ = {
        **files_in(files),
        "GITHUB_WORKSPACE": str(project),
        **{f"PERFGATE_{name.upper()}": value for name, value in inputs.items()},
    }
    return run_process(STEP, project, environ), files


@pytest.mark.parametrize(
    ("candidate", "code", "verdict"), [(Build(), 0, "PASS"), (Build(cost=1.0), 1, "FAIL")]
)
def test_a_verdict_is_given_to_the_job(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    candidate: Build,
    code: int,
    verdict: str,
) -> None:
    """Outputs, summary and annotations are those of the reports that were kept."""
    (tmp_path / "perfgate-report").mkdir()
    assert keep(case(candidate), "terminal", None, tmp_path / "perfgate-report") == code
    capsys.readouterr()
    environ = {"GITHUB_WORKSPACE": str(tmp_path), **files_in(tmp_path / "files")}
    inputs = Inputs.of(environ)
    tell(inputs, Ended(code, ()), Channels(environ))
    told = outputs(tmp_path / "files")
    assert (told["verdict"], told["exit-code"]) == (verdict, str(code))
    assert told["report"] == str(tmp_path / "perfgate-report")
    assert json.loads(Path(told["json"]).read_text())["reason"] == told["reason"]
    assert Path(told["json"]).is_file()
    assert Path(told["junit"]).is_file()
    assert told["service-rate"] == "400.0"
    assert float(told["headroom"]) == pytest.approx(4.0, rel=0.1)
    assert float(told["cost-change-percent"]) == pytest.approx(0.0 if code == 0 else 171.8, abs=0.1)
    summary = (tmp_path / "files" / "GITHUB_STEP_SUMMARY").read_text()
    assert summary == (tmp_path / "perfgate-report" / "report.md").read_text()
    shown = (tmp_path / "perfgate-report" / "annotations.txt").read_text()
    assert capsys.readouterr().out == shown


def test_faults_stand_at_their_lines(tmp_path: Path) -> None:
    """A configuration with faults: each is an error on its line, and the step ends with 2."""
    project = make_project(tmp_path / "project" / "services" / "auth")
    (project / "perfgate.toml").write_text(CONFIG.replace("locustfile", "locustfle"))
    run, files = run_step(project.parents[1], tmp_path, working_directory="services/auth")
    assert run.code == 2
    file = "::error file=services/auth/perfgate.toml"
    missing, unknown = run.out.splitlines()[2:]
    assert missing.startswith(f"{file},line=6,title=perfgate::load.locustfile: ")
    assert unknown.startswith(f"{file},line=7,title=perfgate::load.locustfle: ")
    told = outputs(files)
    assert told["exit-code"] == "2"
    assert told["reason"] == "services/auth/perfgate.toml: 2 faults"
    assert "verdict" not in told
    summary = (files / "GITHUB_STEP_SUMMARY").read_text()
    assert "nothing was judged (exit code 2)" in summary.splitlines()[0]
    assert "did you mean" in summary


def test_without_a_baseline(tmp_path: Path) -> None:
    """Neither base nor baseline: what the check says is told, with its hint and its exit code."""
    project = make_project(tmp_path / "project")
    (project / ".git").rmdir()
    git = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run([*git, "init", "--quiet", "--initial-branch=main"], cwd=project, check=True)
    subprocess.run([*git, "add", "."], cwd=project, check=True)
    subprocess.run([*git, "commit", "--quiet", "--message=Begin"], cwd=project, check=True)
    run, files = run_step(project, tmp_path)
    assert run.code == 4
    assert outputs(files)["reason"].startswith("there is no baseline in baselines/default/")
    assert run.out.splitlines()[2].startswith("::error title=perfgate::there is no baseline")
    assert "Make the first one" in (files / "GITHUB_STEP_SUMMARY").read_text()


def test_what_is_shown_meanwhile_is_no_command(tmp_path: Path) -> None:
    """Law: all that the check says stands between two lines that keep the runner from obeying."""
    run, _ = run_step(make_project(tmp_path / "project"), tmp_path, config="::error::x.toml")
    first, last, *_ = run.out.splitlines()
    token = first.removeprefix("::stop-commands::")
    assert len(token) == 32
    assert last == f"::{token}::"
    assert "::error::x.toml" in run.err


def test_nothing_of_the_checkout_is_imported(tmp_path: Path) -> None:
    """Law: files called like modules, ours or Python's, are not run by the step."""
    project = make_project(tmp_path / "project" / "services", CONFIG.replace("[load]", "[laod]"))
    for place in (project, project.parent):
        for name in ("json.py", "secrets.py", "click.py", "perfgate.py"):
            (place / name).write_text("raise SystemExit('a file of the checkout was imported')\n")
    run, files = run_step(project.parent, tmp_path, working_directory="services")
    assert run.code == 2, run.err
    assert outputs(files)["reason"] == "services/perfgate.toml: 2 faults"


@pytest.mark.parametrize("sent", [(signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM)])
def test_a_step_that_is_cancelled_stops_the_check(
    tmp_path: Path, sent: tuple[signal.Signals, ...]
) -> None:
    """What a runner sends ends the check as Ctrl-C would, and the step with its exit code."""
    slow = CONFIG.replace("[load]", 'build = "sleep 300"\n\n[load]')
    project = make_project(tmp_path / "project", slow)
    files = tmp_path / "files"
    own = {**files_in(files), "GITHUB_WORKSPACE": str(project), "PERFGATE_BASE": "./."}
    with subprocess.Popen(
        STEP, cwd=project, env={**os.environ, **own}, stderr=subprocess.PIPE, text=True
    ) as step:
        assert step.stderr is not None
        assert any("build working tree" in line for line in step.stderr)
        for each in sent:
            step.send_signal(each)
        assert "everything that was started has been stopped" in step.stderr.read()
    assert step.returncode == 130
    assert outputs(files)["exit-code"] == "130"


@given(said=st.lists(st.text()), code=st.integers(-200, 200))
def test_whatever_a_check_says_is_text(said: list[str], code: int) -> None:
    """Law: the outputs of a check without a verdict are one line each, however it ended."""
    with tempfile.TemporaryDirectory() as name:
        environ = {"GITHUB_WORKSPACE": name, **files_in(Path(name) / "files")}
        tell(Inputs.of(environ), Ended(code, tuple(said)), Channels(environ))
        told = outputs(Path(name) / "files")
    assert set(told) == {"exit-code", "reason"}
