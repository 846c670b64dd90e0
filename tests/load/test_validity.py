"""What can spoil a run is provoked, and told: never does it pass for a measurement."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from load.mischief import burners
from load.runs import PLAIN, completed, open_plan, run, steady, tiny_server, write_locustfile
from perfgate.errors import LoadError, SpoiltError
from perfgate.load.engine import run_load
from perfgate.load.plan import BUILDS, Open, Outcome, Pairs
from perfgate.measurement.summarise import LAG_P99_LIMIT_MS, Surroundings, summarise

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.load.journal import Journal
    from perfgate.load.plan import Plan

pytestmark = pytest.mark.slow

MIX = {"fetch": 1.0}
IDENTITIES = 20
AROUND = Surroundings(seconds=3.0, steal_ratio=0.0, pressure_ratio=0.0, peak_rss_bytes={})


def faults(directory: Path, locustfile: str) -> tuple[str, ...]:
    """Return what is told of a run with this Locust file, one second long."""
    with tiny_server() as server:
        plan = open_plan(server.host())
        journal = completed(directory, locustfile, plan, steady(50, 1.0, MIX))
    return told(journal, plan)


def told(journal: Journal, plan: Plan) -> tuple[str, ...]:
    """Return the faults of a run, other than of what the hypervisor took meanwhile."""
    left_alone = tuple(replace(own, steal_s=None) for own in journal.generators)
    journal = replace(journal, generators=left_alone)
    return summarise(journal, plan, 50.0, 1.0, AROUND).validity.faults


def test_an_ordinary_run_has_no_faults(tmp_path: Path) -> None:
    """Law: where nothing is wrong nothing is told."""
    assert faults(tmp_path, PLAIN) == ()


def test_a_recorder_that_throws(tmp_path: Path) -> None:
    """Law: what the recorder cannot take breaks the run, which Locust itself would only log."""
    text = (
        PLAIN
        + """
        class Odd:
            @property
            def status_code(self):
                raise TypeError("no status")
        self.environment.events.request.fire(
            request_type="X", name="x", response_time=1.0, response_length=0,
            exception=None, context={}, response=Odd(),
        )
"""
    )
    with tiny_server() as server, pytest.raises(LoadError, match="TypeError"):
        run(tmp_path, text, open_plan(server.host()), steady(50, 1.0, MIX))


TOO_LARGE = """
from perfgate.load.inside import recorder
recorder.MOST_BYTES = 2**65

class Caller(FastHttpUser):
    @task
    def fetch(self):
        self.client.get("/ok")
        self.environment.events.request.fire(
            request_type="X", name="x", response_time=1.0, response_length=2**64,
            exception=None, context={},
        )
"""
NOT_LENT = (
    """
from perfgate.load.inside.identities import Identity
Identity.task = lambda self, operation: {}[operation]
"""
    + PLAIN
)


@pytest.mark.parametrize("loop", ["open", "pairs"])
@pytest.mark.parametrize(
    ("text", "told"), [(TOO_LARGE, "struct.error"), (NOT_LENT, "KeyError: 'fetch'")]
)
def test_work_that_is_lost_inside(tmp_path: Path, loop: str, text: str, told: str) -> None:
    """Law: where a row cannot be written, or an arrival not be run, the run is broken."""
    changes = {"open": None, "pairs": Pairs(pairs=4, requests=4, concurrency=2)}
    schedule = steady(50, 0.5, MIX) if loop == "open" else None
    with tiny_server() as base, tiny_server() as candidate:
        plan = open_plan(base.host("base"), candidate.host(), **({} if schedule else changes))
        with pytest.raises(LoadError, match=told):
            run(tmp_path, text, plan, schedule)


LISTENER = """
@events.request.add_listener
def odd(name, **_):
    raise ValueError(f"odd {name}")
"""


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("path", ["/ok", "/error"])
def test_a_listener_that_throws(tmp_path: Path, workers: int, path: str) -> None:
    """Law: what a user's listener raises breaks the run, whichever process it is in.

    Locust's exit code does not tell it where a request has failed, or in a worker.
    """
    with tiny_server() as server:
        plan = open_plan(server.host(), workers=workers)
        with pytest.raises(LoadError, match="ValueError: odd fetch"):
            run(tmp_path, PLAIN.replace("/ok", path) + LISTENER, plan, steady(50, 0.5, MIX))


def test_too_many_sockets(tmp_path: Path) -> None:
    """Law: a generator near the most files that it may open is told."""
    text = (
        """
import resource, socket
sockets = [socket.socket() for _ in range(900)]

@events.init.add_listener  # Locust has raised the limit by then
def lower(**_):
    resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))
