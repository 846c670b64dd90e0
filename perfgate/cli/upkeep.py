"""The stored baselines looked after: proved to be whole, cleared of what is old, anchored anew.

Files of the working tree are changed, never a commit; nothing is printed here.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.baseline.micro import FOLDER as TIMES
from perfgate.baseline.micro import micro_path, parse_micro
from perfgate.baseline.noise import FOLDER as NOISE
from perfgate.baseline.noise import noise_path, parse_noise
from perfgate.baseline.record import AGAIN, BaselineRecord, parse_proposed
from perfgate.baseline.store import COPIED, MOST_BYTES, Store, held, write_record
from perfgate.baseline.succession import anchored_at
from perfgate.baseline.tree import Committed, Files, text_of
from perfgate.build.gitio import open_repository
from perfgate.errors import RefError, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perfgate.config.load import LoadedConfig

    # From a text, what the file is called, and the store, to the service and where it belongs.
    Place = Callable[[str, str, Path], tuple[str, Path]]

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
        return _no_file(called)
    return _of_another(called, record.service, service)


def _of_another(called: str, found: str, service: str) -> StoreError | None:
    if found == service:
        return None
    return StoreError(
        f"{called} is a baseline of {found!r}, not of {service!r}",
        hint="Keep the baselines of each service in a directory of its own.",
    )


def faults_beside(loaded: LoadedConfig) -> dict[str, StoreError | None]:
    """Return the same of the records of benchmark times and of noise, one level deeper."""
    found = dict[str, StoreError | None]()
    for folder, place in ((TIMES, _place_of_times), (NOISE, _place_of_noise)):
        store = Store(Files(loaded.root), f"{loaded.config.baseline.directory}/{folder}")
        for path in store.paths():
            found[path] = _fault_beside(store, path, place, loaded)
    return found


def _fault_beside(store: Store, path: str, place: Place, loaded: LoadedConfig) -> StoreError | None:
    content, called = store.tree.content(path), store.tree.called(path)
    if content is None:
        return _no_file(called)
    directory = loaded.root / loaded.config.baseline.directory
    try:
        service, belongs = place(text_of(content, called), called, directory)
    except StoreError as error:
        return error
    if belongs != loaded.root / path:
        return StoreError(f"{called} is the record of another place: {belongs}", hint=COPIED)
    return _of_another(called, service, loaded.config.service)


def _place_of_times(text: str, called: str, directory: Path) -> tuple[str, Path]:
    record = parse_micro(text, called)
    return record.service, micro_path(directory, record.profile, record.cpu_model)


def _place_of_noise(text: str, called: str, directory: Path) -> tuple[str, Path]:
    record = parse_noise(text, called)
    return record.service, noise_path(directory, record.profile, record.environment)


def _no_file(called: str) -> StoreError:
    return StoreError(f"{called} is no file", hint="Remove what is in its place.")


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
    for record in sorted(records.values(), key=lambda own: own.when):
        latest[record.profile] = record
    since, found = today - timedelta(days=days), dict[str, str]()
    for path, record in records.items():
        if record.profile not in loaded.config.profiles:
            found[path] = f"there is no profile {record.profile!r} any more"
        elif record.when.date() < since and record != latest[record.profile]:
            found[path] = f"measured {record.measured_at[:10]}, and others of its profile since"
    return found


def pruned(loaded: LoadedConfig, days: int, today: date) -> dict[str, str]:
    """Remove what is outdated, and return it; raises StoreError where a file cannot be removed."""
    # Held from the look on: what is accepted meanwhile is not outdated.
    with held(loaded.root / loaded.config.baseline.directory):
        found = outdated(loaded, days, today)
        for path in found:
            file = loaded.root / path
            try:
                file.unlink()
            except OSError as error:
                raise StoreError(
                    f"{file} cannot be removed: {error.strerror}",
                    hint="Check the permissions of its directory.",
                ) from error
    return found


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
