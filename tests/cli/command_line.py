"""Projects to run perfgate in, and perfgate run as a process; it asserts nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.verdict.case import Case

PERFGATE = Path(sys.executable).with_name("perfgate")

CONFIG = """\
service = "auth"

[target]
start = "{python} -m http.server {port}"

[load]
locustfile = "callers.py"
"""

LEDGER = """\
format = "perfgate.demand/1"

[[dependent]]
name = "gateway"
peak_rps = 40.0
mix = { introspect = 0.75, token = 0.25 }
timeout_s = 1.0
attempts = 3

[[dependent]]
name = "mail"
peak_rps = 10.0
mix = { token = 1.0 }
timeout_s = 2.0

[[dependent.change]]
from = "2026-12-01"
what = "delegate authentication"
scale = 3.0
"""


@dataclass(frozen=True)
class Finished:
    """A run of perfgate that has ended."""

    code: int
    out: str
    err: str


def make_project(root: Path, config: str = CONFIG, ledger: str = LEDGER) -> Path:
    """Describe a service to perfgate in the directory ``root`` and return it."""
    root.mkdir(parents=True, exist_ok=True)
    (root / ".git").mkdir(exist_ok=True)  # the search for a configuration ends here
    (root / "callers.py").write_text("")
    (root / "perfgate.toml").write_text(config)
    (root / "demand.toml").write_text(ledger)
    return root


def save(case: Case, path: Path) -> Path:
    """Write a case as perfgate does and return its path."""
    path.write_text(case.to_text(), encoding="utf-8")
    return path


def run_process(
    words: list[str | Path], cwd: Path, environ: Mapping[str, str] | None = None
) -> Finished:
    """Run a command to its end, with variables set besides those of this process."""
    done = subprocess.run(
        words,
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Finished(done.returncode, done.stdout, done.stderr)
