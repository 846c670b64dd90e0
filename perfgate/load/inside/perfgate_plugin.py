"""Given to Locust beside the user's file: replaces Locust's way of sending by the plan's.

The user's classes are kept for their tasks; Locust itself spawns one driver, which ends the run.
"""

from __future__ import annotations

import os
import re
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import locust
import locust.log
import locust.runners
from gevent.event import Event
from locust import User, events, task
from locust.runners import MasterRunner, WorkerRunner

from perfgate.load.inside.conductor import AbandonedError, Alone
from perfgate.load.inside.draws import take_over_random
from perfgate.load.inside.driver import Driver, SilenceError, SlownessError
from perfgate.load.inside.identities import operations_of
from perfgate.load.inside.master import Master
from perfgate.load.inside.origin import read_origin
from perfgate.load.inside.pools import keep_connections
from perfgate.load.inside.recorder import Recorder
from perfgate.load.inside.seal import Seal
from perfgate.load.inside.stamps import clock_offset_s, watch_sockets
from perfgate.load.inside.worker import Worker
from perfgate.load.plan import END_FILE, KEY_VARIABLE, PLAN_FILE, PLAN_VARIABLE, Plan
from perfgate.load.rows import journal_file, manifest_file
from perfgate.load.schedule import Schedule
from perfgate.procfs import TreeMeter, read_contention

if TYPE_CHECKING:
    from locust.env import Environment

    from perfgate.load.inside.conductor import Conductor


PLAN_POLL_S = 0.01
# Held open to be closed at the end, when every identity may have its connections.
SPARE_FILES = 4
# How Locust's log begins to tell of an exception that nobody caught.
UNHANDLED = re.compile("Uncaught exception in event handler|Unhandled exception in greenlet")
# A worker that hears nothing of its master for so long looks for the next one; and it knocks so
# often, for the master of the run before, about to end, may have heard it.
locust.runners.MASTER_HEARTBEAT_TIMEOUT = 10
locust.runners.CONNECT_TIMEOUT, locust.runners.CONNECT_RETRY_COUNT = 2, 150
# Locust imports the user's file after this one; that leaves no bytecode where the user has it.
sys.dont_write_bytecode = True
DRAWS = take_over_random()
ORIGIN = read_origin(sys.argv)


class PerfgateDriver(User):
    """The one user that Locust spawns in every process that sends load."""

    user_classes: tuple[type[User], ...] = ()

    @task
    def carry_out(self) -> None:
        """Run the plan, write journal and manifest, and stop Locust."""
        runner, user_classes = self.environment.runner, list(self.user_classes)
        try:
            if isinstance(runner, WorkerRunner):
                _carry_out_for_master(runner, user_classes, self.environment)
                # A worker that went would have its user spawned again on another one.
                Event().wait()
            else:
                _carry_out_alone(user_classes, self.environment)
        finally:
            if runner:
                runner.quit()


def _take_over(environment: Environment, **_: Any) -> None:
    """Put the driver in the place of the user's classes, and of a shape that would end it."""
    PerfgateDriver.user_classes = tuple(
        user_class for user_class in environment.user_classes if user_class is not PerfgateDriver
    )
    environment.user_classes[:] = [PerfgateDriver]
    environment.shape_class = None
    if isinstance(environment.runner, MasterRunner):
        plan, run_dir = _awaited_plan()
        Master(environment.runner, _seal(), plan, run_dir, ORIGIN)


def _forget_exit_code(environment: Environment, **_: Any) -> None:
    """Undo what the user's file made of Locust's statistics: the journal says how it went."""
    environment.process_exit_code = None


events.init.add_listener(_take_over)  # type: ignore[no-untyped-call] # Locust's is not annotated
# Asked in reverse order, so this one, the first, has the last word.
events.quitting.add_listener(_forget_exit_code)  # type: ignore[no-untyped-call] # as above


def _carry_out_alone(user_classes: list[type[User]], environment: Environment) -> None:
    plan, run_dir = _awaited_plan()
    schedule = Schedule.read(run_dir / plan.schedule) if plan.schedule else None
    _carry_out(plan, schedule, run_dir, Alone(plan.hosts), (user_classes, environment))


def _awaited_plan() -> tuple[Plan, Path]:
    """Return the plan and the directory of the run, once perfgate has written it: all is ready."""
    plan_file, parent = Path(os.environ[PLAN_VARIABLE]), os.getppid()
    while not plan_file.exists():
        if os.getppid() != parent:
            raise SystemExit("perfgate is gone")
        gevent.sleep(PLAN_POLL_S)
    return Plan.read(plan_file), plan_file.parent


def _carry_out_for_master(
    runner: WorkerRunner, user_classes: list[type[User]], environment: Environment
) -> None:
    """Do a worker's part; where the master gives the run up, its reason is left for the parent."""
    run_dir = Path.cwd()
    try:
        worker = Worker(runner, _seal(), ORIGIN)
        plan, schedule = _told_plan(worker, run_dir)
        _carry_out(plan, schedule, run_dir, worker, (user_classes, environment))
        worker.deliver(run_dir)
    except AbandonedError as end:
        (run_dir / END_FILE).write_text(str(end))
        raise


