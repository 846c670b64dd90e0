"""A service rate of now and one of then become the loss between them, and how sure it is.

Both were measured alone, hours or months apart: what differs between hours is noise here. What a
loss means for a build is judged elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from perfgate.analysis.sequential import errors_beyond

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from perfgate.measurement.models import Run

# Spread between two measurements of the same build on one machine (log): see docs/baselines.md.
# It counts like so many differences between measurements of one's own.
FLOOR = 0.05
FLOOR_DIFFERENCES = 10
# The same for rates that were taken with whatever else the machine did: records of format 1.
DISTURBED_FLOOR = 0.15
# Where others take most of a CPU, caches are cold after each turn of theirs: with a third of the
# time left to it, the demo service's undisturbed rate was 19 % lower than with nearly all of it.
CROWDED_DOUBT = 0.2


@dataclass(frozen=True, slots=True)
class Level:
    """A service rate of one measurement, per second, and the standard error of its logarithm.

    ``speed`` is the yardstick's; None where it was not read. ``undisturbed``: without the time
    that others had the CPU; ``left`` is the share of the time that they left to the build.
    """

    rate_rps: float
    error: float = 0.0
    speed: float | None = None
    undisturbed: bool = True
    left: float = 1.0


@dataclass(frozen=True, slots=True)
class StoredLoss:
    """What was lost since then, on the log scale: positive is worse.

    ``lower`` holds with 1 - fail_alpha, ``upper`` with 1 - pass_alpha. A true loss of
    ``detectable`` has the chance POWER that ``lower`` exceeds the tolerance. ``slower`` is by how
    much the machine is slower than then; None where that is not known.
    """

    estimate: float
    lower: float
    upper: float
    detectable: float
    sd: float
    slower: float | None


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure a loss must be: chances of error, and what is tolerated (log)."""

    fail_alpha: float
    pass_alpha: float
    tolerance: float


def speed_of(runs: Iterable[Run]) -> float | None:
    """Return how fast the machine was while these runs were made, by the yardstick.

    The geometric mean of all readings; None where a run has none.
    """
    readings = [run.validity.yardsticks for run in runs]
    speeds = [reading.speed for own in readings for reading in own]
    return float(np.exp(np.mean(np.log(speeds)))) if speeds and all(readings) else None


def standard_error(lower: float, upper: float, runs: int, level: float) -> float:
    """Return the standard error of a rate's logarithm, from its two-sided t interval."""
    return (_log(upper) - _log(lower)) / (2 * float(stdtrit(runs - 1, (1 + level) / 2)))


def stored_loss(now: Level, then: Level, past: Sequence[Level], certainty: Certainty) -> StoredLoss:
    """Return the loss of service rate from ``then`` to ``now``; ``past`` came before, in order.

    By as much as the yardstick differs, all of it is in doubt: another machine under the same name
    then decides nothing. The rate is not corrected by it: on one machine it explained none of the
    differences between hours (docs/baselines.md has the figures). A busier hour is doubted too.

    Raises ValueError for a rate, speed or share that is not positive and finite.
    """
    sd, freedom = noise([*past, then])
    estimate, slower = _lost(now, then), _slower(now, then)
    crowded = CROWDED_DOUBT * (_log(then.left) - _log(now.left))
    # What measurements differ by holds what the runs of each leave open, unless that is more.
    sides = (max(sd, now.error), max(sd, then.error))
    spread = math.hypot(*sides, slower or 0.0, crowded)
    above = float(stdtrit(freedom, 1 - certainty.fail_alpha))
    below = float(stdtrit(freedom, 1 - certainty.pass_alpha))
    return StoredLoss(
        estimate=estimate,
        lower=estimate - above * spread,
        upper=estimate + below * spread,
        detectable=certainty.tolerance + errors_beyond(above, freedom + 1) * spread,
        sd=sd,
        slower=slower,
    )


def noise(levels: Sequence[Level]) -> tuple[float, int]:
    """Return the spread between measurements (log) and its degrees of freedom, oldest level first.

    From differences between neighbours (von Neumann, Annals of Mathematical Statistics 12, 1941):
    a build that got faster for good then counts once, not in every measurement since. The floor
    joins in as if it had been seen FLOOR_DIFFERENCES times, so that a few lucky differences do not
    make the spread small, nor a few unlucky ones make it endless.
    """
    last = levels[-1]
    floor = FLOOR if last.undisturbed else DISTURBED_FLOOR
    alike = [level for level in levels if level.undisturbed == last.undisturbed]
    squares = [_lost(later, earlier) ** 2 / 2 for earlier, later in pairwise(alike)]
    freedom = FLOOR_DIFFERENCES + len(squares)
    pooled = (FLOOR_DIFFERENCES * floor**2 + math.fsum(squares)) / freedom
    return max(floor, math.sqrt(pooled)), freedom


def _lost(now: Level, then: Level) -> float:
    return _log(then.rate_rps) - _log(now.rate_rps)


def _slower(now: Level, then: Level) -> float | None:
    if now.speed is None or then.speed is None:
        return None
    return _log(then.speed) - _log(now.speed)


def _log(value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"a rate, speed or share is positive and finite, not {value}")
    return math.log(value)
