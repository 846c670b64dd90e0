"""Laws of trust: a build gets away with nothing that was seen; nothing else is held against it."""

from __future__ import annotations

from typing import Any

import pytest
from load.journals import journal

from perfgate.load.journal import Charge
from perfgate.measurement.summarise import Surroundings
from perfgate.measurement.trust import UNCHARGED_LIMIT_RATIO, UNCHARGED_LIMIT_S, build_faults


def faults(charged_s: float = 1.0, **seen: Any) -> list[str]:
    """Return what is told of a candidate that was charged so much, with these surroundings."""
    around = Surroundings(20.0, steal_ratio=None, pressure_ratio=None, peak_rss_bytes={}, **seen)
    return build_faults(journal([], charged={"candidate": Charge(0.0, 20.0, charged_s)}), around)


@pytest.mark.parametrize(
    ("charged_s", "used_s", "told"),
    [
        (1.0, 1.0, 0),
        (1.0, 0.2, 0),
        (1.0, 1.0 + 0.9 * UNCHARGED_LIMIT_S, 0),
        (1.0, 1.0 + 1.1 * UNCHARGED_LIMIT_S, 1),
        (98.1, 100.0, 0),
        (97.9, 100.0, 1),
    ],
)
def test_what_was_not_charged_is_a_fault(charged_s: float, used_s: float, told: int) -> None:
    """Law: a build may use no more than it was charged for, but for what the kernel rounds.

    Less may be seen of it, for the looks do not reach to the span's ends.
    """
    assert UNCHARGED_LIMIT_RATIO * 100.0 == 2.0
    found = faults(charged_s, used_s={"candidate": used_s})

    assert len(found) == told
    assert all(words.startswith("the candidate used") for words in found)


@pytest.mark.parametrize(("cpus", "told"), [((), 0), ((0, 3), 1)])
def test_cpus_that_were_not_given_are_a_fault(cpus: tuple[int, ...], told: int) -> None:
    """Law: a build that lets itself run on other CPUs is told, with their numbers."""
    found = faults(strayed={"base": cpus, "candidate": ()})

    assert len(found) == told
    assert all("the base let itself run on CPU 0, 3, which" in words for words in found)


def test_nothing_seen_is_no_fault() -> None:
    """Law: where nothing is known of a build nothing is held against it."""
    assert faults() == []
