"""The rounds of a warm-up: what each of them sends, and whether the last ones say that it is over.

Pure; who sends the rounds and reads the clock is the driver.
"""

from __future__ import annotations

import math
import random
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# The fewest rounds that can tell: so many last ones, and as many before them.
LEAST_COMPARED = 3
LEAST_ROUNDS = 2 * LEAST_COMPARED
# Of a long warm-up its last quarter is compared with the quarter before: what takes seconds to
# decay cannot be seen within a few rounds.
COMPARED_SHARE = 4
SETTLED_RATIO = 0.05


def round_of(shares: Sequence[float], requests: int, seed: int) -> list[int]:
    """Return the operations of a round, shuffled: places in ``shares``, in proportion to them.

    Six rounds make up about ``requests``; but every operation is in each round, for rounds are to
    be equal work, and what is rare must get warm, too.
    """
    size = math.ceil(requests / LEAST_ROUNDS)
    counts = [max(1, round(share / sum(shares) * size)) for share in shares]
    made = [place for place, count in enumerate(counts) for _ in range(count)]
    random.Random(seed).shuffle(made)  # noqa: S311 - an order is not cryptography
    return made


def has_settled(rounds: Sequence[float]) -> bool:
    """Tell whether what a round takes has stopped falling: by 5 % at most between two stretches.

    The stretches are the last quarter of the rounds and the quarter before (at least three rounds
    each), compared by their medians. They grow with the warm-up, so that a slow decay shows in
    them: simulated ones are waited for until 10 % are left at most. A rise is none of a warm-up's
    business, for waiting does not end it.
    """
    compared = max(LEAST_COMPARED, len(rounds) // COMPARED_SHARE)
    if len(rounds) < 2 * compared:
        return False
    before, last = median(rounds[-2 * compared : -compared]), median(rounds[-compared:])
    return last >= before * (1 - SETTLED_RATIO)


class Rounds:
    """What the rounds of a warm-up took so far, of each build."""

    def __init__(self, builds: Iterable[str]) -> None:
        self._figures: dict[str, tuple[list[float], list[float]]] = {
            build: ([], []) for build in builds
        }

    def add(self, build: str, cpu_s: float, own_s: float) -> None:
        """Take in a round: the CPU time of the build, and its time without waits for a CPU."""
        for figures, figure in zip(self._figures[build], (cpu_s, own_s), strict=True):
            figures.append(figure)

    def unsettled(self) -> list[str]:
        """Return the builds whose rounds still take less and less of either."""
        return [name for name, own in self._figures.items() if not all(map(has_settled, own))]
