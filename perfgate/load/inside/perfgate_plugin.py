"""Given to Locust beside the user's file: replaces Locust's way of sending by the plan's.

The user's classes are kept for their tasks; Locust itself spawns one driver, which ends the run.
"""

from __future__ import annotations

import os
import resource
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import locust
from locust import User, events, task

from perfgate.load.inside.driver import Driver, SilenceError
from perfgate.load.inside.identities import operations_of
from perfgate.load.inside.recorder import Recorder
from perfgate.load.plan import Plan

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
    recorder = Recorder()
    known = operations_of(user_classes)
    facts: dict[str, Any] = {"locust": locust.__version__, "operations": sorted(known)}
    if known.issuperset(plan.operations):
        events.request.add_listener(recorder.on_request)  # type: ignore[no-untyped-call] # as below
        facts |= _drive(Driver(plan, recorder, run_dir), user_classes, environment)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    facts["generator_cpu_s"] = usage.ru_utime + usage.ru_stime
    recorder.write(run_dir / "journal.npz", run_dir / "manifest.json", facts)


def _drive(
    driver: Driver, user_classes: list[type[User]], environment: Environment
) -> dict[str, Any]:
    """Run the driver; how it ended becomes a fact of the manifest."""
    try:
        driver.run(user_classes, environment)
    except SilenceError as silence:
        return {"silent": {silence.build: str(silence)}}
    except Exception:  # a fault of perfgate's own is told to the parent
        return {"broken": traceback.format_exc()}
    return {}
