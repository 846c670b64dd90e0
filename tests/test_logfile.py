"""Logs are read line by line, packed or not; what cannot be read is told."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.errors import FileFaultsError, UsageError
from perfgate.logfile import LineError, read_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

numbers = st.lists(st.integers(0, 10**9), max_size=20)


def whole_number(line: str) -> int:
    """Return the number that a line is."""
    if not line.isdigit():
        raise LineError("is no number", line, "write one")
    return int(line)


def as_numbers(_first: str) -> Callable[[str], int]:
    """Return how lines of numbers are read, whatever the first one is."""
    return whole_number


@given(values=numbers, packed=st.booleans())
def test_packed_logs_tell_the_same(
    tmp_path_factory: pytest.TempPathFactory, values: list[int], packed: bool
) -> None:
    """Law: each line tells what was written in it, and gzip makes no difference."""
    path = tmp_path_factory.mktemp("log") / "log"
    written = "".join(f"{value}\n\n" for value in values).encode()
    path.write_bytes(gzip.compress(written) if packed else written)
    assert list(read_log(path, as_numbers)) == values


def test_packed_parts_follow_one_another(tmp_path: Path) -> None:
    """Law: parts that were packed one by one and joined are one log."""
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"1\n2\n") + gzip.compress(b"3\n"))
    assert list(read_log(path, as_numbers)) == [1, 2, 3]


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_damaged_packing_is_told(tmp_path: Path, damage: str) -> None:
    """Law: a packed log that was cut off or changed is no shorter log but an error."""
    path = tmp_path / "log.gz"
    packed = gzip.compress("".join(f"{number}\n" for number in range(10_000)).encode())
    path.write_bytes(packed[:-20] if damage == "cut" else packed[:-8] + b"\x00" * 8)
    with pytest.raises(UsageError, match="cannot be read") as caught:
        list(read_log(path, as_numbers))
    assert "gzip" in caught.value.hint


def test_faults_come_after_what_was_understood(tmp_path: Path) -> None:
    """Law: a reader sees every good line, and at the end learns of those that are not."""
    path = tmp_path / "log"
    path.write_text("1\ntwo\n3\n")
    seen: list[int] = []
    with pytest.raises(FileFaultsError) as caught:
        seen.extend(read_log(path, as_numbers))
    assert [(fault.line, fault.found) for fault in caught.value.faults] == [(2, '"two"')]
