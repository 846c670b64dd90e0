"""Several processes share a run: together they are one, and whoever does not belong spoils it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil
import pytest

from load.hosts import HERE, hosts
from load.runs import (
    PLAIN,
    completed,
    open_plan,
    processes_in,
    run,
    steady,
    tiny_server,
    write_locustfile,
)
from perfgate.errors import LoadError
from perfgate.exitcodes import ExitCode
from perfgate.load.engine import Remote, run_load
from perfgate.load.plan import BUILDS, SCHEDULED, Open, Outcome, Pairs, Phase, Saturation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perfgate.load.journal import Journal
    from perfgate.load.schedule import Schedule

pytestmark = pytest.mark.slow

# How often each law of exactness is tried; `make soak` tries them twenty times.
REPEATS = int(os.environ.get("PERFGATE_REPEATS", "1"))
RATE_RPS = 200
FORGE = Path(__file__).parent / "forge.py"
MIX = {"fetch": 1.0}


def assert_union(journal: Journal, schedule: Schedule) -> None:
    """Assert that both builds got every arrival of the schedule once, at its time."""
    rows = journal.rows
    scheduled = np.isin(rows["phase"], SCHEDULED)
    start_s = rows["intended_s"][scheduled].min() - schedule.intended_s[0]
    for build in range(len(BUILDS)):
        own = scheduled & (rows["build"] == build)
        found = sorted(zip(rows["number"][own], rows["operation"][own], strict=True))
        assert found == list(enumerate(schedule.operation))
        for number, intended_s in zip(rows["number"][own], rows["intended_s"][own], strict=True):
            assert intended_s - start_s == pytest.approx(schedule.intended_s[number], abs=1e-6)
    assert set(rows["outcome"]) == {Outcome.OK}


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("_", range(REPEATS))
def test_the_union_is_the_schedule(tmp_path: Path, workers: int, _: int) -> None:
    """Law: whatever the number of workers, together they send the schedule, each arrival once.

    What they send in the first quarter of a second is the ramp, and is metered apart.
    """
    schedule = steady(RATE_RPS, 1.0, MIX)
    with tiny_server() as base, tiny_server() as candidate:
        plan = open_plan(
            base.host("base"),
            candidate.host(),
            identities=8,
            workers=workers,
            open=Open("schedule.npz", 3.0, 2000, ramp_s=0.25),
            warmup_requests=20,
            saturation=Saturation(slices=2, slice_s=0.3, ramp_s=0.1, concurrency=5),
            pairs=Pairs(pairs=4, requests=6, concurrency=3),
        )
        journal = completed(tmp_path, PLAIN, plan, schedule)

    assert_union(journal, schedule)
    assert len(journal.generators) == workers
    windows = Counter(journal.windows["phase"].tolist())
    assert windows == {Phase.SATURATION: 4, Phase.RAMP: 2, Phase.OPEN: 2, Phase.PAIRS: 8}
    sent = Counter(journal.rows["phase"].tolist())
    assert (sent[Phase.WARMUP], sent[Phase.RAMP], sent[Phase.OPEN]) == (40, 100, 300)


def refused(directory: Path, disturb: Callable[[Path], None]) -> str:
    """Return why a run of two workers was refused that was disturbed in its open loop."""
    begun_s, done = 0.0, False

    def tick() -> bool:
        nonlocal begun_s, done
        # Both have said hello once they write; a little later they sign in, or send.
        if not begun_s and len(list(directory.glob("run/worker-*/journal-*.bin"))) == 2:
            begun_s = time.monotonic()
        if begun_s and not done and time.monotonic() - begun_s > 0.7:
            done = True
            disturb(directory / "run")
        return True

    with tiny_server() as server:
        plan = open_plan(server.host(), identities=8, workers=2)
        with pytest.raises(LoadError) as caught:
            run(directory, PLAIN, plan, steady(RATE_RPS, 4.0, MIX), tick)
    assert done
    assert caught.value.exit_code is ExitCode.UNDECIDED
    return caught.value.message


def process_in(directory: Path, word: str) -> psutil.Process:
    """Return the process of Locust in this directory that was started with this word."""
    return next(
        one
        for one in psutil.Process().children(recursive=True)
        if one.cwd() == str(directory) and word in one.cmdline()
    )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_worker_spoils_the_run(tmp_path: Path, how: signal.Signals) -> None:
    """Law: a worker that ends, or no longer answers, is told, not made up for by the others."""

    def lose(run_dir: Path) -> None:
        process_in(run_dir / "worker-1", "--worker").send_signal(how)

    assert "was lost" in refused(tmp_path, lose)


def test_a_forged_message_spoils_the_run(tmp_path: Path) -> None:
    """Law: what was not sealed with the run's key is never taken for a worker's word."""

    def forge(run_dir: Path) -> None:
        master = process_in(run_dir, "--master")
        words = master.cmdline()
        port = words[words.index("--master-bind-port") + 1]
        subprocess.run([sys.executable, str(FORGE), port], check=True, timeout=60)

    assert "was not sealed with this run's key" in refused(tmp_path, forge)


@contextmanager
def working(host: str, directory: Path, key: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `perfgate worker` on a host of the tests for as long as the block lasts."""
    command = [*("ip", "netns", "exec", host), sys.executable, "-m", "perfgate"]
    with subprocess.Popen(
        [*command, "worker", "--master", HERE],
        cwd=directory,
        env={**os.environ, "PERFGATE_KEY": key},
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            told = process.communicate(timeout=30)[1].decode()
    assert process.returncode == ExitCode.INTERRUPTED
    assert "waiting for a check" in told


CONFIGURATION = """
service = "tiny"
[target]
start = "serve --port {port}"
[load]
locustfile = "locust file.py"
port = 25577
"""


def test_a_worker_outlives_a_run_that_breaks(tmp_path: Path) -> None:
    """Law: a run that breaks on a worker's machine is told to the master; the worker goes on."""
    key = "k" * 32
    (tmp_path / "perfgate.toml").write_text(CONFIGURATION)
    text = PLAIN + "\n@events.request.add_listener\ndef odd(**_):\n    raise ValueError('odd')\n"
    engine = replace(write_locustfile(tmp_path, text), remote=Remote(HERE, 25577, key))
    with ExitStack() as stack:
        (host,) = stack.enter_context(hosts(1))
        process = stack.enter_context(working(host, tmp_path, key))
        server = stack.enter_context(tiny_server(address=HERE))
        for number in range(2):
            run_dir = tmp_path / f"run-{number}"
            run_dir.mkdir()
            with pytest.raises(LoadError, match="ValueError: odd"):
                run_load(
                    engine,
                    open_plan(server.host()),
                    steady(RATE_RPS, 0.3, MIX),
                    run_dir,
                    limit_s=60.0,
                    tick=lambda: True,
                )
        assert process.poll() is None


@pytest.mark.parametrize("_", range(REPEATS))
def test_workers_on_other_machines(tmp_path: Path, _: int) -> None:
    """Law: the union is the schedule when the workers are on hosts of their own too."""
    key, schedule = "k" * 32, steady(RATE_RPS, 1.0, MIX)
    (tmp_path / "perfgate.toml").write_text(CONFIGURATION)
    engine = replace(write_locustfile(tmp_path, PLAIN), remote=Remote(HERE, 25577, key))
    (tmp_path / "run").mkdir()
    with ExitStack() as stack:
        for host in stack.enter_context(hosts(2)):
            stack.enter_context(working(host, tmp_path, key))
        base, candidate = (
            stack.enter_context(tiny_server(address=HERE)).host(build) for build in BUILDS
        )
        plan = open_plan(base, candidate, identities=8, workers=2, warmup_requests=20)
        run_dir = tmp_path / "run"
        journal = run_load(engine, plan, schedule, run_dir, limit_s=60.0, tick=lambda: True)

    assert journal is not None
    assert_union(journal, schedule)
    assert len(journal.generators) == 2
    assert not processes_in(tmp_path)
