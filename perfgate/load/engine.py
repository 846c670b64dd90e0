"""Runs one plan in Locust, as a subprocess that sees nothing of the caller's environment.

The parent never imports locust: importing it patches the whole process. What the run says is
read from its journal, never from Locust's own statistics or exit code.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from perfgate.errors import LoadError
from perfgate.load.journal import known_operations, read_journal
from perfgate.scrub import scrubbed
from perfgate.tail import tail
from perfgate.target.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from perfgate.load.journal import Journal
    from perfgate.load.plan import Plan
    from perfgate.load.schedule import Schedule

PLUGIN = Path(__file__).parent / "inside" / "perfgate_plugin.py"
SCHEDULE_FILE = "schedule.npz"
LOG_FILE = "locust.log"
POLL_S = 0.2
STOP_S = 3.0


class UnknownOperationsError(LoadError):
    """The demand's mix names operations that the Locust file does not define."""

    def __init__(self, wanted: set[str], known: set[str]) -> None:
        super().__init__(f"no task in the Locust file is named {', '.join(sorted(wanted - known))}")
        self.known = known


@dataclass(frozen=True, slots=True)
class Engine:
    """Locust on this machine: the user's file, and the CPUs it may use (none given: any)."""

    locustfile: Path
    cpus: tuple[int, ...] = ()


def run_load(
    engine: Engine,
    plan: Plan,
    schedule: Schedule | None,
    run_dir: Path,
    *,
    limit_s: float,
    tick: Callable[[], bool],
) -> Journal | None:
    """Run the plan and return its journal, or None where ``tick`` asked for the end.

    ``tick`` is called a few times a second while Locust runs; it returns False to stop the run,
    for instance because a target died. Raises LoadError where Locust fails, exceeds ``limit_s``
    seconds or its journal is not whole, UnknownOperationsError where the plan's mix names
    operations that the Locust file lacks.
    """
    run_dir = run_dir.resolve()  # Locust has another working directory
    plan.write(run_dir / "plan.json")
    if schedule is not None:
        schedule.write(run_dir / SCHEDULE_FILE)
    with _locust(engine, run_dir) as process:
        exit_code = _wait(process, tick, limit_s)
    if exit_code is None:
        return None
    if exit_code != 0:
        raise LoadError(
            f"Locust ended with exit code {exit_code}:\n{chr(10).join(tail(run_dir / LOG_FILE))}",
            hint=f"Try the file alone: locust -f {engine.locustfile} --headless -u 1 -t 5s -H URL",
        )
    known = known_operations(run_dir)
    if not known.issuperset(plan.operations):
        raise UnknownOperationsError(set(plan.operations), known)
    return read_journal(run_dir, plan, 0 if schedule is None else len(schedule))


@contextmanager
def _locust(engine: Engine, run_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run Locust headless in a process group of its own, which ends with the block."""
    own = {"HOME": str(run_dir), "PERFGATE_PLAN": str(run_dir / "plan.json")}
    with ExitStack() as stack:
        with deferred_interrupts(), (run_dir / LOG_FILE).open("wb") as log:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "locust"),
                    *("-f", f"{PLUGIN},{engine.locustfile.resolve()}"),
                    *("--headless", "--users", "1", "--spawn-rate", "1", "--only-summary"),
                    *("--exit-code-on-error", "0"),
                ],
                cwd=run_dir,
                env=scrubbed(os.environ, extra=own),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            stack.callback(_end, process)
        if engine.cpus:
            psutil.Process(process.pid).cpu_affinity(list(engine.cpus))
        yield process


def _end(process: subprocess.Popen[bytes]) -> None:
    """End Locust, politely at first, and whatever the user's file has started in its group."""
    try:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
    finally:  # a second Ctrl-C may cut the wait short
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], bool], limit_s: float) -> int | None:
    """Return the exit code, or None where ``tick`` asked for the end."""
    deadline_s = time.monotonic() + limit_s
    while True:
        try:
            return process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            if not tick():
                return None
            if time.monotonic() > deadline_s:
                raise LoadError(f"Locust did not end within {limit_s:.0f} s") from None
