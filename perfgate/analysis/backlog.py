"""Requests in flight become a growth: how many more there are with each second of an open loop.

How much is too much is decided elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.compare import t_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.analysis.interval import Interval

# The run in thirds. A queue that starts empty first fills up to what is usual: that is no growth.
_THIRDS = 3


def growth_rps(in_flight: Sequence[int], seconds: float, level: float) -> Interval:
    """Return by how many requests a second a queue grew, after the first third of an open loop.

    ``in_flight`` are the requests in flight at equal distances over so many ``seconds``, the first
    and the last moment included. What a distance adds, arrivals less completions, is one sample,
    and the interval is that of Student's t. Where more comes than is served, the samples are
    independent; where not, what one adds the next ones take away, and the interval is too wide
    rather than too narrow. Raises ValueError for fewer than four moments, and for a level outside
    (0, 1).
    """
    distance_s = seconds / (len(in_flight) - 1)
    kept = in_flight[(len(in_flight) - 1) // _THIRDS :]
    return t_interval(np.diff(np.array(kept, dtype=float)) / distance_s, level)


def emptied(in_flight: Sequence[int]) -> bool:
    """Tell whether at some moment of the last third at most one request was in flight.

    Then all that was due before has been served, whatever went on meanwhile: a stall of the machine
    that is made good does not tell, by :func:`growth_rps`, from a queue that goes up and down.
    """
    return min(in_flight[-((len(in_flight) - 1) // _THIRDS) :]) <= 1
