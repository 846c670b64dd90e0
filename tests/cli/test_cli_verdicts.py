"""A case is told, kept and turned into an exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import case, incident
from hostile import hostile_case

from perfgate.cli.verdicts import KEPT, tell
from perfgate.report.formats import FORMATS
from perfgate.verdict.case import read_case
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The measurement and a report of every format are kept, and read back as they were."""
    told = case(incidents=(incident("candidate"),))
    assert tell(told, "json", None, tmp_path) == 1
    assert read_case(tmp_path / "measurement.json") == told
    kept = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert kept.pop("measurement.json") == told.to_text()
    assert set(KEPT.values()) == set(FORMATS)
    assert kept == {name: FORMATS[own](told, judge(told)) for name, own in KEPT.items()}
    assert capsys.readouterr().out == kept["verdict.json"]


def test_nothing_is_kept_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a directory the report is printed and no file is written."""
    monkeypatch.chdir(tmp_path)
    assert tell(case(base=None), "terminal", "pass") == 0
    assert capsys.readouterr().out.startswith("INCONCLUSIVE: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("format_", "obeyed"), [("terminal", False), ("github", True)])
def test_a_runner_obeys_one_format_only(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    format_: str,
    obeyed: bool,
) -> None:
    """In a job of GitHub's, a report has no line that is a command, but for the one of commands."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    tell(hostile_case(f"{'x' * 90} ::error::forged"), format_, None)
    printed = capsys.readouterr().out.splitlines()
    assert any(line.lstrip().startswith("::") for line in printed) == obeyed
