"""The calls of dependents go to one build, through an upset, until they are served again.

What a call becomes where it is not answered is :mod:`perfgate.load.inside.callers`' business.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import gevent
import numpy as np

from perfgate.load.inside.callers import Callers
from perfgate.load.inside.recorder import Arrival
from perfgate.load.inside.stall import standstill
from perfgate.load.inside.timer import Timer, sleep_until
from perfgate.load.plan import Phase
from perfgate.load.pulse import Pulse, heard_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from perfgate.load.inside.identities import Identity
    from perfgate.load.inside.lane import Lane
    from perfgate.load.inside.recorder import Recorder
    from perfgate.load.plan import Outcome, Recovery
    from perfgate.load.schedule import Schedule


class Upset:
    """One build, and what is to happen to it."""

    def __init__(
        self,
        spec: Recovery,
        lane: Lane,
        seed: int,
        execute: Callable[[Identity, Arrival], Outcome],
        recorder: Recorder,
        start_s: float,
    ) -> None:
        self._spec, self._lane, self._recorder = spec, lane, recorder
        self._users = lane.identities.get_all()
        self._run_as = execute
        self._pulse = Pulse(start_s, heard_of(spec.callers))
        self._callers = Callers(spec, seed, self._execute, self._pulse)
        self._start_s = start_s
        self._callers.quiet_s = self._start_s + spec.quiet_s

    def send(self, schedule: Schedule, whose: NDArray[np.uint16]) -> dict[str, float]:
        """Send the calls of the schedule; tell when it began and how many there were.

        After the upset it ends as soon as all is well.
        """
        stall = gevent.spawn(self._stall) if self._spec.stalls else None
        sent = 0
        with Timer() as timer:
            for part in self._seconds(schedule, whose):
                if self._pulse.is_well(time.monotonic(), self._start_s + self._spec.after_s):
                    break
                timer.call_each(part, self._begin)
                sent += len(part)
        self._callers.finish(self._spec.drain_s)
        if stall is not None:
            stall.get()
        for user in self._users:
            self._lane.identities.put(user)
        return {"start_s": self._start_s, "calls": sent}

    def _begin(self, first: Arrival) -> None:
        if not self._callers.call(first):
            self._lane.unsent += 1
            self._recorder.censor(first)

    def _execute(self, attempt: Arrival) -> Outcome:
        return self._run_as(self._users[attempt.number % len(self._users)], attempt)

    def _seconds(
        self, schedule: Schedule, whose: NDArray[np.uint16]
    ) -> Iterator[list[tuple[float, Arrival]]]:
        """Yield the first tries of all calls with their moments, second by second."""
        build, start_s = self._lane.code, self._start_s
        columns = (schedule.number, schedule.intended_s, schedule.operation, whose)
        ends = np.arange(1.0, np.ceil(schedule.intended_s.max(initial=0.0)))
        cuts = np.searchsorted(schedule.intended_s, ends)
        for part in zip(*(np.split(column, cuts) for column in columns), strict=True):
            rows = zip(*(column.tolist() for column in part), strict=True)
            yield [
                (
                    start_s + offset_s,
                    Arrival(
                        number,
                        Phase.RECOVERY,
                        build,
                        operation,
                        start_s + offset_s,
                        caller=caller,
                    ),
                )
                for number, offset_s, operation, caller in rows
            ]

    def _stall(self) -> None:
        sleep_until(self._start_s + self._spec.upset_s)
        with standstill(self._lane.host):
            sleep_until(self._start_s + self._spec.after_s)
