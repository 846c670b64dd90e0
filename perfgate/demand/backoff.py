"""A backoff becomes the shortest and longest wait before each retry.

It draws nothing: who waits, draws.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from perfgate.demand.ledger import Backoff

_LEAST = {"none": 1.0, "full": 0.0, "equal": 0.5}


def waits_s(backoff: Backoff, attempts: int) -> list[tuple[float, float]]:
    """Return the shortest and longest wait after each of so many attempts but the last.

    The wait grows from ``base_s`` by ``factor`` up to ``max_s``; jitter spreads it from 0 (full) or
    from its half (equal).
    """
    if backoff.kind == "none":
        return [(0.0, 0.0)] * (attempts - 1)
    growth = backoff.factor if backoff.kind == "exponential" else 1.0
    with np.errstate(over="ignore"):
        grown_s = backoff.base_s * growth ** np.arange(attempts - 1.0)
    longest = np.minimum(grown_s, inf if backoff.max_s is None else backoff.max_s)
    least = _LEAST[backoff.jitter] * longest
    return list(zip(least.tolist(), longest.tolist(), strict=True))
