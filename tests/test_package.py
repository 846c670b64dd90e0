"""What the package brings along for whoever installs it."""

from __future__ import annotations

from importlib.metadata import distribution


def test_it_adds_nothing_to_pytest() -> None:
    """Law: there is a command, and no plugin that others' tests would load unasked."""
    points = distribution("perfgate").entry_points
    assert {point.group for point in points} == {"console_scripts"}
    assert [point.name for point in points] == ["perfgate"]
