"""Figures become bars and plots of block characters, an eighth of a character exact.

What they mean is said by whoever draws them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EIGHTHS = 8
# From nothing to a full block, filled from the left and from below.
ACROSS = [" ", *(chr(0x2590 - eighths) for eighths in range(1, EIGHTHS + 1))]
UPWARD = [" ", *(chr(0x2580 + eighths) for eighths in range(1, EIGHTHS + 1))]


def bar(value: float, most: float, width: int) -> str:
    """Return a bar of ``width`` characters, filled as far as the value is of ``most``.

    A value above 0 is always seen; ``most`` may be 0 where all are.
    """
    eighths = _eighths(value, most, width)
    full, rest = divmod(max(eighths, int(value > 0)), EIGHTHS)
    return f"{ACROSS[-1] * full}{ACROSS[rest] if rest else ''}".ljust(width)


def plot(values: Sequence[float], most: float, height: int) -> list[str]:
    """Return lines of a plot, the highest first, a column for each value, full at ``most``."""
    filled = [_eighths(value, most, height) for value in values]
    return [
        "".join(UPWARD[min(max(eighths - EIGHTHS * line, 0), EIGHTHS)] for eighths in filled)
        for line in reversed(range(height))
    ]


def _eighths(value: float, most: float, characters: int) -> int:
    share = min(value / most, 1.0) if most > 0 else 0.0
    return round(share * characters * EIGHTHS)
