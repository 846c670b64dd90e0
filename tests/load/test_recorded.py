"""A log tells its times in whatever way it writes them, or where it does not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.errors import FileFaultsError, UsageError
from perfgate.load.recorded import read_recorded
from perfgate.logfile import MOST_FAULTS, TIME_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from perfgate.faults import Fault

COMBINED = '127.0.0.1 - frank [{}] "GET /a?t=[1/1] HTTP/1.1" 200 2326 "-" "curl/8.1"'
ACCESS = COMBINED.format("10/Oct/2000:13:55:36 -0700")
OTHER_ACCESS = COMBINED.format("10/Oct/2000:13:55:38 -0700")

zones = st.sampled_from(
    [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=7))]
)
instants = st.datetimes(
    datetime(1975, 1, 1), datetime(2100, 1, 1), timezones=zones, allow_imaginary=False
)
logs = st.lists(instants, min_size=2, max_size=20, unique=True)


def stamp(at: datetime) -> str:
    """Return an instant as access logs write it."""
    return at.strftime("%d/%b/%Y:%H:%M:%S %z")


WAYS: dict[str, Callable[[datetime], str]] = {
    "access log": lambda at: COMBINED.format(stamp(at)),
    "ISO": lambda at: at.isoformat(),
    "ISO, basic": lambda at: at.isoformat(" ").replace("+00:00", "Z"),
    "seconds": lambda at: repr(at.timestamp()),
    "milliseconds": lambda at: str(round(at.timestamp() * 1000)),
    "JSON, ISO": lambda at: json.dumps({"level": "info", "time": at.isoformat()}),
    "JSON, seconds": lambda at: json.dumps({"msec": at.timestamp(), "time": "ignored"}),
    "JSON, text": lambda at: json.dumps({"ts": str(at.timestamp())}),
    "JSON, stamp": lambda at: json.dumps({"time": stamp(at)}),
}
PRECISION_S = {"access log": 1.0, "JSON, stamp": 1.0, "milliseconds": 1e-3}


def write(directory: Path, *lines: str) -> Path:
    """Write a log and return its path."""
    path = directory / "access.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def faults(directory: Path, *lines: str) -> tuple[Fault, ...]:
    """Return the faults of a log with these lines."""
    path = write(directory, *lines)
    with pytest.raises(FileFaultsError) as caught:
        read_recorded(path)
    assert caught.value.path == str(path)
    return caught.value.faults


@pytest.mark.parametrize("way", WAYS)
@given(log=logs)
def test_times_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, way: str, log: list[datetime]
) -> None:
    """Law: every way to write a time tells the same instant, as precisely as it is written."""
    seconds = {int(at.timestamp()) for at in log}
    if len(seconds) < 2:
        return
    path = write(tmp_path_factory.mktemp("log"), *map(WAYS[way], log))
    found = read_recorded(path)

    assert len(found) == len(log)
    for time_s, at in zip(found, log, strict=True):
        assert 0 <= at.timestamp() - time_s + 1e-3 <= PRECISION_S.get(way, 0.0) + 2e-3


@pytest.mark.parametrize("name", TIME_FIELDS)
def test_usual_names_of_the_time_are_known(tmp_path: Path, name: str) -> None:
    """Law: a field with any of the names is the time."""
    lines = [json.dumps({"a": 1, name: moment_s}) for moment_s in (1.5, 2.25)]
    assert list(read_recorded(write(tmp_path, *lines))) == [1.5, 2.25]


def test_the_finer_of_two_times_counts(tmp_path: Path) -> None:
    """Law: nginx writes $time_iso8601 in seconds and $msec in milliseconds: the latter counts."""
    line = '{{"time_iso8601": "2018-07-13T09:30:00+00:00", "msec": "{}"}}'
    log = write(tmp_path, line.format("1531474200.125"), line.format("1531474200.250"))
    assert list(read_recorded(log)) == [1531474200.125, 1531474200.25]


def test_zones_count_and_utc_is_the_default(tmp_path: Path) -> None:
    """Law: one instant in two zones is one; without a zone it is UTC's."""
    times = ("1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00", "1970-01-01T00:00:01Z")
    assert list(read_recorded(write(tmp_path, *times))) == [0.0, 0.0, 1.0]


