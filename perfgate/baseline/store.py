"""Records in files: found at a commit of git's, never in the candidate's own tree; written once.

What is in a record is :mod:`perfgate.baseline.record`'s business.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.baseline.record import parse_record
from perfgate.errors import StoreError

if TYPE_CHECKING:
    from perfgate.baseline.record import BaselineRecord
    from perfgate.build.gitio import Repository
    from perfgate.measurement.models import Environment


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

    The record of this environment class is preferred; another machine's still names the commit to
    build as base. Raises StoreError for a record that cannot be read.
    """
    names = [
        name for name in repository.list_directory(commit, directory) if name.endswith(".json")
    ]
    own = f"{environment.slug}.json"
    if not names:
        return None
    name = own if own in names else names[0]
    path = f"{directory}/{name}"
    content = repository.read_file(commit, path) or b""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise StoreError(f"{path} at {commit[:12]} is not text", hint="Restore it.") from error
    record = parse_record(text, f"{path} at {commit[:12]}")
    return StoredBaseline(record, path, name == own)


def record_files(directory: Path) -> list[Path]:
    """Return the record files below ``directory``, sorted."""
    return sorted(directory.glob("*/*.json"))


def write_record(record: BaselineRecord, directory: Path) -> Path:
    """Write the record to its place below ``directory`` and return that path.

    The file appears whole or not at all: it is written beside its place and moved there.
    """
    path = directory / record.profile / f"{record.environment.slug}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(record.to_text())
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return path
