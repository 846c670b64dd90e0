"""Work passes to a few greenlets that share it out among themselves, until it is done.

It knows neither requests nor builds, and sets no limit to work that goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gevent.pool import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import gevent


class Crew:
    """``size`` greenlets that run the same function, started at once."""

    def __init__(self, size: int, worker: Callable[[], None]) -> None:
        self._group = Group()
        self._greenlets = [self._group.spawn(worker) for _ in range(size)]

    def finish(self, progress: Callable[[], int], silence_s: float) -> bool:
        """Wait until all have ended; stop them and return False once they get nowhere.

        That is when ``progress`` returns the same number before and after ``silence_s`` seconds:
        slow work is waited for, work that stands still is not. Raises what a worker raised, for
        the work that it left may be done by nobody.
        """
        moves = True
        while self._group and moves:
            before = progress()
            self._group.join(timeout=silence_s)
            moves = not self._group or progress() != before
        if not moves:
            self._group.kill()
        raise_faults(self._greenlets)
        return moves


def raise_faults(greenlets: Iterable[gevent.Greenlet]) -> None:
    """Raise the first exception with which one of these greenlets has ended; a kill is none."""
    for greenlet in greenlets:
        greenlet.get()
