"""The stored baselines looked after: proved to be whole, cleared of what is old, anchored anew.

Files of the working tree are changed, never a commit; nothing is printed here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.baseline.record import AGAIN, BaselineRecord, parse_proposed
from perfgate.baseline.store import MOST_BYTES, Store, held, write_record
from perfgate.baseline.succession import anchored_at
from perfgate.baseline.tree import Committed, Files, text_of
from perfgate.build.gitio import open_repository
from perfgate.errors import RefError, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.config.load import LoadedConfig

AT_A_TAG = (
    "Its record must be the one of now, or among the last 20. Else measure beside that build, and "
    "accept that: perfgate check --base {tag} --output DIR."
)


def store_of(loaded: LoadedConfig) -> Store:
    """Return the store of the working tree."""
    return Store(Files(loaded.root), loaded.config.baseline.directory)


def records_at(side: str, loaded: LoadedConfig) -> dict[str, BaselineRecord]:
    """Return the records of a git ref, of the working tree ("."), or in one file, by path.

    Those that await a reason are among them. Raises RefError for a ref that is not there,
    StoreError for what is no record.
    """
    directory, file = loaded.config.baseline.directory, Path(side)
    here = Store(Files(loaded.root), directory, parse_proposed)
    if side == ".":
        return here.records()
    if file.is_file():
        record = parse_proposed(text_of(file.read_bytes(), side), side)
        return {here.path_of(record): record}
    with open_repository(loaded.root) as repository:
        tree = Committed(repository, repository.resolve(side), repository.relative(loaded.root))
        return Store(tree, directory, parse_proposed).records()


def faults_in(loaded: LoadedConfig) -> dict[str, StoreError | None]:
    """Return by path what is wrong with each stored record, None where nothing is."""
    store = store_of(loaded)
    return {path: _fault(store, path, loaded.config.service) for path in store.paths()}


def _fault(store: Store, path: str, service: str) -> StoreError | None:
    called, size = store.tree.called(path), len(store.tree.content(path) or b"")
    if size > MOST_BYTES:
        return StoreError(f"{called} is larger than {MOST_BYTES // 1024} KiB", hint=AGAIN)
    try:
        record = store.record(path)
    except StoreError as error:
        return error
    if record is None:
        return StoreError(f"{called} is no file", hint="Remove what is in its place.")
    if record.service != service:
        return StoreError(
            f"{called} is a baseline of {record.service!r}, not of {service!r}",
            hint="Keep the baselines of each service in a directory of its own.",
        )
    return None


def unreachable(loaded: LoadedConfig) -> Iterator[str]:
    """Yield how to get each commit that a record names and this clone lacks."""
    try:
        with open_repository(loaded.root) as repository:
            for record in store_of(loaded).records().values():
                try:
                    repository.resolve(record.commit)
                except RefError as error:
                    yield f"{error.message}: builds of it cannot be made here. {error.hint}"
    except UsageError:
        return  # no repository, hence no commit to be had


def outdated(loaded: LoadedConfig, days: int, today: date) -> dict[str, str]:
    """Return by path why records can go: their profile is, or their kind of machine seems to be.

    The latest record of each profile stays, however old.
    """
    records = store_of(loaded).records()
    latest: dict[str, BaselineRecord] = {}
    for record in sorted(records.values(), key=_measured):
        latest[record.profile] = record
    since, found = today - timedelta(days=days), dict[str, str]()
    for path, record in records.items():
        if record.profile not in loaded.config.profiles:
            found[path] = f"there is no profile {record.profile!r} any more"
        elif _measured(record).date() < since and record != latest[record.profile]:
            found[path] = f"measured {record.measured_at[:10]}, and others of its profile since"
    return found


def removed(loaded: LoadedConfig, paths: dict[str, str]) -> None:
    """Remove the files; raises StoreError where one cannot be removed."""
    with held(loaded.root / loaded.config.baseline.directory):
        for path in paths:
            file = loaded.root / path
            try:
                file.unlink()
            except OSError as error:
                raise StoreError(
                    f"{file} cannot be removed: {error.strerror}",
                    hint="Check the permissions of its directory.",
                ) from error


def anchor_at(loaded: LoadedConfig, tag: str) -> tuple[list[BaselineRecord], list[str]]:
    """Count drift from the records as they were at ``tag``; return those, and what was left.

    Raises RefError for a tag that is not there, StoreError where no record could be anchored.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    moved, left = list[BaselineRecord](), list[str]()
    with (
        open_repository(loaded.root) as repository,
        held(loaded.root / loaded.config.baseline.directory) as directory,
    ):
        tree = Committed(repository, repository.resolve(tag), repository.relative(loaded.root))
        released = Store(tree, loaded.config.baseline.directory)
        for path, record in store_of(loaded).records().items():
            then = released.record(path)
            own = None if then is None else anchored_at(record, then, tag, at)
            if own is None:
                left.append(path)
            else:
                write_record(own, directory)
                moved.append(own)
    if not moved:
        raise StoreError(
            f"{tag!r} has no record of which it is known how far the stored ones are from it",
            hint=AT_A_TAG.format(tag=tag),
        )
    return moved, left


def _measured(record: BaselineRecord) -> datetime:
    return datetime.fromisoformat(record.measured_at)
