"""Who runs this: what git would sign a commit with, else the name of the login."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from perfgate.build.gitio import open_repository
from perfgate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def who(root: Path) -> str:
    """Return who runs this in the project at ``root``: "Ann <ann@example.org>", or a login."""
    try:
        with open_repository(root) as repository:
            author = repository.author()
    except UsageError:
        author = None
    return author or _login()


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no variable names one, and the system knows no such user
        return "unknown"
