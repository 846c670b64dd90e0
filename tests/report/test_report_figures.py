"""The figures beside each other, and the sentences on how they came about."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from builders import (
    NOTHING,
    Build,
    case,
    cases,
    config,
    demand_run,
    dependent,
    discarded,
    environment,
    ledger,
    session,
    sessions,
    terms,
    windows,
)
from hypothesis import given, settings

from perfgate.demand.picture import POINTS
from perfgate.demand.retries import Regime
from perfgate.report.figures import Figure, figures_of, how_measured, picture_in, shown_change
from perfgate.verdict.finding import Finding, Outcome, verdict_of
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from perfgate.verdict.case import Case, Terms


def by_name(made: Case) -> dict[str, Figure]:
    """Return the figures by name."""
    return {figure.name: figure for figure in figures_of(made)}


def test_rows_are_rate_cost_memory_and_latencies() -> None:
    """Every report has rate, cost and memory, then cost and three quantiles per operation."""
    assert list(by_name(case())) == [
        "service rate",
        "cost per request",
        "peak memory",
        "headroom, certain",
        "... if all is retried",
        "chance of overload",
        "introspect cost",
        "introspect p50",
        "introspect p95",
        "introspect p99",
        "login cost",
        "login p50",
        "login p95",
        "login p99",
    ]


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (case(), "cost per request"),
        (case(base=None), "cost in open loop"),
        (case(count=0), "cost in open loop"),
    ],
)
def test_the_cost_says_of_what_load_it_is(made: Case, name: str) -> None:
    """Law: without pairs it is that of the open loop alone, and no row has the other's name."""
    (found,) = (row.name for row in figures_of(made) if row.name.startswith("cost"))
    assert found == name


def test_figures_are_those_of_the_builds() -> None:
    """Base and candidate stand beside each other in the row's unit, with the change between."""
    found = by_name(
        case(Build(cost=math.log(1.5), saturated=math.log(2), latency=math.log(3)), noise=0.0)
    )
    cost, rate = found["cost per request"], found["service rate"]
    assert cost.unit == "ms CPU"
    assert [cost.base, cost.candidate] == pytest.approx([2.0, 3.0])
    assert cost.change == pytest.approx(50.0)
    assert [rate.base, rate.candidate] == pytest.approx([400, 200])
    assert rate.change == pytest.approx(-50.0)
    assert found["peak memory"].candidate == 100.0
    alone = found["login cost"]
    assert alone.unit == "ms CPU"
    assert alone.base == pytest.approx(36.0)
    assert alone.change == pytest.approx(50.0)
    assert found["introspect p50"].base == pytest.approx(5.0, rel=0.01)
    assert found["introspect p50"].change == pytest.approx(200, abs=1)


def test_without_a_base_there_is_no_change() -> None:
    """A candidate alone has its own figures, and nothing beside them."""
    for figure in figures_of(case(base=None)):
        assert figure.base is None
        assert figure.change is None
        assert shown_change(figure) == ""
        assert figure.candidate is not None


def test_before_the_first_session_the_other_run_is_shown() -> None:
    """Without sessions the figures are those of the run at the required rate, if there is one."""
    assert by_name(case(count=0))["service rate"].candidate == pytest.approx(400)
    assert figures_of(case(count=0, demand_run=None)) == []


def test_a_base_that_is_not_in_every_session_is_not_shown() -> None:
    """A base that is missing from a session has no figure: it would be of other runs."""
    mixed = (*sessions(2), session(base=None))
    assert by_name(case(sessions=mixed))["service rate"].base is None


def test_what_was_not_measured_has_no_figure() -> None:
    """A rate that no run has, and latencies without answers, are absent, not 0 and not NaN."""
    silent = Build(missing={"login": 30})
    own = session(silent).builds["candidate"].model_copy(update={"saturation": NOTHING})
    run = session().model_copy(update={"builds": {"candidate": own, "base": own}})
    found = by_name(case(sessions=(run,)))
    assert found["service rate"].candidate is None
    assert found["login p50"].candidate is None
    assert found["login p50"].change is None


