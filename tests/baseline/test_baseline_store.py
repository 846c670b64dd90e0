"""Records are found at a commit of git's and written whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from builders import environment, record

from perfgate.baseline.record import parse_record
from perfgate.baseline.store import Store, StoredBaseline, find_baseline, write_record
from perfgate.baseline.tree import Files
from perfgate.build.gitio import open_repository
from perfgate.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.measurement.models import Environment

DIRECTORY = "baselines/default"
OTHER = environment(cpu_model="AMD EPYC 7B12")


@dataclass(frozen=True)
class Project:
    """A real repository with a store in it."""

    path: Path

    def git(self, *words: str) -> str:
        """Run git here, without anybody's own settings, and return what it printed."""
        own = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
        environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        done = subprocess.run(
            ["git", *own, *words],
            cwd=self.path,
            env=environ,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, message: str = "Change") -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def find(self, commit: str, machine: Environment | None = None) -> StoredBaseline | None:
        """Look for the baseline as of a commit."""
        with open_repository(self.path) as repository:
            return find_baseline(repository, commit, DIRECTORY, machine or environment())


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return an empty repository."""
    made = Project(tmp_path)
    made.git("init", "--quiet", "--initial-branch=main")
    return made


def test_a_record_is_written_to_its_place(tmp_path: Path) -> None:
    """A record goes below its profile, under the name of its kind of machine, for all to read."""
    path = write_record(record(), tmp_path / "baselines")
    assert path == tmp_path / DIRECTORY / "x86-64-2cpu-intel-r-xeon-r-2-20ghz-kvm.json"
    assert parse_record(path.read_text(), str(path)) == record()
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_writing_again_replaces(tmp_path: Path) -> None:
    """A newer record of the same place takes the older one's."""
    write_record(record(), tmp_path)
    path = write_record(record(commit="4" * 40), tmp_path)
    assert list(path.parent.iterdir()) == [path]
    assert parse_record(path.read_text(), str(path)).commit == "4" * 40


