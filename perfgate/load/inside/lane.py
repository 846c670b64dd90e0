"""Arrivals at one build find an identity: their own if it is free, else the one free for longest.

It runs nothing itself.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import gevent
from gevent.hub import Waiter

from perfgate.load.inside.identities import own_or_oldest
from perfgate.load.plan import BUILDS

if TYPE_CHECKING:
    from perfgate.load.inside.identities import Identity, Pool
    from perfgate.load.inside.recorder import Arrival
    from perfgate.load.plan import Host


class Lane:
    """One build as the driver sees it: its identities, and what waits for one that is free.

    Request n goes to identity n modulo ``count`` where that one is free, whichever the build: twins
    are then sent by the same user, who has done the same before.
    """

    def __init__(self, host: Host, identities: Pool, count: int) -> None:
        self.host = host
        self.code = BUILDS.index(host.build)
        self.identities = identities
        self._count = count
        self.backlog: deque[Arrival] = deque()
        self.unsent = 0
        self._idle: dict[int, Waiter] = {}
        self._closed = False

    def own(self, number: int) -> int:
        """Return the number of the identity that a request should go to."""
        return number % self._count

    def is_idle(self) -> bool:
        """Return whether somebody waits for an arrival."""
        return bool(self._idle)

    def give(self, arrival: Arrival) -> None:
        """Let its own identity, or who has waited longest, run it, now; to be called in the hub."""
        if self._idle:
            own_or_oldest(self._idle, self.own(arrival.number)).switch(arrival)
        else:
            self.backlog.append(arrival)

    def take(self, identity: Identity) -> Arrival | None:
        """Wait for an arrival for this identity; None once there are no more."""
        if self.backlog:
            return self.backlog.popleft()
        if self._closed:
            return None
        waiter = self._idle[identity.number] = Waiter()
        arrival: Arrival | None = waiter.get()
        return arrival

    def close(self) -> None:
        """Let everybody who waits, or will, go."""
        self._closed = True
        for waiter in self._idle.values():
            gevent.get_hub().loop.run_callback(waiter.switch, None)
        self._idle.clear()
