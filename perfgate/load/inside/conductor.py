"""How one worker of a load run keeps in step with the others, and learns what a build has used.

A run of one process has nobody to wait for and reads the builds' processes itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from perfgate.procfs import TreeMeter, busy_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perfgate.load.plan import Host
    from perfgate.procfs import TreeUsage


class AbandonedError(Exception):
    """The run has ended elsewhere; this worker has nothing more to do."""


class Conductor(Protocol):
    """What a driver asks of whoever coordinates the run."""

    @property
    def worker(self) -> int:
        """The number of this worker, from 0."""

    @property
    def workers(self) -> int:
        """How many workers share the run."""

    @property
    def ahead_s(self) -> float:
        """By how much the clock of the run is ahead of this process's ``time.monotonic``."""

    def meet(self, stage: str) -> float:
        """Wait until every worker has come to this stage; return one moment for all of them.

        It is a moment of this machine's ``time.monotonic``, now or soon.
        """

    def usage(self, build: str) -> TreeUsage:
        """Return what the processes of a build have used so far."""

    def busy_s(self, build: str) -> float | None:
        """Return :func:`perfgate.procfs.busy_s` of a build's first process."""


def meters_of(hosts: Iterable[Host]) -> dict[str, TreeMeter]:
    """Return the meter of each build, by name: of its first process and of all its members."""
    meters = {}
    for host in hosts:
        meters[host.build] = TreeMeter(host.pid)
        meters[host.build].adopt(host.members)
    return meters


class Alone:
    """The conductor of a run of one process."""

    worker = 0
    workers = 1
    ahead_s = 0.0

    def __init__(self, hosts: Sequence[Host]) -> None:
        self._pids = {host.build: host.pid for host in hosts}
        self._meters = meters_of(hosts)

    def meet(self, stage: str) -> float:  # noqa: ARG002 - nobody else comes to it
        """Return now."""
        return time.monotonic()

    def usage(self, build: str) -> TreeUsage:
        """Read the build's processes."""
        return self._meters[build].read()

    def busy_s(self, build: str) -> float | None:
        """Read the account of the build's CPUs."""
        return busy_s(self._pids[build])
