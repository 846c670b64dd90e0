"""The machine becomes a value: what must be equal before absolute figures are compared.

It reads the system; it changes nothing.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from perfgate.measurement.models import Environment

TOOLS = ("gevent", "locust", "numpy", "scipy")


def read_environment() -> Environment:
    """Return the environment of this process.

    With two CPUs or more the target gets the first for itself, and the load generator the others;
    with one they share it, and the generator's cost is in every figure.
    """
    cpus = tuple(sorted(os.sched_getaffinity(0)))
    return Environment(
        cpu_model=_cpu_model(),
        cpus=len(cpus),
        machine=platform.machine(),
        kernel=platform.release(),
        python=platform.python_version(),
        virtual=_virtual(),
        target_cpus=cpus[:1],
        generator_cpus=cpus[1:] or cpus,
    )


def read_tools() -> dict[str, str]:
    """Return the versions of what makes the load and reads the figures, by name."""
    return {name: version(name) for name in TOOLS}


def _cpu_model() -> str:
    for line in _lines("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor() or "unknown"


def _virtual() -> str:
    """Return what is known of the layer below: a container, a virtual machine, or bare metal."""
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return "container"
    flags = next((line for line in _lines("/proc/cpuinfo") if line.startswith("flags")), "")
    return "vm" if " hypervisor" in flags else "metal"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
