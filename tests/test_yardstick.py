"""The yardstick: it tells the CPU's speed, and leaves the thread where it was."""

from __future__ import annotations

import os
import statistics

import pytest

from perfgate import yardstick
from perfgate.yardstick import read_yardstick

CPU = min(os.sched_getaffinity(0))


def test_every_kind_of_work_is_read() -> None:
    """Law: a reading has a pace of each kind of work."""
    one = read_yardstick(CPU)
    assert min(one.hashing_per_s, one.looping_per_s, one.loopback_per_s) > 10


@pytest.mark.parametrize("cpu", [None, CPU, 10**5])
def test_the_thread_is_back_where_it_was(cpu: int | None) -> None:
    """Law: the CPUs of this process are the same after; a CPU that is not here is let be."""
    before = os.sched_getaffinity(0)
    read_yardstick(cpu)
    assert os.sched_getaffinity(0) == before


def test_twice_the_work_is_half_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: the figure is work per CPU-second, so a CPU half as fast has half of it.

    Read in turn: a machine that is busy with other things changes its speed between readings.
    """
    turns, ratios = yardstick.TURNS, []
    for _ in range(7):
        whole = read_yardstick(CPU).looping_per_s
        monkeypatch.setattr(yardstick, "TURNS", 2 * turns)
        ratios.append(read_yardstick(CPU).looping_per_s / whole)
        monkeypatch.setattr(yardstick, "TURNS", turns)
    assert statistics.median(ratios) == pytest.approx(0.5, rel=0.2)
