"""The workflow that renews the baseline: what it may do, and what comes of it, run by act."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from action.fake_github import REPOSITORY
from action.jobs import act, commit, tiny_project
from cli.command_line import CONFIG, PERFGATE, save
from cli.test_cli_baseline_upkeep import BRANCH, FASTER, PLACE, SLOWER, git, measured_on, of_day
from cli.test_cli_doctor import SHORT

from perfgate.baseline.record import parse_proposed
from perfgate.baseline.store import write_record

if TYPE_CHECKING:
    from perfgate.baseline.record import BaselineRecord
    from perfgate.verdict.case import Case

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


# What the clone calls the server; git itself finds it on this machine.
ADDRESS = f"https://github.com/{REPOSITORY}.git"
# Instead of an environment of its own, the job has the one that runs the tests.
MAKEFILE = """\
.venv/.stamp:
\tmkdir -p .venv/bin
\tcp "$(KEEP)/perfgate" .venv/bin/perfgate
\ttouch $@
"""
# A measurement that was saved takes the place of a new one, where there is one.
REPLAYED = """\
#!/bin/sh
case "$*" in "baseline update --output "*)
  if [ -e "$KEEP/saved.json" ]; then set -- "$@" --from "$KEEP/saved.json"; fi
esac
exec @PERFGATE@ "$@"
""".replace("@PERFGATE@", str(PERFGATE))
# GitHub's command line, which knows of one request whether it is open.
GH = """\
#!/bin/sh
case "$1 $2" in
  "auth setup-git") exit ;;
  "pr create") if [ -e "$KEEP/open" ]; then exit 1; fi; touch "$KEEP/open" ;;
esac
echo "$*" >> "$KEEP/asked"
for word; do last=$word; done
cp "$last" "$KEEP/body.md"
"""


@dataclass(frozen=True)
class Hub:
    """A repository on a server, a clone of it in which the workflow runs, and what was asked."""

    project: Path
    remote: Path
    kept: Path

    def run(self, made: Case | None = None) -> subprocess.CompletedProcess[str]:
        """Run the workflow as it is on main, with a measurement that was saved, if one is given."""
        if made is not None:
            save(made, self.kept / "saved.json")
        served = f"url.{self.remote}.insteadOf"
        git(self.project, "-c", f"{served}={ADDRESS}", "fetch", "--quiet", "origin")
        return act(
            self.project,
            "workflow_dispatch",
            self.project / ".github" / "workflows" / WORKFLOW.name,
            self.kept,
            *("--secret", "GITHUB_TOKEN=a-token", "--env", "GIT_CONFIG_COUNT=1"),
            *("--env", f"GIT_CONFIG_KEY_0={served}", "--env", f"GIT_CONFIG_VALUE_0={ADDRESS}"),
        )

    def proposed(self) -> BaselineRecord:
        """Return the record that the branch on the server proposes, on top of main, alone."""
        assert git(self.remote, "rev-list", "--count", f"main..{BRANCH}") == "1"
        (place,) = git(self.remote, "diff", "--name-only", "main", BRANCH).splitlines()
        return parse_proposed(git(self.remote, "show", f"{BRANCH}:{place}"), place)

    def asked(self) -> list[str]:
        """Return what was asked of GitHub: the verbs, one a line."""
        return [
            " ".join(line.split()[:2]) for line in (self.kept / "asked").read_text().splitlines()
        ]


def hub(root: Path, config: str, monkeypatch: pytest.MonkeyPatch, *records: BaselineRecord) -> Hub:
    """Return a tiny service on a server, with these records and the workflow on main."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed, by which act tells whether files are there")
    made = Hub(tiny_project(root / "project", config), root / "remote.git", root / "kept")
    for record in records:
        write_record(record, made.project / "baselines")
    (made.project / "Makefile").write_text(MAKEFILE)
    (made.project / ".github" / "workflows").mkdir(parents=True)
    shutil.copy(WORKFLOW, made.project / ".github" / "workflows")
    commit(made.project)
    git(root, "clone", "--quiet", "--bare", str(made.project), str(made.remote))
    programs = root / "programs"
    for program, text in ((made.kept / "perfgate", REPLAYED), (programs / "gh", GH)):
        program.parent.mkdir()
        program.write_text(text)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return made


@pytest.mark.nightly
def test_it_keeps_one_request_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: each proposal takes the place of the last, in one request; without one none is asked."""
    own = hub(tmp_path, CONFIG, monkeypatch, of_day(0))
    main = git(own.remote, "rev-parse", "main")
    run = own.run(measured_on(1, 0))
    assert run.returncode == 0, run.stdout
    assert "nothing is proposed" in run.stdout
    assert not (own.kept / "asked").exists()

    run = own.run(measured_on(1, 0, FASTER))
    assert run.returncode == 0, run.stdout
    assert not own.proposed().awaits_reason
    assert own.asked() == ["pr create"]
    assert "| CPU time per request (ms) | 2 | 1.92 |" in (own.kept / "body.md").read_text()

    run = own.run(measured_on(2, 0, SLOWER))
    assert run.returncode == 0, run.stdout
    assert own.proposed().awaits_reason
    assert own.asked() == ["pr create", "pr edit"]
    body = (own.kept / "body.md").read_text()
    assert f"perfgate baseline accept {PLACE} --allow-regression" in body
    assert "xychart-beta" in body
    assert git(own.remote, "rev-parse", "main") == main


@pytest.mark.slow
@pytest.mark.nightly
def test_the_first_baseline_is_proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no baseline is stored, main is measured, and the first one is asked for."""
    own = hub(tmp_path, SHORT, monkeypatch)
    run = own.run()
    assert run.returncode == 0, run.stdout
    record = own.proposed()
    assert record.commit == git(own.remote, "rev-parse", "main")
    assert own.asked() == ["pr create"]
    assert "there is none yet" in (own.kept / "body.md").read_text()
