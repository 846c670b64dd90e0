"""Runs single tasks of a Locust file against prescribed answers; started as a process by tests.

Locust patches the process that imports it, which must not be the one that runs the tests. The
cases come as JSON on standard input, what Locust was told about each goes to standard output.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from locust.env import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


class Prescribed(BaseHTTPRequestHandler):
    """Gives the prescribed answer to every request.

    SCOPE and USERNAME in it stand for what the last form named, for a user draws them, SIGNATURE
    for another one each time.
    """

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet: two of them wait for each other
    status: ClassVar[int] = 200
    body: ClassVar[str] = ""
    named: ClassVar[dict[str, str]] = {}
    numbers: ClassVar[Iterator[int]] = itertools.count()

    def do_POST(self) -> None:
        """Read a form and answer."""
        form = self.rfile.read(int(self.headers["content-length"])).decode()
        self.named.update(parse_qsl(form))
        self.do_GET()

    def do_GET(self) -> None:
        """Answer, or hang up when the status is 0."""
        if self.status == 0:
            self.close_connection = True
            return
        content = self.body.replace("SIGNATURE", f"c2ln{next(self.numbers)}")
        for name in ("scope", "username"):
            content = content.replace(name.upper(), self.named.get(name, ""))
        self.send_response(self.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content.encode())))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


def load(path: str) -> ModuleType:
    """Import the Locust file at ``path``."""
    spec = importlib.util.spec_from_file_location("locustfile", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main(path: str) -> None:
    """Run every case on a user of its own: its ``steps`` are task, status and body."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Prescribed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    module = load(path)
    module.AuthUser.host = f"http://127.0.0.1:{server.server_port}"
    environment = Environment()
    told: list[list[str]] = []

    def tell(name: str, exception: object, **_: object) -> None:
        told.append([name, "" if exception is None else str(exception)])

    environment.events.request.add_listener(tell)  # type: ignore[no-untyped-call]  # Locust's own
    outcomes = []
    for steps in json.load(sys.stdin):
        told.clear()
        user: Any = module.AuthUser(environment)
        for task, status, body in steps:
            Prescribed.status, Prescribed.body = status, body
            getattr(user, task)()
        outcomes.append(list(told))
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
