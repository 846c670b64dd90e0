"""Real load runs against servers and Locust files that misbehave, each in its own way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

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
from load.tiny_server import STALL_S
from perfgate.errors import LoadError, TargetError, UsageError
from perfgate.exitcodes import ExitCode
from perfgate.load.engine import UnknownOperationsError, pin, run_load
from perfgate.load.journal import reached_open, shut_out
from perfgate.load.plan import Open, Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from perfgate.load.journal import Journal
    from perfgate.load.plan import Plan

pytestmark = pytest.mark.slow

EVERY_OUTCOME = """
import gevent
from locust.exception import RescheduleTask

class Caller(FastHttpUser):
    def check(self, path):
        with self.client.get(path, catch_response=True) as answer:
            if answer.text != "ok":
                answer.failure("body is wrong")

    @task
    def right(self):
        self.check("/ok")

    @task
    def wrong(self):
        self.check("/wrong")

    @task
    def error(self):
        self.client.get("/error")

    @task
    def hangs_up(self):
        self.client.get("/hang-up")

    @task
    def never(self):
        self.client.get("/never")

    @task
    def impatient(self):
        self.client.get("/ok")
        with gevent.Timeout(0.05):
            gevent.sleep(60)

    @task
    def raises(self):
        self.client.get("/ok")
        raise ValueError("broken\\nhere")

    @task
    def idle(self):
        pass

    @task
    def early(self):
        self.client.get("/ok")
        raise RescheduleTask

    @task
    def second_fails(self):
        self.client.get("/ok")
        self.client.get("/error")
        self.client.get("/ok")

    @task
    def side_by_side(self):
        gevent.joinall([gevent.spawn(self.check, path) for path in ("/ok", "/ok")])

    @task
    def one_side_fails(self):
        self.client.get("/ok")
        gevent.joinall([gevent.spawn(self.check, path) for path in ("/ok", "/wrong")])
"""
OPERATIONS = (
    *("right", "wrong", "error", "hangs_up", "never", "impatient"),
    *("raises", "idle", "early", "second_fails", "side_by_side", "one_side_fails"),
)
FAILURES = {
    "wrong": "body is wrong",
    "error": "500",
    "hangs_up": "HTTPConnectionClosed",
    "impatient": "Timeout",
    "raises": "ValueError: broken here",
    "idle": "the task sent no request",
    "second_fails": "500",
    "one_side_fails": "body is wrong",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    """Return a run in which every operation ends in its own way, each twenty times or so."""
    mix = dict.fromkeys(OPERATIONS, 1.0)
    with tiny_server() as server:
        plan = open_plan(
            server.host(), mix=mix, identities=64, open=Open("schedule.npz", 0.5, 2000)
        )
        directory = tmp_path_factory.mktemp("outcomes")
        yield completed(directory, EVERY_OUTCOME, plan, steady(150, 1.2, mix))


@pytest.mark.usefixtures("outcomes")
def test_nothing_is_left_beside_the_locust_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Law: a run leaves no bytecode of the Locust file, nor anything else, where that lies."""
    left = tmp_path_factory.getbasetemp() / "outcomes0"
    assert {path.name for path in left.iterdir()} == {"locust file.py", "run"}


def rows_of(journal: Journal, operation: str) -> dict[str, Any]:
    """Return the rows of one operation."""
    own = journal.rows["operation"] == journal.operations.index(operation)
    assert own.any()
    return {name: column[own] for name, column in journal.rows.items()}


@pytest.mark.parametrize("operation", FAILURES)
def test_failures_have_their_class(outcomes: Journal, operation: str) -> None:
    """Law: whatever goes wrong in a task is a failure of that operation, and says what."""
    rows = rows_of(outcomes, operation)
    told = {outcomes.failures[code] for code in rows["failure"]}

    assert set(rows["outcome"]) == {Outcome.FAILED}
    assert len(told) == 1
    assert FAILURES[operation] in told.pop()
    assert not np.isnan(rows["ended_s"]).any()


@pytest.mark.parametrize("operation", ["right", "early"])
def test_good_answers_are_good(outcomes: Journal, operation: str) -> None:
    """Law: an answer that nobody objects to is good, however the task chose to end."""
    rows = rows_of(outcomes, operation)

    assert set(rows["outcome"]) == {Outcome.OK}
    assert {outcomes.failures[code] for code in rows["failure"]} == {""}
    assert set(rows["size_bytes"]) == {2}


