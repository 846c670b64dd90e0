"""Dependents, a service and an upset become a queue over time: an event at a time.

It knows none of the formulas of :mod:`perfgate.demand.retries`, which are held against it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from perfgate.demand.backoff import waits_s
from perfgate.demand.budgets import kept_budget
from perfgate.demand.chance import Drawn, Even

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perfgate.demand.attempts import Floats
    from perfgate.demand.chance import Chance
    from perfgate.demand.ledger import Dependent


@dataclass(frozen=True, slots=True)
class Service:
    """Servers that take attempts in order of arrival.

    ``mu_rps`` is what all servers complete together. An attempt that its caller has given up is
    served all the same, unless ``drops_late``; one that finds ``queue_limit`` waiting is refused
    at once.
    """

    mu_rps: float
    servers: int = 8
    queue_limit: float = inf
    drops_late: bool = False


@dataclass(frozen=True, slots=True)
class Upset:
    """Something that passes: for ``seconds`` the first tries are ``load_factor`` times as many.

    With ``stalls`` the service stands still for as long.
    """

    at_s: float
    seconds: float
    load_factor: float = 1.0
    stalls: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """What happened, by windows of time; all arrays have shape (windows,).

    ``end_s`` is when each window ends and ``waiting`` how many attempts wait then, given up or not.
    First tries, attempts and goodput (calls answered in time) are per second of the window.
    """

    end_s: Floats
    waiting: Floats
    first_tries_rps: Floats
    attempts_rps: Floats
    goodput_rps: Floats


def simulate(  # noqa: PLR0913 - a scene has as many parts
    service: Service,
    dependents: Sequence[Dependent],
    first_try_rps: Sequence[float],
    upset: Upset,
    *,
    seconds: float,
    seed: int | None,
    window_s: float = 1.0,
) -> Trace:
    """Return what becomes of so many seconds of first tries, one rate per dependent.

    They are Poisson and times of service exponential; without a seed neither varies at all.

    A caller that has no answer after its timeout gives the attempt up and tries again after its
    backoff, if attempts are left and its budget allows one more at that time. When it gives the
    call up, its own callers call again at once, if they have attempts left.
    """
    chance = Even() if seed is None else Drawn(seed)
    firsts = [_first_tries(rate, upset, seconds, chance) for rate in first_try_rps]
    scene = _Scene(
        _Server(service, upset, chance.lengths(service.servers / service.mu_rps)),
        [_Caller(*pair, chance) for pair in zip(dependents, first_try_rps, strict=True)],
        seconds,
    )
    scene.play([(at, who, 0, 0) for who, times in enumerate(firsts) for at in times.tolist()])
    return scene.trace(np.concatenate(firsts), window_s)


class _Scene:
    """The events to come, and what has happened."""

    def __init__(self, server: _Server, callers: Sequence[_Caller], seconds: float) -> None:
        self._server = server
        self._callers = callers
        self._seconds = seconds
        self._events: list[tuple[float, int, int, int]] = []
        self._sent_s: list[float] = []
        self._answered_s: list[float] = []

    def play(self, calls: list[tuple[float, int, int, int]]) -> None:
        """Play calls and all that follows: when, whose, attempts made, and calls made above."""
        self._events = calls
        heapify(self._events)
        while self._events:
            self._attempt(*heappop(self._events))

    def _attempt(self, at: float, who: int, made: int, above: int) -> None:
        caller = self._callers[who]
        if made and not caller.budget.allows(at):
            self._call_again(at, who, above)
            return
        self._sent_s.append(at)
        end = self._server.end_of(at, caller.timeout_s)
        known = at if end is None else min(end, at + caller.timeout_s)
        answered = end is not None and end <= known
        caller.budget.sent(known, retry=made > 0, answered=answered)
        if answered:
            self._answered_s.append(known)
        elif made + 1 < caller.attempts:
            self._push(known + caller.wait_s(made), who, made + 1, above)
        else:
            self._call_again(known, who, above)

    def _call_again(self, at: float, who: int, above: int) -> None:
        if above + 1 < self._callers[who].upstream_attempts:
            self._push(at, who, 0, above + 1)

    def _push(self, at: float, who: int, made: int, above: int) -> None:
        if at < self._seconds:
            heappush(self._events, (at, who, made, above))

    def trace(self, first_s: Floats, window_s: float) -> Trace:
        """Return what has happened by windows."""
        ends = np.arange(1, int(self._seconds / window_s + 1e-9) + 1, dtype=np.float64) * window_s
        arrived, begun = (np.array(times) for times in self._server.passed)
        return Trace(
            ends,
            np.searchsorted(arrived, ends) - np.searchsorted(begun, ends).astype(float),
            *(
                np.diff(np.searchsorted(np.sort(times), ends), prepend=0) / window_s
                for times in (first_s, np.array(self._sent_s), np.array(self._answered_s))
            ),
        )


class _Server:
    """A queue in order of arrival: as nothing overtakes, each end is known on arrival.

    While the service stands still no work is done; ``_free`` is in seconds of work, by server.
    """

    def __init__(self, service: Service, upset: Upset, work_s: Iterator[float]) -> None:
        self._service = service
        self._work_s = work_s
        self._stall_at = upset.at_s if upset.stalls else inf
        self._stall_s = upset.seconds
        self._free = [0.0] * service.servers
        self._waiting: deque[float] = deque()
        self.passed: tuple[list[float], list[float]] = ([], [])

    def end_of(self, at: float, timeout_s: float) -> float | None:
        """Take an attempt; return when it ends, infinite if dropped, None if refused."""
        while self._waiting and self._waiting[0] <= at:
            self._waiting.popleft()
        if len(self._waiting) >= self._service.queue_limit:
            return None
        begins_work = max(self._work(at), self._free[0])
        begins = self._clock(begins_work)
        self._waiting.append(begins)
        for times, time in zip(self.passed, (at, begins), strict=True):
            times.append(time)
        if self._service.drops_late and begins > at + timeout_s:
            return inf
        ends_work = begins_work + next(self._work_s)
        heapreplace(self._free, ends_work)
        return self._clock(ends_work)

    def _work(self, clock: float) -> float:
        return clock if clock <= self._stall_at else max(clock - self._stall_s, self._stall_at)

    def _clock(self, work: float) -> float:
        return work if work < self._stall_at else work + self._stall_s


class _Caller:
    """One dependent: what it may send when an attempt of it has failed."""

    def __init__(self, dependent: Dependent, first_rps: float, chance: Chance) -> None:
        self.timeout_s = dependent.timeout_s
        self.attempts = dependent.attempts
        self.upstream_attempts = dependent.upstream_attempts
        self.budget = kept_budget(dependent.budget, first_rps)
        self._waits_s = waits_s(dependent.backoff, dependent.attempts)
        self._shares = chance.shares()

    def wait_s(self, retries: int) -> float:
        """Return how long it waits after so many retries."""
        least, most = self._waits_s[retries]
        return least if least == most else least + (most - least) * next(self._shares)


def _first_tries(rate_rps: float, upset: Upset, seconds: float, chance: Chance) -> Floats:
    """Return when calls are first tried, and those on top while upset."""
    usual = chance.arrivals(rate_rps, 0.0, seconds)
    more = chance.arrivals((upset.load_factor - 1) * rate_rps, upset.at_s, upset.seconds)
    return np.concatenate([usual, more[more < seconds]]) if more.size else usual
