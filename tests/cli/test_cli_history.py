"""``perfgate history``: what was accepted, read from the repository of the service."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import environment, record

from perfgate.baseline.store import write_record
from perfgate.machine import read_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.command_line import Finished
    from perfgate.measurement.models import Environment

OTHER = environment(cpu_model="Other")


def git(root: Path, *words: str) -> None:
    """Run git there."""
    own = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    subprocess.run(["git", *own, *words], cwd=root, check=True, capture_output=True)


def accept(project: Path, day: int, machine: Environment | None = None) -> None:
    """Commit the record of a day."""
    day_of = f"2026-11-{day:02}T10:00:00+00:00"
    made = record(commit=f"{day:040x}", measured_at=day_of, environment=machine or environment())
    write_record(made, project / "baselines")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", "Accept")


@pytest.fixture
def store(project: Path) -> Path:
    """Return the project with three accepted baselines on main."""
    git(project, "init", "--quiet", "--initial-branch", "main")
    for day in (1, 2, 3):
        accept(project, day)
    return project


def test_history(perfgate: Callable[..., Finished], store: Path) -> None:
    """The branch of record is read, wherever the working tree is, and nothing is written."""
    git(store, "checkout", "--quiet", "-b", "feature")
    accept(store, 4)
    run = perfgate("history")
    assert (run.code, run.err) == (0, "")
    assert "3 records from 2026-11-01 to 2026-11-03" in run.out
    assert "4 records" in perfgate("history", "--ref", "feature").out


def test_a_file_is_written_where_it_is_named(
    perfgate: Callable[..., Finished], store: Path
) -> None:
    """With --output the history goes to the file, and the rest is said apart."""
    run = perfgate("history", "--format", "csv", "--output", "history.csv")
    assert (run.code, run.out) == (0, "")
    assert "history.csv: history of auth, baselines/default/" in run.err
    lines = (store / "history.csv").read_text().splitlines()
    assert (lines[0].split(",")[:2], len(lines)) == (["time", "commit"], 4)
    assert perfgate("history", "--output", "nowhere/x").code == 2


def test_kinds_of_machine(perfgate: Callable[..., Finished], store: Path) -> None:
    """Of several kinds this machine's is shown; of others one has to be named."""
    accept(store, 4, OTHER)
    run = perfgate("history")
    assert run.code == 4
    assert "of 2 kinds of machine, none of them this one" in run.err
    assert f"--environment {OTHER.slug}" in run.err
    assert "1 record from" in perfgate("history", "--environment", OTHER.slug).out
    accept(store, 5, read_environment())
    assert read_environment().slug in perfgate("history").out


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--profile", "nightly"], 4, "baselines/nightly at "),
        (["--profile", "../.."], 4, "cannot name a directory"),
        (["--environment", "x"], 4, "Is it --environment "),
        (["--ref", "nowhere"], 6, "names no commit"),
    ],
)
def test_where_there_is_nothing(
    perfgate: Callable[..., Finished], store: Path, words: list[str], code: int, told: str
) -> None:
    """A place without records is an error that says where it was looked."""
    assert store.is_dir()
    run = perfgate("history", *words)
    assert (run.code, run.out) == (code, "")
    assert told in run.err


def test_without_the_branch_of_record(perfgate: Callable[..., Finished], store: Path) -> None:
    """Where the branch is missing, the way to name another one is told."""
    git(store, "branch", "--move", "trunk")
    run = perfgate("history")
    assert run.code == 6
    assert "--ref HEAD" in run.err
    assert perfgate("history", "--ref", "HEAD").code == 0


OTAVA = shutil.which("otava")
OTAVA_CONFIG = """\
tests:
  auth:
    type: csv
    file: history.csv
    time_column: time
    attributes: [commit]
    metrics:
      undisturbed_rps: {column: undisturbed_rps, direction: 1}
      cost_ms: {column: cost_ms, direction: -1}
"""


@pytest.mark.nightly
@pytest.mark.skipif(OTAVA is None, reason="Apache Otava is not installed")
def test_otava_reads_it(perfgate: Callable[..., Finished], store: Path) -> None:
    """Apache Otava itself takes every record of the CSV, with the configuration that is shown."""
    assert perfgate("history", "--format", "csv", "--output", "history.csv").code == 0
    (store / "otava.yaml").write_text(OTAVA_CONFIG)
    done = subprocess.run(
        [str(OTAVA), "analyze", "auth", "--since", "2026-01-01"],
        cwd=store,
        env={**os.environ, "OTAVA_CONFIG": str(store / "otava.yaml")},
        check=True,
        capture_output=True,
        text=True,
    )
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("2026-11-0")]
    assert [row[3] for row in rows] == [f"{day:040x}" for day in (1, 2, 3)]


def test_the_configuration_that_is_shown_is_the_one_that_was_tried() -> None:
    """The document has the configuration for Otava as it is tried here."""
    document = Path(__file__).parent.parent.parent / "docs" / "history.md"
    assert OTAVA_CONFIG in document.read_text()
