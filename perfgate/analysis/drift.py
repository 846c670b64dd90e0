"""Sessions become drifts: by how much a build changed while it ran. Log ratios, positive is worse.

Pairs have their own trend, in :mod:`perfgate.analysis.change`; here it is the open loop's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from perfgate.measurement.models import BuildRole, OpenLoop, Run


def open_trends(sessions: Iterable[Run], role: BuildRole) -> NDArray[np.float64]:
    """Return per session by how much a build's answers got slower from first to last third.

    Shape (sessions with that build,): of each operation the log ratio of its median service times,
    weighted by its answers, for the thirds may have different mixes. NaN where no operation has
    enough answers.
    """
    return np.array([_trend(run.builds[role].open) for run in sessions if role in run.builds])


def peak_rises(sessions: Iterable[Run]) -> NDArray[np.float64]:
    """Return per session with both builds the log ratio of their peak memory; NaN: unread."""
    peaks = [
        (run.builds["candidate"].peak_rss_bytes, run.builds["base"].peak_rss_bytes)
        for run in sessions
    ]
    return np.array([math.log(own / base) if own and base else math.nan for own, base in peaks])


def _trend(loop: OpenLoop) -> float:
    known = [own for own in loop.operations.values() if own.good and min(own.thirds_s, default=0.0)]
    if not known:
        return math.nan
    changes = [math.log(own.thirds_s[-1] / own.thirds_s[0]) for own in known]
    return float(np.average(changes, weights=[own.good for own in known]))
