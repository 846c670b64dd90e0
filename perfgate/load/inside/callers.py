"""Calls of dependents pass through: attempts, given up and tried again, as their budgets allow.

Nobody waits for anybody else: a user of the Locust file may have many requests under way, as the
dependents of a service do. When a call comes, and to whom, is the driver's business.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import gevent
from gevent.pool import Group

from perfgate.demand.budgets import kept_budget
from perfgate.load.inside.crew import raise_faults
from perfgate.load.inside.recorder import GivenUpError
from perfgate.load.plan import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from perfgate.demand.budgets import KeptBudget
    from perfgate.load.inside.recorder import Arrival
    from perfgate.load.plan import Caller, Recovery, RetryBudget
    from perfgate.load.pulse import Pulse

# One call of so many keeps the connection of its first attempt open when it gives that up: its
# answer tells how long the service takes.
WITNESS_EVERY = 20


class _Flights:
    """A budget of retries as a share of what is in flight, itself counted in."""

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._all = self._retries = 0

    def allows(self, at: float) -> bool:  # noqa: ARG002 - the protocol's
        return self._retries + 1 <= self._ratio * (self._all + 1)

    def begins(self, *, retry: bool) -> None:
        """Hear of an attempt that is being sent."""
        self._all += 1
        self._retries += retry

    def sent(self, known_s: float, *, retry: bool, answered: bool) -> None:  # noqa: ARG002
        self._all -= 1
        self._retries -= retry


@dataclass(frozen=True, slots=True)
class _Desk:
    """A caller and the retries that it has left."""

    caller: Caller
    budget: KeptBudget

    def begins(self, *, retry: bool) -> None:
        """Count an attempt as in flight, where the budget asks for that."""
        if isinstance(self.budget, _Flights):
            self.budget.begins(retry=retry)


class Callers:
    """All that call one build; ``execute`` runs an attempt and returns its outcome."""

    def __init__(
        self, spec: Recovery, seed: int, execute: Callable[[Arrival], Outcome], pulse: Pulse
    ) -> None:
        self._desks = [_Desk(caller, _budget(caller)) for caller in spec.callers]
        self._limit, self._seed = spec.calls_limit, seed
        self._execute, self._pulse = execute, pulse
        self._open, self._witnesses = Group(), Group()
        self._faults: list[gevent.Greenlet] = []
        self._begun_s = time.monotonic()
        self.quiet_s = float("inf")

    def call(self, first: Arrival) -> bool:
        """Begin a call, unless too many are open; to be called in the hub."""
        if len(self._open) >= self._limit:
            return False
        self._open.start(self._watched(gevent.Greenlet(self._call, first)))
        return True

    def finish(self, seconds: float) -> None:
        """Wait for so long for the calls that are open, then cut them short.

        Raises what a call raised that was no outcome.
        """
        deadline_s = time.monotonic() + seconds
        for group in (self._open, self._witnesses):
            group.join(timeout=max(deadline_s - time.monotonic(), 0.0))
            group.kill()
        raise_faults(self._faults)

    def _watched(self, greenlet: gevent.Greenlet) -> gevent.Greenlet:
        greenlet.link_exception(self._faults.append)
        return greenlet

    def _call(self, first: Arrival) -> None:
        """Try until there is an answer, or no attempt left, at this level or above."""
        desk, draws = self._desks[first.caller], random.Random(self._seed + first.number)
        due_s, sent = first.intended_s or time.monotonic(), 0
        for _ in range(desk.caller.upstream_attempts):
            for made in range(desk.caller.attempts):
                if made:
                    due_s = time.monotonic() + draws.uniform(*desk.caller.waits_s[made - 1])
                    with self._pulse.due():
                        gevent.sleep(max(due_s - time.monotonic(), 0.0))
                if sent and self._is_quiet():
                    return
                if made and not desk.budget.allows(time.monotonic() - self._begun_s):
                    break
                if self._try(desk, replace(first, intended_s=due_s, attempt=sent), made > 0):
                    return
                sent, due_s = sent + 1, time.monotonic()

    def _is_quiet(self) -> bool:
        return time.monotonic() >= self.quiet_s

    def _try(self, desk: _Desk, attempt: Arrival, retry: bool) -> bool:
        """Make an attempt; return whether it was answered in time, and well."""
        self._pulse.sent(time.monotonic(), attempt.caller, retry=attempt.attempt > 0)
        desk.begins(retry=retry)
        is_witness = attempt.attempt == 0 and attempt.number % WITNESS_EVERY == 0
        wait = self._witnessed if is_witness else self._tried
        outcome, ended_s = wait(attempt, desk.caller.timeout_s), time.monotonic()
        known_s = ended_s - self._begun_s
        desk.budget.sent(known_s, retry=retry, answered=outcome is Outcome.OK)
        if outcome is Outcome.OK:
            self._pulse.answered(ended_s, attempt.caller)
        return outcome is Outcome.OK

    def _tried(self, attempt: Arrival, timeout_s: float) -> Outcome:
        """Wait for an answer until the timeout; what comes later finds the connection closed."""
        _look_at_the_clock()
        with gevent.Timeout(timeout_s, GivenUpError):
            return self._execute(attempt)

    def _witnessed(self, attempt: Arrival, timeout_s: float) -> Outcome:
        """Wait for no longer either, but leave the connection open."""
        witness = self._watched(gevent.Greenlet(self._execute, attempt))
        self._witnesses.start(witness)
        gevent.sleep(0.0)  # it begins meanwhile, and has all of its time from then on
        _look_at_the_clock()
        witness.join(timeout=timeout_s)
        return witness.value if witness.successful() else Outcome.ABANDONED


def _look_at_the_clock() -> None:
    """Have timeouts count from now: gevent's loop last looked at the clock a while ago."""
    gevent.get_hub().loop.update_now()


def _budget(caller: Caller) -> KeptBudget:
    budget: RetryBudget = caller.budget
    if budget.kind == "concurrency":
        return _Flights(budget.ratio)
    return kept_budget(budget, caller.rate_rps)
