"""Python's own random functions, seeded anew for each arrival, but not before it draws.

To seed takes longer than all else that is done for an arrival, and most arrivals draw nothing.
"""

from __future__ import annotations

import random
from typing import Any


class Draws(random.Random):
    """A source that takes the seed it was promised when it is first drawn from.

    Every method of :class:`random.Random` draws by ``random`` or ``getrandbits``.
    """

    _promised: int | None = None

    def promise(self, seed: int) -> None:
        """Be seeded with this, as by ``seed``, once there is a draw."""
        self._promised = seed
        self.gauss_next = None  # the second of a pair, which would be taken without a draw

    def seed(self, a: Any = None, version: int = 2) -> None:
        """Be seeded now, whatever was promised."""
        self._promised = None
        super().seed(a, version)

    def random(self) -> float:
        """Draw from [0, 1)."""
        self._keep_promise()
        return super().random()

    def getrandbits(self, k: int, /) -> int:
        """Draw so many bits."""
        self._keep_promise()
        return super().getrandbits(k)

    def getstate(self) -> tuple[Any, ...]:
        """Return the state that the next draw starts from."""
        self._keep_promise()
        return super().getstate()

    def setstate(self, state: tuple[Any, ...]) -> None:
        """Go on from a state, whatever was promised."""
        self._promised = None
        super().setstate(state)

    def _keep_promise(self) -> None:
        if self._promised is not None:
            self.seed(self._promised)


def take_over_random() -> Draws:
    """Let the functions of Python's random module draw from the source that is returned.

    To be called before the user's file is imported, which may import them by name.
    """
    draws = Draws()
    for name in random.__all__:
        if hasattr(draws, name):
            setattr(random, name, getattr(draws, name))
    return draws
