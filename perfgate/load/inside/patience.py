"""How long each build has kept a run waiting passes through, and says when that is too long.

A machine that is slow makes all builds slow; only one that is much slower than the others is named.
"""

from __future__ import annotations

import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

# A build is why a run takes too long where it took this share of the run, and so many times longer
# than any other build.
BLAMED_SHARE = 0.5
BLAMED_RATIO = 2.0


class Patience:
    """Waits for builds that begin now and should be over within ``limit_s`` (0: whenever)."""

    def __init__(
        self,
        limit_s: float,
        builds: Iterable[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit_s, self._clock = limit_s or math.inf, clock
        self._begun_s = self._since_s = clock()
        self._waited_s = dict.fromkeys(builds, 0.0)

    @contextmanager
    def waits(self, build: str) -> Iterator[None]:
        """Count the time of the block as that build's."""
        self._since_s = self._clock()
        try:
            yield
        finally:
            self._waited_s[build] += self._clock() - self._since_s

    def is_over(self, build: str) -> bool:
        """Return, while it is waited for, whether the limit is past and this build is why.

        That is not known before all others have been waited for, too.
        """
        now_s = self._clock()
        passed_s = now_s - self._begun_s
        if passed_s < self._limit_s:
            return False
        own_s = self._waited_s[build] + now_s - self._since_s
        others_s = [waited_s for name, waited_s in self._waited_s.items() if name != build]
        least_s = max(BLAMED_SHARE * passed_s, BLAMED_RATIO * max(others_s, default=0.0))
        return all(others_s) and own_s > least_s

    def told(self, build: str) -> str:
        """Return in words how long the builds were waited for."""
        others = "".join(
            f", the {name}'s {own_s:.0f} s"
            for name, own_s in self._waited_s.items()
            if name != build
        )
        passed_s = self._clock() - self._begun_s
        return (
            f"its answers took {self._waited_s[build]:.0f} s of the run's first {passed_s:.0f} s"
            f"{others}"
        )
