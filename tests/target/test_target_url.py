"""What runs already is reached at its URL, and left as it is."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from target_programs import eventually

from perfgate.build.provide import Build
from perfgate.config.models import Target
from perfgate.errors import LateError, TargetError
from perfgate.procfs import TreeMeter, busy_s, read_stat
from perfgate.target.ports import Holder
from perfgate.target.start import start_build

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Service(BaseHTTPRequestHandler):
    """Answers 200 to /up, 404 to all else."""

    def do_GET(self) -> None:
        """Answer without a body."""
        self.send_response(200 if self.path == "/up" else 404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Log nothing."""


@contextmanager
def served(port: int = 0) -> Iterator[str]:
    """Serve for as long as the block lasts; yield the URL."""
    with ThreadingHTTPServer(("127.0.0.1", port), Service) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def target_at(url: str, **changes: object) -> Target:
    """Return the target that runs at a URL."""
    return Target.model_validate({"url": url, "ready": "/up", "ready_timeout_s": 0.2} | changes)


def build_at(url: str, root: Path) -> Build:
    """Return what answers at a URL as a build."""
    return Build(url, root, None, dirty=False, label=url)


def test_it_is_reached_and_left_running(tmp_path: Path) -> None:
    """It is ready when it answers 2xx, and still answers after the block."""
    with served() as url:
        target = target_at(url)
        for _ in range(2):
            with start_build(build_at(url, tmp_path), target, log=tmp_path / "log") as running:
                assert running.wait_until_ready() >= 0
                assert running.url == url
                assert running.listener() is Holder.OWN
        assert not (tmp_path / "log").exists()


def test_nothing_is_made_up_of_its_processes(tmp_path: Path) -> None:
    """No process is taken for its own: neither by who observes it nor by who measures it."""
    url = "http://127.0.0.1:9"
    with start_build(build_at(url, tmp_path), target_at(url), log=tmp_path / "log") as running:
        health = running.observe()
        assert (running.members(), health.processes, health.peak_rss_bytes) == ((), 0, 0)
        assert read_stat(running.pid) is None
        assert busy_s(running.pid) is None
        with TreeMeter(running.pid) as meter:
            assert (meter.pids, meter.read().cpu_s) == ((), 0.0)


@pytest.mark.parametrize(
    ("ready", "answer"), [("/down", "status 404"), ("http://127.0.0.1:9/", "connection refused")]
)
def test_one_that_is_not_there_is_told(ready: str, answer: str, tmp_path: Path) -> None:
    """The error has the URL that was asked and the last answer; waiting longer is no cure."""
    with served() as url:
        target = target_at(url, ready=ready)
        started = start_build(build_at(url, tmp_path), target, log=tmp_path / "log")
        with started as running, pytest.raises(TargetError, match=answer) as caught:
            running.wait_until_ready()
    assert not isinstance(caught.value, LateError)
    assert "start the service first" in caught.value.hint


def test_it_is_waited_for(tmp_path: Path) -> None:
    """One that comes within the time is not refused."""
    with served() as url:
        pass
    port = int(url.rpartition(":")[2])
    target, waited_s = target_at(url, ready_timeout_s=10.0), list[float]()
    with start_build(build_at(url, tmp_path), target, log=tmp_path / "log") as running:
        waiting = threading.Thread(target=lambda: waited_s.append(running.wait_until_ready()))
        waiting.start()
        with served(port):
            assert eventually(lambda: bool(waited_s), 10.0)
        waiting.join()
