"""Twins: the users of both builds that get the same requests are the same, and so is what is sent.

With the bundled Locust file, at servers that remember who logged in and what for.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest

from load.runs import open_plan, steady
from perfgate.load.engine import Engine, run_load
from perfgate.load.plan import Host, Pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

LOCUSTFILE = Path(__file__).parents[2] / "locustfiles" / "auth.py"
MIX = {"login": 1.0}
IDENTITIES = 20
HEADER = base64.urlsafe_b64encode(b'{"kid": "k1"}').decode().rstrip("=")
LOGIN = {
    "access_token": f"{HEADER}.e30.c2lnbmVk",
    "token_type": "Bearer",
    "expires_in": 3600,
    "refresh_token": "first",
}


class Desk(BaseHTTPRequestHandler):
    """Lets everybody in and remembers who came, and what for."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two of them wait for each other

    def do_POST(self) -> None:
        """Answer a login."""
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        name, scope = form["username"][0], form["scope"][0]
        self.server.came.append((name, scope))  # type: ignore[attr-defined] # set by desk()
        body = json.dumps({**LOGIN, "scope": scope}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def desk() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Serve, and give the address and the list of those who came."""
    came: list[tuple[str, str]] = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        server.came = came  # type: ignore[attr-defined] # for the handlers
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", came
        finally:
            server.shutdown()


def visits(directory: Path, rate_rps: float | None, **phases: Any) -> dict[str, Any]:
    """Return who came to base and candidate in a run of these phases."""
    with desk() as (base_url, base), desk() as (candidate_url, candidate):
        plan = open_plan(
            Host("base", base_url, os.getpid()),
            Host("candidate", candidate_url, os.getpid()),
            mix=MIX,
            identities=IDENTITIES,
            **({} if rate_rps else {"open": None}) | phases,
        )
        schedule = steady(rate_rps, 2.0, MIX) if rate_rps else None
        journal = run_load(
            Engine(LOCUSTFILE), plan, schedule, directory, limit_s=60.0, tick=lambda: True
        )
    assert journal is not None
    assert journal.sign_in_failures == {"base": [], "candidate": []}
    return {"base": base, "candidate": candidate}


def test_twins_in_closed_loop(tmp_path: Path) -> None:
    """Law: in warm-up and pairs both builds are asked the same, by the same users."""
    came = visits(tmp_path, None, warmup_requests=30, pairs=Pairs(4, 15, 5))

    assert Counter(came["base"]) == Counter(came["candidate"])
    assert len(came["base"]) == IDENTITIES + 30 + 4 * 15
    # All came when they signed in, and then in turn.
    users = Counter(name for name, _ in came["base"])
    assert set(users) == {f"user-{number:03}" for number in range(IDENTITIES)}
    assert max(users.values()) - min(users.values()) <= 2


def test_twins_in_open_loop(tmp_path: Path) -> None:
    """Law: unless a user is still busy, a request and its twin are sent by the same one."""
    came = visits(tmp_path, 50.0)
    base, candidate = Counter(came["base"]), Counter(came["candidate"])

    assert base.total() == candidate.total() == IDENTITIES + 100
    # A stall of this machine for longer than all users are free may mix up a few.
    assert (base & candidate).total() >= 0.95 * base.total()