def test_unanswered_arrivals_are_censored(outcomes: Journal) -> None:
    """Law: what has no answer when the drain is over has started but not ended: no latency."""
    rows = rows_of(outcomes, "never")

    assert set(rows["outcome"]) == {Outcome.CENSORED}
    assert np.isnan(rows["ended_s"]).all()
    assert not np.isnan(rows["started_s"]).any()


def test_failures_are_told_alike_for_every_build(outcomes: Journal) -> None:
    """Law: no class names a port, which differs from build to build, nor says it twice."""
    assert not [failure for failure in outcomes.failures if "127.0.0.1" in failure]
    assert len(outcomes.failures) == 1 + len(set(FAILURES.values()))


def test_every_request_of_a_task_counts(outcomes: Journal) -> None:
    """Law: an arrival's size is that of all its answers together, asked for at once or in turn."""
    assert set(rows_of(outcomes, "second_fails")["size_bytes"]) == {2 + 5 + 2}
    assert set(rows_of(outcomes, "one_side_fails")["size_bytes"]) == {2 + 2 + 5}
    both = rows_of(outcomes, "side_by_side")
    assert set(both["outcome"]) == {Outcome.OK}
    assert set(both["size_bytes"]) == {2 + 2}
    assert np.all(both["received_s"] >= both["sent_s"])


def test_a_silent_server_ends_the_run_in_time(tmp_path: Path) -> None:
    """Law: with nothing ever answered, every arrival is censored, those that never started too.

    Each stands in its own phase: in the ramp, or in the open loop proper.
    """
    locustfile = PLAIN.replace("/ok", "/never")
    with tiny_server() as server:
        plan = open_plan(server.host(), identities=2, open=Open("schedule.npz", 0.2, 5, ramp_s=0.5))
        journal = completed(tmp_path, locustfile, plan, steady(20, 1.0, plan.mix))
    rows = journal.rows

    assert len(rows["number"]) == 20
    assert set(rows["outcome"]) == {Outcome.CENSORED}
    assert np.count_nonzero(~np.isnan(rows["started_s"])) == 2
    assert rows["waited"][np.isnan(rows["started_s"])].all()
    assert set(rows["number"][rows["phase"] == Phase.RAMP]) == set(range(10))
    assert set(rows["number"][rows["phase"] == Phase.OPEN]) == set(range(10, 20))
    assert journal.windows["phase"].tolist() == [Phase.RAMP, Phase.OPEN]


@pytest.mark.parametrize("identities", [4, 64])
def test_latency_counts_from_the_intended_start(tmp_path: Path, identities: int) -> None:
    """Law: while a server stands still, latency is what is left of the stall at each arrival.

    Few identities or many: the arrivals that could not even be sent tell the same.
    """
    rate_rps, stall_s = 60.0, STALL_S
    with tiny_server("--at", "30", "--then", "stall") as server:
        plan = open_plan(server.host(), identities=identities)
        journal = completed(tmp_path, PLAIN, plan, steady(rate_rps, 2.5, plan.mix))
    order = np.argsort(journal.rows["number"])
    intended_s = journal.rows["intended_s"][order]
    latency_s = journal.rows["ended_s"][order] - intended_s
    delayed = slice(29, 29 + int(0.8 * stall_s * rate_rps))
    slope, _ = np.polyfit(intended_s[delayed], latency_s[delayed], 1)

    assert latency_s.max() >= 0.95 * stall_s
    assert slope == pytest.approx(-1, abs=0.3)
    # A closed loop would have told of one long latency for each of its users.
    assert np.count_nonzero(latency_s > stall_s / 4) >= 0.7 * rate_rps * stall_s * 3 / 4
    # Only the time until a user is free is waiting; the service itself was asked late.
    assert bool(journal.rows["waited"].any()) == (identities == 4)


