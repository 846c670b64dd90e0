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

REFUSING = """\
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(500 if self.path == "/" else 404)
        self.end_headers()
    def log_message(self, *words):
        pass

print("no templates", flush=True)
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_a_service_with_a_port_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: one that listens elsewhere is told by that port, with what to do about it."""
    monkeypatch.setattr(rehearsal, "PATIENCE_S", 2.0)
    port = free_port()
    start = Start(f"{{python}} -m http.server {port} --bind 127.0.0.1", "a guess")
    with pytest.raises(TargetError, match=f"it listens on {port}, whatever port") as caught:
        rehearsal.rehearse(tmp_path, [start], None)
    assert "env PORT={port}" in caught.value.hint


def test_a_service_that_answers_nothing_well(tmp_path: Path) -> None:
    """Law: what it answers is told by status and place, with the end of its log."""
    (tmp_path / "app.py").write_text(REFUSING)
    start = Start("{python} app.py {port}", "app.py")
    with pytest.raises(TargetError) as caught:
        rehearsal.rehearse(tmp_path, [start], None)
    assert "nowhere with 2xx: status 404 at /healthz, " in caught.value.message
    assert "; status 500 at /\n  | no templates" in caught.value.message
