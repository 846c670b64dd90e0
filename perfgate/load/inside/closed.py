"""Two builds beside each other in closed loop: equal work in short turns, and its CPU time.

How a batch is sent and written is the driver's and the recorder's business.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import gevent

from perfgate.load.inside.recorder import Batch
from perfgate.load.plan import Phase
from perfgate.load.schedule import BALANCED_IN, balanced_turns
from perfgate.load.solo import allot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from perfgate.load.inside.lane import Lane
    from perfgate.load.inside.recorder import Reading, Recorder
    from perfgate.load.plan import Pairs, Solo

    Work = list[tuple[int, int]]

# One in flight: the build wakes up once for each request, whatever the others do.
SOLO_CONCURRENCY = 1
# An answer is there before its build has come to rest. Of a process that still runs the kernel has
# not counted the time since it woke up: with one in flight, all that the last request has cost.
SETTLE_S = 0.001


@dataclass(frozen=True, slots=True)
class Bench:
    """Base and candidate, and how they are worked with.

    ``batch`` does the work, as (number, operation), in closed loop with so many in flight; ``read``
    reads what the build's processes have used.
    """

    base: Lane
    candidate: Lane
    batch: Callable[[Lane, Phase, Work, int], None]
    read: Callable[[Lane], Reading]
    recorder: Recorder

    def pairs(self, pairs: Pairs, requests: Iterator[tuple[int, int]], seed: int) -> None:
        """Time batches of the mix."""
        batches = (list(islice(requests, pairs.requests)) for _ in range(pairs.pairs))
        deadline_s = time.monotonic() + pairs.limit_s
        self._compare(Phase.PAIRS, batches, pairs.concurrency, seed, deadline_s)

    def solo(
        self, solo: Solo, operations: Iterable[int], numbers: Iterator[int], seed: int
    ) -> None:
        """Time batches of each operation alone, as time allows."""
        took_s = {operation: self._once_s(operation, next(numbers)) for operation in operations}
        for operation, share in allot(solo, took_s).items():
            batches = (
                [(number, operation) for number in islice(numbers, share.requests)]
                for _ in range(share.pairs)
            )
            deadline_s = time.monotonic() + share.seconds
            self._compare(
                Phase.SOLO, batches, SOLO_CONCURRENCY, seed + operation, deadline_s, operation
            )

    def _compare(
        self,
        phase: Phase,
        batches: Iterable[Work],
        concurrency: int,
        seed: int,
        deadline_s: float,
        operation: int = -1,
    ) -> None:
        """Send each batch to both builds, in turns of as many requests as are in flight at a time.

        Past the deadline no batch is begun once the turns are balanced. What a build does while it
        is the other's turn is charged to it all the same.
        """
        lanes, taken = (self.base, self.candidate), 0
        order = balanced_turns(seed)
        before = self._rested()
        for index, work in enumerate(batches):
            if taken and taken % BALANCED_IN == 0 and time.monotonic() > deadline_s:
                return
            turns: dict[int, list[tuple[Reading, Reading]]] = {lane.code: [] for lane in lanes}
            for begin in range(0, len(work), concurrency):
                for lane in lanes[::-1] if next(order) else lanes:
                    begun = self.read(lane)
                    self.batch(lane, phase, work[begin : begin + concurrency], concurrency)
                    turns[lane.code].append((begun, self.read(lane)))
                taken += 1
            after = self._rested()
            for lane, first, last in zip(lanes, before, after, strict=True):
                batch = Batch(len(work), operation, turns[lane.code])
                self.recorder.window(phase, lane.code, index, (first, last), batch)
            before = after

    def _rested(self) -> list[Reading]:
        """Read both builds, a moment after their last answers."""
        gevent.sleep(SETTLE_S)
        return [self.read(lane) for lane in (self.base, self.candidate)]

    def _once_s(self, operation: int, number: int) -> float:
        """Return how long the quicker build took for one request: the other may have hiccuped."""
        marks_s = [time.monotonic()]
        for lane in (self.base, self.candidate):
            self.batch(lane, Phase.SOLO, [(number, operation)], SOLO_CONCURRENCY)
            marks_s.append(time.monotonic())
        return min(later_s - earlier_s for earlier_s, later_s in pairwise(marks_s))
