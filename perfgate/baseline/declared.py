"""How the build of record compares with the one whose rate in production was declared.

A declared rate is that of one build. What the builds accepted since have lost or gained stands in
the stored baseline: in its anchor, measured side by side, or in the rates of its history.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perfgate.analysis.capacity import BOUNDS_LEVEL, NO_CHANGE
from perfgate.analysis.interval import Interval

if TYPE_CHECKING:
    from perfgate.baseline.record import BaselineRecord

# What the time for equal work is called among an anchor's slowdowns.
CAPACITY = "capacity"


def slowdown_since(record: BaselineRecord, commit: str) -> Interval | None:
    """Return the slowdown (log) of the build of record since ``commit``, a full one or its start.

    The bounds are one-sided, 95 % each. None where the record does not know that build.
    """
    if record.commit.startswith(commit):
        return NO_CHANGE
    return _from_anchor(record, commit) or _from_history(record, commit)


def _from_anchor(record: BaselineRecord, commit: str) -> Interval | None:
    anchor = record.anchor
    own = None if anchor is None else anchor.slowdowns.get(CAPACITY)
    if anchor is None or own is None or not anchor.commit.startswith(commit):
        return None
    from scipy.special import stdtrit  # noqa: PLC0415 - admissions rarely need it, and it is slow

    half = float(stdtrit(own.freedom, (1 + BOUNDS_LEVEL) / 2)) * own.error
    return Interval(own.estimate, own.estimate - half, own.estimate + half)


def _from_history(record: BaselineRecord, commit: str) -> Interval | None:
    """Return the ratio of two rates of record, the older one taken to be as unsure as the newer."""
    rate = record.service_rate_rps
    past = next((one for one in reversed(record.history) if one.commit.startswith(commit)), None)
    if past is None or not past.service_rate_rps > 0:
        return None
    estimate = math.log(past.service_rate_rps / rate.estimate)
    half = math.sqrt(2) * math.log(rate.upper / rate.lower) / 2
    return Interval(estimate, estimate - half, estimate + half)