def test_a_server_that_stops_listening(tmp_path: Path) -> None:
    """Law: good answers, then connections refused: both are told, nothing is lost."""
    with tiny_server("--at", "30", "--then", "refuse") as server:
        plan = open_plan(server.host())
        journal = completed(tmp_path, PLAIN, plan, steady(60, 1.0, plan.mix))
    good = journal.rows["outcome"] == Outcome.OK
    told = {journal.failures[code] for code in journal.rows["failure"][~good]}

    assert len(good) == 60
    assert np.count_nonzero(good) == 29
    assert any("ConnectionRefusedError" in failure for failure in told)


def test_unknown_operations_are_named(tmp_path: Path) -> None:
    """Law: a mix with operations that the Locust file lacks is refused before anything is sent."""
    locustfile = PLAIN + "    @task\n    def spare(self): pass\n"
    with tiny_server() as server:
        plan = open_plan(server.host(), mix={"fetch": 1.0, "fetsch": 1.0})
        with pytest.raises(UnknownOperationsError, match="fetsch") as caught:
            run(tmp_path, locustfile, plan, steady(20, 0.5, plan.mix))

        assert caught.value.known == {"fetch", "spare"}
        assert server.seen() == []


ANOTHER_CLASS = """
class Other(FastHttpUser):
    @task
    def fetch(self):
        self.client.get("/other")
"""
A_NESTED_SET = """
    @task
    class Room(TaskSet):
        @task(3)
        def fetch(self):
            self.client.get("/other")
"""


@pytest.mark.parametrize(
    ("text", "owner"), [(ANOTHER_CLASS, "Other"), (A_NESTED_SET, "Caller.Room")]
)
def test_operations_of_one_name_are_refused(tmp_path: Path, text: str, owner: str) -> None:
    """Law: two tasks of one name are told with their classes, before anything is sent.

    Those that the mix does not ask for may be as they like.
    """
    spare = [PLAIN.replace("fetch", "spare").replace("Caller", name) for name in ("One", "Two")]
    with tiny_server() as server:
        plan = open_plan(server.host())
        with pytest.raises(UsageError, match=rf"one name: fetch \(in Caller and {owner}\)"):
            run(tmp_path, "".join(spare) + PLAIN + text, plan, steady(20, 0.5, plan.mix))

        assert server.seen() == []


def test_a_locustfile_that_cannot_be_imported(tmp_path: Path) -> None:
    """Law: the exception of a broken Locust file is in the error, and no verdict follows."""
    with tiny_server() as server, pytest.raises(LoadError, match="RuntimeError: no luck") as caught:
        run(tmp_path, 'raise RuntimeError("no luck")', open_plan(server.host()), None)

    assert caught.value.exit_code is ExitCode.UNDECIDED
    assert "locust file.py" in caught.value.hint


SOME_FAIL = """
numbers = iter(range(100))

class Caller(FastHttpUser):
    def on_start(self):
        self.number = next(numbers)
        if self.number % 2:
            self.client.get("/error")

    @task
    def fetch(self):
        self.client.get(f"/ok?user={self.number}", name="fetch")
"""


def test_users_that_cannot_sign_in_are_left_out(tmp_path: Path) -> None:
    """Law: a failed request in on_start, though it raises nothing, keeps its user out."""
    with tiny_server() as server:
        plan = open_plan(server.host(), identities=6)
        journal = completed(tmp_path, SOME_FAIL, plan, steady(30, 1.0, plan.mix))
        seen = set(server.seen())

    assert len(journal.sign_in_failures["candidate"]) == 3
    assert all("500" in failure for failure in journal.sign_in_failures["candidate"])
    assert seen == {"/ok?user=0", "/ok?user=2", "/ok?user=4", "/error"}
    assert set(journal.rows["outcome"]) == {Outcome.OK}


ALL_FAIL = """
class Caller(FastHttpUser):
    def on_start(self):
        self.client.get("/enter")
        if self.host == HOST:
            raise ValueError("locked")

    @task
    def fetch(self):
        self.client.get("/ok")
"""


def test_a_build_that_lets_nobody_in(tmp_path: Path) -> None:
    """Law: where no user can sign in the open loop is not reached, and the build is named."""
    with tiny_server() as base, tiny_server() as candidate:
        locustfile = f'HOST = "{candidate.url}"\n{ALL_FAIL}'
        plan = open_plan(base.host("base"), candidate.host(), identities=3, warmup_requests=5)
        journal = completed(tmp_path, locustfile, plan, steady(20, 0.5, plan.mix))

        assert "/ok" not in base.seen()
    assert shut_out(journal, plan) == ("candidate",)
    assert journal.sign_in_failures["candidate"] == ["ValueError: locked"] * 3
    assert not reached_open(journal, plan)


