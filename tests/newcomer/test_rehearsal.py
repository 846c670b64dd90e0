"""A start is tried: what comes of one that does not listen where it should."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perfgate.errors import TargetError
from perfgate.newcomer import rehearsal
from perfgate.newcomer.clues import Start
from perfgate.target.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path


def test_a_service_with_a_port_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: one that listens elsewhere is told by that port, with what to do about it."""
    monkeypatch.setattr(rehearsal, "PATIENCE_S", 2.0)
    port = free_port()
    start = Start(f"{{python}} -m http.server {port} --bind 127.0.0.1", "a guess")
    with pytest.raises(TargetError, match=f"it listens on {port}, whatever port") as caught:
        rehearsal.rehearse(tmp_path, [start], None)
    assert "env PORT={port}" in caught.value.hint
