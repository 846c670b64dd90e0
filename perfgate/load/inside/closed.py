"""Two builds beside each other in closed loop: batches of equal work in turn, and their CPU time.

How a batch is sent and written is the driver's and the recorder's business.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

import gevent

from perfgate.load.plan import Phase
from perfgate.load.schedule import BALANCED_IN, balanced_order
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
        """Time batches of the mix, candidate and base in turn.

        What a build does while it is the other's turn is charged to its own next batch.
        """
        deadline_s = time.monotonic() + pairs.limit_s
        rested = {lane.code: self.read(lane) for lane in (self.base, self.candidate)}
        for index, lanes in self._turns(pairs.pairs, seed, deadline_s):
            work = list(islice(requests, pairs.requests))
            for lane in lanes:
                before = self.read(lane).charged_from(rested[lane.code])
                self.batch(lane, Phase.PAIRS, work, pairs.concurrency)
                rested[lane.code] = after = self.read(lane)
                self.recorder.window(
                    Phase.PAIRS, lane.code, index, (before, after), requests=len(work)
                )

    def solo(
        self, solo: Solo, operations: Iterable[int], numbers: Iterator[int], seed: int
    ) -> None:
        """Time batches of each operation alone, candidate and base in turn, as time allows."""
        took_s = {operation: self._once_s(operation, next(numbers)) for operation in operations}
        for operation, share in allot(solo, took_s).items():
            deadline_s = time.monotonic() + share.seconds
            for index, lanes in self._turns(share.pairs, seed + operation, deadline_s):
                work = [(number, operation) for number in islice(numbers, share.requests)]
                for lane in lanes:
                    before = self.read(lane)
                    self.batch(lane, Phase.SOLO, work, SOLO_CONCURRENCY)
                    gevent.sleep(SETTLE_S)
                    readings = before, self.read(lane)
                    self.recorder.window(
                        Phase.SOLO, lane.code, index, readings, operation, len(work)
                    )

    def _turns(
        self, pairs: int, seed: int, deadline_s: float
    ) -> Iterator[tuple[int, tuple[Lane, Lane]]]:
        """Yield the pairs in balanced order; past the deadline no further four is begun."""
        base, candidate = self.base, self.candidate
        for index, candidate_first in enumerate(balanced_order(pairs, seed)):
            if index and index % BALANCED_IN == 0 and time.monotonic() > deadline_s:
                return
            yield index, (candidate, base) if candidate_first else (base, candidate)

    def _once_s(self, operation: int, number: int) -> float:
        """Return how long the quicker build took for one request: the other may have hiccuped."""
        marks_s = [time.monotonic()]
        for lane in (self.base, self.candidate):
            self.batch(lane, Phase.SOLO, [(number, operation)], SOLO_CONCURRENCY)
            marks_s.append(time.monotonic())
        return min(later_s - earlier_s for earlier_s, later_s in pairwise(marks_s))