"""
        + PLAIN
    )
    (found,) = faults(tmp_path, text)
    assert re.search("9[0-9]{2} files open of 1000 ", found)


@pytest.mark.parametrize("kind", ["FastHttpUser", "HttpUser"])
def test_more_files_than_select_knows(tmp_path: Path, kind: str) -> None:
    """Law: with more than 1024 files open each identity keeps its one connection."""
    text = "sockets = [open('/dev/null') for _ in range(1100)]\n" + PLAIN
    with tiny_server() as server:
        plan = open_plan(server.host(), identities=IDENTITIES)
        journal = completed(
            tmp_path, text.replace("(FastHttpUser)", f"({kind})"), plan, steady(100, 1.0, MIX)
        )

    assert told(journal, plan) == ()
    assert journal.generators[0].open_files > 1100
    assert journal.rows["connects"].sum() == IDENTITIES


def test_a_clock_that_is_set(tmp_path: Path) -> None:
    """Law: a step of real time during the run is told: the kernel's stamps are of that clock."""
    text = (
        """
import time
real = time.clock_gettime
begun_s = time.monotonic()
def stepped(clock):
    late = time.monotonic() - begun_s > 1.0
    return real(clock) + (0.05 if late else 0.0)
time.clock_gettime = stepped
"""
        + PLAIN
    )
    assert any("clock was set by +50 ms" in fault for fault in faults(tmp_path, text))


def test_a_crowded_cpu(tmp_path: Path) -> None:
    """Law: a generator that waits for its CPU more than it may is told."""
    cpu = min(os.sched_getaffinity(0))
    busy = """
import time
class Caller(FastHttpUser):
    @task
    def fetch(self):
        self.client.get("/ok")
        end_s = time.thread_time() + 0.03
        while time.thread_time() < end_s:
            pass
"""
    engine = replace(write_locustfile(tmp_path, busy), cpus=(cpu,))
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    with burners([cpu], 4), tiny_server() as server:
        plan = open_plan(server.host())
        journal = run_load(
            engine, plan, steady(20, 2.0, MIX), run_dir, limit_s=90.0, tick=lambda: True
        )
    assert journal is not None
    assert any("waited" in fault for fault in told(journal, plan))


BLOCKS = """
from gevent.monkey import get_original
class Caller(FastHttpUser):
    @task
    def fetch(self):
        self.client.get("/ok")
        get_original("time", "sleep")(0.05)
"""


def test_a_task_that_holds_everybody_up(tmp_path: Path) -> None:
    """Law: a generator that starts requests too late is told, though it has CPU time enough."""
    (found,) = faults(tmp_path, BLOCKS)
    assert re.match(
        "the load generator was late: 1 % of arrivals started over [0-9]{2,4} ms", found
    )
    assert found.endswith(f"after their time (limit {LAG_P99_LIMIT_MS:g} ms)")


def test_the_cap_on_what_waits(tmp_path: Path) -> None:
    """Law: past the cap nothing is sent to a build, which is counted; the other gets it all.

    Every arrival has its row.
    """
    with tiny_server() as base, tiny_server("--at", "5", "--then", "stall") as candidate:
        plan = open_plan(
            base.host("base"),
            candidate.host(),
            identities=2,
            open=Open("schedule.npz", drain_s=0.5, backlog_limit=10),
        )
        journal = completed(tmp_path, PLAIN, plan, steady(50, 1.0, MIX))
    unsent = journal.generators[0].unsent
    answered = journal.rows["outcome"][journal.rows["build"] == BUILDS.index("base")]
    never = journal.rows["outcome"][journal.rows["build"] == BUILDS.index("candidate")]

    assert unsent["candidate"] > 10
    assert unsent["base"] == 0
    assert set(answered) == {Outcome.OK}
    assert (len(answered), len(never)) == (50, 50)
    assert (never == Outcome.CENSORED).sum() >= unsent["candidate"]
    figures = summarise(journal, plan, 50.0, 1.0, AROUND)
    assert figures.builds["candidate"].unsent == figures.validity.unsent == unsent["candidate"]


NO_SOCKETS = """
import resource
@events.test_start.add_listener
def lower(**_):
    most = max(int(name) for name in os.listdir("/proc/self/fd")) + 16
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

class Caller({kind}):
    @task
    def fetch(self):
        with self.client.get("/ok", catch_response=True) as answer:
            if answer.text != "ok":
                answer.failure("not ok")
"""


@pytest.mark.parametrize("kind", ["FastHttpUser", "HttpUser"])
def test_a_generator_that_gets_no_socket(tmp_path: Path, kind: str) -> None:
    """Law: a request that fails for want of a file is told as such, though the task says otherwise.

    And though all files were closed again by the end.
    """
    with tiny_server("--habit", "slower") as server:
        plan = open_plan(server.host(), identities=IDENTITIES)
        with pytest.raises(SpoiltError, match=r"no socket for a request \(\[Errno 24\]"):
            run(tmp_path, NO_SOCKETS.format(kind=kind), plan, steady(200, 1.0, MIX))
