"""Places for builds pass through: named, locked, marked complete, and cleared again.

What fills a place is not known here.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.errors import TargetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KEPT_BUILDS = 8
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LOCK_SUFFIX = ".lock"


def default_cache_root(environ: Mapping[str, str]) -> Path:
    """Return where perfgate may keep what can be made again, after the XDG base directories.

    UsageError when neither XDG_CACHE_HOME nor HOME is an absolute path.
    """
    given = Path(environ.get("XDG_CACHE_HOME", ""))
    home = Path(environ.get("HOME", ""))
    for cache in (given, home / ".cache"):
        if cache.is_absolute():
            return cache / "perfgate"
    raise UsageError(
        "there is no place for builds: HOME is not set", hint="Set HOME or XDG_CACHE_HOME."
    )


def shelf_of(cache_root: Path, repository: Path) -> Path:
    """Return the directory for all builds of one repository, readable and not to be confused."""
    name = repository.parent.name if repository.name == ".git" else repository.name
    readable = _UNSAFE.sub("-", name).strip("-.") or "repository"
    digest = sha256(os.fsencode(repository)).hexdigest()[:10]
    return cache_root.resolve() / "builds" / f"{readable}-{digest}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one build goes: a worktree in a directory, and a mark once it is complete."""

    directory: Path

    @property
    def tree(self) -> Path:
        """The worktree, at the path it is built at and started from."""
        return self.directory / "tree"

    @property
    def lock(self) -> Path:
        """The file to hold locked while the place is looked at or changed."""
        return self.directory.with_name(self.directory.name + _LOCK_SUFFIX)

    @property
    def is_complete(self) -> bool:
        """Whether a build is here that was made to its end."""
        return self._mark.is_file() and self.tree.is_dir()

    @property
    def used_ns(self) -> int:
        """When the build was last asked for, 0 if never."""
        try:
            return self._mark.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    @property
    def _mark(self) -> Path:
        return self.directory / "complete"

    def prepare(self) -> None:
        """Make the empty directory."""
        self.directory.mkdir(mode=0o700)

    def complete(self) -> None:
        """Mark the build as made to its end, or as asked for again."""
        self._mark.touch(mode=0o600)

    def clear(self) -> None:
        """Remove everything here; first the mark, so that half a removal is not a build."""
        self._mark.unlink(missing_ok=True)
        remove_tree(self.directory)


def places_on(shelf: Path) -> list[Place]:
    """Return the places on a shelf, those used last first."""
    if not shelf.is_dir():
        return []
    places = [Place(path) for path in shelf.iterdir() if path.is_dir()]
    return sorted(places, key=lambda place: place.used_ns, reverse=True)


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Hold `lock` alone on this machine; wait for whoever holds it.

    UsageError when it cannot be written.
    """
    while (descriptor := _take(lock, fcntl.LOCK_EX)) is None:
        pass  # its last holder removed it while we waited; the next one is a new file
    try:
        yield
    finally:
        _release(lock, descriptor)


@contextmanager
def locked_if_free(lock: Path) -> Iterator[bool]:
    """Hold `lock` like :func:`locked` and yield True, or yield False when somebody else does."""
    try:
        descriptor = _take(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        descriptor = None
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            _release(lock, descriptor)


def remove_tree(directory: Path) -> None:
    """Remove `directory` and all in it, even where a build took away the right to write.

    TargetError when that is not enough: files of another user's.
    """
    try:
        if directory.exists():
            _loosen(directory)
            shutil.rmtree(directory)
    except OSError as error:
        raise TargetError(
            f"{directory} cannot be removed: {error.strerror}",
            hint="A build may have left files there that belong to another user; remove it.",
        ) from error


def _loosen(directory: Path) -> None:
    for parent, names, _ in os.walk(directory):
        for name in names:
            child = Path(parent, name)
            if not child.is_symlink() and not os.access(child, os.R_OK | os.W_OK | os.X_OK):
                child.chmod(0o700)


def _open(lock: Path) -> int:
    try:
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UsageError(
            f"{lock.parent} cannot be written: {error.strerror}",
            hint="Set XDG_CACHE_HOME to a directory that can be written.",
        ) from error


def _take(lock: Path, operation: int) -> int | None:
    """Return the descriptor of the locked file, None when the file is no longer the one at `lock`.

    The lock ends with the descriptor, thus also with this process, however that ends; and no
    child inherits it.
    """
    descriptor = _open(lock)
    try:
        fcntl.flock(descriptor, operation)
        if _is_at(lock, descriptor):
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _is_at(lock: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(lock.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _release(lock: Path, descriptor: int) -> None:
    """Remove the file while it is ours: those who wait for it see that, and make a new one."""
    lock.unlink(missing_ok=True)
    os.close(descriptor)
