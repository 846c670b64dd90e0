"""What plots have in common: paths that are stretched, words that keep clear, tags that hold."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hostile import TEXTS
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from perfgate.report.html.plot import ABOVE, LINE, Plot, above, anchor, drawing, last_with
from perfgate.report.html.scales import Linear
from perfgate.report.html.svg import UNITS, area, line, safe, steps, tag
from perfgate.tail import escaped

PLOT = Plot(Linear(0.0, 10.0), Linear(0.0, 100.0), 200.0)
HIGH = 200.0


@given(st.lists(st.floats(HIGH / 2, HIGH), max_size=5))
def test_words_are_above_their_lines_and_clear_of_all(lines: list[float]) -> None:
    """Law: no two words are nearer than a line of text, and no line runs through a word."""
    placed = above(lines)
    assert all(words <= own - ABOVE for words, own in zip(placed, lines, strict=True))
    assert all(later - earlier >= LINE - 1e-9 for earlier, later in pairwise(sorted(placed)))
    for words in placed:
        assert not [own for own in lines if words - LINE + ABOVE < own < words]


def test_words_keep_the_order_of_their_lines() -> None:
    """What is higher is told higher; words that have room stand just above their line."""
    assert above([150.0, 50.0]) == [145.0, 45.0]
    assert above([150.0, 148.0, 152.0]) == [128.0, 113.0, 143.0]


def test_words_of_lines_at_the_top_stand_within_the_drawing() -> None:
    """Where a line is at or beyond the top, its words are seen all the same."""
    assert above([0.0]) == [10.0]
    assert min(above([-500.0, 3.0, 4.0])) == 10.0


def test_paths_run_over_all_units() -> None:
    """Corners of a plot are those of its units, from below up; what is far beyond is cut."""
    assert line([(0.0, 0.0), (1.0, 1.0)]) == f"M0 {UNITS}L{UNITS} 0"
    assert area([(0.0, 1.0)], [(0.0, 0.0)]) == f"M0 0L0 {UNITS}Z"
    assert line([(0.0, 1e12)]) == f"M0 -{UNITS}"


def test_steps_keep_their_height() -> None:
    """Each figure holds from its place to the next, the last one to the end."""
    assert steps([(0.0, 1.0), (0.4, 2.0)]) == [(0.0, 1.0), (0.4, 1.0), (0.4, 2.0), (1.0, 2.0)]


def test_higher_figures_are_higher_up() -> None:
    """Pixels are counted from the top of the drawing, below the room for notes."""
    assert PLOT.down(100.0) == PLOT.top
    assert PLOT.down(0.0) == PLOT.top + PLOT.height
    assert PLOT.place(5.0, 25.0) == (0.5, 0.25)


@pytest.mark.parametrize(("share", "side"), [(0.0, "start"), (0.5, "middle"), (1.0, "end")])
def test_words_at_an_end_do_not_stick_out(share: float, side: str) -> None:
    """Words at an end of an axis run inwards."""
    assert anchor(share) == side


def test_the_last_figure_has_the_unit() -> None:
    """A unit is told once, at the last mark."""
    told = last_with(" ms", [1.0, 10.0])
    assert [told(1.0), told(10.0)] == ["1", "10 ms"]


@pytest.mark.parametrize("text", TEXTS)
def test_no_text_ends_a_tag(text: str) -> None:
    """Law: as a child or as an attribute, text is read back as it was, escapes apart."""
    read = ET.fromstring(tag("text", text, class_=text))  # noqa: S314 - made here
    assert (read.text, read.get("class")) == (escaped(text), escaped(text))


def test_markup_stays_markup() -> None:
    """Elements hold elements, and what is safe is not escaped twice."""
    assert tag("g", tag("line", x1=0.12)) == '<g><line x1="0.1"/></g>'
    assert safe(Markup("<b>")) == "<b>"
    assert safe("<b>") == "&lt;b&gt;"


def test_a_drawing_has_a_name_and_a_description() -> None:
    """A picture refers to both, and is as high as its plot with all that is around it."""
    read = ET.fromstring(drawing("key", "Name", "Told.", PLOT, []))  # noqa: S314 - made here
    assert read.get("role") == "img"
    assert [(part.get("id"), part.text) for part in read] == [
        (read.get("aria-labelledby"), "Name"),
        (read.get("aria-describedby"), "Told."),
    ]
    assert float(read.get("height", "")) == PLOT.top + PLOT.height + PLOT.foot
