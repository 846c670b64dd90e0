"""Makes every comparison and prints the page; what goes on meanwhile stands on standard error."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.generators.comparisons import (
    Bench,
    compare_changes,
    compare_costs,
    compare_stalls,
)
from benchmarks.generators.page import INSTALL, notice, render
from perfgate.machine import read_environment
from perfgate.procfs import Contention, read_contention

KINDS = {"vm": "virtual machine", "container": "container", "metal": "machine"}


def main() -> None:
    """Compare and print."""
    environment = read_environment()
    missing = [tool for tool in INSTALL if not shutil.which(tool)]
    for tool in missing:
        sys.stderr.write(f"{notice(tool)}\n")
    before, start_s = read_contention(), time.monotonic()
    with TemporaryDirectory() as directory:
        bench = Bench(Path(directory), environment.target_cpus[0], environment.generator_cpus[0])
        costs = {} if "nginx" in missing else compare_costs(bench, missing)
        stalls = compare_stalls(bench)
        changes = compare_changes(bench)
    machine = (
        f"Measured on a {environment.cpus}-CPU {KINDS[environment.virtual]}, with "
        f"{', '.join(_versions(missing))}.{_stolen(before, time.monotonic() - start_s)}"
    )
    sys.stdout.write(f"{render(machine, missing, costs, stalls, changes)}\n")


def _stolen(before: Contention, seconds: float) -> str:
    """Return what part of a CPU the hypervisor gave to others meanwhile, in words, if it tells."""
    after = read_contention()
    if before.steal_s is None or after.steal_s is None:
        return ""
    share = (after.steal_s - before.steal_s) / seconds
    return f" The hypervisor gave {100 * share:.1f} % of a CPU to other machines meanwhile."


def _versions(missing: list[str]) -> list[str]:
    """Return what took part, each with its version."""
    shown = {"nginx": "-v", "wrk": "-v", "autocannon": "--version"}
    told = [f"Python {sys.version.split()[0]}"]
    told += [f"{name} {version(name)}" for name in ("locust", "gevent", "geventhttpclient")]
    for tool in (tool for tool in shown if tool not in missing):
        asked = subprocess.run((tool, shown[tool]), check=False, capture_output=True, text=True)
        number = re.search(r"\d+(\.\d+)+", asked.stdout + asked.stderr)
        told += [f"{tool} {number[0]}"] if number else []
    return told


if __name__ == "__main__":
    main()
