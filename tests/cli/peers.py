"""What perfgate takes figures from, on 127.0.0.1: real programs, and servers that misbehave."""

from __future__ import annotations

import shutil
import subprocess
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from perfgate.target.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    Answer = Callable[[dict[str, str]], tuple[int, str]]

READY_S = 60.0

# One process, as whoever runs the tests, with every file below its own directory.
NGINX = """\
daemon off;
master_process off;
pid {root}/pid;
error_log {root}/error.log;
events {{}}
http {{
  log_format lines escape=json
    '{{"msec": "$msec", "request_method": "$request_method", "request_uri": "$request_uri", '
    '"caller": "$http_x_caller"}}';
  access_log {root}/combined.log combined;
  access_log {root}/lines.log lines;
  client_body_temp_path {root}/body;
  proxy_temp_path {root}/proxy;
  fastcgi_temp_path {root}/fastcgi;
  uwsgi_temp_path {root}/uwsgi;
  scgi_temp_path {root}/scgi;
  keepalive_requests 100000;
  server {{
    listen 127.0.0.1:{port};
    location / {{ return 200 "ok"; }}
    location = /ready {{ access_log off; return 200 "ok"; }}
  }}
}}
"""


def needs(program: str, package: str) -> pytest.MarkDecorator:
    """Return the mark that skips a test where a program is missing, and names its package."""
    missing = shutil.which(program) is None and shutil.which(program, path="/usr/sbin") is None
    return pytest.mark.skipif(missing, reason=f"{program} is missing: apt-get install {package}")


@contextmanager
def nginx(root: Path) -> Iterator[int]:
    """Yield the port of an nginx that logs into ``root`` and stops at the end."""
    root.mkdir()
    port = free_port()
    (root / "nginx.conf").write_text(NGINX.format(root=root, port=port))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    words = [program, "-e", str(root / "error.log"), "-c", str(root / "nginx.conf")]
    with _running(words, root / "log.txt", port, "/ready"):
        yield port


@contextmanager
def prometheus(root: Path, history: Iterable[str]) -> Iterator[str]:
    """Yield the address of a Prometheus with this history (OpenMetrics lines, without the EOF)."""
    root.mkdir()
    _backfill(root, history)
    port = free_port()
    (root / "prometheus.yml").write_text("scrape_configs: []\n")
    words = [
        "prometheus",
        f"--config.file={root / 'prometheus.yml'}",
        f"--storage.tsdb.path={root / 'tsdb'}",
        "--storage.tsdb.retention.time=60d",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with _running(words, root / "log.txt", port, "/-/ready"):
        yield f"http://127.0.0.1:{port}"


def _backfill(root: Path, history: Iterable[str]) -> None:
    text = root / "history.txt"
    with text.open("w") as lines:
        lines.writelines(f"{line}\n" for line in history)
        lines.write("# EOF\n")
    words = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=24h", "openmetrics"]
    subprocess.run([*words, text, root / "tsdb"], check=True, capture_output=True)


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Yield the address of a server that answers queries of a range as Prometheus might."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            assert parts.path == "/base/api/v1/query_range"
            code, text = answer({key: values[0] for key, values in parse_qs(parts.query).items()})
            self.send_response(code)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/base"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _running(words: Sequence[str], log: Path, port: int, ready: str) -> Iterator[None]:
    """Run a program that answers ``ready`` with 200 once it is up, and stop it at the end."""
    with log.open("wb") as output, subprocess.Popen(words, stdout=output, stderr=output) as process:
        try:
            _wait(process, log, port, ready)
            yield
        finally:
            process.terminate()
            process.wait(READY_S)


def _wait(process: subprocess.Popen[bytes], log: Path, port: int, ready: str) -> None:
    deadline_s = time.monotonic() + READY_S
    while time.monotonic() < deadline_s:
        assert process.poll() is None, log.read_text()
        if _answers(port, ready):
            return
        time.sleep(0.05)
    raise AssertionError(log.read_text())


def _answers(port: int, path: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=READY_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
