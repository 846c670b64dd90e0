"""A text becomes a file, whole or not at all; what the text says is others' to know."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

MODE = 0o644


def write_whole(path: Path, text: str) -> None:
    """Write the file at ``path`` beside its place and move it there; raises OSError.

    A file that was there keeps its permissions, and a link still leads to it.
    """
    place = path.resolve()
    mode = place.stat().st_mode if place.exists() else MODE
    descriptor, draft = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(mode & 0o7777)
        Path(draft).replace(place)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
