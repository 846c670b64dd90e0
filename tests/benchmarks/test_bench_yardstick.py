"""Fixed work, which no change here touches: by as much as its times differ, all others are doubted.

It is what `perfgate micro` takes for the machine's speed of the hour.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

pytestmark = pytest.mark.benchmark(group="yardstick")

BLOCK = bytes(range(256)) * 256
TURNS, SLOTS = 20_000, 97


def looped() -> int:
    """Count in a small table, in plain Python."""
    counts: dict[int, int] = {}
    for turn in range(TURNS):
        counts[turn % SLOTS] = counts.get(turn % SLOTS, 0) + turn
    return sum(counts.values())


def test_hashing(benchmark: BenchmarkFixture) -> None:
    """A block of 64 KiB is hashed: the speed of compiled code."""
    digest = benchmark(lambda: hashlib.sha256(BLOCK).digest())
    assert len(digest) == 32


def test_looping(benchmark: BenchmarkFixture) -> None:
    """A loop is run: the speed of the interpreter."""
    assert benchmark(looped) == TURNS * (TURNS - 1) // 2
