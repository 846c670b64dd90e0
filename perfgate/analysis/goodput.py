"""Sessions become losses of goodput: correct answers in time, the candidate's against the base's.

Log ratios, positive is worse. How large a loss counts is decided elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.change import ROLES, paired

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from perfgate.measurement.models import BuildFigures, BuildRole, OpenLoop, Run, Windows

# A build without any counts as if it had half an answer: a loss that is a figure, and a large one.
LEAST_ANSWERS = 0.5


@dataclass(frozen=True, slots=True)
class Answers:
    """Requests of one build: all, those that failed, and those that came too late or never."""

    total: int
    failed: int
    late: int

    @property
    def good(self) -> int:
        """Return the number that were answered correctly and in time."""
        return self.total - self.failed - self.late

    @property
    def failed_ratio(self) -> float:
        """Return the share that failed, 0 of none."""
        return self.failed / self.total if self.total else 0.0


def saturated_losses(sessions: Sequence[Run]) -> NDArray[np.float64]:
    """Return per session by how much the goodput while saturated fell; NaN where the base has none.

    Shape (sessions with both builds,), log ratios of rates by the clock.
    """
    return _losses(sessions, lambda own: (sum(own.saturation.good), sum(own.saturation.wall_s)))


def saturated_delays(sessions: Sequence[Run]) -> NDArray[np.float64]:
    """Return per session how much later an answer of any kind came while saturated, as a log ratio.

    By Little's law, for the number of requests in flight is the same for both builds.
    """
    return _losses(sessions, lambda own: (sum(own.saturation.answered), sum(own.saturation.wall_s)))


def open_losses(sessions: Sequence[Run], timeouts_s: Mapping[str, float]) -> NDArray[np.float64]:
    """Return per session by how much the goodput of the open loop fell.

    NaN where the base has none. Both builds get the same arrivals. ``timeouts_s``: how long
    callers wait, by operation.
    """
    return _losses(sessions, lambda own: (_timely(own.open, timeouts_s), own.open.seconds))


def saturated_answers(sessions: Sequence[Run], role: BuildRole) -> Answers:
    """Return what a build answered while saturated, over all sessions.

    Where a file does not tell failures from late answers, all that were not good count as failed.
    """
    own = [run.builds[role].saturation for run in sessions]
    total, good = sum(sum(part.answered) for part in own), sum(sum(part.good) for part in own)
    failed = sum(_failed(part) for part in own)
    return Answers(total, failed, total - good - failed)


def open_answers(
    sessions: Sequence[Run], role: BuildRole, timeouts_s: Mapping[str, float]
) -> Answers:
    """Return what became of a build's arrivals in the open loop, over all sessions."""
    loops = [run.builds[role].open for run in sessions]
    total = sum(loop.arrivals for loop in loops)
    failed = sum(own.failed for loop in loops for own in loop.operations.values())
    return Answers(total, failed, total - failed - sum(_timely(own, timeouts_s) for own in loops))


def _losses(
    sessions: Sequence[Run], counted: Callable[[BuildFigures], tuple[float, float]]
) -> NDArray[np.float64]:
    ratios = []
    for run in paired(sessions):
        (own, own_s), (base, base_s) = (counted(run.builds[role]) for role in ROLES)
        known = base > 0 and own_s > 0
        ratios.append(
            math.log(base / base_s / (max(own, LEAST_ANSWERS) / own_s)) if known else math.nan
        )
    return np.array(ratios)


def _failed(windows: Windows) -> int:
    return sum(windows.failed) if windows.failed else sum(windows.answered) - sum(windows.good)


def _timely(loop: OpenLoop, timeouts_s: Mapping[str, float]) -> int:
    """Count the correct answers that came while their callers still waited."""
    return sum(
        round(own.good * (1 - (own.latency_s.share_above(timeouts_s.get(name, math.inf)) or 0.0)))
        for name, own in loop.operations.items()
    )
