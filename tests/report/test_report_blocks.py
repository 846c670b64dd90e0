"""Bars and plots are as long as what they show, to an eighth of a character."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perfgate.report.blocks import ACROSS, EIGHTHS, UPWARD, bar, plot

FIGURES = st.floats(0, 1e9)
SIZES = st.integers(1, 80)


@given(FIGURES, FIGURES, SIZES)
def test_a_bar_is_as_long_as_its_share(one: float, other: float, width: int) -> None:
    """Law: a bar has its width, is full at most, and is empty for nothing only."""
    value, most = sorted([one, other])
    drawn = bar(value, most, width)
    assert len(drawn) == width
    eighths = sum(map(ACROSS.index, drawn))
    assert (eighths == 0) == (value == 0)
    share = value / most if most else 0.0
    assert abs(eighths - share * width * EIGHTHS) <= 1


@given(st.lists(FIGURES, min_size=1, max_size=60), st.floats(0.1, 1e9), st.integers(1, 9))
def test_a_plot_is_as_high_as_its_values(values: list[float], most: float, height: int) -> None:
    """Law: each column is filled from below, as high as its value is of the most."""
    lines = plot(values, most, height)
    assert [len(line) for line in lines] == [len(values)] * height
    for value, column in zip(values, zip(*lines, strict=True), strict=True):
        filled = [UPWARD.index(each) for each in column]
        assert filled == sorted(filled)
        share = min(value / most, 1.0)
        assert abs(sum(filled) - share * height * EIGHTHS) <= 0.5 + 1e-9
        assert sum(0 < each < EIGHTHS for each in filled) <= 1
