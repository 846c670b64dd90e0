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

    ``took_s`` is, by operation, how long a request takes; one to each build has been sent. Every
    operation gets four pairs of single requests, and all get equal parts of the time that is left.
    Where not even so much fits, the slowest get nothing.
    """
    pair_s = {operation: 2 * once_s for operation, once_s in took_s.items()}
    left_s = solo.seconds - sum(pair_s.values())
    kept: dict[int, float] = {}
    for operation in sorted(pair_s, key=pair_s.__getitem__):
        least_s = BALANCED_IN * pair_s[operation]
        if least_s > left_s:
            break
        left_s -= least_s
        kept[operation] = least_s
    return {
        operation: _share(solo, pair_s[operation], least_s + left_s / len(kept))
        for operation, least_s in kept.items()
    }


def _share(solo: Solo, pair_s: float, seconds: float) -> Share:
    """Return as many pairs as fit, in fours, and then batches as large as fit."""
    most = int(seconds / pair_s)
    pairs = min(solo.pairs, max(most // BALANCED_IN, 1) * BALANCED_IN)
    return Share(pairs, min(solo.requests, max(most // pairs, 1)), seconds)
