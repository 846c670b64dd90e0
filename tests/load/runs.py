"""Real load runs for the tests: tiny servers, Locust files, and what is left behind."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from load.journals import plan
from perfgate.load.engine import Engine, run_load
from perfgate.load.plan import Host, Open
from perfgate.load.schedule import Schedule, Stage, draw_schedule
from perfgate.procfs import all_pids, read_stat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perfgate.load.journal import Journal
    from perfgate.load.plan import Plan

SERVER = Path(__file__).parent / "tiny_server.py"

# The start of every Locust file: the draw is one of those that twins must share.
HEADER = """
import os, random
from locust import FastHttpUser, HttpUser, LoadTestShape, TaskSet, events, task

def drawn(path):
    return f"{path}?draw={random.random()}"
"""

PLAIN = """
class Caller(FastHttpUser):
    @task
    def fetch(self):
        self.client.get(drawn("/ok"), name="fetch")
"""


@dataclass(frozen=True)
class Server:
    """A tiny server that runs."""

    port: int
    pid: int
    address: str = "127.0.0.1"

    @property
    def url(self) -> str:
        """The address of the server."""
        return f"http://{self.address}:{self.port}"

    def seen(self) -> list[str]:
        """Return the paths it was asked for, in order."""
        with urlopen(f"{self.url}/seen") as answer:  # noqa: S310 - the scheme is http
            paths: list[str] = json.load(answer)
            return paths

    def host(self, build: str = "candidate") -> Host:
        """Return the server as the host of a build."""
        return Host(build, self.url, self.pid)


@contextmanager
def tiny_server(*options: str, address: str = "127.0.0.1") -> Iterator[Server]:
    """Run a server for as long as the block lasts."""
    command = (sys.executable, "-I", "-S", str(SERVER), "--host", address, *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield Server(int(process.stdout.readline()), process.pid, address)
        finally:
            process.kill()


def steady(rate_rps: float, duration_s: float, mix: dict[str, float]) -> Schedule:
    """Return equally spaced arrivals."""
    return draw_schedule([Stage(rate_rps, duration_s)], mix=mix, seed=5, arrivals="uniform")


def open_plan(*hosts: Host, **changes: Any) -> Plan:
    """Return a plan of an open loop only, with one operation ``fetch``."""
    made: dict[str, Any] = {
        "hosts": hosts,
        "mix": {"fetch": 1.0},
        "open": Open("schedule.npz", drain_s=3.0, backlog_limit=2000),
    }
    return plan(**made | changes)


def write_locustfile(directory: Path, text: str) -> Engine:
    """Return Locust with a Locust file of this text after HEADER."""
    file = directory / "locust file.py"
    file.write_text(HEADER + text)
    return Engine(file)


def run(
    directory: Path,
    locustfile: str,
    planned: Plan,
    schedule: Schedule | None,
    tick: Callable[[], bool] = lambda: True,
    limit_s: float = 60.0,
) -> Journal | None:
    """Carry out the plan in ``directory``/run."""
    run_dir = directory / "run"
    run_dir.mkdir()
    engine = write_locustfile(directory, locustfile)
    return run_load(engine, planned, schedule, run_dir, limit_s=limit_s, tick=tick)


def completed(
    directory: Path, locustfile: str, planned: Plan, schedule: Schedule | None
) -> Journal:
    """Carry out the plan to its end."""
    journal = run(directory, locustfile, planned, schedule)
    assert journal is not None
    return journal


def processes_in(directory: Path) -> list[int]:
    """Return the living processes whose working directory this is, or one below it."""
    found = []
    for pid in all_pids():
        try:
            where = Path(f"/proc/{pid}/cwd").readlink()
        except OSError:
            continue
        stat = read_stat(pid)
        if where.is_relative_to(directory.resolve()) and stat is not None and stat.alive:
            found.append(pid)
    return found
