"""Checks are made, judged again and kept, with a stranger beside them where one is wanted."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import psutil
import pytest

from calibration import collect as collecting
from calibration.builds import MADE
from calibration.burn import burning
from calibration.cases import CASE, FAILED, Run, keep, kept
from calibration.collect import HUNG, Wanted, code_commit, collect, missing
from perfgate.config.models import Budget
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from pathlib import Path


def children() -> list[psutil.Process]:
    """Return the processes that this one has started."""
    return list(psutil.Process().children())


def test_a_stranger_burns_until_the_end() -> None:
    """While it is wanted, a process takes CPU time; none is left afterwards."""
    before = set(children())
    with burning(0.5):
        (stranger,) = set(children()) - before
        while stranger.cpu_times().user < 0.1:
            assert stranger.is_running()
    assert not stranger.is_running()


def test_no_stranger_is_started_for_nothing() -> None:
    """Where nothing is to be burnt, nobody burns."""
    before = set(children())
    with burning(0.0):
        assert set(children()) == before


def test_a_stranger_that_is_gone_is_told() -> None:
    """Checks beside a stranger that has ended were not what was wanted."""

    def lose_it() -> None:
        before = set(children())
        with burning(0.5):
            (stranger,) = set(children()) - before
            stranger.kill()
            stranger.wait()

    with pytest.raises(RuntimeError, match="has ended"):
        lose_it()


def test_no_check_is_begun_that_might_not_end_in_time(tmp_path: Path) -> None:
    """Where the longest check does not fit into the time left, none is begun."""
    assert not collect(Wanted({"same": 1}, tmp_path / "kept", within_s=10.0), tmp_path / "scratch")
    assert not (tmp_path / "kept").exists()


class Hanging:
    """A repository whose checks never end."""

    base = "0" * 40

    def __init__(self, root: Path) -> None:
        (root / ".git" / "info").mkdir(parents=True)
        (root / "perfgate.toml").touch()
        self.root = root

    def start(self, *_: str) -> subprocess.Popen[str]:
        """Start something that takes too long."""
        return subprocess.Popen(["sleep", "60"], text=True, stdout=-1, stderr=-1)


def test_a_hung_check_is_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: a check that hangs is kept as failed, and the next is made; neither is made again."""
    monkeypatch.setattr(collecting, "AROUND_S", 0.05)
    monkeypatch.setattr(collecting, "commit_of", lambda *_: "1" * 40)
    monkeypatch.setattr(collecting, "MADE", dict.fromkeys(MADE, Hanging))
    wanted = Wanted({"same": 2}, tmp_path / "kept", budget_s=0.1)
    before = set(children())
    assert collect(wanted, tmp_path / "scratch")
    assert set(children()) == before
    told = [
        json.loads((tmp_path / "kept" / "same" / number / FAILED).read_text())
        for number in ("001", "002")
    ]
    assert [(one["verdict"], one["commit"]) for one in told] == [(HUNG, code_commit())] * 2
    assert list(missing(wanted)) == []
    assert kept(tmp_path / "kept" / "same") == []


@pytest.mark.parametrize("commit", ["f" * 40, ""])
def test_checks_of_other_code_are_not_mixed_in(tmp_path: Path, commit: str) -> None:
    """Law: what one directory keeps was made by one commit of the code; which is not, is named."""
    place = tmp_path / "same" / "001"
    place.mkdir(parents=True)
    keep(Run("same", 1, 1, 0.0, 120.0, 90.0, 0, "PASS", commit), place)
    with pytest.raises(SystemExit, match="Collect into another directory") as caught:
        collect(Wanted({"same": 2}, tmp_path), tmp_path / "scratch")
    assert str(place) in str(caught.value)


def test_checks_are_those_that_users_make(tmp_path: Path) -> None:
    """Law: the budget is the configuration's default, and there is time to repeat runs."""
    wanted = Wanted({}, tmp_path)
    assert wanted.budget_s == Budget().sessions_s
    assert wanted.longest_s > wanted.budget_s + 3 * collecting.AROUND_S


@pytest.mark.slow
@pytest.mark.nightly
def test_a_real_check_is_kept(tmp_path: Path) -> None:
    """A check ends with a case that is judged alike ever after, and is not made twice."""
    wanted = Wanted({"same": 1}, tmp_path / "kept", budget_s=1.0)
    assert collect(wanted, tmp_path / "first")
    (one,) = kept(tmp_path / "kept" / "same")
    assert one.run.verdict == str(judge(one.case).outcome) == "INCONCLUSIVE"
    assert one.case.measurement.seed == one.run.seed
    file = tmp_path / "kept" / "same" / "001" / CASE
    before = file.stat().st_mtime_ns
    assert collect(wanted, tmp_path / "second")
    assert file.stat().st_mtime_ns == before
    assert not (tmp_path / "second").exists()
