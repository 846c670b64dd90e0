"""Files of a step hold what the step says, whatever a build has done to them meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perfgate.action.channels import NAMES, Channels

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which each file has a line of an earlier part of the step."""
    paths = {name: tmp_path / name for name in NAMES}
    for path in paths.values():
        path.write_text("before=1\n")
    return {name: str(path) for name, path in paths.items()}


def test_what_is_told_is_added(environ: dict[str, str], tmp_path: Path) -> None:
    """Outputs and summary stand behind what was there; the other files are as they were."""
    Channels(environ).tell({"verdict": "PASS", "reason": "a\nverdict=b"}, "## PASS\n")
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == (
        "before=1\nverdict=PASS\nreason=a\\nverdict=b\n"
    )
    assert (tmp_path / "GITHUB_STEP_SUMMARY").read_text() == "before=1\n## PASS\n"
    assert (tmp_path / "GITHUB_ENV").read_text() == "before=1\n"


def test_what_a_build_wrote_is_gone(environ: dict[str, str], tmp_path: Path) -> None:
    """Law: lines that were appended, and links put in the place of a file, change nothing."""
    channels = Channels(environ)
    for path in tmp_path.iterdir():
        path.write_text("verdict=PASS\nLD_PRELOAD=/evil.so\n")
    elsewhere = tmp_path.parent / "elsewhere"
    elsewhere.write_text("kept")
    (tmp_path / "GITHUB_ENV").unlink()
    (tmp_path / "GITHUB_ENV").symlink_to(elsewhere)
    channels.tell({"verdict": "FAIL"}, "")
    assert (tmp_path / "GITHUB_OUTPUT").read_text() == "before=1\nverdict=FAIL\n"
    assert {(tmp_path / name).read_text() for name in NAMES if name != "GITHUB_OUTPUT"} == {
        "before=1\n"
    }
    assert elsewhere.read_text() == "kept"


def test_without_files_nothing_is_told() -> None:
    """Outside a job there is nobody to tell."""
    Channels({}).tell({"verdict": "PASS"}, "")
