"""`perfgate worker` before it has a master: what it needs is asked for at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cli.command_line import PERFGATE, run_process
from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("key", "what"), [("", "it is not set"), ("short", "it is shorter")])
def test_a_worker_needs_a_key(
    project: Path, monkeypatch: pytest.MonkeyPatch, key: str, what: str
) -> None:
    """Without a good key no worker starts, and the command that makes one is told."""
    monkeypatch.setenv("PERFGATE_KEY", key)
    run = run_process([PERFGATE, "worker", "--master", "127.0.0.1"], project)
    assert run.code == ExitCode.USAGE
    assert what in run.err
    assert "openssl rand -hex 32" in run.err
