"""Runs one plan in Locust, as a subprocess that sees nothing of the caller's environment.

The parent never imports locust: importing it patches the whole process. What the run says is
read from its journal, never from Locust's own statistics or exit code.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.errors import LoadError, SpoiltError, UsageError
from perfgate.load.journal import known_operations, read_journal
from perfgate.load.plan import END_FILE, KEY_VARIABLE, PLAN_FILE, PLAN_VARIABLE
from perfgate.scrub import scrubbed
from perfgate.tail import tail
from perfgate.target.interrupts import deferred_interrupts
from perfgate.target.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from perfgate.load.journal import Journal
    from perfgate.load.plan import Plan
    from perfgate.load.schedule import Schedule

PLUGIN = Path(__file__).parent / "inside" / "perfgate_plugin.py"
SCHEDULE_FILE = "schedule.npz"
LOG_FILE = "locust.log"
POLL_S = 0.2
STOP_S = 3.0
EARLY_S = 30.0
LEAST_KEY_CHARS = 32


class UnknownOperationsError(LoadError):
    """The demand's mix names operations that the Locust file does not define."""

    def __init__(self, wanted: set[str], known: set[str]) -> None:
        missing = ", ".join(sorted(wanted - known))
        super().__init__(
            f"no task in the Locust file is named {missing}"
            if known
            else f"the Locust file has no task at all, and the ledger asks for {missing}",
            hint="An operation is a method with @task, in a class of users.",
        )
        self.known = known


@dataclass(frozen=True, slots=True)
class Remote:
    """Workers on other machines: where this one waits for them, and the key they share with it."""

    bind: str
    port: int
    key: str


@dataclass(frozen=True, slots=True)
class Engine:
    """Locust: the user's file, the CPUs of this machine it may use (none given: any).

    The workers of a plan are processes of this machine, or, with ``remote``, come from others.
    """

    locustfile: Path
    cpus: tuple[int, ...] = ()
    remote: Remote | None = None


def run_load(  # noqa: PLR0913 - each is another side of one run, and has its own owner
    engine: Engine,
    plan: Plan,
    schedule: Schedule | None,
    run_dir: Path,
    *,
    limit_s: float,
    tick: Callable[[], bool],
    prepare: Callable[[Plan], Plan] = lambda plan: plan,
) -> Journal | None:
    """Run the plan and return its journal, or None where ``tick`` asked for the end.

    Locust starts at once, which takes it more than a second, but sends nothing before ``prepare``
    has returned the plan with what is known of the targets once they are ready.
    ``tick`` is called a few times a second while Locust runs; it returns False to stop the run,
    for instance because a target died. Raises LoadError where Locust fails or exceeds ``limit_s``
    seconds, SpoiltError where one of its processes was lost or its journal is not whole,
    UnknownOperationsError where the plan's mix names operations that the Locust file lacks,
    UsageError where it has several tasks of one name.
    """
    run_dir = run_dir.resolve()  # Locust has another working directory
    if schedule is not None:
        schedule.write(run_dir / SCHEDULE_FILE)
    with _locust(engine, plan.workers, run_dir) as processes:
        plan = prepare(plan)
        plan.write(run_dir / PLAN_FILE)
        exit_code = _wait(processes, tick, limit_s)
    if exit_code is None:
        return None
    if exit_code != 0:
        raise _locust_failed(exit_code, engine.locustfile, run_dir)
    known = known_operations(run_dir)
    if not known.keys() >= set(plan.operations):
        raise UnknownOperationsError(set(plan.operations), set(known))
    _refuse_namesakes({name: known[name] for name in plan.operations})
    return read_journal(run_dir, plan, 0 if schedule is None else len(schedule))


def _refuse_namesakes(operations: Mapping[str, list[str]]) -> None:
    doubled = [
        f"{name} (in {' and '.join(owners)})"
        for name, owners in operations.items()
        if len(owners) > 1
    ]
    if doubled:
        raise UsageError(
            f"the Locust file has several tasks of one name: {', '.join(doubled)}",
            hint="An operation is one task: give each a name of its own, in the ledger too.",
        )


