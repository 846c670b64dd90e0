"""A log of requests becomes the times at which they came, or every line that does not tell one.

It keeps nothing but times; what load is made of them is the schedule's to say.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from perfgate.errors import FileFaultsError
from perfgate.faults import Fault
from perfgate.logfile import (
    STAMP,
    TIME_FIELDS,
    LineError,
    field_s,
    json_fields,
    read_log,
    time_field,
    time_s,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    Reader = Callable[[str], float]

FORMATS = (
    "a line holds [10/Oct/2000:13:55:36 +0000] as nginx and Apache write it; or is a JSON object "
    f"with one of {', '.join(TIME_FIELDS)}; or is a time and nothing else"
)


def read_recorded(path: Path) -> Sequence[float]:
    """Return the times in the log at ``path``: at least two that differ, in seconds, as they stand.

    The first line tells which of FORMATS all others have; blank ones do not count. Times without a
    zone are taken to be UTC. Raises UsageError for a file that cannot be read, and FileFaultsError
    for lines that tell no time and for times without a pattern.
    """
    times_s = array("d", read_log(path, _reader))
    faults = _pattern_faults(times_s)
    if faults:
        raise FileFaultsError(str(path), faults)
    return times_s


def _pattern_faults(times_s: array[float]) -> list[Fault]:
    if not times_s:
        return [Fault(None, "", "is empty, so there is nothing to replay")]
    if min(times_s) == max(times_s):
        problem = f"has one time only, in {len(times_s)} line{'s' if len(times_s) > 1 else ''}"
        return [Fault(None, "", problem, hint="a pattern needs two at least: record for longer")]
    return []


def _reader(first: str) -> Reader:
    """Return how lines like the first one are read."""
    if first.startswith("{"):
        name = time_field(first)
        return lambda line: field_s(json_fields(line), name)
    if STAMP.search(first):
        return _stamped_s
    try:
        time_s(first)
    except LineError:
        raise LineError("tells no time in a known way", first, FORMATS) from None
    return time_s


def _stamped_s(line: str) -> float:
    stamp = STAMP.search(line)
    if stamp is None:
        hint = "all lines must have one, like [10/Oct/2000:13:55:36 +0000], as the first one has"
        raise LineError("has no time stamp", line, hint)
    return time_s(stamp[0])
