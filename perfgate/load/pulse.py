"""Whether callers are served again, told from what they sent and got in the last few seconds.

It is asked while a run lasts; what the run has shown is the measurement's business.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from perfgate.load.plan import Caller

# All is well where nearly every call is answered at its first attempt, for so many whole seconds.
WELL_FOR_S = 3
LEAST_ANSWERED = 0.95
MOST_ATTEMPTS = 1.1
# The sum hides who makes few of all calls. Whoever makes so many in that time is heard alone, too.
HEARD_CALLS = 10
LEAST_SERVED = 0.5


def is_well(calls: int, attempts: int, answered: int) -> bool:
    """Return whether so many calls were served, by so many attempts; no calls say nothing.

    Attempts that are still to come, as their callers wait before they try again, count as well.
    """
    return calls > 0 and answered >= LEAST_ANSWERED * calls and attempts <= MOST_ATTEMPTS * calls


def heard_of(callers: Sequence[Caller]) -> list[int]:
    """Return the places of the callers that make enough calls to be judged alone."""
    return [
        place for place, caller in enumerate(callers) if caller.rate_rps * WELL_FOR_S >= HEARD_CALLS
    ]


def is_served(calls: int, answered: int) -> bool:
    """Return whether a caller that is heard was not left out; one call may still be under way."""
    return answered + 1 >= LEAST_SERVED * calls


class Pulse:
    """Counts, by whole seconds from a moment on: first tries, attempts, and answers in time.

    Callers are told apart by their places; ``heard`` are those that must be served, each alone.
    """

    def __init__(self, start_s: float = 0.0, heard: Collection[int] = ()) -> None:
        self._start_s = start_s
        self._heard = {caller: (Counter[int](), Counter[int]()) for caller in heard}
        self._first_tries: Counter[int] = Counter()
        self._attempts: Counter[int] = Counter()
        self._answers: Counter[int] = Counter()
        self._due = 0

    def sent(self, at_s: float, caller: int, *, retry: bool) -> None:
        """Note an attempt."""
        second = int(at_s - self._start_s)
        self._attempts[second] += 1
        if retry:
            return
        self._first_tries[second] += 1
        if caller in self._heard:
            self._heard[caller][0][second] += 1

    def answered(self, at_s: float, caller: int) -> None:
        """Note an answer that came in time."""
        second = int(at_s - self._start_s)
        self._answers[second] += 1
        if caller in self._heard:
            self._heard[caller][1][second] += 1

    @contextmanager
    def due(self) -> Iterator[None]:
        """Note a caller that waits before it tries again, for as long as the block lasts."""
        self._due += 1
        try:
            yield
        finally:
            self._due -= 1

    def is_well(self, now_s: float, since_s: float) -> bool:
        """Return whether the last whole seconds were well, all of them after ``since_s``."""
        now = int(now_s - self._start_s)
        last = range(now - WELL_FOR_S, now)

        def sums(*counts: Counter[int]) -> list[int]:
            return [sum(count[second] for second in last) for count in counts]

        calls, attempts, answered = sums(self._first_tries, self._attempts, self._answers)
        return (
            last[0] >= since_s - self._start_s
            and is_well(calls, attempts + self._due, answered)
            and all(is_served(*sums(*counts)) for counts in self._heard.values())
        )
