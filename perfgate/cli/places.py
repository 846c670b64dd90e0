"""Where output is to go is proved before anything is measured; nothing is written here yet."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING

from perfgate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def prepared(directory: Path) -> Path:
    """Make the directory where it is missing, and return it.

    Raises UsageError where it cannot be made, holds something already, or cannot be written to.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise UsageError(f"{directory} is not empty", hint="Name a new or an empty directory.")
        # Only an attempt tells: a file system may be mounted to be read only.
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise UsageError(
            f"{directory}: cannot be written to: {error.strerror}",
            hint="Check its permissions, or name another directory.",
        ) from error
    return directory


def writable(file: Path) -> Path:
    """Return the file; raises UsageError where it could not be written."""
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent} is not a directory", hint="Make it first.")
    if file.is_dir():
        raise UsageError(f"{file} is a directory", hint="Name a file in it.")
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise UsageError(f"{file}: cannot be written to", hint="Check its permissions.")
    return file
