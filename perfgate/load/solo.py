"""The time for operations alone becomes a share for each of them.

It sends nothing and times nothing; how long a request takes is given to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.load.schedule import BALANCED_IN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.load.plan import Solo


@dataclass(frozen=True, slots=True)
class Share:
    """What one operation gets: ``pairs`` of batches of ``requests``, in about ``seconds``."""

    pairs: int
    requests: int
    seconds: float


def allot(solo: Solo, took_s: Mapping[int, float]) -> dict[int, Share]:
    """Return the share of each operation, the quickest first.

    ``took_s`` is, by operation, how long one request to each of the two builds took together; that
    time is spent already. Every operation gets four pairs of single requests, and all get equal
    parts of the time that is left. Where not even so much fits, the slowest get nothing.
    """
    left_s = solo.seconds - sum(took_s.values())
    kept: dict[int, float] = {}
    for operation, once_s in sorted(took_s.items(), key=lambda item: item[1]):
        if BALANCED_IN * once_s > left_s:
            break
        left_s -= BALANCED_IN * once_s
        kept[operation] = once_s
    return {
        operation: _share(solo, once_s, BALANCED_IN * once_s + left_s / len(kept))
        for operation, once_s in kept.items()
    }


def _share(solo: Solo, once_s: float, seconds: float) -> Share:
    """Return as many pairs as fit, in fours, and then batches as large as fit."""
    most = int(seconds / once_s)
    pairs = min(solo.pairs, max(most // BALANCED_IN, 1) * BALANCED_IN)
    return Share(pairs, min(solo.requests, max(most // pairs, 1)), seconds)
