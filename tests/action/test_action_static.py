"""Others' tools have nothing against the action and the workflows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ACTION = "action.yml"
WORKFLOWS = sorted(
    f".github/workflows/{path.name}" for path in ROOT.glob(".github/workflows/*.yml")
)
SCHEMA = "check-jsonschema --builtin-schema vendor"


@pytest.mark.parametrize(
    ("command", "files"),
    [
        (f"{SCHEMA}.github-actions", [ACTION]),
        (f"{SCHEMA}.github-workflows", WORKFLOWS),
        ("actionlint -no-color", WORKFLOWS),
        ("zizmor --offline --persona=pedantic --no-progress --quiet", [ACTION, *WORKFLOWS]),
    ],
)
def test_nothing_is_found(command: str, files: list[str]) -> None:
    """Schemas, actionlint, and zizmor at its most pedantic: no finding that is not explained."""
    program, *options = command.split()
    tool = Path(sys.executable).with_name(program)
    run = subprocess.run(
        [tool, *options, *files], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_zizmor_would_find_something(tmp_path: Path) -> None:
    """The same command refuses a workflow in which a title of a pull request is run."""
    workflow = tmp_path / ".github" / "workflows" / "bad.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: x\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    tool = Path(sys.executable).with_name("zizmor")
    words = [str(tool), "--offline", "--persona=pedantic", "--quiet", str(workflow)]
    assert subprocess.run(words, capture_output=True, check=False).returncode >= 10
