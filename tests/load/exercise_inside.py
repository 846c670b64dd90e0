"""Exercises single parts of the code that runs in Locust; started as a process by the tests.

Locust and gevent must not be imported by the process that runs the tests. What was seen goes to
standard output as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import gevent
import numpy as np

from perfgate.load.inside.callers import Callers
from perfgate.load.inside.crew import Crew
from perfgate.load.inside.recorder import Arrival, Recorder
from perfgate.load.inside.seal import Seal
from perfgate.load.inside.timer import Timer
from perfgate.load.plan import Caller, Outcome, Phase, Recovery, RetryBudget
from perfgate.load.pulse import Pulse
from perfgate.load.rows import COLUMNS, DTYPE, journal_file, manifest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def timer() -> dict[str, object]:
    """Call at moments ahead and past, beside a greenlet that counts."""
    turns = 0

    def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            gevent.sleep(0.001)

    def raising(_: object) -> None:
        raise ZeroDivisionError

    counting = gevent.spawn(count)
    begun_s = time.monotonic()
    moments = [begun_s + 0.02 * step for step in range(1, 6)]
    late_s: list[float] = []
    past: list[float] = []
    again: list[float] = []
    with Timer() as calling:
        calling.call_each([(m, m) for m in moments], lambda m: late_s.append(time.monotonic() - m))
        calling.call_each([(m, m) for m in (-1.0, 0.0, *moments)], past.append)
        calling.call_each([], past.append)
        try:
            calling.call_each([(0.0, None)], raising)
            raised = ""
        except ZeroDivisionError as error:
            raised = type(error).__name__
        calling.call_each([(time.monotonic() + 0.01, 0.0)], again.append)
    counting.kill()
    return {"late_s": late_s, "past": len(past), "turns": turns, "raised": raised, "again": again}


def crew() -> dict[str, object]:
    """Let crews work, stand still, and work slowly."""
    finished: list[int] = []

    def work(seconds: float, items: int) -> Callable[[], None]:
        left = iter(range(items))

        def worker() -> None:
            for item in left:
                gevent.sleep(seconds)
                finished.append(item)

        return worker

    quick = Crew(3, work(0.0, 7)).finish(finished.__len__, 1.0), sorted(finished)
    finished.clear()
    slow = Crew(1, work(0.06, 5)).finish(finished.__len__, 0.12), sorted(finished)
    finished.clear()
    stuck = Crew(2, work(60.0, 2)).finish(finished.__len__, 0.05), sorted(finished)
    idle = Crew(2, work(0.0, 0)).finish(lambda: 0, 0.05)
    return {"quick": quick, "slow": slow, "stuck": stuck, "idle": idle, "failed": failing_crew()}


def failing_crew() -> list[object]:
    """Let one of two workers fail at once, the other go on, or stand still; return what is told."""
    told: list[object] = []

    def worker(started: Iterator[int], seconds: float) -> None:
        if next(started) == 0:
            raise ZeroDivisionError
        gevent.sleep(seconds)

    for seconds in (0.01, 60.0):
        failing = Crew(2, partial(worker, iter(range(2)), seconds))
        gevent.sleep(0.005)
        try:
            told.append(failing.finish(lambda: 0, 0.05))
        except ZeroDivisionError as error:
            told.append(type(error).__name__)
    return told


class Columns:
    """A recorder and what it has written so far."""

    def __init__(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.recorder = Recorder(journal_file(Path(self.directory.name), 0))
        self.number = 0

    def run(self, task: Callable[[], object]) -> None:
        """Run the task as the next arrival."""
        self.recorder.run(task, Arrival(self.number, Phase.PAIRS, 1, 0))
        self.number += 1

    def answer(self, **told: object) -> None:
        """Tell of one request of the task that runs."""
        self.recorder.on_request(**told)  # type: ignore[arg-type]  # users' clients tell anything

    def fail(self, error: BaseException) -> Callable[[], None]:
        """Return a task whose request fails with this error."""
        return lambda: self.answer(exception=error, response=SimpleNamespace(status_code=0))

    def written(self) -> dict[str, object]:
        """Return the rows, and the failures as names."""
        manifest = manifest_file(Path(self.directory.name), 0)
        self.recorder.close(manifest, {"more": 1})
        seal = json.loads(manifest.read_text())
        stored = np.fromfile(journal_file(Path(self.directory.name), 0), DTYPE)
        rows = {name: stored[name].tolist() for name in COLUMNS}
        rows["failure"] = [seal["failures"][code] for code in rows["failure"]]
        self.directory.cleanup()
        return {"rows": rows, "seal": seal}


def failures() -> dict[str, object]:
    """Let requests fail in words that differ where they should not, and in very many ways."""
    columns = Columns()
    for port, draw in ((4000, "0.1"), (5000, "0.2")):
        columns.run(columns.fail(OSError(f"URL http://127.0.0.1:{port}/a/b?token={draw}: code=1")))
        columns.run(columns.fail(OSError(f"Pool(host='127.0.0.1', port={port}): timed out")))
        columns.run(columns.fail(OSError(f"<Socket object at 0x7f{port}> is closed")))
        columns.run(columns.fail(OSError("what now?")))
    columns.run(columns.fail(ValueError()))
    columns.run(columns.fail(ValueError("x" * 1000)))
    for number in range(100):
        columns.run(columns.fail(ValueError(f"number {number}")))
    return columns.written()


def oddities() -> dict[str, object]:
    """Tell of requests in the way of clients that speak other protocols than HTTP."""
    columns = Columns()
    for status in (200, "OK", None, -5, 70_000):
        answer = SimpleNamespace(status_code=status)
        columns.run(partial(columns.answer, response=answer, response_length=3))
    columns.run(lambda: columns.answer(response=None, response_length=None))
    columns.run(columns.answer)
    columns.answer(exception=OSError("nobody's"))
    return columns.written()


def spawned() -> dict[str, object]:
    """Let tasks start greenlets that ask: at the third remove, and after their task has ended."""
    columns = Columns()
    gevent.Greenlet.add_spawn_callback(columns.recorder.on_spawned)
    late: list[gevent.Greenlet] = []

    def remote() -> None:
        gevent.spawn(gevent.spawn, gevent.spawn_later, 0.001, columns.fail(OSError("remote")))
        columns.answer(response_length=3)
        gevent.sleep(0.01)

    def leaving() -> None:
        columns.answer()
        late.append(gevent.spawn_later(0.001, columns.fail(OSError("late"))))

    columns.run(remote)
    columns.run(leaving)
    columns.run(lambda: columns.answer(response_length=late[0].join()))
    gevent.Greenlet.remove_spawn_callback(columns.recorder.on_spawned)
    return columns.written() | {"kept": len(columns.recorder._calls)}


def huge() -> dict[str, object]:
    """Tell of an answer larger than any, then run an arrival whose row cannot be written."""
    columns = Columns()
    columns.run(partial(columns.answer, response_length=2**64))
    columns.number = 2**63
    columns.run(columns.answer)
    columns.number = 1
    columns.run(columns.answer)
    return columns.written()


def killed() -> dict[str, object]:
    """Kill an arrival on its way, then censor what is missing of an open loop of three."""
    columns = Columns()
    recorder = columns.recorder
    recorder.expect_open_loop([0, 1], 3)
    under_way = Arrival(1, Phase.OPEN, 0, 0, intended_s=5.0)
    greenlet = gevent.spawn(recorder.run, lambda: gevent.sleep(60), under_way)
    gevent.sleep(0.01)
    greenlet.kill()
    ended = recorder.ended()
    for number, build in product(range(3), range(2)):
        if recorder.unwritten(build, number):
            recorder.censor(Arrival(number, Phase.OPEN, build, 0, 4.0 + number, waited=True))
    return columns.written() | {"ended": ended}


def seals() -> dict[str, object]:
    """Open a sealed message as it came, changed, as another kind and with another key."""
    seal, content = Seal(b"key"), {"what": "hello", "chunk": b"\x00\xff", "number": 7}
    closed = seal.close("request", content)
    flipped = bytes((closed["body"][0] ^ 1,)) + closed["body"][1:]
    return {
        "same": seal.open("request", closed) == content,
        "refused": [
            seal.open("reply", closed),
            seal.open("request", closed | {"body": flipped}),
            seal.open("request", {"body": closed["body"]}),
            seal.open("request", {"body": "text", "mac": closed["mac"]}),
            seal.open("request", None),
            Seal(b"other").open("request", closed),
        ],
    }


def turns(count: int) -> None:
    """Let everybody else go on, so many times."""
    for _ in range(count):
        gevent.sleep(0.0)


def retries(ratio: float, calls: int, answer: Callable[[Arrival], Outcome]) -> list[list[int]]:
    """Let calls be made, all at once; return what was in flight as each retry began.

    First the retries, then all attempts, itself counted in both. Numbers are odd: no call is a
    witness, which would be counted before it begins.
    """
    seen: list[list[int]] = []
    in_flight = Counter[bool]()

    def execute(attempt: Arrival) -> Outcome:
        is_retry = attempt.attempt > 0
        in_flight[is_retry] += 1
        if is_retry:
            seen.append([in_flight[True], in_flight.total()])
        outcome = answer(attempt)
        in_flight[is_retry] -= 1
        return outcome

    caller = Caller(
        name="gateway",
        rates_rps={"fetch": 1.0},
        timeout_s=60.0,
        attempts=3,
        waits_s=((0.0, 0.0),) * 2,
        budget=RetryBudget("concurrency", ratio),
    )
    spec = Recovery("", (caller,), 0.0, 0.0, 60.0, drain_s=0.0, calls_limit=calls)
    callers = Callers(spec, 1, execute, Pulse())
    for place in range(calls):
        callers.call(Arrival(2 * place + 1, Phase.RECOVERY, 0, 0, time.monotonic()))
    turns(300)
    callers.finish(0.0)
    return seen


def flights() -> dict[str, object]:
    """Let callers retry who may have a share of what is in flight."""
    draws = np.random.default_rng(3)

    def stuck(attempt: Arrival, hanging: int, *, retries_hang: bool) -> Outcome:
        if attempt.number < 2 * hanging or (retries_hang and attempt.attempt > 0):
            turns(1000)  # more than anybody waits for
        return Outcome.FAILED

    def mixed(_: Arrival) -> Outcome:
        turns(int(draws.integers(9)))
        return Outcome.OK if draws.random() < 0.5 else Outcome.FAILED

    def last_fails(attempt: Arrival) -> Outcome:
        if attempt.number < 2 * 40:
            return Outcome.OK
        turns(9)
        return Outcome.FAILED

    ratios, hanging = (0.1, 0.3, 0.5), partial(stuck, hanging=40)
    return {
        "hanging": [(own, retries(own, 90, partial(hanging, retries_hang=True))) for own in ratios],
        "failing": retries(0.1, 90, partial(hanging, retries_hang=False)),
        "mixed": [(own, retries(own, 90, mixed)) for own in ratios],
        "last": retries(0.9, 41, last_fails),
        "alone": retries(0.9, 1, partial(stuck, hanging=0, retries_hang=False)),
    }


def main() -> None:
    """Exercise everything."""
    parts = (timer, crew, failures, oddities, spawned, huge, killed, seals, flights)
    json.dump({part.__name__: part() for part in parts}, sys.stdout)


if __name__ == "__main__":
    main()
