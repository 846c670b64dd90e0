"""Perfgate run in this process, in a project of its own."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from cli.command_line import Finished, make_project
from perfgate.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a described project, which is also the current directory."""
    root = make_project(tmp_path / "project")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def perfgate(
    project: Path,  # noqa: ARG001 - perfgate runs in it
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Callable[..., Finished]]:
    """Return perfgate as a function of the words on its command line."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*words: object) -> Finished:
        monkeypatch.setattr(sys, "argv", ["perfgate", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return Finished(end.value.code, out, err)

    yield run
    signal.signal(signal.SIGTERM, before)
