"""The commits of the story become a git repository with the bundled auth service in it.

Nothing is measured here, and what the commits are for is not known.
"""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from perfgate.build.gitio import begin_repository, open_repository
from perfgate.story.chapters import COMMITS

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.build.gitio import Repository
    from perfgate.story.chapters import Commit, Edit

AUTHOR = ("Story", "story@example.org")
SERVICE = "authsvc"
BYTECODE = "__pycache__"


def make_repository(root: Path) -> None:
    """Make the repository in a new directory, and leave its first branch checked out.

    Raises UsageError where git cannot be run.
    """
    _copy("perfgate.story", "files", root)
    _copy("perfgate", "demo", root / SERVICE)
    (root / ".gitignore").write_text(f"{BYTECODE}/\n", encoding="utf-8")
    begin_repository(root, COMMITS[0].branch)
    with open_repository(root) as repository:
        for number, commit in enumerate(COMMITS):
            _make(repository, root, commit, is_first=number == 0)
        repository.switch(COMMITS[0].branch)


def switch(root: Path, branch: str) -> None:
    """Check out a branch."""
    with open_repository(root) as repository:
        repository.switch(branch)


def commit_all(root: Path, message: str) -> None:
    """Commit all that has been written."""
    with open_repository(root) as repository:
        repository.commit_all(message, *AUTHOR)


def _copy(package: str, part: str, to: Path) -> None:
    with as_file(files(package) / part) as source:
        shutil.copytree(source, to, ignore=shutil.ignore_patterns(BYTECODE))


def _make(repository: Repository, root: Path, commit: Commit, *, is_first: bool) -> None:
    if not is_first:
        repository.switch(commit.branch)
    for edit in commit.edits:
        _apply(root, edit)
    repository.commit_all(commit.message, *AUTHOR)


def _apply(root: Path, edit: Edit) -> None:
    file = root / edit.path
    text = file.read_text(encoding="utf-8")
    if edit.before not in text:
        raise ValueError(f"{edit.path} has no {edit.before!r} that could be replaced")
    file.write_text(text.replace(edit.before, edit.after), encoding="utf-8")
