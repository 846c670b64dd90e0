"""Plots of what was measured through an upset: as wide as a terminal, and of all builds alike."""

from __future__ import annotations

import pytest
from builders import case
from hypothesis import given
from hypothesis import strategies as st
from upsets import DOWN, SPIKE, WELL, after, came_back, recovery, stayed_down

from perfgate.report import markdown, terminal
from perfgate.report.html.course import measured_courses
from perfgate.report.picture import LABEL, WIDTH
from perfgate.report.upset import UNKNOWN, upset_lines
from perfgate.verdict.judge import judge


def test_without_an_upset_nothing_is_drawn() -> None:
    """A check that did not try has no plot."""
    assert upset_lines(case()) == []


@given(st.lists(st.sampled_from([WELL, DOWN, SPIKE]), min_size=1, max_size=200))
def test_plots_fit_a_terminal(seconds: list[tuple[int, int, int]]) -> None:
    """Law: no line is wider than a terminal, however long the upset took."""
    waiting = (*range(10), *[None] * (3 + len(seconds)))
    lines = upset_lines(after(recovery(seconds, waiting=waiting)))
    assert all(len(line) <= WIDTH for line in lines)
    assert lines[0].startswith("Measured: a spike to 300/s for 5 s")


def test_a_queue_that_nobody_knows_is_not_drawn() -> None:
    """Law: where it is not known how many waited, both pictures say so, and none shows a queue."""
    known = stayed_down()
    own = after(stayed_down(waiting=(None,) * len(known.waiting)), came_back(3, build="base"))
    queues = [line for line in upset_lines(own) if line.lstrip().startswith("queue")]
    drawn = [course.queue for course in measured_courses(own)]
    assert [UNKNOWN in queue for queue in queues] == [True, False]
    assert [UNKNOWN in queue for queue in drawn] == [True, False]
    assert ['class="waiting"' in queue for queue in drawn] == [False, True]


def test_both_builds_share_their_scales() -> None:
    """Law: a build that stays down has no goodput at the end, one that came back has."""
    lines = upset_lines(after(stayed_down(), came_back(7, build="base")))
    ends = [line.split()[-1] for line in lines if line.lstrip().startswith("goodput")]
    assert ends == ["0/s", "50/s"]
    sent = [line.split()[-1] for line in lines if line.lstrip().startswith("attempts")]
    assert sent == ["150/s", "50/s"]
    assert [line.split()[0] for line in lines if "at the end" in line] == ["candidate", "base"]


def test_what_was_tried_is_marked_on_the_axis() -> None:
    """Law: each mark stands where something began; none where a build came back in time."""
    lines = upset_lines(after(stayed_down()))
    (at,) = (place for place, line in enumerate(lines) if line.lstrip().startswith("---"))
    line, own = lines[at][LABEL:], stayed_down()
    marks = [place for place, letter in enumerate(line) if letter in "vx"]
    seconds = len(own.first_tries) / len(line)
    begins_s = [43, 51, 59]
    assert [
        abs(place * seconds - at_s) < seconds for place, at_s in zip(marks, begins_s, strict=True)
    ]
    assert lines[at + 2].strip() == "v demand lowered to 50 %, then 25 %; x nobody retries"
    assert not any("nobody" in line for line in upset_lines(after(came_back(3))))


@pytest.mark.parametrize("report", [terminal, markdown])
def test_reports_show_them(report: object) -> None:
    """Terminal and Markdown have the plots of a check that tried."""
    made = after(stayed_down())
    text = report.render(made, judge(made))  # type: ignore[attr-defined]
    assert "Measured: a spike to 300/s for 5 s" in text
