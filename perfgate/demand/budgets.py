"""A retry budget becomes the shares that it allows, or the bucket that a caller keeps.

It knows no service: how much of the shares is used is worked out, or simulated, elsewhere.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from perfgate.demand.ledger import Budget

BUDGET_S = 10.0  # a budget of first tries saves up what they earn in so long (Finagle)
BUDGET_TOKENS = 10.0  # a budget of successes saves up so many retries per client (gRPC)


class Limits(NamedTuple):
    """What limits retries: shares of first tries, of successes and of the attempts in flight.

    ``request_ratio`` is infinite without a budget; ``floor_rps`` is what all clients together may
    retry whatever the shares.
    """

    request_ratio: float
    success_ratio: float = 0.0
    flight_ratio: float = 0.0
    floor_rps: float = 0.0


def limits_of(budget: Budget) -> Limits:
    """Return the limits that a budget sets."""
    match budget.kind:
        case "none":
            return Limits(inf)
        case "per_request":
            return Limits(budget.ratio, floor_rps=budget.min_rps * budget.clients)
        case "per_success":
            return Limits(0.0, success_ratio=budget.ratio)
        case "concurrency":
            return Limits(0.0, flight_ratio=budget.ratio)


class Terms(Protocol):
    """A budget of the ledger, or what else says the same."""

    @property
    def kind(self) -> str:
        """What retries are a share of."""

    @property
    def ratio(self) -> float:
        """That share."""

    @property
    def min_rps(self) -> float:
        """Retries per second and client that are always allowed."""

    @property
    def clients(self) -> int:
        """Processes of the dependent, each with a budget of its own."""


def saved_up(budget: Terms, first_rps: float) -> float:
    """Return how many retries a budget has at most that nothing has used for long."""
    match budget.kind:
        case "per_request":
            floor_rps = budget.min_rps * budget.clients
            return max(BUDGET_S * (budget.ratio * first_rps + floor_rps), 1.0)
        case "per_success":
            return BUDGET_TOKENS * budget.clients
        case _:
            return 0.0


def smaller_budget(budget: Budget, factor: float) -> Budget:
    """Return the budget of fewer clients, with the same floor of retries per first try."""
    if budget.clients == 1 and budget.min_rps == 0:
        return budget
    clients = max(1, round(budget.clients / factor))
    floor_rps = budget.min_rps * budget.clients / factor
    return budget.model_copy(update={"clients": clients, "min_rps": floor_rps / clients})


class KeptBudget(Protocol):
    """A budget as a caller keeps it: asked for each retry when it is due, told of each attempt."""

    def allows(self, at: float) -> bool:
        """Tell whether a retry may be sent now, and count it as sent if so."""

    def sent(self, known_s: float, *, retry: bool, answered: bool) -> None:
        """Hear of an attempt whose outcome will be known at ``known_s``."""


def kept_budget(budget: Terms, first_rps: float) -> KeptBudget:
    """Return the budget of a dependent with so many first tries per second."""
    match budget.kind:
        case "none":
            return _Unlimited()
        case "per_request":
            return _PerRequest(budget, first_rps)
        case "per_success":
            return _PerSuccess(budget)
        case _:
            return _Concurrency(budget)


class _Unlimited:
    def allows(self, at: float) -> bool:  # noqa: ARG002 - the protocol's
        return True

    def sent(self, known_s: float, *, retry: bool, answered: bool) -> None:
        pass


class _PerRequest:
    """A bucket that each first try and each second fills, and each retry empties by one."""

    def __init__(self, budget: Terms, first_rps: float) -> None:
        self._ratio = budget.ratio
        self._floor_rps = budget.min_rps * budget.clients
        self._most = saved_up(budget, first_rps)
        self._tokens = 0.0
        self._filled_s = 0.0

    def allows(self, at: float) -> bool:
        self._tokens = min(self._tokens + self._floor_rps * (at - self._filled_s), self._most)
        self._filled_s = at
        allowed = self._tokens >= 1
        self._tokens -= allowed
        return allowed

    def sent(self, known_s: float, *, retry: bool, answered: bool) -> None:  # noqa: ARG002
        if not retry:
            self._tokens = min(self._tokens + self._ratio, self._most)


class _PerSuccess:
    """A bucket that each success fills and each retry empties by one; it is full at first."""

    def __init__(self, budget: Terms) -> None:
        self._ratio = budget.ratio
        self._most = saved_up(budget, 0.0)
        self._tokens = self._most
        self._answers_s: list[float] = []

    def allows(self, at: float) -> bool:
        while self._answers_s and self._answers_s[0] <= at:
            heappop(self._answers_s)
            self._tokens = min(self._tokens + self._ratio, self._most)
        allowed = self._tokens >= 1
        self._tokens -= allowed
        return allowed

    def sent(self, known_s: float, *, retry: bool, answered: bool) -> None:  # noqa: ARG002
        if answered:
            heappush(self._answers_s, known_s)


class _Concurrency:
    """Retries may be so large a share of what is in flight."""

    def __init__(self, budget: Terms) -> None:
        self._ratio = budget.ratio
        self._all: list[float] = []
        self._retries: list[float] = []

    def allows(self, at: float) -> bool:
        for ends in (self._all, self._retries):
            while ends and ends[0] <= at:
                heappop(ends)
        return len(self._retries) + 1 <= self._ratio * (len(self._all) + 1)

    def sent(self, known_s: float, *, retry: bool, answered: bool) -> None:  # noqa: ARG002
        heappush(self._all, known_s)
        if retry:
            heappush(self._retries, known_s)
