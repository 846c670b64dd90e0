"""One row for every arrival, on disk soon after it ends, and the CPU readings around windows.

Listens to Locust's request event to learn how the requests of a task ended. Decides nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gevent
from locust.exception import CatchResponseError, InterruptTaskSet, RescheduleTask

from perfgate.load.plan import BUILDS, SCHEDULED, Outcome, Phase
from perfgate.load.rows import ROW
from perfgate.procfs import own_wait_s

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from perfgate.procfs import TreeUsage

MAX_FAILURE_CLASSES = 64
MAX_FAILURE_CHARS = 160
NO_REQUEST = "the task sent no request"
OTHER = "other failures"
# About 30 kB: writing them takes less time than the timer is accurate to.
ROWS_AT_ONCE = 512
_NAN = float("nan")
_STATUS_LIMIT = 2**16
_MOST_TOLD = 255
_MOST_ATTEMPTS = 2**16 - 1
MOST_BYTES = 2**64 - 1
# What tells one occurrence from the next, or base from candidate: origins, queries (which may hold
# secrets), ports, addresses of objects.
_PARTICULARS = re.compile(
    r"""https?://[^\s/?#'"]+ | \?[^\s'":]+ | (?<=port=)\d+ | (?<=\bat\ )0x[0-9a-f]+""", re.VERBOSE
)
# gevent.Timeout is no Exception, yet a user's task may well let one out.
_FAULTS = (Exception, gevent.Timeout)


# Not frozen: that would take three times as long to make, for every arrival.
@dataclass(slots=True)
class Arrival:
    """One request to be made; without ``intended_s`` it is intended when it starts.

    ``waited`` says that every identity was busy at the time. Of what a caller sends, ``attempt``
    counts the attempts from 0, and ``caller`` is its place in the plan.
    """

    number: int
    phase: Phase
    build: int
    operation: int
    intended_s: float | None = None
    waited: bool = False
    attempt: int = 0
    caller: int = 0


@dataclass(frozen=True, slots=True)
class Batch:
    """Fixed work for one build: so many requests, all of an operation (-1: of several), in turns.

    Of each turn there are the readings at its begin and end.
    """

    requests: int
    operation: int
    turns: Sequence[tuple[Reading, Reading]]


class GivenUpError(BaseException):
    """Whoever waited for a task waits no longer; no Exception, for a task is not to catch it."""


class _Call:
    """What the requests of one running task have told so far."""

    __slots__ = (
        "connects",
        "failure",
        "received_s",
        "redirects",
        "requests",
        "sent_s",
        "size_bytes",
        "status",
    )

    def __init__(self) -> None:
        self.requests = self.connects = self.redirects = 0
        self.failure = ""
        self.status = 0
        self.size_bytes = 0
        self.sent_s = self.received_s = _NAN


