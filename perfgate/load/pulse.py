"""Whether callers are served again, told from what they sent and got in the last few seconds.

It is asked while a run lasts; what the run has shown is the measurement's business.
"""

from __future__ import annotations

from collections import Counter

# All is well where nearly every call is answered at its first attempt, for so many whole seconds.
WELL_FOR_S = 3
LEAST_ANSWERED = 0.95
MOST_ATTEMPTS = 1.1


def is_well(calls: int, attempts: int, answered: int) -> bool:
    """Return whether so many calls were served, by so many attempts; no calls say nothing."""
    return calls > 0 and answered >= LEAST_ANSWERED * calls and attempts <= MOST_ATTEMPTS * calls


class Pulse:
    """Counts, by whole seconds from a moment on: first tries, attempts, and answers in time."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._start_s = start_s
        self._first_tries: Counter[int] = Counter()
        self._attempts: Counter[int] = Counter()
        self._answers: Counter[int] = Counter()

    def sent(self, at_s: float, *, retry: bool) -> None:
        """Note an attempt."""
        second = int(at_s - self._start_s)
        self._attempts[second] += 1
        if not retry:
            self._first_tries[second] += 1

    def answered(self, at_s: float) -> None:
        """Note an answer that came in time."""
        self._answers[int(at_s - self._start_s)] += 1

    def is_well(self, now_s: float, since_s: float) -> bool:
        """Return whether the last whole seconds were well, all of them after ``since_s``."""
        now = int(now_s - self._start_s)
        last = range(now - WELL_FOR_S, now)
        counts = (self._first_tries, self._attempts, self._answers)
        return last[0] >= since_s - self._start_s and is_well(
            *(sum(count[second] for second in last) for count in counts)
        )
