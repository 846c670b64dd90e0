"""What a worker has in common with its master: nothing that changes the load may differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perfgate.load.inside.origin import difference, read_origin

if TYPE_CHECKING:
    from pathlib import Path


def origin(file: Path, text: str = "class Caller: ...") -> dict[str, str]:
    """Return the origin of a process that imports a Locust file of this text."""
    file.write_text(text)
    return read_origin(["locust", "-f", f"plugin.py,{file}", "--headless"])


def test_it_does_not_matter_where_a_file_stands(tmp_path: Path) -> None:
    """Law: equal files and versions send the same load, whatever the paths."""
    assert difference(origin(tmp_path / "one.py"), origin(tmp_path / "other.py")) == ""


def test_another_file_is_named(tmp_path: Path) -> None:
    """Law: where the text differs in anything, both files are named."""
    theirs, ours = origin(tmp_path / "one.py"), origin(tmp_path / "other.py", "class Caller: pass")
    told = difference(theirs, ours)
    assert told == (
        f"has another Locust file than the check: its {tmp_path / 'one.py'} differs from the "
        f"check's {tmp_path / 'other.py'}"
    )


@pytest.mark.parametrize("name", ["perfgate", "locust"])
def test_another_version_is_told(tmp_path: Path, name: str) -> None:
    """Law: another version of either is told with both of them, and before the file."""
    ours = origin(tmp_path / "one.py")
    told = difference({**ours, name: "0.0.1", "sha256": ""}, ours)
    assert told == f"runs {name} 0.0.1, and the check {ours[name]}"
