"""Real processes of the auth service for the tests to talk to, and the requests they share."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

READY_S = 20.0

WEB = ("web-app", "web-app-secret")
MOBILE = ("mobile-app", "mobile-app-secret")
GATEWAY = ("gateway", "gateway-secret")
BILLING = ("billing", "billing-secret")


@dataclass(frozen=True)
class Running:
    """A service that answers, its process and a client that keeps its connection."""

    process: subprocess.Popen[bytes]
    http: httpx.Client
    directory: Path
    log: Path

    @property
    def url(self) -> str:
        """The address of the service."""
        return str(self.http.base_url)

    def post(self, path: str, auth: tuple[str, str] | None, **form: str) -> httpx.Response:
        """Send a form, as this client."""
        return self.http.post(path, data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)

    def tokens(self, auth: tuple[str, str], **form: str) -> dict[str, Any]:
        """Return the body of a token answer that must be good."""
        answer = self.post("/token", auth, **form)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def login(self, number: int = 0, **form: str) -> dict[str, Any]:
        """Return the tokens of a seeded user."""
        return self.tokens(
            WEB,
            grant_type="password",
            username=f"user-{number:03d}",
            password=f"open-sesame-{number % 4}",
            **form,
        )

    def introspect(self, token: str, auth: tuple[str, str] = GATEWAY) -> dict[str, Any]:
        """Return what the service says about a token."""
        answer = self.post("/introspect", auth, token=token)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def refresh(self, token: str, auth: tuple[str, str] = WEB, **form: str) -> httpx.Response:
        """Present a refresh token."""
        return self.post("/token", auth, grant_type="refresh_token", refresh_token=token, **form)

    def stop(self) -> int:
        """Send SIGTERM and return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(READY_S)


def free_port() -> int:
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    directory: Path, module: str = "perfgate.demo", **environment: str
) -> Iterator[Running]:
    """Start the service in ``directory`` (the working directory too), and stop it at the end."""
    directory.mkdir(parents=True, exist_ok=True)
    port, log = free_port(), directory / "log.txt"
    command = [
        sys.executable,
        "-m",
        module,
        "--port",
        str(port),
        "--data-dir",
        str(directory / "d"),
    ]
    with log.open("ab") as output, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=directory, env=environment
        )
        try:
            service = Running(process, client, directory / "d", log)
            _wait_until_ready(service)
            yield service
        finally:
            process.kill()
            process.wait()


def _wait_until_ready(service: Running) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        assert service.process.poll() is None, service.log.read_text()
        try:
            if service.http.get("/healthz").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise AssertionError(service.log.read_text())