def test_blank_lines_and_odd_bytes_do_not_count(tmp_path: Path) -> None:
    """Law: what callers sent may be any bytes; blank lines and a byte order mark do no harm."""
    odd = OTHER_ACCESS.encode().replace(b"/a?", b"/\xff\x00\xfe?")
    path = tmp_path / "access.log"
    path.write_bytes(b"\xef\xbb\xbf\r\n" + ACCESS.encode() + b"\r\n \r\n" + odd)
    first_s, second_s = read_recorded(path)
    assert second_s - first_s == 2.0


@pytest.mark.parametrize(
    ("lines", "line", "problem", "found"),
    [
        (["\x1f\x8b\x08"], 1, "tells no time in a known way", "\\u008b"),
        (["", "GET /"], 2, "tells no time in a known way", "GET /"),
        ([ACCESS, OTHER_ACCESS, "oops"], 3, "has no time stamp", "oops"),
        ([ACCESS, ACCESS.replace("Oct", "Okt")], 2, "a text that is no time", "Okt"),
        ([ACCESS, ACCESS.replace("13:55:36", "25:55:36")], 2, "a text that is no time", "25:"),
        (['{"at": 3}'], 1, "has no field for the time", "at"),
        (['{"ts": 3}', '{"time": 3}'], 2, 'has no field "ts"', "time"),
        (['{"ts": 3}', "{"], 2, "is not a JSON object", "{"),
        (['{"ts": 3}', "[" * 100_000], 2, "is not a JSON object", "[[["),
        (['{"ts": 3}', '{"ts": null}'], 2, "no time where one is expected", "None"),
        (['{"ts": 3}', '{"ts": true}'], 2, "no time where one is expected", "true"),
        (['{"ts": 3}', '{"ts": NaN}'], 2, "a number that is no time", "nan"),
        (['{"ts": 3}', '{"ts": 1' + "0" * 400 + "}"], 2, "a number that is no time", "1000"),
        (["3", "1531474200125000"], 2, "a number that is no time", "1531474200125000"),
        (["3", "2018-02-30"], 2, "a text that is no time", "2018-02-30"),
    ],
)
def test_a_line_without_a_time_is_told(
    tmp_path: Path, lines: list[str], line: int, problem: str, found: str
) -> None:
    """Law: one such line is a fault, however many are right: where, what, and what to do."""
    (fault,) = faults(tmp_path, *lines)
    assert fault.line == line
    assert problem in fault.problem
    assert found in fault.found
    assert fault.hint


def test_of_many_faults_the_first_are_told(tmp_path: Path) -> None:
    """Law: a log of another kind from some line on does not fill the screen."""
    told = faults(tmp_path, ACCESS, *["oops"] * 1000)
    assert [fault.line for fault in told] == [*range(2, MOST_FAULTS + 2), None]
    assert "not read on" in told[-1].problem


@pytest.mark.parametrize(
    ("lines", "problem"),
    [([], "is empty"), (["", " "], "is empty"), ([ACCESS], "one time"), ([ACCESS] * 9, "9 lines")],
)
def test_times_without_a_pattern_are_refused(
    tmp_path: Path, lines: list[str], problem: str
) -> None:
    """Law: nothing, or a single moment, is no pattern."""
    (fault,) = faults(tmp_path, *lines)
    assert problem in fault.problem
    assert fault.line is None


def test_a_missing_file_is_told_with_its_neighbour(tmp_path: Path) -> None:
    """Law: a name that is nearly right is answered with the one that is."""
    write(tmp_path, ACCESS)
    with pytest.raises(UsageError, match="there is no such file") as caught:
        read_recorded(tmp_path / "acess.log")
    assert caught.value.hint == 'did you mean "access.log"?'
    with pytest.raises(UsageError, match="there is no such file"):
        read_recorded(tmp_path / "nowhere" / "access.log")


def test_a_directory_is_no_log(tmp_path: Path) -> None:
    """Law: what cannot be read is said to be so."""
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_recorded(tmp_path)
