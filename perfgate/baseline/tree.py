"""Files by their paths, in a directory or in a commit of git's alike; nothing is read into them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from perfgate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from perfgate.build.gitio import Repository


class Tree(Protocol):
    """Files by their paths from a directory, wherever they are kept."""

    def called(self, path: str) -> str:
        """Return how the file is called in messages."""

    def names(self, path: str) -> Sequence[str]:
        """Return the names in a directory; none where there is no such one."""

    def content(self, path: str) -> bytes | None:
        """Return what is in the file, None where there is no such one."""


@dataclass(frozen=True, slots=True)
class Files:
    """A directory as it is."""

    root: Path

    def called(self, path: str) -> str:
        """Return how the file is called in messages."""
        return str(self.root / path)

    def names(self, path: str) -> Sequence[str]:
        """Return the names in a directory; none where there is no such one."""
        below = self.root / path
        return sorted(entry.name for entry in below.iterdir()) if below.is_dir() else ()

    def content(self, path: str) -> bytes | None:
        """Return what is in the file, None where there is no such one."""
        file = self.root / path
        try:
            return file.read_bytes() if file.is_file() else None
        except OSError as error:
            raise StoreError(
                f"{file} cannot be read: {error.strerror}", hint="Look at its permissions."
            ) from error


@dataclass(frozen=True, slots=True)
class Committed:
    """The directory ``within`` a repository as of a commit."""

    repository: Repository
    commit: str
    within: str

    def called(self, path: str) -> str:
        """Return how git calls the file."""
        return f"{self.commit[:12]}:{self._path(path)}"

    def names(self, path: str) -> Sequence[str]:
        """Return the names in a directory; none where there is no such one."""
        return self.repository.list_directory(self.commit, self._path(path))

    def content(self, path: str) -> bytes | None:
        """Return what is in the file, None where there is no such one."""
        return self.repository.read_file(self.commit, self._path(path))

    def _path(self, path: str) -> str:
        return path if self.within == "." else f"{self.within}/{path}"


def text_of(content: bytes, called: str) -> str:
    """Return the text of a file; raises StoreError where it is none."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise StoreError(f"{called} is not text", hint="Restore it from git.") from error
