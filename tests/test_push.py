"""Metrics arrive at a Pushgateway, under the service's name, and replace the last ones."""

from __future__ import annotations

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest
import requests
from builders import Build, case
from cli.peers import needs, pushgateway

from perfgate.cli.verdicts import tell
from perfgate.push import PushError, push

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def listening(status: int, seen: list[tuple[str, str]]) -> Iterator[str]:
    """Take requests to PUT, note path and body, and answer with this status."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            seen.append((self.path, body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(b"so be it")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def test_metrics_are_put_under_the_service() -> None:
    """Service and profile are the group, whatever letters they have."""
    seen: list[tuple[str, str]] = []
    with listening(200, seen) as url:
        push(url, "x 1\n", service="a/b", profile="default")
    path = "/metrics/job/perfgate/service@base64/YS9i/profile@base64/ZGVmYXVsdA=="
    assert seen == [(path, "x 1\n")]


def test_a_refusal_is_an_error() -> None:
    """A gateway that refuses is named with what it says, and so is one that is not there."""
    with (
        listening(400, []) as url,
        pytest.raises(PushError, match=r"127\.0\.0\.1:\d+/: answers 400: so be it"),
    ):
        push(url, "x 1\n", service="a", profile="b")
    with pytest.raises(PushError, match="cannot be reached"):
        push(url, "x 1\n", service="a", profile="b")


def test_a_verdict_does_not_depend_on_it(capsys: pytest.CaptureFixture[str]) -> None:
    """The metrics of a verdict are pushed; where that fails it is said, and the exit code stays."""
    seen: list[tuple[str, str]] = []
    with listening(200, seen) as url:
        assert tell(case(Build(cost=1.0)), "terminal", None, push_to=url) == 1
    assert 'outcome="FAIL"} 1\n' in seen[0][1]
    assert capsys.readouterr().err == ""
    assert tell(case(Build(cost=1.0)), "terminal", None, push_to=url) == 1
    assert capsys.readouterr().err.startswith("warning: the metrics were not pushed: http://")


@needs("prometheus-pushgateway", "apt-get install prometheus-pushgateway")
def test_a_pushgateway_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The real one has the last verdict of the service, and no other."""
    with pushgateway(tmp_path) as url:
        assert tell(case(Build(cost=1.0)), "terminal", None, push_to=url) == 1
        assert tell(case(), "terminal", None, push_to=url) == 0
        metrics = requests.get(f"{url}/metrics", timeout=30.0).text
    assert capsys.readouterr().err == ""
    told = [line for line in metrics.splitlines() if line.startswith("perfgate_verdict{")]
    assert [line.rpartition(" ")[2] for line in told if 'outcome="PASS"' in line] == ["1"]
    assert len(told) == 5
