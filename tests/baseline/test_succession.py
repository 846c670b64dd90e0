"""A record takes its place in the line; that commands do so is shown in tests/cli."""

from __future__ import annotations

from builders import anchor, concession, record

from perfgate.baseline.anchor import Slowdown, Step
from perfgate.baseline.succession import anchored_at

AT = "2026-11-25T10:00:00+00:00"
STEP = Step(
    against="1" * 40,
    sessions=4,
    slowdowns={"cost": Slowdown(estimate=0.02, error=0.004, freedom=3)},
)


def test_what_was_conceded_of_the_release_itself_is_behind_it() -> None:
    """Law: an anchor that moves to a release leaves what was accepted with it, here or later on."""
    own = anchor(commit="1" * 40).conceding(concession(commit="1" * 40))
    released = record(commit="1" * 40, anchor=own)
    later = own.after(STEP).conceding(concession(commit="2" * 40))
    following = record(commit="2" * 40, measured_at="2026-11-24T10:00:00+00:00", anchor=later)
    for stored, left in ((released, []), (following, ["2" * 40])):
        moved = anchored_at(stored, released, "v1", AT)
        assert moved is not None
        assert moved.anchor is not None
        assert (moved.anchor.name, moved.anchor.commit) == ("v1", "1" * 40)
        assert [each.commit for each in moved.anchor.concessions] == left
        assert moved.is_intact