class Recorder:
    """The journal of one load run; times are seconds of ``time.monotonic``.

    Rows go to ``journal`` a few hundred at a time, so that a million of them take no memory.
    """

    def __init__(self, journal: Path) -> None:
        self._calls: dict[Any, _Call] = {}
        self._file = journal.open("wb", buffering=0)
        self._buffer = bytearray(ROW.size * ROWS_AT_ONCE)
        self._filled = 0
        self._rows = 0
        self._seal = hashlib.sha256()
        self._windows: list[dict[str, float]] = []
        self._failures: dict[str, int] = {"": 0}
        self._open_loop: dict[int, bytearray] = {}
        self._ended = 0
        self.broken = ""
        self.sign_in_failures: dict[str, list[str]] = {build: [] for build in BUILDS}

    def on_request(
        self,
        *,
        exception: BaseException | None = None,
        response: Any = None,
        response_length: int | None = 0,
        **_: Any,
    ) -> None:
        """Note how a request of the task running in this greenlet ended (Locust's event).

        Locust only logs what a listener raises, and goes on; here it breaks the run.
        """
        call = self._calls.get(gevent.getcurrent())
        if call is None:
            return
        try:
            call.requests += 1
            call.status = _status(response)
            call.size_bytes += max(int(response_length or 0), 0)
            call.redirects += _redirects(response)
            if exception is not None and not call.failure:
                call.failure = _failure_class(exception)
        except Exception:  # whatever a client tells
            self.broken = self.broken or traceback.format_exc()

    def on_spawned(self, greenlet: gevent.Greenlet) -> None:
        """Count what this greenlet does as done by the task running in the one that starts it.

        What comes after the task has ended counts nowhere: its row is written.
        """
        call = self._calls.get(gevent.getcurrent())
        if call is not None:
            self._calls[greenlet] = call
            greenlet.rawlink(self._calls.__delitem__)

    def on_received(self, moment_s: float) -> None:
        """Note when the kernel received what the task running in this greenlet has just read."""
        call = self._calls.get(gevent.getcurrent())
        if call is not None:
            call.received_s = moment_s

    def on_sent(self) -> None:
        """Note when the task running in this greenlet first turns to the network.

        What it has received so far is no answer to what it sends now.
        """
        call = self._calls.get(gevent.getcurrent())
        if call is None:
            return
        call.received_s = _NAN
        if math.isnan(call.sent_s):
            call.sent_s = time.monotonic()

    def awaits_answer(self) -> bool:
        """Return whether the task running in this greenlet has read nothing since it last sent."""
        call = self._calls.get(gevent.getcurrent())
        return call is not None and math.isnan(call.received_s)

    def on_exhausted(self, error: OSError) -> None:
        """Break the run: a request that this machine had no socket for is no failure of a build."""
        self.broken = self.broken or (
            f"the load generator got no socket for a request ({error}): fewer identities need "
            "fewer, and `ulimit -n` allows more"
        )

    def on_connected(self) -> None:
        """Note that the task running in this greenlet has opened a connection."""
        call = self._calls.get(gevent.getcurrent())
        if call is not None:
            call.connects += 1

    def ended(self) -> int:
        """Return how many sign-ins and arrivals have ended so far, in whatever way."""
        return self._ended

    @contextmanager
    def sign_in(self, build: str) -> Iterator[Callable[[], bool]]:
        """Note under the build's name what fails while an identity is made.

        The block gets a function that tells whether something has failed so far.
        """
        call = self._calls[gevent.getcurrent()] = _Call()
        try:
            yield lambda: bool(call.failure)
        except _FAULTS as error:  # whatever a user's on_start raises is told
            call.failure = call.failure or _failure_class(error)
        finally:
            del self._calls[gevent.getcurrent()]
            self._ended += 1
        if call.failure:
            self.sign_in_failures[build].append(call.failure)

    def run(self, task: Any, arrival: Arrival) -> Outcome:
        """Run ``task`` and write the arrival's row, even if the greenlet is killed meanwhile.

        Where GivenUpError is thrown into it, the outcome is ABANDONED.
        """
        current = gevent.getcurrent()
        call = self._calls[current] = _Call()
        started_s = time.monotonic()
        outcome = Outcome.CENSORED
        try:
            _run_task(task, call)
            outcome = Outcome.FAILED if call.failure else Outcome.OK
        except GivenUpError:
            outcome = Outcome.ABANDONED
        finally:
            ended_s = _NAN if outcome is Outcome.CENSORED else time.monotonic()
            del self._calls[current]
            self._ended += 1
            self._append(arrival, started_s, ended_s, outcome, call)
        return outcome

    def expect_open_loop(self, builds: Iterable[int], arrivals: int) -> None:
        """Get ready for an open loop: these builds are owed so many arrivals."""
        self._open_loop = {build: bytearray(arrivals) for build in builds}

    def unwritten(self, build: int, number: int) -> bool:
        """Return whether the build's open-loop arrival has no row yet."""
        return not self._open_loop[build][number]

    def censor(self, arrival: Arrival) -> None:
        """Write the row of an arrival that never started."""
        self._append(arrival, _NAN, _NAN, Outcome.CENSORED, _Call())

    def window(
        self,
        phase: Phase,
        build: int,
        index: int,
        readings: tuple[Reading, Reading],
        batch: Batch | None = None,
    ) -> None:
        """Write what one build's processes used between two readings, and their memory at the end.

        Where a batch was sent in turns, what was waited counts in those.
        """
        before, after = readings
        parts = batch.turns if batch else (readings,)
        self._windows.append(
            {
                "phase": phase,
                "build": build,
                "index": index,
                "from_s": before.at_s,
                "to_s": after.at_s,
                "cpu_s": after.usage.cpu_s - before.usage.cpu_s,
                "wait_s": math.fsum(end.usage.wait_s - start.usage.wait_s for start, end in parts),
                "generator_cpu_s": after.generator_cpu_s - before.generator_cpu_s,
                "generator_wait_s": math.fsum(
                    end.generator_wait_s - start.generator_wait_s for start, end in parts
                ),
                "rss_bytes": after.usage.rss_bytes,
                "operation": batch.operation if batch else -1,
                "requests": batch.requests if batch else -1,
            }
        )

    def close(self, manifest: Path, facts: dict[str, Any]) -> None:
        """Write what rows are left, then the manifest that counts and seals them."""
        self._flush()
        self._file.close()
        seal = {
            "rows": self._rows,
            "sha256": self._seal.hexdigest(),
            "windows": self._windows,
            "failures": list(self._failures),
            "sign_in_failures": self.sign_in_failures,
        }
        if self.broken:
            seal["broken"] = self.broken
        manifest.write_text(json.dumps(seal | facts, indent=1))

    def _append(
        self, arrival: Arrival, started_s: float, ended_s: float, outcome: Outcome, call: _Call
    ) -> None:
        """Write a row; what prevents that breaks the run, for an exception would end a greenlet."""
        try:
            ROW.pack_into(
                self._buffer,
                self._filled,
                arrival.number,
                arrival.phase,
                arrival.build,
                arrival.operation,
                outcome,
                arrival.waited,
                self._failure_code(call.failure) if call.failure else 0,
                call.status,
                started_s if arrival.intended_s is None else arrival.intended_s,
                started_s,
                call.sent_s,
                _NAN if outcome is Outcome.CENSORED else call.received_s,
                ended_s,
                min(call.size_bytes, MOST_BYTES),
                min(call.connects, _MOST_TOLD),
                min(call.redirects, _MOST_TOLD),
                min(arrival.attempt, _MOST_ATTEMPTS),
                arrival.caller,
            )
            if arrival.phase in SCHEDULED:
                self._open_loop[arrival.build][arrival.number] = 1
            self._rows += 1
            self._filled += ROW.size
            if self._filled == len(self._buffer):
                self._flush()
        except Exception:  # a row that cannot be written, whatever is wrong with it
            self.broken = self.broken or traceback.format_exc()

    def _flush(self) -> None:
        rows = memoryview(self._buffer)[: self._filled]
        self._seal.update(rows)
        self._file.write(rows)
        self._filled = 0

    def _failure_code(self, failure: str) -> int:
        if failure not in self._failures and len(self._failures) >= MAX_FAILURE_CLASSES:
            failure = OTHER
        return self._failures.setdefault(failure, len(self._failures))


