"""The workflow that renews the baseline: what it may do, and that its checkers find nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "baseline.yml"
TEXT = WORKFLOW.read_text()
CHECKERS = (
    ("zizmor", "--offline", "--persona=pedantic", "--no-progress"),
    ("actionlint",),
    ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
)


def job(name: str) -> str:
    """Return the text of one job."""
    found = re.search(rf"^  {name}:\n(.*?)(?=^  \w|\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("words", CHECKERS, ids=lambda words: words[0])
def test_its_checkers_find_nothing(words: tuple[str, ...]) -> None:
    """Law: nothing is found in it, by the strictest rules there are."""
    program = Path(sys.executable).with_name(words[0])
    if not program.is_file():
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(
        [program, *words[1:], WORKFLOW], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, done.stdout + done.stderr)
    assert "finding:" not in done.stdout + done.stderr


def test_each_action_is_pinned() -> None:
    """Law: no action can change under us: each is a commit, with its version beside it."""
    used = re.findall(r"uses: (.*)", TEXT)
    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


def test_what_is_measured_cannot_write() -> None:
    """Law: the job that runs the service may read; the one that may write runs none."""
    measure, propose = job("measure"), job("propose")
    assert re.findall(r"^      ([\w-]+): (?:read|write)\b.*", measure, re.MULTILINE) == ["contents"]
    assert "contents: read" in measure
    assert set(re.findall(r"^      ([\w-]+): write\b", propose, re.MULTILINE)) == {
        "contents",
        "pull-requests",
    }
    assert "--from measurement.json" in propose
    assert TEXT.count("persist-credentials: false") == TEXT.count("actions/checkout@")


def test_there_is_one_request() -> None:
    """Law: every proposal goes to one branch, one run after the other, none broken off."""
    assert "cancel-in-progress: false" in TEXT
    assert set(re.findall(r"(?:origin|--head|pr edit) (\S+)", TEXT)) == {"perfgate/baseline"}
    assert "git push --force-with-lease" in TEXT
    assert 'paths-ignore: ["baselines/**"]' in TEXT
