"""A log of requests becomes the times at which they came, or every line that does not tell one.

It reads the file and keeps nothing but times; what load is made of them is the schedule's to say.
"""

from __future__ import annotations

import json
import re
from array import array
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perfgate.errors import FileFaultsError, UsageError
from perfgate.faults import Fault
from perfgate.tomlfile import near_match, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    Reader = Callable[[str], float]

# Where a line has several, the finer one counts: nginx writes time_iso8601 in whole seconds.
TIME_FIELDS = ("msec", "ts", "timestamp", "@timestamp", "start_time", "time", "time_iso8601")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FORMATS = (
    "a line holds [10/Oct/2000:13:55:36 +0000] as nginx and Apache write it; or is a JSON object "
    f"with one of {', '.join(TIME_FIELDS)}; or is a time and nothing else"
)
TIMES = "write ISO 8601, like 2018-07-13T09:30:00.250Z, or seconds or milliseconds since 1970"
MOST_FAULTS = 10
# As seconds the year 5138, as milliseconds 1973; and the year 5138 in milliseconds.
LEAST_MILLISECONDS = 1e11
MOST_MILLISECONDS = 1e14
_STAMP = re.compile(r"(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})")


class _NoTimeError(Exception):
    """A line tells no time: what is wrong, what stands there, and what to do."""

    def __init__(self, problem: str, found: object, hint: str) -> None:
        super().__init__(problem)
        self.problem, self.found, self.hint = problem, shown(found), hint


def read_recorded(path: Path) -> Sequence[float]:
    """Return the times in the log at ``path``: at least two that differ, in seconds, as they stand.

    The first line tells which of FORMATS all others have; blank ones do not count. Times without a
    zone are taken to be UTC. Raises UsageError for a file that cannot be read, and FileFaultsError
    for lines that tell no time and for times without a pattern.
    """
    try:
        # What is not UTF-8 in a log was sent by callers, and stands beside the time.
        with path.open(encoding="utf-8-sig", errors="replace") as lines:
            times_s, faults = _read(lines)
    except OSError as error:
        raise _unreadable(path, error) from error
    faults = faults or _pattern_faults(times_s)
    if faults:
        raise FileFaultsError(str(path), faults)
    return times_s


def _unreadable(path: Path, error: OSError) -> UsageError:
    if isinstance(error, FileNotFoundError):
        folder = path.parent
        names = [other.name for other in folder.iterdir()] if folder.is_dir() else []
        hint = near_match(path.name, names) or "relative paths start from the configuration's place"
        return UsageError(f"{path}: there is no such file", hint=hint)
    hint = "name a log file that can be read here"
    return UsageError(f"{path}: cannot be read: {error.strerror}", hint=hint)


def _read(lines: Iterable[str]) -> tuple[array[float], list[Fault]]:
    """Return the times, and a fault for each line without one, up to MOST_FAULTS."""
    times_s: array[float] = array("d")
    faults: list[Fault] = []
    read: Reader | None = None
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line:
            continue
        try:
            read = read or _reader(line)
            times_s.append(read(line))
        except _NoTimeError as error:
            faults.append(Fault(number, "", error.problem, error.found, error.hint))
            # Without a format there is nothing to hold the other lines to.
            if read is None:
                break
            if len(faults) == MOST_FAULTS:
                faults.append(Fault(None, "", "has more after these, perhaps: not read on"))
                break
    return times_s, faults


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
        fields = _fields(first)
        name = next((name for name in TIME_FIELDS if name in fields), None)
        if name is None:
            known = f"call the field of the time one of {', '.join(TIME_FIELDS)}"
            raise _NoTimeError("has no field for the time", first, known)
        return lambda line: _field_s(line, name)
    if _STAMP.search(first):
        return _stamped_s
    try:
        _time_s(first)
    except _NoTimeError:
        hint = f"{FORMATS}; a packed log must be unpacked"
        raise _NoTimeError("tells no time in a known way", first, hint) from None
    return _time_s


def _fields(line: str) -> dict[str, object]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise _NoTimeError("is not a JSON object", line, "the log has one on every line")
    return fields


def _field_s(line: str, name: str) -> float:
    fields = _fields(line)
    if name not in fields:
        hint = "all lines must have the field that the first one has"
        raise _NoTimeError(f'has no field "{name}"', line, hint)
    return _time_s(fields[name])


def _stamped_s(line: str) -> float:
    stamp = _STAMP.search(line)
    if stamp is None:
        hint = "all lines must have one, like [10/Oct/2000:13:55:36 +0000], as the first one has"
        raise _NoTimeError("has no time stamp", line, hint)
    return _written_s(stamp[0])


def _time_s(value: object) -> float:
    """Return a time in seconds: of a number, ISO 8601, or a stamp as in access logs."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _written_s(str(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _NoTimeError("has no time where one is expected", value, TIMES)
    if not abs(value) < MOST_MILLISECONDS:
        raise _NoTimeError("has a number that is no time", value, TIMES)
    return value / 1000 if abs(value) >= LEAST_MILLISECONDS else float(value)


def _written_s(text: str) -> float:
    stamp = _STAMP.fullmatch(text.strip("[]"))
    try:
        at = datetime.fromisoformat(_as_iso(stamp) if stamp else text)
    except ValueError as error:
        hint = "there is no such moment" if stamp else TIMES
        raise _NoTimeError("has a text that is no time", text, hint) from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _as_iso(stamp: re.Match[str]) -> str:
    """Return a stamp in ISO 8601; raises ValueError where there is no such month."""
    day, month, year, clock, zone = stamp.groups()
    return f"{year}-{MONTHS.index(month) + 1:02}-{day}T{clock}{zone}"