class Reading:
    """A build's process tree, and what the generator has had and lacked of a CPU, at one moment."""

    __slots__ = ("at_s", "generator_cpu_s", "generator_wait_s", "usage")

    def __init__(self, usage: TreeUsage) -> None:
        self.at_s = time.monotonic()
        self.generator_cpu_s = time.process_time()
        self.generator_wait_s = own_wait_s()
        self.usage = usage

    def since(self, before: Reading) -> tuple[float, float]:
        """Return the build's CPU time since then, and the time less all waits for a CPU.

        The latter is at least the former, however many threads have waited at once.
        """
        cpu_s = self.usage.cpu_s - before.usage.cpu_s
        waited_s = self.usage.wait_s - before.usage.wait_s
        waited_s += self.generator_wait_s - before.generator_wait_s
        return cpu_s, max(self.at_s - before.at_s - waited_s, cpu_s)


def _run_task(task: Any, call: _Call) -> None:
    """Run the task; what goes wrong becomes the call's failure, not an exception."""
    try:
        task()
    except (RescheduleTask, InterruptTaskSet):
        pass  # Locust's ways to end a task early: the requests made so far still count
    except _FAULTS as error:  # whatever a user's task raises is a failure
        call.failure = call.failure or _failure_class(error)
    if not call.requests:
        call.failure = call.failure or NO_REQUEST


def _status(response: Any) -> int:
    """Return the HTTP status, or 0 where there is none: other protocols have words of their own."""
    status = getattr(response, "status_code", 0)
    return status if isinstance(status, int) and 0 <= status < _STATUS_LIMIT else 0


def _redirects(response: Any) -> int:
    """Return how many redirects led to the answer, 0 for clients that do not tell."""
    history = getattr(response, "history", ())
    return len(history) if isinstance(history, list | tuple) else 0


def _failure_class(error: BaseException) -> str:
    """Return a short text that equal failures share, whichever build and request they are of."""
    text = str(error)
    if not isinstance(error, CatchResponseError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
        # A client's own words for it may hide what the system said.
        origin = type(error.__context__).__name__
        if isinstance(error.__context__, OSError) and origin not in text:
            text = f"{text} ({origin})"
    return " ".join(_PARTICULARS.sub("", text).split())[:MAX_FAILURE_CHARS]
