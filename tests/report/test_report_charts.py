"""Charts are Mermaid's, of finite figures, and no name in them does anything."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest
from builders import Build, case, cases, dependent, ledger, session, terms, with_figures
from hostile import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.report.charts import MOST_SESSIONS, demand_chart, label, session_chart
from perfgate.verdict.case import capacity_of

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

NUMBER = r"-?\d+(?:\.\d+)?"
TEXT = r'"[^"`#;{}<>\\\n]+"'
# What Mermaid's own grammar takes of this kind of chart, as far as we use it.
CHART = re.compile(
    rf"""```mermaid
xychart-beta
    title {TEXT}
    x-axis \[{TEXT}(?:, {TEXT})*\]
    y-axis {TEXT} {NUMBER} --> {NUMBER}
    bar \[{NUMBER}(?:, {NUMBER})*\]
    line \[{NUMBER}(?:, {NUMBER})*\]
```
"""
)


def figures(chart: list[str], kind: str) -> list[float]:
    """Return what is plotted as bars, or as the line."""
    (line,) = (line for line in chart if line.startswith(f"    {kind} "))
    return [float(figure) for figure in re.findall(NUMBER, line)]


def test_the_demand_beside_the_rate() -> None:
    """Bars are the dependents, the largest first, then their sums; the line is the certain rate."""
    held_to = terms(ledger=ledger(dependent("mail", 20.0), dependent(attempts=3)))
    held = case(held_to=held_to)
    chart, rate = demand_chart(held), capacity_of(held, "candidate")
    assert rate is not None
    assert '["gateway", "mail", "all", "with headroom", "if all retry"]' in chart[3]
    assert figures(chart, "bar") == [100, 20, 120, 150, 320]
    assert figures(chart, "line") == [pytest.approx(rate.lower, abs=0.1)] * 5


def test_many_dependents_are_the_largest_and_the_others() -> None:
    """What has no room as a bar of its own is in one with the others, and nothing is lost."""
    rows = [dependent(f"caller {n}", float(n)) for n in range(1, 21)]
    chart = demand_chart(case(held_to=terms(ledger=ledger(*rows))))
    assert '"14 others"' in chart[3]
    assert sum(figures(chart, "bar")[:7]) == sum(range(1, 21)) == figures(chart, "bar")[7]


def test_sessions_are_in_percent() -> None:
    """Bars are the slowdown in cost and the line that in capacity, a point for each session."""
    chart = session_chart(case(Build(cost=math.log(1.1), capacity=math.log(1.2)), noise=0.0))
    assert figures(chart, "bar") == [10] * 4
    assert figures(chart, "line") == [20] * 4
    assert '["1", "2", "3", "4"]' in chart[3]


def test_many_sessions_are_the_last_ones() -> None:
    """There are as many points as can be told apart, and they keep their numbers."""
    chart = session_chart(case(count=30))
    assert len(figures(chart, "bar")) == MOST_SESSIONS
    assert '["7", ' in chart[3]


def test_what_cannot_be_drawn_is_left_out() -> None:
    """No session, no rate or a figure that is not finite: then there is no chart."""
    assert session_chart(case(count=0)) == []
    assert demand_chart(case(count=0, demand_run=None)) == []
    endless = with_figures(session(), "candidate", open_cpu_s=math.inf)
    assert session_chart(case(sessions=(session(), endless))) == []


@settings(max_examples=20)
@given(made=cases())
def test_any_chart_is_in_the_grammar(made: Case) -> None:
    """Law: whatever was measured, a chart is one that Mermaid draws."""
    for chart in (demand_chart(made), session_chart(made)):
        assert not chart or CHART.fullmatch("\n".join(chart))


@pytest.mark.parametrize(
    "text", [*TEXTS, '"]\n%%{init: {}}%%', "%%%%{x}", "a" * 500, "???", "#quot;"]
)
def test_no_name_does_anything(text: str) -> None:
    """Whatever a dependent is called, the chart is one of the grammar, without a directive."""
    made = case(held_to=terms(ledger=ledger(dependent(text))))
    chart = "\n".join(demand_chart(made))
    assert CHART.fullmatch(chart)
    assert "%%" not in chart


@given(text=st.text())
def test_any_name_is_a_short_label(text: str) -> None:
    """Law: a label is one short line that can stand in quotes."""
    own = label(text)
    assert 0 < len(own) <= 24
    assert own.isprintable()
    assert not set(own) & set('"`#;{}<>\\')
    assert "%%" not in own
