"""Hosts of the tests' own: network namespaces that reach this machine over a cable each."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

# Every host has a network of four addresses to itself; runs of the tests keep out of each other's
# way.
NETWORK = f"10.213.{os.getpid() % 256}"
# This machine as the hosts see it.
HERE = f"{NETWORK}.1"


@contextmanager
def hosts(count: int) -> Iterator[list[str]]:
    """Make hosts for as long as the block lasts; yield their names."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    with ExitStack() as stack:
        yield [_host(stack, number) for number in range(count)]


def on(host: str) -> tuple[str, ...]:
    """Return what runs a command on that host."""
    return ("ip", "netns", "exec", host)


def clock(ahead_s: int) -> tuple[str, ...]:
    """Return what runs a command, or at least what it starts, with its monotonic clock ahead."""
    words = ("unshare", "--time", "--monotonic", str(ahead_s))
    if shutil.which("unshare") is None or subprocess.run((*words, "true"), check=False).returncode:
        pytest.skip("clocks of their own need root, a kernel with time namespaces and util-linux")
    return words


def _host(stack: ExitStack, number: int) -> str:
    name, cable = f"perfgate-{os.getpid()}-{number}", f"pg{os.getpid()}-{number}"
    here, there = (f"{NETWORK}.{4 * number + place}" for place in (1, 2))
    _ip("netns", "add", name)
    stack.callback(_ip, "netns", "del", name)
    _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
    # It would go with the host too, but only some time after it.
    stack.callback(_ip, "link", "del", cable)
    _ip("addr", "add", f"{here}/30", "dev", cable)
    _ip("link", "set", cable, "up")
    for words in (
        ("addr", "add", f"{there}/30", "dev", "eth0"),
        ("link", "set", "eth0", "up"),
        ("link", "set", "lo", "up"),
        ("route", "add", "default", "via", here),
    ):
        _ip("-n", name, *words)
    return name


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, timeout=10)
