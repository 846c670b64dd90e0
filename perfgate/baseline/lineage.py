"""Every record that was ever accepted in one place, oldest first, from git history alone.

What the figures have done over time is told elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from perfgate.baseline.record import BaselineRecord, Past, parse_record
from perfgate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from perfgate.build.gitio import Repository

# More commits than anybody makes to one file; each is read.
MOST_COMMITS = 10_000
LEFT_OUT = "The history leaves it out."


@dataclass(frozen=True, slots=True)
class Entry:
    """An accepted record, and the repository's commit that first had it.

    Of one that only a later record knows of ``record`` is None and ``accepted_in`` is "".
    """

    past: Past
    record: BaselineRecord | None = None
    accepted_in: str = ""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What stood in the file at ``path``; ``unread`` says what of it could not be read, and why."""

    service: str
    path: str
    entries: tuple[Entry, ...]
    unread: tuple[str, ...]
    cut_off: bool

    @property
    def current(self) -> BaselineRecord | None:
        """Return the record that was accepted last, None where none could be read."""
        return next((own.record for own in reversed(self.entries) if own.record), None)


def places(repository: Repository, commit: str, directory: str) -> list[str]:
    """Return the paths of the records in ``directory`` (from the top) as of ``commit``, sorted."""
    names = repository.list_directory(commit, directory)
    return [f"{directory}/{name}" for name in names if name.endswith(".json")]


def read_lineage(repository: Repository, commit: str, path: str, service: str) -> Lineage:
    """Return every record of ``service`` that stood at ``path`` in ``commit`` or an ancestor.

    What cannot be read any more, or is another service's, is named and left out: history does not
    change. Records that a later one knows of, but no commit that is here has, are in it too: those
    of a clone that is cut off, or accepted in one commit. Raises StoreError where none was read.
    """
    commits = repository.commits_touching(path, commit, limit=MOST_COMMITS)
    found: dict[tuple[str, str], Entry] = {}
    unread = []
    for one in reversed(commits):
        try:
            record = _record(repository, one, path, service)
        except StoreError as error:
            unread.append(error.message)
            continue
        if record is not None:
            entry = Entry(record.as_past(), record, one)
            found.setdefault((record.commit, record.measured_at), entry)
    if not found:
        raise StoreError(_nothing(path, unread), hint="perfgate baseline accept FILE, then commit.")
    entries = tuple(_in_order([*found.values(), *_known_of(found)]))
    return Lineage(service, path, entries, tuple(unread), repository.is_shallow())


def _record(repository: Repository, commit: str, path: str, service: str) -> BaselineRecord | None:
    """Return None where the commit removed the file; raises StoreError for what is no record."""
    content = repository.read_file(commit, path)
    if content is None:
        return None
    called = f"{path} at {commit[:12]}"
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise StoreError(f"{called} is not text", hint=LEFT_OUT) from error
    record = parse_record(text, called)
    if record.service != service:
        raise StoreError(f"{called} is a baseline of {record.service!r}", hint=LEFT_OUT)
    return record


def _known_of(found: dict[tuple[str, str], Entry]) -> Iterator[Entry]:
    """Return what records tell of others that no commit has."""
    told = {
        (past.commit, past.measured_at): past
        for entry in found.values()
        if entry.record is not None
        for past in entry.record.history
    }
    return (Entry(past) for key, past in told.items() if key not in found)


def _in_order(entries: Iterable[Entry]) -> Sequence[Entry]:
    return sorted(entries, key=lambda own: datetime.fromisoformat(own.past.measured_at))


def _nothing(path: str, unread: Sequence[str]) -> str:
    if not unread:
        return f"{path}: no commit here has a record of it"
    return f"{path}: none of its {len(unread)} records can be read: {unread[-1]}"
