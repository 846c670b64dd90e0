"""Checks are made, judged again and kept, with a stranger beside them where one is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest

from calibration.burn import burning
from calibration.cases import CASE, kept
from calibration.collect import Wanted, collect
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


@pytest.mark.slow
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
