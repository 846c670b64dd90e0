"""Searches that were made are read right, and the commits they are made among are what is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from searches import bisection, commit, pursued

from calibration.bisections import Search, history, kept, main, table, told
from calibration.builds import MADE, busy
from perfgate.report.blame import render

if TYPE_CHECKING:
    from pathlib import Path


def searched(slower: float, guilty: int) -> str:
    """Return the report of a search whose sessions are drawn."""
    return render(pursued(bisection(), {guilty: slower}, np.random.default_rng(3)))


def test_a_report_is_read() -> None:
    """Law: a search is right where its report names the guilty commit alone, or rightly nobody."""
    # Such hashes differ in their ends, of which the report is made to tell.
    found = told(searched(0.16, 7), "", 600.0)
    assert found.said == "FAIL: 0000000007 Change 7 made it slower"
    assert found.builds == 7
    assert found.rose_percent == pytest.approx(17.4, abs=2)
    assert found.sessions == pytest.approx(20, abs=8)
    assert Search("0000000007" + "a" * 30, found.said, 7, 20, 600.0).is_right
    assert not Search("0000000008" + "a" * 30, found.said, 7, 20, 600.0).is_right
    assert not found.is_right
    nobody = told(searched(0.0, 7), "", 90.0)
    assert nobody.is_right
    assert (nobody.builds, nobody.rose_percent) == (2, None)
    assert not Search(commit(7), nobody.said, 2, 4, 90.0).is_right


def test_one_commit_of_the_branch_is_guilty(tmp_path: Path) -> None:
    """Law: the branch has so many commits, and from the guilty one on each has its edits."""
    repository = MADE["auth"](tmp_path / "service")
    guilty = history(repository, "run", 2, busy(18), count=3)
    commits = repository.git("rev-list", "--reverse", f"{repository.base}..run").splitlines()
    assert (len(commits), commits[1]) == (3, guilty)
    dearer = ["spend(" in repository.git("show", f"{own}:authsvc/__main__.py") for own in commits]
    assert dearer == [False, True, True]
    assert history(repository, "equal", 0, (), count=2) == ""


def test_what_is_kept_is_not_searched_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With all searches kept only the table is made: how many were right, and at what cost."""
    lines = (
        '{"guilty": "00000000070", "said": "FAIL: 0000000007 x made it slower", "builds": 7, '
        '"sessions": 26, "seconds": 520.0}\n'
        '{"guilty": "", "said": "FAIL: 0000000007 x made it slower", "builds": 3, '
        '"sessions": 8, "seconds": 90.0}\n'
    )
    (tmp_path / "bisections.jsonl").write_text(lines)
    main(["--runs", "1", "--equal", "1", "--keep", str(tmp_path)])
    assert capsys.readouterr().out == table(kept(tmp_path / "bisections.jsonl"))
    first, second, *totals = table(kept(tmp_path / "bisections.jsonl")).splitlines()
    assert first.startswith("right    7 builds  26 sessions    520 s")
    assert second.startswith("WRONG")
    assert totals[0].startswith("with a guilty commit: 1 of 1 right, in at most 7 builds")
    assert totals[1].startswith("without one: 0 of 1 right")
