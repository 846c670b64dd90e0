"""The pure parts of the comparison of load generators: the truth, the tables and the page."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.generators.page import INSTALL, SECTIONS, notice, render
from benchmarks.generators.rounds import Figures
from benchmarks.generators.tables import (
    ChangeRow,
    StallRow,
    change_table,
    cost_table,
    markdown_table,
    stall_table,
)
from benchmarks.generators.truth import (
    Stalls,
    answered_s,
    from_intended_s,
    paced_s,
    quantile_ms,
    true_latencies_s,
)

STALLS = Stalls(start_s=100.0, every_s=5.0, length_s=0.8)
PAGE = Path(__file__).parent.parent.parent / "docs" / "benchmarks.md"

moments = st.lists(st.floats(min_value=100.0, max_value=130.0), min_size=1, max_size=60)


def cells(table: str) -> list[list[str]]:
    """Return the cells of the rows below a table's header."""
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]


def test_a_stall_lasts_from_its_start_to_its_end() -> None:
    """What falls into a stall is held to its end, in every period; all else is not held."""
    held = [STALLS.over_s(moment) for moment in (100.0, 100.5, 100.8, 104.9, 105.7, 113.0)]
    assert held == pytest.approx([100.8, 100.8, 100.8, 104.9, 105.8, 113.0])


def test_a_queue_forms_behind_a_stall() -> None:
    """Arrivals of a stall are answered one after the other once it is over."""
    answers = answered_s(np.array([100.1, 100.2, 100.3, 100.81]), 0.02, STALLS)
    assert answers.tolist() == pytest.approx([100.82, 100.84, 100.86, 100.88])


@given(moments, st.floats(min_value=1e-4, max_value=0.5))
def test_the_server_keeps_its_order_and_its_pace(arrivals: list[float], service_s: float) -> None:
    """No answer comes before its request was served, nor two within one service time."""
    ordered = np.sort(arrivals)
    answers = answered_s(ordered, service_s, STALLS)
    assert (answers - ordered >= service_s - 1e-9).all()
    assert all(later - earlier >= service_s - 1e-9 for earlier, later in pairwise(answers))


@given(moments, st.floats(min_value=1e-4, max_value=0.5))
def test_without_stalls_the_server_never_rests_while_there_is_work(
    arrivals: list[float], service_s: float
) -> None:
    """Each answer is due a service time after its arrival or after the answer before."""
    ordered = np.sort(arrivals)
    answers = answered_s(ordered, service_s, Stalls(0.0, 1.0, 0.0))
    begun = np.maximum(ordered, np.concatenate(([-np.inf], answers[:-1])))
    assert answers == pytest.approx(begun + service_s)


def test_the_truth_of_a_stalling_server_is_as_by_hand() -> None:
    """Even arrivals see a stall from any moment in it: the quantiles are those of its length."""
    arrivals = paced_s(100.0, 0.001, 110.0)
    latencies = true_latencies_s(arrivals, 1e-9, STALLS)
    # 16 % of arrivals meet a stall, and wait for 0 to 0.8 s of it.
    assert quantile_ms(latencies, 0.90) == pytest.approx(800 * (1 - 0.10 / 0.16), abs=2)
    assert quantile_ms(latencies, 0.99) == pytest.approx(800 * (1 - 0.01 / 0.16), abs=2)
    assert quantile_ms(latencies, 0.83) == pytest.approx(0.0, abs=2)


def test_users_are_paced_until_the_end() -> None:
    """A user starts a task at once and once in every whole period before the end."""
    assert paced_s(10.0, 0.5, 11.5).tolist() == [10.0, 10.5, 11.0]
    assert paced_s(10.0, 0.5, 9.0).tolist() == []


def test_latency_counts_from_when_a_user_was_to_send() -> None:
    """A request that was put off is late by as much, and so is each that follows it."""
    users = [[(0.0, 0.1), (1.4, 1.5), (2.4, 2.5)], [(0.5, 0.6)]]
    lags, latencies = from_intended_s(users, 1.0)
    assert lags == pytest.approx([0.0, 0.4, 0.4, 0.0])
    assert latencies == pytest.approx([0.1, 0.5, 0.5, 0.1])


