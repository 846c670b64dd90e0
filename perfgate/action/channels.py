"""The files by which a step tells its job something: ours alone, whoever else wrote to them.

A build runs as the same user as the step, so it can find these files and write to them, however
clean its environment is. By the time they are written here it has been stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.tail import escaped

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTPUT, SUMMARY = "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"
NAMES = (OUTPUT, SUMMARY, "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")


class Channels:
    """Files of the step, as they were before the check."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        paths = {name: Path(environ[name]) for name in NAMES if environ.get(name)}
        self._before = {name: _content(path) for name, path in paths.items()}
        self._paths = paths

    def tell(self, outputs: Mapping[str, str], summary: str) -> None:
        """Make them what they were, with these outputs and this summary behind that."""
        lines = "".join(f"{name}={escaped(value)}\n" for name, value in outputs.items())
        added = {OUTPUT: lines, SUMMARY: summary}
        for name, path in self._paths.items():
            # Whatever stands there now, a link too, is replaced.
            path.unlink(missing_ok=True)
            path.write_bytes(self._before[name] + added.get(name, "").encode())


def _content(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""
