"""The yardstick: it tells the CPU's speed, repeatably, and leaves the thread where it was."""

from __future__ import annotations

import os
import time

import pytest

from perfgate import yardstick
from perfgate.yardstick import KIND_S, read_yardstick

CPU = min(os.sched_getaffinity(0))


def test_a_reading_is_short_and_repeatable() -> None:
    """Law: on this machine two readings agree within a factor, whatever else runs here."""
    began_s = time.monotonic()
    one = read_yardstick(CPU)
    assert time.monotonic() - began_s < 3 * KIND_S + 5
    other = read_yardstick(CPU)
    assert one.speed == pytest.approx(other.speed, rel=0.3)
    assert min(one.hashing_per_s, one.looping_per_s, one.loopback_per_s) > 10


@pytest.mark.parametrize("cpu", [None, CPU, 10**5])
def test_the_thread_is_back_where_it_was(cpu: int | None) -> None:
    """Law: the CPUs of this process are the same after; a CPU that is not here is let be."""
    before = os.sched_getaffinity(0)
    read_yardstick(cpu)
    assert os.sched_getaffinity(0) == before


def test_twice_the_work_is_half_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: the figure is work per CPU-second, so a CPU half as fast has half of it."""
    one = read_yardstick(CPU)
    monkeypatch.setattr(yardstick, "TURNS", 2 * yardstick.TURNS)
    other = read_yardstick(CPU)
    assert other.looping_per_s == pytest.approx(one.looping_per_s / 2, rel=0.3)
