"""Laws of patience: it ends for a build that is much slower than all others, or for nobody."""

from __future__ import annotations

import pytest

from perfgate.load.inside.patience import Patience

LIMIT_S = 60.0


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def is_over(limit_s: float, idle_s: float, **waited_s: float) -> bool:
    """Return whether patience with the candidate is over after these waits, its own the last."""
    clock = Clock()
    patience = Patience(limit_s, waited_s, clock)
    clock.now_s += idle_s
    for build, seconds in sorted(waited_s.items()):
        with patience.waits(build):
            clock.now_s += seconds
            answer = patience.is_over(build)
    return answer


@pytest.mark.parametrize(
    ("waited_s", "over"),
    [
        ({"candidate": 61.0}, True),
        ({"candidate": 59.0}, False),
        ({"base": 20.0, "candidate": 41.0}, True),
        ({"base": 25.0, "candidate": 41.0}, False),
        ({"base": 0.0, "candidate": 61.0}, False),
        ({"base": 100.0, "candidate": 100.0}, False),
    ],
)
def test_patience_ends_for_who_is_much_slower(waited_s: dict[str, float], over: bool) -> None:
    """Law: past the limit it ends with a build that took more than twice as long as the other.

    Where both are slow, or it is not known of the other, it may not be the build.
    """
    assert is_over(LIMIT_S, 0.0, **waited_s) == over


def test_other_parts_of_the_run_are_no_builds_fault() -> None:
    """Law: who was waited for less than half of the run is not why it takes so long."""
    assert not is_over(LIMIT_S, 60.0, candidate=55.0)
    assert is_over(LIMIT_S, 50.0, candidate=55.0)


def test_without_a_limit_it_does_not_end() -> None:
    """Law: 0 seconds are no limit."""
    assert not is_over(0.0, 0.0, candidate=1e6)


def test_it_tells_what_every_build_took() -> None:
    """Law: the words name the build's own time, the run's and the other build's."""
    clock = Clock()
    patience = Patience(LIMIT_S, ("base", "candidate"), clock)
    for build, seconds in (("base", 3.0), ("candidate", 66.0), ("base", 1.0)):
        with patience.waits(build):
            clock.now_s += seconds

    told = patience.told("candidate")
    assert told == "its answers took 66 s of the run's first 70 s, the base's 4 s"
