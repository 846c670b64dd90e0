"""Where output may go."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from perfgate.cli.places import prepared, writable
from perfgate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")


def test_a_new_directory_is_made(tmp_path: Path) -> None:
    """Missing directories are made, parents too, and nothing is left in them."""
    made = prepared(tmp_path / "a" / "b")
    assert made == tmp_path / "a" / "b"
    assert list(made.iterdir()) == []


def test_an_empty_directory_will_do(tmp_path: Path) -> None:
    """A directory that is there is taken as long as it is empty."""
    assert prepared(prepared(tmp_path)) == tmp_path


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A directory that holds something is refused, whatever it holds."""
    (tmp_path / ".hidden").touch()
    with pytest.raises(UsageError, match="is not empty"):
        prepared(tmp_path)


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_no_directory_can_be_where_a_file_is(tmp_path: Path, name: str) -> None:
    """Where a file stands, no directory can be made."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written to"):
        prepared(tmp_path / name)


@not_root
def test_a_directory_not_to_be_written_to(tmp_path: Path) -> None:
    """A directory without permission is refused, for a new directory and for a file."""
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot be written to"):
        prepared(tmp_path)
    with pytest.raises(UsageError, match="cannot be written to"):
        writable(tmp_path / "m.json")


def test_a_new_file_is_not_made_yet(tmp_path: Path) -> None:
    """A file that can be written is returned and left for later."""
    assert not writable(tmp_path / "m.json").exists()


def test_an_old_file_is_kept_until_there_is_a_new_one(tmp_path: Path) -> None:
    """A file that is there may be overwritten, but keeps its content until then."""
    old = tmp_path / "m.json"
    old.write_text("old")
    assert writable(old).read_text() == "old"


def test_a_file_needs_a_directory(tmp_path: Path) -> None:
    """A file cannot be written to a directory that is missing, or in place of one."""
    with pytest.raises(UsageError, match="is not a directory"):
        writable(tmp_path / "gone" / "m.json")
    with pytest.raises(UsageError, match="is a directory"):
        writable(tmp_path)