def _told_plan(worker: Worker, run_dir: Path) -> tuple[Plan, Schedule | None]:
    """Write down what the master has told, and read it."""
    (run_dir / PLAN_FILE).write_text(worker.plan)
    plan = Plan.read(run_dir / PLAN_FILE)
    if not plan.schedule:
        return plan, None
    (run_dir / plan.schedule).write_bytes(worker.schedule)
    return plan, Schedule.read(run_dir / plan.schedule)


def _seal() -> Seal:
    return Seal(os.environ[KEY_VARIABLE].encode())


def _carry_out(
    plan: Plan,
    schedule: Schedule | None,
    run_dir: Path,
    conductor: Conductor,
    users: tuple[list[type[User]], Environment],
) -> None:
    user_classes, environment = users
    known = operations_of(user_classes)
    facts: dict[str, Any] = {
        "locust": locust.__version__,
        "operations": known,
        "ahead_s": conductor.ahead_s,
    }
    condition = _Condition()
    recorder = Recorder(journal_file(run_dir, conductor.worker))
    if all(len(known.get(name, ())) == 1 for name in plan.operations):
        environment.stats.log_request = _count_nothing  # type: ignore[assignment]
        environment.stats.log_error = _count_nothing  # type: ignore[assignment]
        events.request.add_listener(recorder.on_request)  # type: ignore[no-untyped-call] # as below
        gevent.Greenlet.add_spawn_callback(recorder.on_spawned)
        keep_connections()
        driver = Driver(plan, recorder, conductor, DRAWS)
        with watch_sockets(recorder):
            facts |= _drive(driver, user_classes, environment, schedule)
        facts |= {"unsent": {lane.host.build: lane.unsent for lane in driver.lanes}}
        facts |= {"locked_out": driver.locked_out}
        facts |= {"warmup": driver.warmup, "pairs_busy": driver.pairs_busy}
        facts |= {"saturation_busy": driver.saturation_busy, "charged": driver.charged}
        facts |= {"recovery": driver.recovery}
    manifest = manifest_file(run_dir, conductor.worker)
    recorder.close(manifest, _take_unhandled() | facts | {"condition": condition.facts()})


def _count_nothing(*_: object) -> None:
    """Stand for Locust's own statistics, which nobody reads: the journal has every request."""


def _take_unhandled() -> dict[str, str]:
    """Return what Locust has caught and only logged: an exception of a listener or greenlet.

    The manifest tells it from then on, and not Locust's exit code, by which a process seems lost.
    """
    if not locust.log.unhandled_greenlet_exception:
        return {}
    locust.log.unhandled_greenlet_exception = False
    logged = locust.log.get_logs()  # type: ignore[no-untyped-call] # Locust's is not annotated
    told = [line for line in logged if UNHANDLED.search(line)]
    return {"broken": told[0] if told else "an exception that only its log tells"}


def _drive(
    driver: Driver,
    user_classes: list[type[User]],
    environment: Environment,
    schedule: Schedule | None,
) -> dict[str, Any]:
    """Run the driver; how it ended becomes a fact of the manifest."""
    try:
        driver.run(user_classes, environment, schedule)
    except SilenceError as silence:
        return {"silent": {silence.build: str(silence)}}
    except SlownessError as slowness:
        return {"slow": {slowness.build: str(slowness)}}
    except AbandonedError as end:
        return {"abandoned": str(end)}
    except Exception:  # a fault of perfgate's own is told to the parent
        return {"broken": traceback.format_exc()}
    return {}


class _Condition:
    """How this process fares from now on: what it uses, waits for and holds open."""

    def __init__(self) -> None:
        # Not os.open: gevent's os.close only closes with its loop's next turn.
        self._spare = [Path(os.devnull).open("rb") for _ in range(SPARE_FILES)]  # noqa: SIM115 - closed when the end is told
        self._meter = TreeMeter(os.getpid())
        self._before = self._meter.read()
        self._begun_s = time.monotonic()
        self._offset_s = clock_offset_s()
        self._stolen_s = read_contention().steal_s

    def facts(self) -> dict[str, float | None]:
        """Return the figures of the time since the start, CPU as seconds of one CPU.

        Where no file is left to be opened, there are some for them and for the manifest.
        """
        for spare in self._spare:
            spare.close()
        used, stolen_s = self._meter.read(), read_contention().steal_s
        return {
            "seconds": time.monotonic() - self._begun_s,
            "cpu_s": used.cpu_s - self._before.cpu_s,
            "wait_s": used.wait_s - self._before.wait_s,
            "clock_step_s": clock_offset_s() - self._offset_s,
            "open_files": len(list(Path("/proc/self/fd").iterdir())),
            "files_limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "steal_s": None if stolen_s is None else stolen_s - (self._stolen_s or 0.0),
        }
