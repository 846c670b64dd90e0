"""The inputs of the action become the words of a check: every one is an argument, none is shell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from perfgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "PERFGATE_"
# Inputs that are options of `perfgate check`, and are left out where they are empty.
OPTIONS = ("config", "profile", "candidate", "base", "budget", "on_inconclusive")
WITHIN = "Name a place in the checkout, as seen from its root."


@dataclass(frozen=True, slots=True)
class Inputs:
    """Where a check is run, where its reports go, and its other options."""

    workspace: Path
    directory: Path
    output: Path
    options: Mapping[str, str]

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Read the inputs as action.yml sets them; raises UsageError where one makes no sense."""
        workspace = Path(environ.get("GITHUB_WORKSPACE") or ".").resolve()
        directory = _within(workspace, environ, "WORKING_DIRECTORY", ".")
        if not directory.is_dir():
            raise UsageError(f"working-directory: {directory} is not a directory", hint=WITHIN)
        return cls(
            workspace=workspace,
            directory=directory,
            output=_within(workspace, environ, "OUTPUT", "perfgate-report"),
            options={name: environ.get(f"{PREFIX}{name.upper()}", "") for name in OPTIONS},
        )

    @property
    def words(self) -> list[str]:
        """Return the options of ``perfgate check``: a value cannot become another option."""
        given = {name.replace("_", "-"): value for name, value in self.options.items() if value}
        return [f"--output={self.output}", *(f"--{name}={value}" for name, value in given.items())]


def _within(workspace: Path, environ: Mapping[str, str], name: str, default: str) -> Path:
    """Return a path below the workspace; raises UsageError for one outside."""
    given = environ.get(f"{PREFIX}{name}") or default
    path = (workspace / given).resolve()
    if not path.is_relative_to(workspace):
        raise UsageError(
            f"{name.lower().replace('_', '-')}: {given!r} is outside the checkout", hint=WITHIN
        )
    return path