def test_costs_of_operations_are_shown_where_they_were_alone() -> None:
    """A candidate measured without its operations alone has no row for what each costs."""
    assert not any(name.endswith(" cost") for name in by_name(case(count=0)))


def test_a_base_of_nothing_has_no_change() -> None:
    """A change against 0 has no meaning and is not told."""
    own = session().builds["base"].model_copy(update={"saturation": windows(2, 1.0, 0.9, 0)})
    run = session().model_copy(update={"builds": {**session().builds, "base": own}})
    assert by_name(case(sessions=(run,)))["service rate"].change is None


@settings(max_examples=30)
@given(made=cases())
def test_figures_of_any_case_are_numbers(made: Case) -> None:
    """Whatever was measured, a figure is a finite number or absent."""
    for figure in figures_of(made):
        for value in (figure.base, figure.candidate, figure.change):
            assert value is None or math.isfinite(value)


def test_how_it_was_measured_is_told() -> None:
    """The sentences tell the rates, the sessions, the time, the generator's lag and production."""
    assert how_measured(case()) == [
        "Candidate alone at the required rate, 125/s here.",
        "4 sessions of candidate and base side by side, open loop at 54/s each.",
        "75 s of load; generator at most 1.5 ms late (p99).",
        "Production is taken to be 1 instance of this machine's speed, as no production rate is "
        "declared.",
    ]


def test_how_it_was_measured_counts_in_words() -> None:
    """One session is singular, and a candidate without base is said to be alone."""
    told = how_measured(case(base=None, count=1, discarded=discarded(2)))
    assert told[1].startswith("1 session of candidate alone")
    assert told[2].startswith("60 s of load")


def test_nothing_measured_tells_nothing() -> None:
    """Without runs only what is not known about production is told."""
    told = how_measured(case(count=0, demand_run=None))
    assert len(told) == 1


def test_a_shared_cpu_and_a_declared_production_are_told() -> None:
    """A generator on the builds' CPU is admitted; a declared rate needs no apology."""
    shared = environment(target_cpus=(0,), generator_cpus=(0,))
    declared = terms(config=config(production={"service_rate_rps": 500, "instances": 3}))
    told = how_measured(case(environment=shared, held_to=declared, demand_run=demand_run()))
    assert told[-3].startswith("One CPU for builds and load generator")
    assert told[-2] == "Production is 3 instances of 500/s each, as declared."
    assert "times 3, times the ratio of the builds measured here" in told[-1]
    many = terms(config=config(production={"instances": 3}))
    assert "3 instances of this machine's speed" in how_measured(case(held_to=many))[-2]


def test_small_changes_have_no_negative_zero() -> None:
    """A change that rounds to nothing reads as +0.0 %."""
    assert shown_change(Figure("peak memory", "MiB", 100.0, 99.99)) == "+0.0 %"
    assert shown_change(Figure("peak memory", "MiB", 100.0, 90.0)) == "-10.0 %"


RISKY = terms(ledger=ledger(dependent(attempts=3), dependent("mail", 50.0, attempts=5)))


@pytest.mark.parametrize(
    ("held_to", "regime"),
    [
        (terms(), None),
        (RISKY, Regime.METASTABLE),
        (terms(ledger=ledger(dependent(peak_rps=500.0))), Regime.UNSTABLE),
    ],
)
def test_a_verdict_that_tells_of_danger_has_a_picture(
    held_to: Terms, regime: Regime | None
) -> None:
    """What retries would keep alive, or is more than is served, is drawn; nothing else is."""
    made = case(held_to=held_to)
    picture = picture_in(made, judge(made))
    assert (None if picture is None else picture.regime) == regime
    assert picture_in(made, verdict_of([Finding("validity", Outcome.INVALID, "late")])) is None


@settings(max_examples=10, deadline=None)
@given(made=cases())
def test_any_case_has_a_picture_or_none(made: Case) -> None:
    """Whatever was measured, a picture has the points that it has to have."""
    picture = picture_in(made, judge(made))
    assert picture is None or len(picture.as_it_is.end_s) == POINTS
