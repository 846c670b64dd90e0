"""A file appears whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.wholefile import write_whole

if TYPE_CHECKING:
    from pathlib import Path


@given(text=st.text(st.characters(codec="utf-8")))
def test_what_is_written_is_the_text(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """Law: every character arrives, line ends included, and nothing else is left there."""
    path = tmp_path_factory.mktemp("whole") / "file"
    write_whole(path, text)
    assert path.read_bytes() == text.encode()
    assert list(path.parent.iterdir()) == [path]


def test_a_text_that_cannot_be_written_changes_nothing(tmp_path: Path) -> None:
    """Law: where writing fails half way, the file is as it was, and no draft is left."""
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "after \ud800")
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_stay(tmp_path: Path) -> None:
    """Law: a file keeps its permissions; a new one can be read by all."""
    new, kept = tmp_path / "new", tmp_path / "kept"
    kept.write_text("before")
    kept.chmod(0o640)
    for path in (new, kept):
        write_whole(path, "after")
    assert [path.stat().st_mode & 0o777 for path in (new, kept)] == [0o644, 0o640]


def test_links_stay(tmp_path: Path) -> None:
    """Law: what a link leads to is written, and the link stays one."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("before")
    link.symlink_to(target)
    write_whole(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"
