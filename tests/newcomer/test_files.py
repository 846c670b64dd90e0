"""The files that are written for a newcomer."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from perfgate.config.load import parse_config
from perfgate.demand.ledger import parse_ledger
from perfgate.newcomer.clues import Clues, Start
from perfgate.newcomer.files import CONFIG_FILE, LEDGER_FILE, LOCUST_FILE, files_for
from perfgate.newcomer.openapi import Request
from perfgate.newcomer.rehearsal import Rehearsal, Tried
from perfgate.newcomer.tasks import all_tasks_in

ROOT = Path(__file__).parents[2]
OURS = {
    "perfgate.yml": "gate.yml",
    "perfgate-report.yml": "gate-report.yml",
    "perfgate-baseline.yml": "baseline.yml",
}
CHECKERS = (
    "check-jsonschema --builtin-schema vendor.github-workflows",
    "actionlint -no-color",
    "zizmor --offline --persona=pedantic --no-progress --quiet",
)
SHOP = Clues("shop", (), "npm ci", None, None)
BODY = {"name": 'it\'s "x"\n', "of": [1, None, True], "long": "y" * 80}


def rehearsal(count: int = 3) -> Rehearsal:
    """Return what came of a service with so many operations, and one that refuses."""
    good = [
        Tried(Request(f"ask_{n}", "POST", f"/a/{n}", BODY), "200", good=True) for n in range(count)
    ]
    bad = Tried(Request("me", "GET", '/me"""\u202e'), "status 401", good=False)
    start = Start('{python} -m "a b" {port}', "app.py")
    return Rehearsal(start, "/healthz", (*good, bad), described=True)


@pytest.mark.parametrize("count", [1, 3, 7])
def test_files_are_read_as_they_are_meant(tmp_path: Path, count: int) -> None:
    """Both perfgate and Python read back what was found out; shares of operations sum to one."""
    made = rehearsal(count)
    files = files_for(replace(SHOP, name='shop "x"'), made, None)
    config = parse_config(tmp_path / CONFIG_FILE, files[CONFIG_FILE])
    assert (config.service, config.target.start) == ('shop "x"', made.start.command)
    ledger = parse_ledger(tmp_path / LEDGER_FILE, files[LEDGER_FILE])
    names = [own.name for own in made.operations]
    assert all_tasks_in(files[LOCUST_FILE]) == names
    mix = ledger.mix_of(ledger.dependents[0])
    assert list(mix) == names
    assert sum(mix.values()) == pytest.approx(1)


def test_a_build_is_only_suggested(tmp_path: Path) -> None:
    """What may make a checkout fit to start stands there as a comment: it may not be needed."""
    text = files_for(SHOP, rehearsal(), None)[CONFIG_FILE]
    assert '\n# build = "npm ci"\n' in text
    assert parse_config(tmp_path / CONFIG_FILE, text).target.build is None
    uncommented = parse_config(tmp_path / CONFIG_FILE, text.replace("# build =", "build ="))
    assert uncommented.target.build == "npm ci"


def test_bodies_are_what_was_tried() -> None:
    """The Locust file sends the very body that the service took."""
    tree = ast.parse(files_for(SHOP, rehearsal(1), None)[LOCUST_FILE])
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    (sent,) = (word.value for call in calls for word in call.keywords if word.arg == "json")
    assert ast.literal_eval(sent) == BODY


def test_what_was_refused_stands_in_a_comment() -> None:
    """An operation that was not answered well is no task, but told with what it needs."""
    text = files_for(SHOP, rehearsal(), None)[LOCUST_FILE]
    assert "was answered with status 401 and is left out" in text
    assert "\u202e" not in text


def test_workflows_have_no_finding(tmp_path: Path) -> None:
    """With a commit in the place that is left open, others' tools have nothing against them."""
    files = files_for(SHOP, rehearsal(), None)
    names = [name for name in files if name.endswith(".yml")]
    assert len(names) == 3
    for name in names:
        assert "OWNER/perfgate@COMMIT" in files[name]
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(files[name].replace("@COMMIT", f"@{'a' * 40}"))
    for command in CHECKERS:
        tool, *options = command.split()
        words = [str(Path(sys.executable).with_name(tool)), *options, *names]
        run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


def test_workflows_are_those_of_this_repository() -> None:
    """Law: they have the rights, the actions and the order of events of ours, which are tried."""
    for name, ours in OURS.items():
        text = files_for(SHOP, rehearsal(), None)[f".github/workflows/{name}"]
        own = (ROOT / ".github" / "workflows" / ours).read_text()
        for what in (r"uses: (actions/\S+)", r"^ +((?:[a-z-]+: write|runs-on: .+)) ?"):
            told, tried = (re.findall(what, each, re.MULTILINE) for each in (text, own))
            assert told
            assert set(told) <= set(tried)


def test_tasks_of_a_locust_file_that_is_there() -> None:
    """Its tasks are the operations, however they are marked; no other file is written for them."""
    text = (
        "from locust import HttpUser, task\nimport locust\n\n\nclass A(HttpUser):\n"
        "    @task(3)\n    def one(self): ...\n\n    @locust.task\n    def two(self): ...\n\n"
        "    def three(self): ...\n"
    )
    files = files_for(SHOP, rehearsal(), ("load/callers.py", text))
    assert 'locustfile = "load/callers.py"' in files[CONFIG_FILE]
    assert "mix = { one = 0.5, two = 0.5 }" in files[LEDGER_FILE]
    assert LOCUST_FILE not in files


def test_baselines_are_kept_on_the_repositorys_own_branch() -> None:
    """Law: a branch of another name is configured, and proposals go to it; main is the default."""
    usual, other = (files_for(SHOP, rehearsal(), None, *own) for own in ((), ("tr unk",)))
    baseline = ".github/workflows/perfgate-baseline.yml"
    assert "[baseline]" not in usual[CONFIG_FILE]
    assert "--base main " in usual[baseline]
    assert tomllib.loads(other[CONFIG_FILE])["baseline"] == {"branch": "tr unk"}
    assert "--base 'tr unk' " in other[baseline]
