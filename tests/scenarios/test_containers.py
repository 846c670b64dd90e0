"""The same build, started by a command and run from an image, gets the same verdict."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import podman
import pytest
from cli.command_line import PERFGATE
from real_repository import make_repository

from perfgate.build.images import find_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from real_repository import Checkout

NAME = podman.own("scenario")
SERVICE = """\
import sys
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b"ok"
        for _ in range(ROUNDS):
            body = sha256(body).digest()
        self.send_response(200)
        self.send_header("Content-Length", "32")
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass

class Server(ThreadingHTTPServer):
    request_queue_size = 128

Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
# A request takes half as much CPU time again, so that no noise hides it.
ROUNDS = {"Serve": 500, "Hash more": 900}
CALLERS = """\
from locust import FastHttpUser, task

class Caller(FastHttpUser):
    @task
    def look(self):
        self.client.get("/look")
"""
LEDGER = """\
format = "perfgate.demand/1"

[[dependent]]
name = "gateway"
peak_rps = 40.0
mix = { look = 1.0 }
timeout_s = 1.0
"""
HEAD = 'service = "look"\n\n'
TAIL = """\

[load]
locustfile = "callers.py"

[profiles.default]
demand_s = 4.0
split_s = 2.0
pairs = 60
solo_s = 0.0
saturation_s = 1.0
"""
# Runs that cannot be trusted are repeated, each up to four times.
PATIENCE_S = 400
PROCESS = f"""\
[target]
start = "{podman.PYTHON} -I -S service.py {{host}} {{port}}"
ready = "/look"
"""
CONTAINER = f"""\
[target]
ready = "/look"

[target.container]
engine = "podman"
image = "{NAME}:{{commit}}"
network = "host"
command = "{podman.PYTHON} -I -S /srv/service.py {{host}} {{port}}"
options = {json.dumps(podman.OPTIONS)}
"""


def judged(
    project: Path, config: str, base: str = "HEAD~1"
) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Return exit code, verdict and measurement of a check of the last commit beside another."""
    kept = project.parent / config.partition(".")[0]
    words = ["--candidate", "HEAD", "--base", base, "--budget", "60s", "--output", str(kept)]
    run = subprocess.run(
        [PERFGATE, "check", "--config", config, *words],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert run.returncode in {0, 1, 3}, run.stderr
    verdict, case = (
        json.loads((kept / name).read_text()) for name in ("verdict.json", "measurement.json")
    )
    return run.returncode, verdict, case["measurement"]


@contextmanager
def in_images(checkout: Checkout) -> Iterator[str]:
    """Commit the service with each cost, and make an image of each; yield the last commit."""
    with ExitStack() as stack:
        for message, rounds in ROUNDS.items():
            service = SERVICE.replace("ROUNDS", str(rounds))
            files = {"callers.py": CALLERS, "demand.toml": LEDGER, "service.py": service}
            files |= {"process.toml": HEAD + PROCESS + TAIL, "image.toml": HEAD + CONTAINER + TAIL}
            commit = checkout.commit(message, **files)
            stack.enter_context(podman.imported(f"{NAME}:{commit}", {"service.py": service}))
        yield commit


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """Return an empty repository for the service; skip where no container can be run."""
    podman.need_podman()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return make_repository(tmp_path / "service")


@pytest.mark.nightly
def test_an_image_beside_itself_ships(checkout: Checkout) -> None:
    """Two containers of one image at the same time are no worse than each other: nothing fails."""
    with in_images(checkout) as commit:
        code, verdict, measured = judged(checkout.path, "image.toml", base="HEAD")
        assert podman.names(f"{NAME}:{commit}") == []
    # A minute of a busy machine may decide nothing; a fault of the method would fail one of them.
    assert code in {0, 3}, verdict
    assert "FAIL" not in {own["outcome"] for own in verdict["findings"]}
    assert measured["candidate"]["digest"] == measured["base"]["digest"]
    assert len(measured["sessions"]) >= 4


@pytest.mark.nightly
def test_an_image_gets_the_verdict_of_its_process(checkout: Checkout) -> None:
    """What costs more CPU time fails by cost either way, by as much; the image's digest is told."""
    with in_images(checkout) as commit:
        digest = find_image("podman", f"{NAME}:{commit}").digest
        code, plain, _ = judged(checkout.path, "process.toml")
        code_of_image, contained, measured = judged(checkout.path, "image.toml")
        assert podman.names(f"{NAME}:{commit}") == []
    assert code == code_of_image == 1, (plain, contained)
    assert plain["findings"][0]["check"] == contained["findings"][0]["check"] == "cost"
    sizes = [verdict["findings"][0]["observed"] for verdict in (plain, contained)]
    assert sizes[1] == pytest.approx(sizes[0], abs=8.0)
    costs = [_figure(verdict, "cost per request") for verdict in (plain, contained)]
    assert costs[1] == pytest.approx(costs[0], rel=0.25)
    assert _figure(contained, "peak memory") > 1
    assert measured["candidate"]["digest"] == digest


def _figure(verdict: dict[str, Any], name: str) -> float:
    (figure,) = (own for own in verdict["figures"] if own["name"] == name)
    return float(figure["candidate"])
