"""Real git repositories pass from here to the tests; it asserts nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# Nobody's own settings, and dates that make every commit reproducible and ordered.
_ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
}


@dataclass(frozen=True)
class Checkout:
    """A repository with a working tree at `path`."""

    path: Path

    def git(self, *words: str) -> str:
        """Run git here and return what it printed."""
        return subprocess.run(
            ["git", *words],
            cwd=self.path,
            env={**os.environ, **_ENVIRONMENT},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def write(self, name: str, content: str | bytes = "") -> Path:
        """Write a file, with its directories."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def commit(self, message: str = "Change", **files: str | bytes) -> str:
        """Commit all there is, with `files` added (by name, `__` for a slash); return its hash."""
        for name, content in files.items():
            self.write(name.replace("__", "/"), content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def worktrees(self) -> list[str]:
        """Return the directories of all worktrees that git knows of, the main one first."""
        lines = self.git("worktree", "list", "--porcelain").splitlines()
        return [line.removeprefix("worktree ") for line in lines if line.startswith("worktree ")]


def make_repository(path: Path) -> Checkout:
    """Make an empty repository at `path`, on branch main."""
    path.mkdir(parents=True, exist_ok=True)
    checkout = Checkout(path)
    checkout.git("init", "--quiet", "--initial-branch=main")
    return checkout


def shallow_clone(origin: Checkout, path: Path) -> Checkout:
    """Clone `origin` with the last commit only, as a CI job does."""
    origin.git("config", "uploadpack.allowAnySHA1InWant", "true")
    origin.git("clone", "--quiet", "--depth=1", f"file://{origin.path}", str(path))
    return Checkout(path)


def alive_with(word: str) -> list[int]:
    """Return the pids of all living processes whose command line has `word` in it."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = " ".join(process.info["cmdline"] or ())
        if word in words and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process.pid)
    return found


def eventually(condition: Callable[[], object], patience_s: float = 30.0) -> bool:
    """Wait until `condition` holds and return True; False when patience is at its end."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


# The arguments: project, cache root, ref, build command. Its output is the build's directory.
_PROVIDE = """
import os, pathlib, sys
from perfgate.build.provide import Ref, provide_build
from perfgate.config.models import Target
root, cache, ref, command = sys.argv[1:]
target = Target(start="true", build=command)
build = provide_build(Ref(ref), target, pathlib.Path(root), pathlib.Path(cache), os.environ)
print(build.directory)
"""


def start_providing(
    project: Path, cache_root: Path, ref: str, command: str
) -> subprocess.Popen[str]:
    """Start a process of its own that provides the build of `ref`."""
    return subprocess.Popen(
        [sys.executable, "-c", _PROVIDE, str(project), str(cache_root), ref, command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
