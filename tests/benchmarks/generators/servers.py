"""The servers that are asked: nginx, and the clockwork whose answers are known beforehand."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.generators.truth import Stalls

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOCKWORK = Path(__file__).parent / "clockwork.py"
READY_S = 10.0
NEVER = Stalls(start_s=0.0, every_s=1.0, length_s=0.0)

NGINX_CONF = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "ok"; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, and when it stalls."""

    url: str
    pid: int
    stalls: Stalls = NEVER


@contextmanager
def nginx(directory: Path, cpu: int) -> Iterator[Server]:
    """Run nginx with one worker for as long as the block lasts."""
    port = _free_port()
    conf = directory / "nginx.conf"
    conf.write_text(NGINX_CONF.format(port=port))
    command = ("nginx", "-p", str(directory), "-e", "error.log", "-c", str(conf))
    with _running(command, cpu) as process:
        _wait_for(port)
        yield Server(f"http://127.0.0.1:{port}", process.pid)


@contextmanager
def clockwork(
    cpu: int,
    *,
    service_us: int = 0,
    stall_s: float = 0.0,
    every_s: float = 1.0,
    awake: bool = False,
) -> Iterator[Server]:
    """Run the clockwork for as long as the block lasts; what it is told is in its docstring."""
    options = ("--service-us", service_us, "--stall-s", stall_s, "--every-s", every_s)
    command = (sys.executable, "-I", "-S", str(CLOCKWORK), *map(str, options))
    command += ("--awake",) if awake else ()
    with _running(command, cpu) as process:
        assert process.stdout is not None
        port, start_s = process.stdout.readline().split()
        stalls = Stalls(float(start_s), every_s, stall_s)
        yield Server(f"http://127.0.0.1:{int(port)}", process.pid, stalls)


@contextmanager
def _running(command: tuple[str, ...], cpu: int) -> Iterator[subprocess.Popen[bytes]]:
    pinned = ("taskset", "--cpu-list", str(cpu), *command)
    with subprocess.Popen(pinned, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + READY_S
    while time.monotonic() < deadline_s:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise TimeoutError(f"no server on port {port} within {READY_S:g} s")
