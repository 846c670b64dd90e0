"""Records in files: found at a commit of git's, never in the candidate's own tree; written once.

What is in a record is :mod:`perfgate.baseline.record`'s business.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from perfgate.baseline.record import parse_record
from perfgate.baseline.tree import text_of
from perfgate.errors import StoreError
from perfgate.wholefile import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from perfgate.baseline.record import BaselineRecord
    from perfgate.baseline.tree import Tree
    from perfgate.build.gitio import Repository
    from perfgate.measurement.models import Environment

MOST_BYTES = 64 * 1024
COPIED = "Restore it from git; records are accepted, not copied: perfgate baseline accept"


@dataclass(frozen=True, slots=True)
class StoredBaseline:
    """A record, the path it was read from, and whether it was made on this kind of machine."""

    record: BaselineRecord
    path: str
    same_environment: bool


def find_baseline(
    repository: Repository, commit: str, directory: str, environment: Environment
) -> StoredBaseline | None:
    """Return the record in ``directory`` (from the top) as of ``commit``, None without one.

    The record of this environment class is preferred; without one, the latest of other machines'
    names the commit to build as base. Raises StoreError for a record that cannot be read or is in
    the wrong place.
    """
    names = [
        name for name in repository.list_directory(commit, directory) if name.endswith(".json")
    ]
    own = f"{environment.slug}.json"
    if own in names:
        names = [own]
    paths = [f"{directory}/{name}" for name in names]
    records = {path: _committed(repository, commit, path) for path in paths}
    if not records:
        return None
    path, record = max(records.items(), key=lambda found: found[1].when)
    return StoredBaseline(record, path, names == [own])


def _committed(repository: Repository, commit: str, path: str) -> BaselineRecord:
    called = f"{path} at {commit[:12]}"
    record = parse_record(text_of(repository.read_file(commit, path) or b"", called), called)
    refuse_misplaced(record, path, called)
    return record


@dataclass(frozen=True, slots=True)
class Store:
    """All records below a directory of a tree: what cannot be read is an error, never skipped.

    ``parse`` reads one: as it is by default, one that awaits a reason is none yet.
    """

    tree: Tree
    directory: str
    parse: Callable[[str, str], BaselineRecord] = parse_record

    def records(self) -> dict[str, BaselineRecord]:
        """Return them by their paths from the top of the tree, sorted.

        Raises StoreError for a file that is no record, or is in another's place.
        """
        found = ((path, self.record(path)) for path in self.paths())
        return {path: record for path, record in found if record is not None}

    def paths(self) -> list[str]:
        """Return the paths of all files that should be records, sorted."""
        profiles = [name.rstrip("/") for name in self.tree.names(self.directory)]
        return [
            f"{self.directory}/{profile}/{name}"
            for profile in sorted(profiles)
            for name in sorted(self.tree.names(f"{self.directory}/{profile}"))
            if name.endswith(".json")
        ]

    def record(self, path: str) -> BaselineRecord | None:
        """Return the record at ``path``, None without one; raises StoreError as above."""
        content, called = self.tree.content(path), self.tree.called(path)
        if content is None:
            return None
        record = self.parse(text_of(content, called), called)
        refuse_misplaced(record, path, called)
        return record

    def path_of(self, record: BaselineRecord) -> str:
        """Return where the record belongs."""
        return "/".join((self.directory, *_place(record)))

    def replaced(self, record: BaselineRecord) -> BaselineRecord | None:
        """Return what is in the record's place so far, None without anything.

        Raises StoreError for a file there that is no record or that of another service: what
        cannot be read is not overwritten.
        """
        path = self.path_of(record)
        older = self.record(path)
        if older is not None and older.service != record.service:
            raise StoreError(
                f"{self.tree.called(path)} is a baseline of {older.service!r}, not of "
                f"{record.service!r}",
                hint="Keep the baselines of each service in a directory of its own.",
            )
        return older


def refuse_misplaced(record: BaselineRecord, path: str, called: str) -> None:
    """Raise StoreError where the record is not of the profile and machine that its path says."""
    if _place(record) != PurePosixPath(path).parts[-2:]:
        raise StoreError(
            f"{called} is the record of another place: {'/'.join(_place(record))}",
            hint=COPIED,
        )


def write_record(record: BaselineRecord, directory: Path) -> Path:
    """Write the record to its place below ``directory`` and return that path.

    The file appears whole or not at all: it is written beside its place and moved there. Raises
    StoreError where it cannot be written, is too large to be looked through, or the record's
    profile is no name for a directory.
    """
    profile, name = _place(record)
    path = place_of(profile, directory) / name
    write_text(path, file_text(record, str(path)))
    return path


def file_text(record: BaselineRecord, called: str) -> str:
    """Return what goes into the record's file; raises StoreError where it is too large a file."""
    text = record.to_text()
    if len(text.encode()) > MOST_BYTES:
        raise StoreError(
            f"{called} would be larger than {MOST_BYTES // 1024} KiB",
            hint="Concessions since the anchor count in it: perfgate baseline anchor TAG.",
        )
    return text


def place_of(profile: str, directory: Path) -> Path:
    """Return where files of a profile go; raises StoreError where it is no name for a directory."""
    if not profile.strip(".") or PurePosixPath(profile).name != profile:
        raise StoreError(f"the profile {profile!r} cannot name a directory", hint="Rename it.")
    return directory / profile


@contextmanager
def held(directory: Path) -> Iterator[Path]:
    """Hold the store alone, and yield it: one at a time may read a record to replace it.

    The directory itself is locked, so that nothing is left in it. Raises StoreError where it cannot
    be made.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _unwritten(directory, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield directory
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write the file, whole or not at all; raises StoreError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be written: {error.strerror}", hint="Look for space and permissions."
    )


def _place(record: BaselineRecord) -> tuple[str, str]:
    """Return the directory and the file name below the store."""
    return record.profile, f"{record.environment.slug}.json"
