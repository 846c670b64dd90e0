"""Several processes share a run: together they are one, and whoever does not belong spoils it."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from contextlib import ExitStack
from typing import TYPE_CHECKING

import numpy as np
import pytest

from load.hosts import HERE, clock, hosts, on
from load.mischief import forge, key_of, process_in
from load.remote import awaiting, carried_out, runs_of, working
from load.runs import (
    PLAIN,
    completed,
    open_plan,
    processes_in,
    run,
    steady,
    tiny_server,
)
from perfgate.errors import LoadError
from perfgate.exitcodes import ExitCode
from perfgate.load.journal import TIMES
from perfgate.load.plan import (
    BUILDS,
    SCHEDULED,
    Open,
    Outcome,
    Pairs,
    Phase,
    Saturation,
)
from perfgate.load.rows import manifest_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from perfgate.load.journal import Journal
    from perfgate.load.schedule import Schedule

pytestmark = pytest.mark.slow

# How often each law of exactness is tried; `make soak` tries them twenty times.
REPEATS = int(os.environ.get("PERFGATE_REPEATS", "1"))
RATE_RPS = 200
PORT = 25577
AHEAD_S = 1000
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


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_lost_worker_spoils_the_run(tmp_path: Path, how: signal.Signals) -> None:
    """Law: a worker that ends, or no longer answers, is told, not made up for by the others."""

    def lose(run_dir: Path) -> None:
        process_in(run_dir / "worker-1", "--worker").send_signal(how)

    assert "was lost" in refused(tmp_path, lose)


def test_a_forged_message_spoils_the_run(tmp_path: Path) -> None:
    """Law: what was not sealed with the run's key is never taken for a worker's word.

    What was sealed with it in an earlier run is refused, and does this one no harm.
    """

    def disturb(run_dir: Path) -> None:
        answer = forge(run_dir, key_of(run_dir), "hello", "of yesterday")
        assert "'answer': None" in answer
        assert "the master has begun another run" in answer
        forge(run_dir, "a guess", "hello", "any")

    assert "'stranger' was not sealed with this run's key" in refused(tmp_path, disturb)


def test_a_message_that_comes_twice_spoils_the_run(tmp_path: Path) -> None:
    """Law: what a worker has said is taken once, whoever says it again."""
    text = """
from locust.runners import WorkerRunner
send_message = WorkerRunner.send_message
def twice(self, *words, **given):
    send_message(self, *words, **given)
    send_message(self, *words, **given)
WorkerRunner.send_message = twice
"""
    with tiny_server() as server, pytest.raises(LoadError, match="came a second time"):
        run(tmp_path, text + PLAIN, open_plan(server.host(), workers=2), steady(50, 0.5, MIX))


def test_a_worker_too_many_spoils_the_run(tmp_path: Path) -> None:
    """Law: a worker that nobody has asked for is named, though it comes while the others work."""

    def join(run_dir: Path) -> None:
        forge(run_dir, "connect")

    message = refused(tmp_path, join)
    assert "3 workers came instead of 2: " in message
    assert "stranger" in message.split(": ")[-1].split(", ")


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("what", "told"),
    [("hello", "3 workers came instead of 2: "), ("manifest", "came a second time")],
)
def test_a_stranger_with_the_key_spoils_the_run(tmp_path: Path, what: str, told: str) -> None:
    """Law: whoever has the key, and even the run's name, is still no worker that was asked for.

    Neither as one of its own, nor in the name of one of those that are.
    """

    def speak(run_dir: Path) -> None:
        key = key_of(run_dir)
        (run,) = re.findall("'answer': '([0-9a-f]+)'", forge(run_dir, key, "run", ""))
        forge(run_dir, key, what, run, *([a_worker(run_dir)] if what == "manifest" else []))

    assert told in refused(tmp_path, speak)


def a_worker(run_dir: Path) -> str:
    """Return the name by which a worker of the run goes."""
    found = re.search(r"(\S+) \(index 0\) reported", (run_dir / "locust.log").read_text())
    assert found
    return found[1]


def test_a_worker_outlives_a_run_that_breaks(tmp_path: Path) -> None:
    """Law: a run that breaks on a worker's machine is told to the master; the worker goes on."""
    text = PLAIN + "\n@events.request.add_listener\ndef odd(**_):\n    raise ValueError('odd')\n"
    engine = awaiting(tmp_path, text, HERE, PORT)
    with ExitStack() as stack:
        (host,) = stack.enter_context(hosts(1))
        work = stack.enter_context(working(tmp_path, HERE, *on(host)))
        server = stack.enter_context(tiny_server(address=HERE))
        for _ in range(2):
            with pytest.raises(LoadError, match="ValueError: odd"):
                carried_out(engine, open_plan(server.host()), steady(RATE_RPS, 0.3, MIX))
        assert work.process.poll() is None


@pytest.mark.parametrize("_", range(REPEATS))
def test_workers_on_other_machines(tmp_path: Path, _: int) -> None:
    """Law: the union is the schedule when the workers are on hosts of their own too.

    All times are told by this machine's clock, however far ahead that of one of them is.
    """
    schedule = steady(RATE_RPS, 1.0, MIX)
    engine = awaiting(tmp_path, PLAIN, HERE, PORT)
    with ExitStack() as stack:
        for host, ahead in zip(stack.enter_context(hosts(2)), (0, AHEAD_S), strict=True):
            stack.enter_context(working(tmp_path, HERE, *on(host), *clock(ahead)))
        base, candidate = (
            stack.enter_context(tiny_server(address=HERE)).host(build) for build in BUILDS
        )
        plan = open_plan(base, candidate, identities=8, workers=2, warmup_requests=20)
        begun_s = time.monotonic()
        journal = carried_out(engine, plan, schedule)
        ended_s = time.monotonic()

    assert_union(journal, schedule)
    assert len(journal.generators) == 2
    manifests = [manifest_file(runs_of(engine)[-1], worker).read_text() for worker in range(2)]
    told_s = sorted(json.loads(text)["ahead_s"] for text in manifests)
    assert told_s == pytest.approx([-AHEAD_S, 0], abs=0.05)
    times_s = [journal.rows[name] for name in TIMES]
    times_s += [journal.windows[name] for name in ("from_s", "to_s")]
    # The kernel may not stamp the first answers yet.
    stamped_s = [one[~np.isnan(one)] for one in times_s]
    assert all(len(one) > len(schedule) for one in stamped_s[: len(TIMES)])
    assert all(np.all((begun_s < one) & (one < ended_s)) for one in stamped_s)
    assert not processes_in(tmp_path)
