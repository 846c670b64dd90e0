"""A change of a file as a unified diff, safe to show; nothing is written."""

from __future__ import annotations

from difflib import unified_diff
from typing import TYPE_CHECKING

from perfgate.tail import escaped

if TYPE_CHECKING:
    from pathlib import Path


def render_diff(path: Path, before: str, after: str) -> str:
    """Return what turns the text ``before`` of the file into ``after``; "" where they are equal."""
    names = (str(path) if before else "/dev/null", str(path))
    lines = unified_diff(before.splitlines(), after.splitlines(), *names, lineterm="")
    return "\n".join("\t".join(map(escaped, line.split("\t"))) for line in lines)
