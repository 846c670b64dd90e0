"""`perfgate worker`: it serves one run after the other, and what is not as agreed is told."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil
import pytest

from load.remote import awaiting, carried_out, working
from load.runs import PLAIN, open_plan, steady, tiny_server, write_locustfile
from perfgate.errors import LoadError
from perfgate.exitcodes import ExitCode
from perfgate.target.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from load.runs import Server
    from perfgate.load.engine import Engine
    from perfgate.load.journal import Journal

pytestmark = pytest.mark.slow

HERE = "127.0.0.1"
LIMIT_S = 30.0


def announced(directory: Path) -> str:
    """Return a Locust file that says when a process imports it."""
    return f"open(f'{directory}/imported-{{os.getpid()}}', 'w').close()\n{PLAIN}"


def await_imports(directory: Path, count: int) -> None:
    """Wait until so many processes have said so, or for long."""
    begun_s = time.monotonic()
    while len([*directory.glob("imported-*")]) < count and time.monotonic() - begun_s < LIMIT_S:
        time.sleep(0.01)


def run_at(
    engine: Engine,
    server: Server,
    duration_s: float = 0.3,
    tick: Callable[[], bool] = lambda: True,
) -> Journal:
    """Run an open loop that one worker sends."""
    schedule = steady(50, duration_s, {"fetch": 1.0})
    return carried_out(engine, open_plan(server.host()), schedule, tick)


def test_a_worker_serves_run_after_run(tmp_path: Path) -> None:
    """Law: a worker serves the next run however the one before ended, be it by its master's death.

    What it still has to say of that one is refused.
    """
    engine = awaiting(tmp_path, PLAIN, HERE, free_port())

    def kill() -> bool:
        """Kill the master once load is sent."""
        if len(server.seen()) > 5:
            for one in psutil.Process().children():
                if "--master-bind-port" in one.cmdline():
                    one.kill()
        return True

    with tiny_server() as server, working(tmp_path, HERE) as work:
        with pytest.raises(LoadError, match="signal 9 killed it"):
            run_at(engine, server, 2.0, kill)
        for _ in range(2):
            assert len(run_at(engine, server).rows["number"]) == 15
    assert "a run was given up: the master has begun another run" in work.told
    assert "a run has ended; waiting for the next" in work.told


def test_a_worker_with_another_locust_file(tmp_path: Path) -> None:
    """Law: a worker that has another Locust file is refused; it counts what it has imported.

    Once it has the same file it is welcome.
    """
    engine = awaiting(tmp_path, announced(tmp_path), HERE, free_port())
    with tiny_server() as server, working(tmp_path, HERE) as work:
        await_imports(tmp_path, 1)
        write_locustfile(tmp_path, PLAIN)
        with pytest.raises(LoadError, match="has another Locust file") as caught:
            run_at(engine, server)
        assert caught.value.exit_code is ExitCode.UNDECIDED
        assert str(engine.locustfile) in caught.value.message
        assert "the same commit" in caught.value.hint
        run_at(engine, server)
    assert "has another Locust file than the check" in work.told


def test_more_workers_than_are_expected(tmp_path: Path) -> None:
    """Law: where one worker too many waits for the run, all are named, and what to do."""
    engine = awaiting(tmp_path, announced(tmp_path), HERE, free_port())
    with tiny_server() as server, working(tmp_path, HERE), working(tmp_path, HERE):
        await_imports(tmp_path, 2)
        with pytest.raises(LoadError, match="2 workers came instead of 1: ") as caught:
            run_at(engine, server, 5.0)
    assert "expect_workers" in caught.value.hint


def test_workers_that_do_not_come(tmp_path: Path) -> None:
    """Law: a run ends where too few workers come in time, and says how many, and what to do."""
    text = "from perfgate.load.inside import master\nmaster.COMING_S = 0.5\n"
    engine = awaiting(tmp_path, text + PLAIN, HERE, free_port())
    with tiny_server() as server, pytest.raises(LoadError, match="only 0 of 1 workers") as caught:
        run_at(engine, server)
    assert "perfgate worker" in caught.value.hint