@pytest.mark.parametrize("stage", ["sign-in", "warmup"])
def test_silence_outside_the_open_loop(tmp_path: Path, stage: str) -> None:
    """Law: a build that answers nothing at sign-in or warm-up ends the run, and is named."""
    locustfile = PLAIN.replace("/ok", "/never")
    if stage == "sign-in":
        locustfile += '    def on_start(self):\n        self.client.get("/never")\n'
    with tiny_server() as server:
        plan = open_plan(server.host(), warmup_requests=5, silence_s=0.4)
        journal = completed(tmp_path, locustfile, plan, steady(20, 0.5, plan.mix))

    assert journal.silent == {"candidate": f"no answer for 0.4 s in the {stage} phase"}
    assert not reached_open(journal, plan)


def test_slow_is_not_silent(tmp_path: Path) -> None:
    """Law: a warm-up that takes much longer than the longest silence goes on while it moves."""
    locustfile = PLAIN.replace("/ok", "/slow")
    with tiny_server() as server:
        plan = open_plan(server.host(), warmup_requests=24, identities=2, silence_s=0.8, open=None)
        journal = completed(tmp_path, locustfile, plan, None)
    rows = journal.rows

    assert len(rows["number"]) == 24
    assert set(rows["phase"]) == {Phase.WARMUP}
    assert set(rows["outcome"]) == {Outcome.OK}
    assert rows["ended_s"].max() - rows["started_s"].min() > 2 * plan.silence_s


def test_a_warm_up_keeps_to_its_limit(tmp_path: Path) -> None:
    """Law: past its limit no further round is begun, however few requests have been sent."""
    with tiny_server("--habit", "crawl") as base, tiny_server() as candidate:
        plan = open_plan(
            base.host("base"),
            candidate.host(),
            warmup_requests=120,
            warmup_limit_s=0.1,
            open=None,
        )
        journal = completed(tmp_path, PLAIN, plan, None)
    builds = journal.rows["build"]

    assert np.bincount(builds).tolist() == [20, 20]
    assert journal.warmup is not None
    assert journal.warmup.unsettled == ("base", "candidate")


BAGGAGE = """
import json, pathlib

class Shape(LoadTestShape):
    def tick(self):
        return None

class Caller(FastHttpUser):
    wait_time = lambda self: 100

    @task
    def fetch(self):
        self.client.get("/ok")

@events.quitting.add_listener
def gate(environment, **_):
    environment.process_exit_code = 1

path = pathlib.Path(__file__).with_name("environ.json")
path.write_text(json.dumps(dict(os.environ)))
"""


def test_nothing_of_the_caller_reaches_locust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law: neither variables nor files configure Locust, and no secret of the caller is seen."""
    home, cwd = tmp_path / "home", tmp_path / "cwd"
    for directory, name in ((home, ".locust.conf"), (cwd, "locust.conf")):
        directory.mkdir()
        (directory / name).write_text("run-time = 1s\nusers = 5\nloglevel = NONSENSE\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LOCUST_RUN_TIME", "1s")
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    monkeypatch.setenv("DEPLOY_TOKEN", "hush")
    monkeypatch.setenv("GITHUB_OUTPUT", "/dev/null")
    monkeypatch.chdir(cwd)
    with tiny_server() as server:
        plan = open_plan(server.host())
        journal = completed(tmp_path, BAGGAGE, plan, steady(40, 1.5, plan.mix))
    environ = json.loads((tmp_path / "environ.json").read_text())

    assert len(journal.rows["number"]) == 60
    assert set(journal.rows["outcome"]) == {Outcome.OK}
    assert environ["HOME"] == str(tmp_path / "run")
    assert "hush" not in environ.values()
    assert not [
        name for name in environ if name.startswith(("LOCUST_RUN", "LOCUST_SKIP", "GITHUB_"))
    ]


def test_a_relative_run_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: run directory and Locust file may be named from where the caller stands."""
    monkeypatch.chdir(tmp_path)
    with tiny_server() as server:
        plan = open_plan(server.host())
        here = tmp_path.relative_to(tmp_path)
        journal = completed(here, PLAIN, plan, steady(20, 0.3, plan.mix))

    assert len(journal.rows["number"]) == 6