def test_no_request_starts_before_it_is_due() -> None:
    """The start that is the least late says when the first was due, though that was late."""
    lags, _ = from_intended_s([[(0.3, 0.4), (1.1, 1.2), (2.2, 2.3)]], 1.0)
    assert lags == pytest.approx([0.2, 0.0, 0.1])


def test_a_quantile_is_a_value_that_was_seen() -> None:
    """Half of four values do not exceed the second."""
    assert quantile_ms(np.array([0.001, 0.002, 0.003, 0.004]), 0.5) == 2.0


def test_tables_are_markdown() -> None:
    """Figures stand to the right of their column, names to the left."""
    table = markdown_table(("name", "rate"), [("a", "1"), ("b", "2")])
    assert table.splitlines() == ["| name | rate |", "| --- | --: |", "| a | 1 |", "| b | 2 |"]


def test_costs_are_medians_of_rounds() -> None:
    """Each figure is the median over the rounds; what a generator does not tell is a dash."""
    rounds = [
        Figures(rate, cpu, 500.0, {0.5: 0.1, 0.99: lag}, {0.5: 1.0, 0.99: 20.0})
        for rate, cpu, lag in ((490.0, 300.0, 2.0), (480.0, 200.0, 4.0), (499.0, 900.0, 3.0))
    ]
    assert cells(cost_table({"one": rounds, "two": [Figures(9000.0, 12.0)]}, "none")) == [
        ["one", "500", "490", "0.10 / 3.00", "1.00 / 20.0", "- / -", "300", "-"],
        ["two", "all it can", "9000", "- / -", "- / -", "- / -", "12", "-"],
    ]


def test_costs_are_compared_turn_by_turn() -> None:
    """The ratio is the median of ratios in one turn, to the yardstick at the same rate."""
    made = {
        "yardstick, 5/s": [Figures(5.0, cpu) for cpu in (100.0, 200.0, 400.0)],
        "other, 5/s": [Figures(5.0, cpu) for cpu in (150.0, 240.0, 400.0)],
        "other, 9/s": [Figures(9.0, cpu) for cpu in (150.0, 240.0, 400.0)],
    }
    assert [row[-1] for row in cells(cost_table(made, "yardstick"))] == ["1.00", "1.20", "-"]


def test_true_and_reported_stand_side_by_side() -> None:
    """Each quantile has the truth before what was reported."""
    row = StallRow("one", 200.0, 171.6, (312.4, 762.0), (35.0, 797.0))
    assert cells(stall_table([row])) == [["one", "200", "172", "312", "35.0", "762", "797"]]


def test_changes_are_told_with_their_sign() -> None:
    """A change is a share of what was before; from nothing there is none to tell."""
    rows = [
        ChangeRow(3.4, 0.5, (3.5, 3.675), (3.0, 4.0)),
        ChangeRow(0.4, 0.9, (0.8, 0.792), (0.0, 1.0)),
    ]
    assert cells(change_table(rows)) == [
        ["3.4", "p50", "3.50 -> 3.67", "+5.0 %", "3 -> 4", "+33.3 %"],
        ["0.4", "p90", "0.80 -> 0.79", "-1.0 %", "0 -> 1", "-"],
    ]


def test_a_missing_tool_is_told_in_one_line() -> None:
    """The page names the tool and the command that installs it, and has all that is left."""
    page = render("Measured here.", ["wrk"], {}, [], [])
    (line,) = (line for line in page.splitlines() if "installs it" in line)
    assert line == notice("wrk")
    assert INSTALL["wrk"] in line


def test_the_document_is_such_a_page() -> None:
    """The stored page has the sections that the comparison prints, with every table filled."""
    text = PAGE.read_text()
    assert all(section in text for section in SECTIONS)
    assert len(re.findall(r"^\| ---.*\n\|", text, re.MULTILINE)) == 3
