"""What may befall a run: a process of it is sought out, a stranger speaks, or takes its CPU."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from perfgate.load.plan import KEY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# What is told of a run whose generator had too little of its CPU.
CROWDED = re.compile("load generator (was late|waited [0-9]+% of the time)")
FORGE = Path(__file__).parent / "forge.py"


def process_in(directory: Path, word: str) -> psutil.Process:
    """Return the process of Locust in this directory that was started with this word."""
    return next(
        one
        for one in psutil.Process().children(recursive=True)
        if one.cwd() == str(directory) and word in one.cmdline()
    )


def key_of(run_dir: Path) -> str:
    """Return the key of a run."""
    return str(process_in(run_dir, "--master").environ()[KEY_VARIABLE])


def forge(run_dir: Path, *words: str) -> str:
    """Be a stranger at the run's master; return what it answers."""
    master = process_in(run_dir, "--master").cmdline()
    port = master[master.index("--master-bind-port") + 1]
    command = [sys.executable, str(FORGE), port, *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=60)
    return done.stdout.decode()


@contextmanager
def burners(cpus: Collection[int], count: int) -> Iterator[None]:
    """Keep CPUs busy with ``count`` processes for as long as the block lasts."""
    burn = f"import os\nos.sched_setaffinity(0, {set(cpus)})\nwhile True: pass"
    # In sessions of their own, for the kernel may share a CPU out among sessions.
    command = [sys.executable, "-I", "-S", "-c", burn]
    crowd = [subprocess.Popen(command, start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for process in crowd:
            process.kill()
            process.wait()
