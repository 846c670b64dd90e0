"""Queue and goodput over time, drawn within the width, and as few figures for programs."""

from __future__ import annotations

from datetime import date

import pytest
from builders import dependent, ledger
from hostile import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.demand.levers import Lever
from perfgate.demand.mix import MixedRate, Work
from perfgate.demand.picture import POINTS, picture_of
from perfgate.demand.risk import UncertainRate
from perfgate.report.picture import LABEL, WIDTH, picture_document, picture_lines, render_picture
from perfgate.verdict.matter import Capacity, State

ON = date(2026, 11, 24)
HEADROOM = 1.25


def state(rate_rps: float, name: str = "gateway", peak_rps: float = 100.0) -> State:
    """Return a dependent that retries twice, with a service whose rate is certain."""
    own = ledger(dependent(name, peak_rps, attempts=3))
    rate = UncertainRate(rate_rps, rate_rps, rate_rps)
    measured = MixedRate(rate, Work({"introspect": 0.9, "login": 0.1}))
    return State(own, ON, Capacity(measured, HEADROOM, 0.05, 1, 1.0))


def plots(lines: list[str]) -> list[str]:
    """Return the lines that a course is drawn on: four for each, queue and goodput."""
    begins = [place for place, line in enumerate(lines) if line.startswith("  queue")]
    return [line for place in begins for line in lines[place - 1 : place + 3]]


@settings(deadline=None, max_examples=30)
@given(st.floats(0.1, 1e6), st.floats(0.2, 4))
def test_no_line_is_too_wide(peak_rps: float, headroom: float) -> None:
    """Law: whatever is sent and served, the picture keeps its width and its height."""
    own = state(peak_rps * headroom, "frontend" * 4, peak_rps)
    lines = render_picture(own, None).split("\n")
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) <= 16


def test_a_queue_that_grows_on_does_not_hide_the_one_that_is_served_off() -> None:
    """The cured queue fills a good part of its height, though the other one is far longer."""
    picture = picture_of(state(110.0).scene, Lever(attempts=1))
    assert picture is not None
    assert picture.cured is not None
    assert picture.as_it_is.waiting.max() > 20 * picture.cured.waiting.max()
    drawn = plots(picture_lines(picture))
    cured = drawn[5][LABEL : LABEL + POINTS]
    assert any(block >= chr(0x2583) for block in cured)


def test_the_stall_stands_on_the_axis() -> None:
    """As many columns are marked as the stall lasts, where it does."""
    picture = picture_of(state(150.0).scene, None)
    assert picture is not None
    axis = picture_lines(picture)[-2][LABEL:]
    column_s = picture.as_it_is.end_s[0]
    assert axis.count("=") == pytest.approx(picture.stall_s / column_s, abs=0.5)
    assert axis.index("=") == pytest.approx(picture.stall_at_s / column_s, abs=0.5)
    assert len(axis) == POINTS


def test_without_a_stall_there_is_none_on_the_axis() -> None:
    """Where the first tries are too many nothing stands still."""
    lines = render_picture(state(90.0), None).split("\n")
    assert lines[0].endswith("at 100 calls/s; 90/s are certain to be served. No stall.")
    assert "with 1 more instance" in lines
    assert "=" not in "".join(lines)


def test_programs_get_few_points() -> None:
    """A third of the points, the last one among them, and what they mean."""
    picture = picture_of(state(150.0).scene, Lever(attempts=1))
    assert picture is not None
    document = picture_document(picture)
    assert (document["regime"], document["cure"]) == ("metastable", "no retries at all")
    course = document["as_it_is"]
    assert isinstance(course, dict)
    assert [len(course[name]) for name in ("waiting", "goodput_rps")] == [POINTS // 3] * 2
    assert course["waiting"][-1] == pytest.approx(picture.as_it_is.waiting[-1], abs=0.01)


def test_nobody_sends_anything() -> None:
    """Where nothing can happen that is said."""
    assert render_picture(state(150.0, peak_rps=0.0), None).startswith("Nobody sends")


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_names_are_escaped(text: str) -> None:
    """A dependent whose retries are to end cannot colour, end or turn a line."""
    lines = render_picture(state(150.0), Lever(attempts=1, dependent="gateway"))
    assert "no retries for gateway" in lines
    own = state(150.0, text)
    drawn = render_picture(own, Lever(attempts=1, dependent=text))
    assert all(line.isprintable() for line in drawn.split("\n"))
