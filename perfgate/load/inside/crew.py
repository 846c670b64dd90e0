"""Work passes to a few greenlets that share it out among themselves, until it is done.

It knows neither requests nor builds, and sets no limit to work that goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gevent.pool import Group

if TYPE_CHECKING:
    from collections.abc import Callable


class Crew:
    """``size`` greenlets that run the same function, started at once."""

    def __init__(self, size: int, worker: Callable[[], None]) -> None:
        self._group = Group()
        for _ in range(size):
            self._group.spawn(worker)

    def finish(self, progress: Callable[[], int], silence_s: float) -> bool:
        """Wait until all have ended; stop them and return False once they get nowhere.

        That is when ``progress`` returns the same number before and after ``silence_s`` seconds:
        slow work is waited for, work that stands still is not.
        """
        while self._group:
            before = progress()
            self._group.join(timeout=silence_s)
            if self._group and progress() == before:
                self._group.kill()
                return False
        return True
