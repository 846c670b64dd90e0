"""The commands that the documents show, run as they stand there: those that need no load.

What sends load is parsed in tests/test_docs.py, and run verb by verb in the tests of each.
"""

from __future__ import annotations

import gzip
import json
import shlex
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import timed
from builders import case, record
from incident_records import incident_path
from real_repository import Checkout
from test_docs import DOCUMENTS, blocks, commands

from cli.command_line import CONFIG, save
from perfgate.baseline.store import write_record
from perfgate.measurement.models import BuildId

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Finished

# These start a service, or ask a program that is not here.
WITH_LOAD = {
    *("check", "measure", "bisect", "init", "demo", "doctor", "calibrate", "selftest", "worker"),
    *("baseline update", "demand import prometheus"),
}
# The end of a story that begins with a build that got worse: told in test_cli_baseline_upkeep.py.
ELSEWHERE = "MACHINE.json"
# A question about a day is one about a day to come: without this it would not be, some day.
TODAY = ("--on", "2026-12-01")
ASKING = ("demand admit", "demand explain")
# What these answer is a verdict on what was made up here.
JUDGING = ("judge", "micro", "demand admit")
LEDGER = """\
format = "perfgate.demand/1"
default_mix = { introspect = 0.9, token = 0.1 }

[[dependent]]
name = "api-gateway"
peak_rps = 40.0
timeout_s = 1.0
attempts = 3

[[dependent]]
name = "batch"
peak_rps = 1.0
timeout_s = 1.0

[[dependent]]
name = "smtp-inbound"
peak_rps = 20.0
timeout_s = 1.0

[[dependent.change]]
from = 2026-12-15
what = "delegate authentication"
add_rps = 25.0
"""
ENTRY = """\
format = "perfgate.demand/1"
[[dependent]]
name = "imap"
peak_rps = 2.0
timeout_s = 5.0
mix = { introspect = 1.0 }
"""


def shown(path: Path) -> list[list[str]]:
    """Return the commands in a document's blocks of shell that need no load, in their order."""
    found = [words for block in blocks(path, "sh") for words in commands(block)]
    return [
        words
        for words in found
        if not any(is_one_of(words, WITH_LOAD)) and ELSEWHERE not in "".join(words)
    ]


def is_one_of(words: list[str], verbs: set[str] | tuple[str, ...]) -> list[bool]:
    """Return for each of these verbs whether the command is one of it."""
    return [words[: len(verb.split())] == verb.split() for verb in verbs]


@pytest.fixture
def world(project: Path) -> Path:
    """Return the project with all that documents name: a history, measurements, logs, and auth."""
    git = Checkout(project)
    shutil.rmtree(project / ".git")
    git.git("init", "--quiet", "--initial-branch=main")
    (project / "perfgate.toml").write_text(f"{CONFIG}\n[profiles.default]\n[profiles.nightly]\n")
    (project / "demand.toml").write_text(LEDGER)
    for day, profile in enumerate(("default", "nightly", "default"), start=1):
        at = f"2026-11-{day:02}T10:00:00+00:00"
        accepted = record(commit=f"{day:040x}", measured_at=at, profile=profile)
        write_record(accepted, project / "baselines")
        git.commit(f"Accept {day}")
        git.git("tag", "--force", "v1.2")
    git.git("clone", "--quiet", str(project), str(project.parent / "auth"))
    made = case()
    beside = made.measurement.model_copy(update={"base": BuildId(name="main", commit=f"{3:040x}")})
    for kept in (project / "kept", project.parent / "kept"):
        kept.mkdir()
        save(made.model_copy(update={"measurement": beside}), kept / "measurement.json")
    save(case(base=None), project / "first.json")
    save(case(base=None), project.parent / "first.json")
    for number, name in enumerate(("run1", "run2", "run3", "now", "before")):
        timed.save(timed.timed(seed=number), project / f"{name}.json")
    for name, exported in (("auth", "old-build"), ("next", "slow-build")):
        shutil.copy(incident_path(exported), project / f"{name}.json")
    (project / "our-entry.toml").write_text(ENTRY)
    write_logs(project)
    return project


def write_logs(project: Path) -> None:
    """Write logs in which batch and the gateway send for ten minutes, as nginx and as Envoy do."""
    begun = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
    for number, name in enumerate(
        ("access.log", "access.log.1", "access.log.2.gz", "access.log.gz")
    ):
        rows = []
        for second in range(600):
            at = (begun - timedelta(hours=number) + timedelta(seconds=second)).isoformat()
            for caller in ("gw",) if name == "access.log.gz" else ("batch", "api-gateway"):
                told = {"start_time": at, "method": "POST", "path": "/token"}
                told |= {"request_method": "POST", "request_uri": "/token"}
                told |= {"http_user_agent": f"{caller}/2", "x_caller": f"{caller}-prod"}
                rows.append(json.dumps(told))
        text = "\n".join(rows).encode()
        (project / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)


@pytest.mark.parametrize(
    "path", [path for path in DOCUMENTS if shown(path)], ids=lambda path: path.name
)
def test_commands_do_what_they_are_for(
    perfgate: Callable[..., Finished], world: Path, path: Path
) -> None:
    """Every command of a document that needs no load ends as it should, one after the other."""
    assert perfgate("micro", "run1.json", "run2.json", "--accept").code == 0
    Checkout(world).commit("Time hot paths")
    for words in shown(path):
        if words[-1].endswith("first.json"):
            shutil.rmtree(world / "baselines" / "default")
        asked = TODAY if any(is_one_of(words, ASKING)) else ()
        run = perfgate(*words, *asked)
        codes = {0, 1, 3} if any(is_one_of(words, JUDGING)) else {0}
        assert run.code in codes, f"perfgate {shlex.join(words)}: {run.code}\n{run.err}"
        assert run.out or run.err
