"""Every record that was ever accepted is read from a real repository."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from builders import record

from perfgate.baseline.lineage import Lineage, places, read_lineage
from perfgate.baseline.store import write_record
from perfgate.build.gitio import open_repository
from perfgate.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.baseline.record import BaselineRecord

DIRECTORY = "baselines/default"
PLACE = f"{DIRECTORY}/{record().environment.slug}.json"


@dataclass(frozen=True)
class Store:
    """A repository in which records are accepted."""

    path: Path

    def git(self, *words: str) -> str:
        """Run git here, without anybody's own settings, and return what it printed."""
        own = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        command = ["git", *own, *words]
        done = subprocess.run(command, cwd=self.path, env=environ, check=True, capture_output=True)
        return done.stdout.decode().strip()

    def accept(self, made: BaselineRecord) -> str:
        """Commit the record and return the commit."""
        write_record(made, self.path / "baselines")
        return self.commit()

    def commit(self) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Accept")
        return self.git("rev-parse", "HEAD")

    def lineage(self, commit: str = "HEAD", path: Path | None = None) -> Lineage:
        """Return all records as of a commit."""
        with open_repository(path or self.path) as repository:
            return read_lineage(repository, commit, PLACE, "auth")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Return an empty repository."""
    made = Store(tmp_path / "store")
    made.path.mkdir()
    made.git("init", "--quiet", "--initial-branch=main")
    return made


def accepted(day: int, **changes: object) -> BaselineRecord:
    """Return the record of a day's build."""
    return record(commit=f"{day:040x}", measured_at=f"2026-11-{day:02}T10:00:00+00:00", **changes)


def days(lineage: Lineage) -> list[int]:
    """Return the days of the entries, in their order."""
    return [int(entry.past.measured_at[8:10]) for entry in lineage.entries]


def test_every_accepted_record_is_there(store: Store) -> None:
    """Law: each record comes once, oldest first, with the commit that first had it."""
    commits = [store.accept(accepted(day)) for day in (1, 2, 3)]
    (store.path / "other").touch()
    store.commit()
    lineage = store.lineage()
    assert days(lineage) == [1, 2, 3]
    assert [entry.accepted_in for entry in lineage.entries] == commits
    assert lineage.current == accepted(3)
    assert (lineage.unread, lineage.cut_off) == ((), False)
    assert days(store.lineage(commits[1])) == [1, 2]


def test_what_was_taken_back_stays_in_history(store: Store) -> None:
    """A record that was removed or replaced by an older one was accepted all the same, once."""
    for day in (1, 2, 1):
        store.accept(accepted(day))
    (store.path / PLACE).unlink()
    store.commit()
    store.accept(accepted(3))
    assert days(store.lineage()) == [1, 2, 3]


def test_records_of_merged_branches_are_in_order(store: Store) -> None:
    """Law: the order is that of the measurements, however they came to the branch."""
    store.accept(accepted(1))
    store.git("checkout", "--quiet", "-b", "side")
    store.accept(accepted(3))
    store.git("checkout", "--quiet", "main")
    store.accept(accepted(2))
    store.git("merge", "--quiet", "--strategy", "ours", "side", "--message", "Merge")
    store.accept(accepted(4))
    assert days(store.lineage()) == [1, 2, 3, 4]


def test_what_cannot_be_read_is_named(store: Store) -> None:
    """What history has of damaged files and of other services is told, and hides no record."""
    store.accept(accepted(1))
    for content in (b"<<<<<<< HEAD\n", b"\xff", b'{"format": "perfgate.baseline/99"}'):
        (store.path / PLACE).write_bytes(content)
        store.commit()
    store.accept(accepted(2, service="billing"))
    store.accept(accepted(3))
    lineage = store.lineage()
    assert days(lineage) == [1, 3]
    told = [words.partition(" at ")[2] for words in lineage.unread]
    assert len(told) == 4
    assert "is not text" in told[1]
    assert "is a baseline of 'billing'" in told[3]


def test_a_clone_that_is_cut_off_knows_what_records_remember(store: Store, tmp_path: Path) -> None:
    """Law: what no commit here has, but a record remembers as its past, is in the lineage."""
    older = accepted(1)
    store.accept(older)
    for day in (2, 3):
        older = accepted(day).replacing(older)
        store.accept(older)
    store.git("clone", "--quiet", "--depth", "1", f"file://{store.path}", str(tmp_path / "shallow"))
    whole, shallow = store.lineage(), store.lineage(path=tmp_path / "shallow")
    assert shallow.cut_off
    assert [own.past for own in shallow.entries] == [own.past for own in whole.entries]
    assert [bool(own.record) for own in shallow.entries] == [False, False, True]


def test_without_records_there_is_no_history(store: Store) -> None:
    """A place that never had a record, or none that can be read, is an error that says which."""
    store.accept(accepted(1, environment=record().environment.model_copy(update={"cpus": 4})))
    with pytest.raises(StoreError, match="no commit here has a record of it"):
        store.lineage()
    (store.path / PLACE).write_text("{}")
    store.commit()
    with pytest.raises(StoreError, match="none of its 1 records can be read"):
        store.lineage()


def test_places_are_the_kinds_of_machine(store: Store) -> None:
    """The records of a profile are found as of a commit, in order."""
    machines = [record().environment.model_copy(update={"cpus": cpus}) for cpus in (4, 2)]
    for machine in machines:
        store.accept(accepted(1, environment=machine))
    (store.path / DIRECTORY / "notes.txt").touch()
    commit = store.commit()
    with open_repository(store.path) as repository:
        found = places(repository, commit, DIRECTORY)
        assert places(repository, commit, "baselines/nightly") == []
    assert found == sorted(f"{DIRECTORY}/{machine.slug}.json" for machine in machines)
