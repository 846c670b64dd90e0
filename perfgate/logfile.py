"""A log passes through line by line, plain or packed with gzip, and each line tells its time.

What else a line says, and what is made of it, is its reader's to know.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from contextlib import contextmanager
from datetime import UTC, datetime
from io import TextIOWrapper
from typing import TYPE_CHECKING, TypeVar

from perfgate.errors import FileFaultsError, UsageError
from perfgate.faults import Fault
from perfgate.tomlfile import near_match, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

Told = TypeVar("Told")

# Where a line has several, the finer one counts: nginx writes time_iso8601 in whole seconds.
TIME_FIELDS = (
    "msec",
    "ts",
    "timestamp",
    "@timestamp",
    "start_time",
    "time",
    "time_iso8601",
    "time_local",
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TIMES = "write ISO 8601, like 2018-07-13T09:30:00.250Z, or seconds or milliseconds since 1970"
MOST_FAULTS = 10
# As seconds the year 5138, as milliseconds 1973; and the year 5138 in milliseconds.
LEAST_MILLISECONDS = 1e11
MOST_MILLISECONDS = 1e14
GZIP = b"\x1f\x8b"
STAMP = re.compile(r"(\d\d)/(\w{3})/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})")


class LineError(Exception):
    """A line does not tell what it should: what is wrong, what stands there, and what to do."""

    def __init__(self, problem: str, found: object, hint: str) -> None:
        super().__init__(problem)
        self.problem, self.found, self.hint = problem, shown(found), hint


def read_log(path: Path, reader_of: Callable[[str], Callable[[str], Told]]) -> Iterator[Told]:
    """Yield what each line of the log at ``path`` tells; blank ones do not count.

    ``reader_of`` gets the first line and returns how all are read; both raise LineError. Raises
    UsageError for a file that cannot be read, and FileFaultsError at the end with a fault for each
    line that was not understood, up to MOST_FAULTS.
    """
    faults: list[Fault] = []
    try:
        with _opened(path) as lines:
            yield from _told(lines, reader_of, faults)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(path, error) from error
    if faults:
        raise FileFaultsError(str(path), faults)


def json_fields(line: str) -> dict[str, object]:
    """Return the fields of a line that is a JSON object; raises LineError where it is none."""
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        hint = "the log has one on every line; nginx writes such with log_format NAME escape=json"
        raise LineError("is not a JSON object", line, hint)
    return fields


def time_field(line: str) -> str:
    """Return which of TIME_FIELDS a JSON line has; raises LineError where it has none."""
    fields = json_fields(line)
    name = next((name for name in TIME_FIELDS if name in fields), None)
    if name is None:
        known = f"call the field of the time one of {', '.join(TIME_FIELDS)}"
        raise LineError("has no field for the time", line, known)
    return name


def field_s(fields: dict[str, object], name: str) -> float:
    """Return the time in the field ``name``, in seconds; raises LineError where there is none."""
    if name not in fields:
        hint = "all lines must have the field that the first one has"
        raise LineError(f'has no field "{name}"', json.dumps(fields), hint)
    return time_s(fields[name])


def time_s(value: object) -> float:
    """Return a time in seconds: of a number, ISO 8601, or a stamp as in access logs.

    Without a zone it is taken to be UTC. Raises LineError for what is no time.
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _written_s(str(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LineError("has no time where one is expected", value, TIMES)
    if not abs(value) < MOST_MILLISECONDS:
        raise LineError("has a number that is no time", value, TIMES)
    return value / 1000 if abs(value) >= LEAST_MILLISECONDS else float(value)


def _told(
    lines: Iterable[str], reader_of: Callable[[str], Callable[[str], Told]], faults: list[Fault]
) -> Iterator[Told]:
    """Yield what lines tell, and add to ``faults`` those that do not."""
    read: Callable[[str], Told] | None = None
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line:
            continue
        try:
            read = read or reader_of(line)
            value = read(line)
        except LineError as error:
            faults.append(Fault(number, "", error.problem, error.found, error.hint))
            # Without a format there is nothing to hold the other lines to.
            if read is None:
                return
            if len(faults) == MOST_FAULTS:
                faults.append(Fault(None, "", "has more after these, perhaps: not read on"))
                return
        else:
            yield value


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[str]]:
    with path.open("rb") as plain:
        packed = plain.peek(len(GZIP)).startswith(GZIP)
        stream = gzip.GzipFile(fileobj=plain) if packed else plain
        # What is not UTF-8 in a log was sent by callers, and stands beside the time.
        yield TextIOWrapper(stream, encoding="utf-8-sig", errors="replace")


def _unreadable(path: Path, error: Exception) -> UsageError:
    if isinstance(error, FileNotFoundError):
        folder = path.parent
        names = [other.name for other in folder.iterdir()] if folder.is_dir() else []
        near = near_match(path.name, names)
        hint = near or "Check the path; one in a configuration starts from the place of that file."
        return UsageError(f"{path}: there is no such file", hint=hint)
    what = getattr(error, "strerror", None) or str(error)
    hint = "Name a log file that can be read here, plain or packed with gzip."
    return UsageError(f"{path}: cannot be read: {what}", hint=hint)


def _written_s(text: str) -> float:
    stamp = STAMP.fullmatch(text.strip("[]"))
    try:
        at = datetime.fromisoformat(_as_iso(stamp) if stamp else text)
    except ValueError as error:
        hint = "there is no such moment" if stamp else TIMES
        raise LineError("has a text that is no time", text, hint) from error
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _as_iso(stamp: re.Match[str]) -> str:
    """Return a stamp in ISO 8601; raises ValueError where there is no such month."""
    day, month, year, clock, zone = stamp.groups()
    return f"{year}-{MONTHS.index(month) + 1:02}-{day}T{clock}{zone}"
