"""The two workflows of the gate as they are, one after the other, run by act without a network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cli.test_cli_doctor import SHORT
from real_repository import Checkout

from action.fake_github import TOKEN, State, event_of, fake_github
from action.jobs import (
    WIDE,
    accept_baseline,
    act,
    commit,
    installing_in,
    own_project,
    served_by,
    serving,
)

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


ENDINGS = {0: "success", 1: "failure"}


def head_of(project: Path) -> str:
    """Return the commit that a pull request is at."""
    return Checkout(project).git("rev-parse", "HEAD")


def gated(project: Path, kept: Path) -> subprocess.CompletedProcess[str]:
    """Run the workflow that measures for a pull request; its artifact lies in ``kept`` then."""
    event = project.parent / "request.json"
    head = {"sha": head_of(project), "ref": "feature"}
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": head}}))
    workflow = project / ".github" / "workflows" / "gate.yml"
    words = ("--eventpath", str(event), *installing_in(project.parent / "installed"))
    return act(project, "pull_request", workflow, kept, *words)


def told(project: Path, kept: Path, ended: subprocess.CompletedProcess[str]) -> State:
    """Run the workflow that tells what the other one left; return what GitHub holds then."""
    state = State()
    state.add_pull(7, head_of(project))
    event = project.parent / "ended.json"
    changes = {"head_sha": head_of(project), "conclusion": ENDINGS[ended.returncode]}
    event.write_text(json.dumps(event_of(**changes)))
    workflow = project / ".github" / "workflows" / "gate-report.yml"
    with fake_github(state) as address:
        words = (
            *("--eventpath", str(event), "--secret", f"GITHUB_TOKEN={TOKEN}"),
            *("--env", f"GITHUB_API_URL={address}"),
            *installing_in(project.parent / "installed-too"),
        )
        run = act(project, "workflow_run", workflow, kept, *words)
    assert run.returncode == 0, run.stdout
    assert state.faults == []
    return state


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Return where artifacts are kept."""
    directory = tmp_path / "kept"
    directory.mkdir()
    return directory


@pytest.mark.long
def test_a_broken_configuration(tmp_path: Path, kept: Path) -> None:
    """Nothing is measured: the job says why on the line, the other tells just that."""
    project = own_project(tmp_path / "project", SHORT.replace("pairs = 12", "pears = 12"))
    commit(project)
    ended = gated(project, kept)
    assert ended.returncode == 1
    assert "::error file=perfgate.toml,line=16,title=perfgate::" in ended.stdout
    assert not any(kept.iterdir())
    state = told(project, kept, ended)
    assert [own["conclusion"] for own in state.check_runs] == ["failure"]
    (comment,) = state.comments
    assert "nothing was judged" in comment["body"]


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("options", "code"), [((), 0), (("--at", "40", "--then", "exit"), 1)], ids=["same", "dies"]
)
def test_a_verdict(tmp_path: Path, kept: Path, options: tuple[str, ...], code: int) -> None:
    """Held against the stored baseline's build; check run and comment say what the job has said."""
    project = served_by(own_project(tmp_path / "project", SHORT + WIDE), serving(()))
    commit(project)
    accept_baseline(project)
    (project / "serve.py").write_text(serving(options))
    commit(project, "commit", "--quiet", "--all", "--allow-empty", "--message=Change")
    ended = gated(project, kept)
    assert ended.returncode == code, ended.stdout
    verdict = json.loads((kept / "perfgate-report" / "verdict.json").read_text())
    state = told(project, kept, ended)
    (check,), (comment,) = state.check_runs, state.comments
    assert check["conclusion"] == ENDINGS[code]
    assert check["head_sha"] == head_of(project)
    assert check["output"]["title"].startswith(f"{verdict['verdict']}: ")
    assert f"perfgate: {verdict['verdict']}" in comment["body"].splitlines()[1]