WITH_CHILD = PLAIN + '\nimport subprocess\nsubprocess.Popen(["sleep", "300"])\n'
LONG_S = 30.0


def test_a_run_that_is_called_off(tmp_path: Path) -> None:
    """Law: where tick says no there is no journal; Locust and its children are soon gone."""
    with tiny_server() as server:
        begun_s = time.monotonic()
        schedule = steady(20, LONG_S, {"fetch": 1.0})
        plan = open_plan(server.host())

        assert run(tmp_path, WITH_CHILD, plan, schedule, tick=lambda: not server.seen()) is None

    assert time.monotonic() - begun_s < LONG_S / 2
    assert processes_in(tmp_path / "run") == []


def test_a_run_that_is_interrupted(tmp_path: Path) -> None:
    """Law: an interrupt comes through, and Locust and its children are gone by then."""
    with tiny_server() as server:

        def tick() -> bool:
            if server.seen():
                raise KeyboardInterrupt
            return True

        schedule = steady(20, LONG_S, {"fetch": 1.0})
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, WITH_CHILD, open_plan(server.host()), schedule, tick)

    assert processes_in(tmp_path / "run") == []


def test_a_process_is_pinned_while_it_lives() -> None:
    """Law: a process keeps to its CPUs; one that has ended by then is no error here.

    Why it ended is told from its exit code and its log.
    """
    cpu = min(os.sched_getaffinity(0))
    with subprocess.Popen(("sleep", "300")) as process:
        pin(process.pid, (cpu,))
        assert os.sched_getaffinity(process.pid) == {cpu}
        process.kill()
    pin(process.pid, (cpu,))


def test_a_run_that_takes_too_long(tmp_path: Path) -> None:
    """Law: past its limit a run is ended, and the error says what the limit was."""
    schedule = steady(20, LONG_S, {"fetch": 1.0})
    with tiny_server() as server, pytest.raises(LoadError, match="did not end within 1 s"):
        run(tmp_path, WITH_CHILD, open_plan(server.host()), schedule, limit_s=1.0)

    assert processes_in(tmp_path / "run") == []


def test_locust_stays_out_of_the_parent() -> None:
    """Law: who runs load imports neither Locust nor gevent, which would patch the whole process."""
    program = "import sys, perfgate.rig; print({'locust', 'gevent'} & set(sys.modules))"
    done = subprocess.run(
        (sys.executable, "-c", program), check=True, capture_output=True, text=True
    )

    assert done.stdout == "set()\n"


def test_nothing_is_sent_before_all_is_ready(tmp_path: Path) -> None:
    """Law: Locust starts while the targets get ready, and sends its first request after that."""
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    seen: list[str] = []
    with tiny_server() as server:

        def prepare(made: Plan) -> Plan:
            deadline_s = time.monotonic() + 30
            log = run_dir / "locust.log"
            while "Starting Locust" not in log.read_text() and time.monotonic() < deadline_s:
                time.sleep(0.05)
            time.sleep(0.3)
            seen.extend(server.seen())
            return made

        planned, schedule = open_plan(server.host()), steady(40, 0.5, {"fetch": 1.0})
        engine = write_locustfile(tmp_path, PLAIN)
        journal = run_load(
            engine, planned, schedule, run_dir, limit_s=60, tick=lambda: True, prepare=prepare
        )
        assert journal is not None
        assert seen == []
        assert len(server.seen()) == 20


def test_targets_that_do_not_get_ready_end_locust(tmp_path: Path) -> None:
    """Law: where getting ready fails, that error is told, and no Locust is left."""
    run_dir = tmp_path / "run"
    run_dir.mkdir()

    def prepare(_: Plan) -> Plan:
        raise TargetError("not ready")

    with tiny_server() as server, pytest.raises(TargetError, match="not ready"):
        run_load(
            write_locustfile(tmp_path, PLAIN),
            open_plan(server.host()),
            None,
            run_dir,
            limit_s=60,
            tick=lambda: True,
            prepare=prepare,
        )
    assert processes_in(run_dir) == []