def test_records_are_sorted_and_drafts_are_none(tmp_path: Path) -> None:
    """The store's files are those one directory down, in order; there may be no store at all."""
    store = Store(Files(tmp_path), "baselines")
    assert store.records() == {}
    two = [record(profile=name) for name in ("nightly", "default")]
    for own in two:
        write_record(own, tmp_path / "baselines")
    (tmp_path / "baselines" / "README.md").write_text("words")
    (tmp_path / "baselines" / "default" / ".draft").write_text("half of it")
    assert list(store.records().values()) == two[::-1]
    assert list(store.records()) == [store.path_of(own) for own in two[::-1]]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full in the middle leaves the old record whole and no draft behind."""
    path = write_record(record(), tmp_path)
    before = path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="cannot be written: No space left") as caught:
        write_record(record(commit="4" * 40), tmp_path)
    assert caught.value.hint
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt in the middle passes on as what it is, and leaves the old record whole."""
    path = write_record(record(), tmp_path)
    before = path.read_bytes()

    def interrupted(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_record(record(commit="4" * 40), tmp_path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_store_that_is_no_directory_is_told(tmp_path: Path) -> None:
    """Where no directory can be made, the message names the file and the cause."""
    (tmp_path / "baselines").write_text("a file")
    with pytest.raises(StoreError, match="cannot be written: Not a directory"):
        write_record(record(), tmp_path / "baselines")


@pytest.mark.parametrize("profile", ["../../escape", "/tmp/escape", "a/b", "..", ".", "", "a/"])  # noqa: S108 - nothing is written there
def test_a_profile_cannot_lead_out_of_the_store(tmp_path: Path, profile: str) -> None:
    """A record of a hostile measurement is not written outside its directory."""
    store = tmp_path / "baselines"
    with pytest.raises(StoreError, match="cannot name a directory"):
        write_record(record(profile=profile), store)
    assert list(tmp_path.iterdir()) == []


def test_no_store_is_no_baseline(project: Project) -> None:
    """A commit without a store, or with other files in it, has no baseline."""
    assert project.find(project.commit()) is None
    (project.path / DIRECTORY).mkdir(parents=True)
    (project.path / DIRECTORY / "README.md").write_text("words")
    (project.path / DIRECTORY / "old.json").mkdir()
    (project.path / DIRECTORY / "old.json" / "x.json").write_text("{}")
    assert project.find(project.commit()) is None


def test_the_record_of_this_kind_of_machine_is_found(project: Project) -> None:
    """Of several records the one of this kind of machine is taken, and is comparable."""
    write_record(record(environment=OTHER), project.path / "baselines")
    path = write_record(record(), project.path / "baselines")
    commit = project.commit()
    assert project.find(commit) == StoredBaseline(record(), f"{DIRECTORY}/{path.name}", True)


def test_the_record_of_another_machine_still_names_the_base(project: Project) -> None:
    """With no record of this kind of machine another's is found, and is not comparable."""
    write_record(record(environment=OTHER), project.path / "baselines")
    found = project.find(project.commit())
    assert found is not None
    assert found.record.environment == OTHER
    assert not found.same_environment


def test_of_other_machines_the_latest_record_names_the_base(project: Project) -> None:
    """Law: where none is of this kind, the build measured last is the bar, whatever its name is."""
    for model, day in (("AAA", 2), ("MMM", 9), ("ZZZ", 5)):
        elsewhere = environment(cpu_model=model)
        own = record(environment=elsewhere, measured_at=f"2026-11-{day:02}T10:00:00+00:00")
        write_record(own, project.path / "baselines")
    found = project.find(project.commit())
    assert found is not None
    assert found.record.environment.cpu_model == "MMM"
    assert not found.same_environment


def test_records_are_read_from_the_commit_alone(project: Project) -> None:
    """What the working tree or a later commit says does not move the bar of an earlier one."""
    path = write_record(record(), project.path / "baselines")
    before = project.commit()
    write_record(record(commit="4" * 40), project.path / "baselines")
    later = project.commit()
    path.write_text("nonsense in the working tree")
    for commit, expected in ((before, "3" * 40), (later, "4" * 40)):
        found = project.find(commit)
        assert found is not None
        assert found.record.commit == expected


def test_an_uncommitted_record_is_not_in_force(project: Project) -> None:
    """A record only counts once it is committed."""
    commit = project.commit()
    write_record(record(), project.path / "baselines")
    assert project.find(commit) is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xff\xfe", "is not text"),
        (b"", "is not a baseline this version can read"),
        (record().to_text().replace("400.0", "500.0").encode(), "does not match its checksum"),
    ],
)
def test_an_unreadable_record_is_an_error(project: Project, content: bytes, told: str) -> None:
    """A record that cannot be read stops the check with its path and commit; it is not skipped."""
    path = write_record(record(), project.path / "baselines")
    path.write_bytes(content)
    commit = project.commit()
    with pytest.raises(StoreError, match=told) as caught:
        project.find(commit)
    assert f"{DIRECTORY}/{path.name} at {commit[:12]}" in caught.value.message
    assert caught.value.hint


def test_a_link_is_no_record(project: Project) -> None:
    """A symbolic link in the store's place is refused, wherever it leads."""
    path = write_record(record(), project.path / "baselines")
    elsewhere = project.path / "elsewhere.json"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    commit = project.commit()
    with pytest.raises(StoreError, match="is not a baseline"):
        project.find(commit)


def test_a_record_copied_to_another_profile_is_refused(project: Project) -> None:
    """The record of another profile or machine is not taken for this one's, intact as it is."""
    nightly = write_record(record(profile="nightly"), project.path / "baselines")
    copy = project.path / DIRECTORY / nightly.name
    copy.parent.mkdir()
    copy.write_text(nightly.read_text())
    commit = project.commit()
    with pytest.raises(StoreError, match=f"the record of another place: nightly/{nightly.name}"):
        project.find(commit)


def test_a_record_under_another_machines_name_is_refused(project: Project) -> None:
    """Renaming a record does not make it comparable with another kind of machine."""
    path = write_record(record(environment=OTHER), project.path / "baselines")
    path.rename(path.with_name(f"{environment().slug}.json"))
    commit = project.commit()
    with pytest.raises(StoreError, match="the record of another place"):
        project.find(commit)
