"""Images for the tests of containers, made of what is on this machine: no registry is asked."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tarfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PYTHON = str(Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}")
# The interpreter and its libraries are this machine's. Where containers run in a machine that may
# not raise limits itself, podman's own are refused.
OPTIONS = (
    *(f"--volume={place}:{place}:ro" for place in sorted({"/usr", sys.base_prefix})),
    "--ulimit=nofile=1024:1024",
    "--ulimit=nproc=1024:1024",
)
LINKS = {name: f"usr/{name}" for name in ("bin", "lib", "lib64", "sbin")}
PLACES = ("usr", "tmp", "proc", "sys", "dev", "etc", "srv")


def podman(*words: str, text: bytes = b"") -> str:
    """Run podman to its end, and return what it printed."""
    done = subprocess.run(["podman", *words], input=text, capture_output=True, check=True)
    return done.stdout.decode().strip()


def names(image: str) -> list[str]:
    """Return the names of all containers of an image, of those that have ended too."""
    return podman("ps", "--all", "--filter", f"ancestor={image}", "--format", "{{.Names}}").split()


def own(name: str) -> str:
    """Return the name for an image of this process: others may run the same tests."""
    return f"localhost/perfgate-test-{name}-{os.getpid()}"


@contextmanager
def imported(name: str, files: Mapping[str, str]) -> Iterator[str]:
    """Make an image with these files in /srv for as long as the block lasts; yield its id.

    It is no other's: what is equal to the second has one id.
    """
    made = podman("import", "--quiet", "-", name, text=root_of({**files, "name": name}))
    try:
        yield made
    finally:
        podman("rmi", "--force", name)


def root_of(files: Mapping[str, str]) -> bytes:
    """Return the tar of a root with these files in /srv, and places for all that is mounted."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as root:
        for place in PLACES:
            root.addfile(_entry(place, tarfile.DIRTYPE))
        for link, target in LINKS.items():
            entry = _entry(link, tarfile.SYMTYPE)
            entry.linkname = target
            root.addfile(entry)
        for name, text in files.items():
            entry = _entry(f"srv/{name}", tarfile.REGTYPE)
            entry.size = len(text.encode())
            root.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _entry(name: str, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = kind, 0o755
    return entry


def need_podman() -> None:
    """Skip the test where podman cannot run a container, or cannot limit it."""
    if why := _why_not():
        pytest.skip(why)


@cache
def _why_not() -> str:
    if shutil.which("podman") is None:
        return "podman is not installed"
    try:
        with imported(f"{own('trial')}:1", {}) as image:
            limits = ("--cpuset-cpus", str(min(os.sched_getaffinity(0))), "--memory", "64m")
            podman("run", "--rm", *limits, *OPTIONS, image, PYTHON, "-I", "-S", "-c", "pass")
    except subprocess.CalledProcessError as error:
        return f"podman runs no container here: {error.stderr.decode(errors='replace')[-200:]}"
    return ""
