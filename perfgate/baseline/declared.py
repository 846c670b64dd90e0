"""How the build of record compares with the one whose rate in production was declared.

A declared rate is that of one build. What the builds accepted since have lost or gained is told by
the undisturbed rates in the stored baseline's history.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perfgate.analysis.capacity import BOUNDS_LEVEL, NO_CHANGE
from perfgate.analysis.interval import Interval

if TYPE_CHECKING:
    from perfgate.baseline.record import BaselineRecord


def slowdown_since(record: BaselineRecord, commit: str | None) -> Interval | None:
    """Return the slowdown (log) of the build of record since ``commit``, a full one or its start.

    The two were measured at different times, so it is as uncertain as such measurements differ
    (:func:`perfgate.analysis.stored.noise`), at BOUNDS_LEVEL. None where no commit is declared, or
    the record does not know the undisturbed rate of both.
    """
    if commit is None:
        return None
    if record.commit.startswith(commit):
        return NO_CHANGE
    past = next((own for own in reversed(record.history) if own.commit.startswith(commit)), None)
    then = None if past is None else past.undisturbed_rps
    if then is None or record.undisturbed_rps is None:
        return None
    from scipy.special import stdtrit  # noqa: PLC0415 - slow, and admissions rarely need it

    from perfgate.analysis.stored import Level, noise  # noqa: PLC0415 - as above

    known = [own.undisturbed_rps for own in record.history if own.undisturbed_rps is not None]
    now = record.undisturbed_rps.estimate
    sd, freedom = noise([Level(rate) for rate in (*known, now)])
    half = float(stdtrit(freedom, (1 + BOUNDS_LEVEL) / 2)) * math.sqrt(2) * sd
    estimate = math.log(then / now)
    return Interval(estimate, estimate - half, estimate + half)
