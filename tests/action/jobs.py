"""A job that uses the action, run by act on this machine without any network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from cli.command_line import PERFGATE, make_project
from cli.test_cli_doctor import LEDGER, SHORT
from load.runs import HEADER, PLAIN, SERVER

from action.fake_github import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Meanwhile = Callable[[psutil.Process], None]

ROOT = Path(__file__).parents[2]
STUBS = Path(__file__).parent / "stubs"
RUNNER = re.compile(r"runs-on: (\S+)")
ACT = Path(sys.executable).with_name("act")
CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
LIMIT_S = 300.0
ANN = {"NAME": "Ann", "EMAIL": "ann@example.org"}
GIT = ("git", "-c", f"user.name={ANN['NAME']}", "-c", f"user.email={ANN['EMAIL']}")
# No noise of sessions as short as these is taken for a loss.
WIDE = """
[margins]
slowdown = 0.6
latency = 5.0
operation = 1.0
"""
WORKFLOW = """\
name: Gate
on: pull_request
jobs:
  measure:
    runs-on: ubuntu-latest
    steps:
      - uses: {checkout}
      - id: perfgate
        uses: ./
        with:
          install: "false"
{inputs}
      - if: always()
        shell: bash
        env:
          OUTPUTS: ${{{{ toJSON(steps.perfgate.outputs) }}}}
          OUTCOME: ${{{{ steps.perfgate.outcome }}}}
          FORGED: ${{{{ env.FORGED }}}}
        run: |
          printf '%s' "$OUTPUTS" > "$KEEP/outputs.json"
          printf '%s %s' "$OUTCOME" "$FORGED" > "$KEEP/outcome"
"""


@dataclass(frozen=True)
class Job:
    """A job that has ended: what later steps saw of the action, its log, and what was kept."""

    code: int
    outcome: str
    outputs: dict[str, str]
    log: str
    kept: Path


def tiny_project(root: Path, config: str = SHORT) -> Path:
    """Make a repository of a tiny service, with one commit on main, and this action in it."""
    project = make_project(root, config, LEDGER)
    (project / ".git").rmdir()
    (project / "callers.py").write_text(HEADER + PLAIN)
    shutil.copy(ROOT / "action.yml", project)
    (project / ".gitignore").write_text("__pycache__/\n")
    commit(project, "init", "--quiet", "--initial-branch=main")
    # Else act takes it for its own repository.
    commit(project, "remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
    return project


def own_project(root: Path, config: str = SHORT) -> Path:
    """Make a repository of a tiny service in which perfgate and its workflows are, too."""
    project = tiny_project(root, config)
    for name in ("perfgate", ".github"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    return project


def serving(options: tuple[str, ...]) -> str:
    """Return a program that becomes a tiny server with these options."""
    words = ["-I", "-S", str(SERVER), *options]
    return (
        f"import os, sys\nos.execv(sys.executable, [sys.executable, *{words!r}, *sys.argv[1:]])\n"
    )


def served_by(project: Path, program: str) -> Path:
    """Return the project with this program as its service."""
    config = project / "perfgate.toml"
    config.write_text(config.read_text().replace(f"-I -S '{SERVER}'", "serve.py"))
    (project / "serve.py").write_text(program)
    return project


def installing_in(directory: Path) -> list[str]:
    """Return words for act by which pip builds with what is there, and puts the product aside."""
    given = {"TARGET": directory, "NO_DEPS": 1, "NO_BUILD_ISOLATION": 0, "NO_INDEX": 1}
    return [word for name, value in given.items() for word in ("--env", f"PIP_{name}={value}")]


def commit(project: Path, *words: str) -> None:
    """Run git in a repository; without words, commit everything."""
    every: list[tuple[str, ...]] = (
        [words] if words else [("add", "."), ("commit", "--quiet", "--message=Change")]
    )
    for own in every:
        subprocess.run([*GIT, *own], cwd=project, check=True, capture_output=True)


def accept_baseline(project: Path) -> None:
    """Measure the project as it is committed, and commit that as its first baseline."""
    first = str(project.parent / "first.json")
    who = {f"GIT_{role}_{key}": ANN[key] for role in ("AUTHOR", "COMMITTER") for key in ANN}
    for words in (("measure", "--output", first), ("baseline", "accept", first)):
        done = subprocess.run(
            [PERFGATE, *words],
            cwd=project,
            env={**os.environ, **who},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
    commit(project)


def run_job(project: Path, inputs: Mapping[str, str], meanwhile: Meanwhile | None = None) -> Job:
    """Run the job in the project, all of which is committed first."""
    kept = project.parent / "kept"
    kept.mkdir()
    text = WORKFLOW.format(
        checkout=CHECKOUT,
        inputs="\n".join(f"          {name}: {json.dumps(own)}" for name, own in inputs.items()),
    )
    workflow = project / ".github" / "workflows" / "gate.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(text)
    commit(project)
    run = act(project, "pull_request", workflow, kept, meanwhile=meanwhile)
    outputs = json.loads((kept / "outputs.json").read_text())
    return Job(run.returncode, (kept / "outcome").read_text().strip(), outputs, run.stdout, kept)


def act(
    project: Path,
    event: str,
    workflow: Path,
    kept: Path,
    *words: str,
    meanwhile: Meanwhile | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a workflow of a project for an event; what is kept is in ``kept``.

    ``meanwhile`` gets act's process as soon as it runs.
    """
    # What stands for the actions that need GitHub, at the commits at which they are used.
    texts = (ROOT / "action.yml").read_text() + workflow.read_text()
    stubs = {
        f"actions/{name}@{commit}": STUBS / name
        for name, commit in re.findall(r"uses: actions/([\w-]+)@(\w+)", texts)
        if (STUBS / name).is_dir()
    }
    command = [
        *(str(ACT), event, "--workflows", str(workflow.relative_to(project))),
        *("--platform", f"{RUNNER.findall(workflow.read_text())[0]}=-self-hosted"),
        *("--no-cache-server", "--pull=false", "--env", f"KEEP={kept}"),
        *("--env", f"PROJECT={project}"),
        *(f"--local-repository={used}={stub}" for used, stub in stubs.items()),
        *words,
    ]
    with subprocess.Popen(
        command,
        cwd=project,
        env=_environ(project.parent / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            if meanwhile:
                meanwhile(psutil.Process(process.pid))
            log, _ = process.communicate(timeout=LIMIT_S)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, log)


def words_of(process: psutil.Process) -> list[str]:
    """Return the command line of a process, none where it has ended."""
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return words


def _environ(home: Path) -> dict[str, str]:
    """Return an environment in which python3 is the one that runs the tests."""
    home.mkdir(exist_ok=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8"}
