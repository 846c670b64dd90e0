"""A worker's side of a run of several processes: the master is asked, and told, everything.

Every message is a call that the master answers, so that nothing is taken as done before it is.
"""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gevent.event import AsyncResult

from perfgate.load.inside.conductor import AbandonedError
from perfgate.load.rows import journal_file, manifest_file
from perfgate.procfs import TreeUsage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from locust.runners import WorkerRunner

    from perfgate.load.inside.seal import Seal

REQUEST = "perfgate-request"
REPLY = "perfgate-reply"
CHUNK_BYTES = 1 << 18
CLOCK_READINGS = 9


class Worker:
    """The conductor of a worker: its master."""

    def __init__(self, runner: WorkerRunner, seal: Seal, origin: Mapping[str, str]) -> None:
        self._runner, self._seal = runner, seal
        self._numbers = count(1)
        self._waiting: dict[int, AsyncResult] = {}
        self._run = ""
        runner.register_message(REPLY, self._on_reply)
        # It is sealed in with all that follows, so that nothing of another run can be sent again.
        self._run = self.call("run")
        told = self.call("hello", **origin)
        self.worker: int = told["worker"]
        self.workers: int = told["workers"]
        self.plan: str = told["plan"]
        self.schedule: bytes = told["schedule"]
        self.ahead_s = 0.0 if told["clock"] == clock_name() else self._read_clock()

    def call(self, what: str, **given: Any) -> Any:
        """Ask the master; raises AbandonedError where it has given the run up."""
        number = next(self._numbers)
        reply = self._waiting[number] = AsyncResult()
        own = {"run": self._run, "from": self._runner.client_id, "number": number, "what": what}
        self._runner.send_message(REQUEST, self._seal.close(REQUEST, own | given))
        try:
            content = reply.get()
        finally:
            del self._waiting[number]
        if content["broken"]:
            raise AbandonedError(content["broken"])
        return content["answer"]

    def _on_reply(self, msg: Any, **_: Any) -> None:
        content = self._seal.open(REPLY, msg.data)
        # What is not sealed is not the master's; the master says so where it reaches it.
        if content is None or content["to"] != self._runner.client_id:
            return
        waiting = self._waiting.get(content["number"])
        if waiting is not None:
            waiting.set(content)

    def _read_clock(self) -> float:
        """Return by how much the master's monotonic clock is ahead of this machine's.

        From the quickest of a few exchanges, taken to be equally long both ways (F. Cristian,
        Probabilistic clock synchronization, Distributed Computing 3, 1989).
        """
        readings = []
        for _ in range(CLOCK_READINGS):
            asked_s = time.monotonic()
            master_s = self.call("clock")
            told_s = time.monotonic()
            readings.append((told_s - asked_s, master_s - (asked_s + told_s) / 2))
        return float(min(readings)[1])

    def meet(self, stage: str) -> float:
        """Wait for the other workers; the moment is told by the master's clock."""
        moment_s = self.call("meet", stage=stage)
        if moment_s is None:
            raise AbandonedError("another worker has ended the run")
        return float(moment_s) - self.ahead_s

    def usage(self, build: str) -> TreeUsage:
        """Ask the master, on whose machine the builds run."""
        return TreeUsage(**self.call("usage", build=build))

    def busy_s(self, build: str) -> float | None:
        """Ask the master, as for what the builds use."""
        told: float | None = self.call("busy", build=build)
        return told

    def deliver(self, run_dir: Path) -> None:
        """Hand over the journal and then the manifest that seals it; the master has kept both."""
        with journal_file(run_dir, self.worker).open("rb") as journal:
            while chunk := journal.read(CHUNK_BYTES):
                self.call("rows", chunk=chunk)
        self.call("manifest", text=manifest_file(run_dir, self.worker).read_text())


def clock_name() -> str:
    """Return what processes with the same ``time.monotonic`` share: a boot and a time namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    namespace = Path("/proc/self/ns/time")
    return f"{boot} {namespace.readlink() if namespace.exists() else ''}"
