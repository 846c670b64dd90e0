"""A place becomes the capacity record of the service that lives there: a directory, or a file.

Nothing is fetched, and nothing is judged here.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.baseline.capacity import FORMAT, capacity_record, parse_capacity
from perfgate.baseline.record import parse_record
from perfgate.baseline.sealed import family_of, format_of
from perfgate.baseline.tree import Committed, Files, text_of
from perfgate.build.gitio import open_repository
from perfgate.config.load import CONFIG_NAME, PYPROJECT_NAME, parse_config
from perfgate.demand.ledger import parse_ledger
from perfgate.errors import RefError, StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.baseline.record import BaselineRecord
    from perfgate.baseline.tree import Tree
    from perfgate.build.gitio import Repository
    from perfgate.config.models import Config

WORKING_TREE = "."
FIRST = (
    "Its team makes the first one: perfgate measure --output ../first.json && perfgate baseline "
    "accept ../first.json; then it is committed to that branch."
)


def read_origin(place: str, ref: str | None, profile: str) -> CapacityRecord:
    """Return the capacity record at ``place``, an exported file or the directory of a service.

    Of a directory in a git repository the files count as they are at ``ref``; at the branch of
    record where that is None, in the working tree where it is ".". Of several machines' baselines
    the latest counts. Raises UsageError for a place that is neither, FileFaultsError for faults in
    its files, RefError for a ref that is not there, StoreError without a record.
    """
    path = Path(place)
    if path.is_dir():
        with _tree(path, ref) as tree:
            return _published(tree, profile)
    if not path.is_file():
        raise UsageError(f"{place}: there is no such file or directory", hint=_way_to(place))
    if ref not in (None, WORKING_TREE):
        raise UsageError(f"{place} is a file, which has no --ref", hint="Leave --ref out.")
    text = text_of(path.read_bytes(), place)
    try:
        return parse_capacity(text, place)
    except StoreError as error:
        _refuse_other(path, text, error)
        raise


def _refuse_other(path: Path, text: str, error: StoreError) -> None:
    """Raise UsageError for a file that is another of perfgate's than an export."""
    found = format_of(text)
    if path.suffix == ".toml":
        hint = f"Name the directory it is in: --of {path.parent}."
    elif found and family_of(found) != family_of(FORMAT):
        hint = "Name the directory that has the service's perfgate.toml, or an export."
    else:
        return
    raise UsageError(f"{path} is not what `perfgate demand export` writes", hint=hint) from error


def _way_to(place: str) -> str:
    if "://" in place or place.startswith("git@"):
        return f"Nothing is fetched from here: git clone --depth 1 {place} auth, then --of auth."
    return "Name a clone of the service's repository, or what its team has exported."


@contextmanager
def _tree(path: Path, ref: str | None) -> Iterator[Tree]:
    if ref == WORKING_TREE or (ref is None and not _in_repository(path)):
        yield Files(path)
        return
    with open_repository(path) as repository:
        within = repository.relative(path)
        commit = repository.resolve(ref) if ref else _of_record(repository, Files(path))
        yield Committed(repository, commit, within)


def _in_repository(path: Path) -> bool:
    here = path.resolve()
    return any((directory / ".git").exists() for directory in (here, *here.parents))


def _of_record(repository: Repository, files: Tree) -> str:
    """Return the commit of the branch where baselines are kept, as the working tree names it."""
    return of_record(
        repository, _config(files).baseline.branch, "; or take the files as they are: --ref ."
    )


def of_record(repository: Repository, branch: str, or_else: str = "") -> str:
    """Return the commit of the branch where baselines are kept.

    Raises RefError where it is not in this clone; ``or_else`` is one more thing to do then.
    """
    found = repository.branch(branch)
    if found is None:
        top = repository.top
        raise RefError(
            f"the branch {branch!r}, where baselines are kept, is not in {top}",
            hint=f"git -C {top} fetch origin {branch}:refs/remotes/origin/{branch}; or name a ref: "
            f"--ref HEAD{or_else}",
        )
    return repository.resolve(found)


def _published(tree: Tree, profile: str) -> CapacityRecord:
    config = _config(tree)
    name = config.demand.ledger
    content = tree.content(name)
    if content is None:
        raise UsageError(
            f"{tree.called(name)}: there is no such file", hint="The ledger must be committed."
        )
    called = tree.called(name)
    ledger = parse_ledger(Path(called), text_of(content, called))
    return capacity_record(config, ledger, _record(tree, config, profile))


def _config(tree: Tree) -> Config:
    for name in (CONFIG_NAME, PYPROJECT_NAME):
        content = tree.content(name)
        if content is not None:
            called = tree.called(name)
            return parse_config(Path(called), text_of(content, called))
    raise UsageError(
        f"{tree.called(CONFIG_NAME)}: there is no such file",
        hint="`--of` names the directory that has the service's configuration, or an export.",
    )


def _record(tree: Tree, config: Config, profile: str) -> BaselineRecord:
    """Return the latest record of the profile."""
    directory = f"{config.baseline.directory}/{profile}"
    names = [name for name in tree.names(directory) if name.endswith(".json")]
    records = [_parsed(tree, f"{directory}/{name}") for name in names]
    if not records:
        raise StoreError(f"{tree.called(directory)}: no baseline is stored", hint=FIRST)
    latest = max(records, key=lambda record: record.when)
    if latest.service != config.service:
        raise StoreError(
            f"{tree.called(directory)} has baselines of {latest.service!r}, not of "
            f"{config.service!r}",
            hint="Its team has to set that right.",
        )
    return latest


def _parsed(tree: Tree, path: str) -> BaselineRecord:
    called = tree.called(path)
    return parse_record(text_of(tree.content(path) or b"", called), called)
