"""Workers as on other machines, run by `perfgate worker`; what they say is left to the tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from load.runs import write_locustfile
from perfgate.exitcodes import ExitCode
from perfgate.load.engine import Remote, run_load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from perfgate.load.engine import Engine
    from perfgate.load.journal import Journal
    from perfgate.load.plan import Plan
    from perfgate.load.schedule import Schedule

KEY = "k" * 32
CONFIGURATION = """
service = "tiny"
[target]
start = "serve --port {{port}}"
[load]
locustfile = "locust file.py"
port = {port}
"""


@dataclass
class Work:
    """A worker's process, and all that it has said once it has ended."""

    process: subprocess.Popen[bytes]
    told: str = ""


def awaiting(directory: Path, text: str, bind: str, port: int) -> Engine:
    """Return Locust that awaits workers, which find file and configuration in ``directory``."""
    (directory / "perfgate.toml").write_text(CONFIGURATION.format(port=port))
    return replace(write_locustfile(directory, text), remote=Remote(bind, port, KEY))


def runs_of(engine: Engine) -> list[Path]:
    """Return the directories of the runs that have been carried out, or are."""
    return sorted(engine.locustfile.parent.glob("run-*"))


def carried_out(
    engine: Engine, plan: Plan, schedule: Schedule, tick: Callable[[], bool] = lambda: True
) -> Journal:
    """Carry out the plan to its end, in a directory beside the Locust file."""
    run_dir = engine.locustfile.parent / f"run-{len(runs_of(engine))}"
    run_dir.mkdir()
    journal = run_load(engine, plan, schedule, run_dir, limit_s=60.0, tick=tick)
    assert journal is not None
    return journal


@contextmanager
def working(directory: Path, master: str, *prefix: str) -> Iterator[Work]:
    """Run `perfgate worker`, after a prefix, for as long as the block lasts."""
    with subprocess.Popen(
        [*prefix, sys.executable, "-m", "perfgate", "worker", "--master", master],
        cwd=directory,
        env={**os.environ, "PERFGATE_KEY": KEY},
        stderr=subprocess.PIPE,
    ) as process:
        work = Work(process)
        try:
            yield work
        finally:
            process.send_signal(signal.SIGINT)
            work.told = process.communicate(timeout=30)[1].decode()
    assert process.returncode == ExitCode.INTERRUPTED
    assert "waiting for a check" in work.told
