"""What perfgate takes figures from, on 127.0.0.1: real programs, and servers that misbehave."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from perfgate.target.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

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


# What Envoy writes: its default format, and JSON as Istio names it, without what nobody asks for.
ENVOY_FIELDS = {
    "start_time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "response_code": "%RESPONSE_CODE%",
    "user_agent": "%REQ(USER-AGENT)%",
    "x_caller": "%REQ(X-CALLER)%",
}
ENVOY_TYPES = "type.googleapis.com/envoy.extensions"
HTTP_TYPES = f"{ENVOY_TYPES}.filters.network.http_connection_manager.v3"

# Programs of packages that are not run as everybody, or were installed beside Python.
PLACES = os.pathsep.join([os.environ["PATH"], "/usr/sbin", str(Path(sys.executable).parent)])


def needs(program: str, install: str) -> pytest.MarkDecorator:
    """Return the mark that skips a test where a program is missing, and says how to install it."""
    missing = shutil.which(program, path=PLACES) is None
    return pytest.mark.skipif(missing, reason=f"{program} is missing: {install}")


def _path(program: str) -> str:
    found = shutil.which(program, path=PLACES)
    assert found, program
    return found


@contextmanager
def nginx(root: Path) -> Iterator[int]:
    """Yield the port of an nginx that logs into ``root`` and stops at the end."""
    root.mkdir()
    port = free_port()
    (root / "nginx.conf").write_text(NGINX.format(root=root, port=port))
    words = [_path("nginx"), "-e", str(root / "error.log"), "-c", str(root / "nginx.conf")]
    with _running(words, root / "log.txt", port, "/ready"):
        yield port


@contextmanager
def envoy(root: Path) -> Iterator[int]:
    """Yield the port of an Envoy that logs into ``root``, whole once it has stopped at the end."""
    root.mkdir()
    port = free_port()
    config = root / "envoy.json"
    config.write_text(json.dumps({"static_resources": {"listeners": [_listener(root, port)]}}))
    words = [_path("envoy"), "-c", str(config), "--concurrency", "1", "--disable-hot-restart"]
    with _running(words, root / "log.txt", port, "/ready"):
        yield port


def _listener(root: Path, port: int) -> dict[str, object]:
    """Return a listener that answers everything itself and logs it in both ways."""
    manager = {
        "@type": f"{HTTP_TYPES}.HttpConnectionManager",
        "stat_prefix": "test",
        "access_log": [
            _access_log({"path": str(root / "default.log")}),
            _access_log(
                {
                    "path": str(root / "lines.log"),
                    "log_format": {"json_format": ENVOY_FIELDS},
                }
            ),
        ],
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{ENVOY_TYPES}.filters.http.router.v3.Router"},
            }
        ],
        "route_config": {
            "virtual_hosts": [
                {
                    "name": "all",
                    "domains": ["*"],
                    "routes": [{"match": {"prefix": "/"}, "direct_response": {"status": 200}}],
                }
            ]
        },
    }
    return {
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": manager,
                    }
                ]
            }
        ],
    }


def _access_log(given: Mapping[str, object]) -> dict[str, object]:
    kind = f"{ENVOY_TYPES}.access_loggers.file.v3.FileAccessLog"
    return {"name": "envoy.access_loggers.file", "typed_config": {"@type": kind, **given}}


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


@contextmanager
def pushgateway(root: Path) -> Iterator[str]:
    """Yield the address of a Pushgateway that holds nothing."""
    port = free_port()
    words = [_path("prometheus-pushgateway"), f"--web.listen-address=127.0.0.1:{port}"]
    with _running(words, root / "pushgateway.txt", port, "/-/ready"):
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
