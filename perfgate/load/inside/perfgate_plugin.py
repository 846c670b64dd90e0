"""Given to Locust beside the user's file: replaces Locust's way of sending by the plan's.

The user's classes are kept for their tasks; Locust itself spawns one driver, which ends the run.
"""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import locust
from locust import User, events, task

from perfgate.load.inside.conductor import Alone
from perfgate.load.inside.driver import Driver, SilenceError
from perfgate.load.inside.identities import operations_of
from perfgate.load.inside.recorder import Recorder
from perfgate.load.inside.stamps import clock_offset_s, stamp_answers
from perfgate.load.plan import Plan
from perfgate.load.rows import journal_file, manifest_file
from perfgate.load.schedule import Schedule
from perfgate.procfs import TreeMeter

if TYPE_CHECKING:
    from locust.env import Environment

PLAN_VARIABLE = "PERFGATE_PLAN"


class PerfgateDriver(User):
    """The one user that Locust spawns."""

    user_classes: tuple[type[User], ...] = ()

    @task
    def carry_out(self) -> None:
        """Run the plan, write journal and manifest, and stop Locust."""
        plan_file = Path(os.environ[PLAN_VARIABLE])
        try:
            _carry_out(plan_file, list(self.user_classes), self.environment)
        finally:
            if self.environment.runner:
                self.environment.runner.quit()


def _take_over(environment: Environment, **_: Any) -> None:
    """Put the driver in the place of the user's classes, and of a shape that would end it."""
    PerfgateDriver.user_classes = tuple(
        user_class for user_class in environment.user_classes if user_class is not PerfgateDriver
    )
    environment.user_classes[:] = [PerfgateDriver]
    environment.shape_class = None


def _forget_exit_code(environment: Environment, **_: Any) -> None:
    """Undo what the user's file made of Locust's statistics: the journal says how it went."""
    environment.process_exit_code = None


events.init.add_listener(_take_over)  # type: ignore[no-untyped-call] # Locust's is not annotated
# Asked in reverse order, so this one, the first, has the last word.
events.quitting.add_listener(_forget_exit_code)  # type: ignore[no-untyped-call] # as above


def _carry_out(plan_file: Path, user_classes: list[type[User]], environment: Environment) -> None:
    plan, run_dir = Plan.read(plan_file), plan_file.parent
    known = operations_of(user_classes)
    facts: dict[str, Any] = {"locust": locust.__version__, "operations": sorted(known)}
    condition = _Condition()
    recorder = Recorder(journal_file(run_dir, 0))
    if known.issuperset(plan.operations):
        events.request.add_listener(recorder.on_request)  # type: ignore[no-untyped-call] # as below
        stamp_answers(recorder.on_received)
        schedule = Schedule.read(run_dir / plan.open.schedule) if plan.open else None
        driver = Driver(plan, recorder, Alone(plan.hosts))
        facts |= _drive(driver, user_classes, environment, schedule)
        facts["unsent"] = driver.unsent
    recorder.close(manifest_file(run_dir, 0), facts | {"condition": condition.facts()})


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
    except Exception:  # a fault of perfgate's own is told to the parent
        return {"broken": traceback.format_exc()}
    return {}


class _Condition:
    """How this process fares from now on: what it uses, waits for and holds open."""

    def __init__(self) -> None:
        self._meter = TreeMeter(os.getpid())
        self._before = self._meter.read()
        self._begun_s = time.monotonic()
        self._offset_s = clock_offset_s()

    def facts(self) -> dict[str, float]:
        """Return the figures of the time since the start, CPU as seconds of one CPU."""
        used = self._meter.read()
        return {
            "seconds": time.monotonic() - self._begun_s,
            "cpu_s": used.cpu_s - self._before.cpu_s,
            "wait_s": used.wait_s - self._before.wait_s,
            "clock_step_s": clock_offset_s() - self._offset_s,
            "open_files": len(list(Path("/proc/self/fd").iterdir())),
        }