@contextmanager
def _locust(engine: Engine, workers: int, run_dir: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run Locust headless, each process in a group of its own that ends with the block.

    One process, or a master and its workers; the first one ends the run.
    """
    own = {PLAN_VARIABLE: str(run_dir / PLAN_FILE)}
    with ExitStack() as stack:
        if engine.remote is None and workers == 1:
            yield [_start(stack, engine, [], run_dir, own)]
            return
        remote = engine.remote or Remote("127.0.0.1", free_port(), secrets.token_hex(32))
        own[KEY_VARIABLE] = remote.key
        place = ["--master-bind-host", remote.bind, "--master-bind-port", str(remote.port)]
        crowd = ["--master", "--expect-workers", str(workers), "--users", str(workers)]
        processes = [_start(stack, engine, [*crowd, *place], run_dir, own)]
        for worker in range(0 if engine.remote else workers):
            worker_dir = run_dir / f"worker-{worker}"
            worker_dir.mkdir()
            words = ["--worker", "--master-host", remote.bind, "--master-port", str(remote.port)]
            processes.append(_start(stack, engine, words, worker_dir, own))
        yield processes


def serve_master(locustfile: Path, host: str, port: int, key: str, run_dir: Path) -> str:
    """Be a worker of one run of the master at ``host``; return in words how it ended, if one came.

    Raises LoadError where Locust cannot even start. A run that was reached and broke is its
    master's to tell.
    """
    words = ["--worker", "--master-host", host, "--master-port", str(port)]
    begun_s = time.monotonic()
    with ExitStack() as stack:
        process = _start(stack, Engine(locustfile), words, run_dir, {KEY_VARIABLE: key})
        exit_code = process.wait()
    given_up = run_dir / END_FILE
    if given_up.exists():
        return f"a run was given up: {given_up.read_text()}"
    if (run_dir / PLAN_FILE).exists():
        return "a run has ended"
    # Without a master Locust gives up too, but only after some minutes.
    if exit_code and time.monotonic() - begun_s < EARLY_S:
        raise _locust_failed(exit_code, locustfile, run_dir)
    return ""


def shared_key(environ: Mapping[str, str]) -> str:
    """Return the key that workers of other machines share; raises UsageError without a good one."""
    key = environ.get(KEY_VARIABLE, "")
    if len(key) < LEAST_KEY_CHARS:
        raise UsageError(
            f"workers on other machines need a key in {KEY_VARIABLE}, of {LEAST_KEY_CHARS} "
            f"characters or more; {'it is shorter' if key else 'it is not set'}",
            hint=f"On every machine the same:  export {KEY_VARIABLE}=$(openssl rand -hex 32)",
        )
    return key


def _locust_failed(exit_code: int, locustfile: Path, run_dir: Path) -> LoadError:
    if exit_code < 0:
        return SpoiltError(f"the load generator was lost: signal {-exit_code} killed it")
    return LoadError(
        f"Locust ended with exit code {exit_code}:\n{chr(10).join(tail(run_dir / LOG_FILE))}",
        hint=f"Try the file alone: locust -f {locustfile} --headless -u 1 -t 5s -H URL",
    )


def _start(
    stack: ExitStack, engine: Engine, words: list[str], directory: Path, own: dict[str, str]
) -> subprocess.Popen[bytes]:
    """Start one Locust process in ``directory``; the stack ends it."""
    with deferred_interrupts(), (directory / LOG_FILE).open("wb") as log:
        process = subprocess.Popen(
            [*locust_words(engine.locustfile), *words],
            cwd=directory,
            env=scrubbed(os.environ, extra={"HOME": str(directory), **own}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        stack.callback(_end, process)
    pin(process.pid, engine.cpus)
    return process


def pin(pid: int, cpus: Collection[int]) -> None:
    """Keep a process to these CPUs, if any; whoever waits for it tells if it has ended."""
    if cpus:
        with suppress(ProcessLookupError):
            os.sched_setaffinity(pid, cpus)


def locust_words(locustfile: Path) -> list[str]:
    """Return the command that runs Locust with perfgate's plugin beside the user's file."""
    return [
        *(sys.executable, "-m", "locust"),
        *("-f", f"{PLUGIN},{locustfile.resolve()}"),
        *("--headless", "--spawn-rate", "100", "--only-summary", "--exit-code-on-error", "0"),
    ]


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


def _wait(
    processes: list[subprocess.Popen[bytes]], tick: Callable[[], bool], limit_s: float
) -> int | None:
    """Return the first process's exit code, or None where ``tick`` asked for the end."""
    deadline_s = time.monotonic() + limit_s
    while True:
        try:
            return processes[0].wait(POLL_S)
        except subprocess.TimeoutExpired:
            if not tick():
                return None
            if time.monotonic() > deadline_s:
                raise LoadError(
                    f"Locust did not end within {limit_s:.0f} s",
                    hint="Mostly a task does not return: give its requests a timeout.",
                ) from None
            for worker, process in enumerate(processes[1:]):
                if process.poll():
                    raise SpoiltError(
                        f"worker {worker} of the load generator was lost: its process ended with "
                        f"exit code {process.returncode}"
                    ) from None
