"""Times of what a large ledger comes to; nothing here asserts a time."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest
from builders import config, record

from perfgate.baseline.capacity import capacity_record, parse_capacity
from perfgate.demand.attempts import callers_of
from perfgate.demand.curve import RateCurve
from perfgate.demand.demand import demand_on, demand_steps
from perfgate.demand.ledger import Budget, Change, Dependent, Ledger, Spread
from perfgate.demand.question import changed
from perfgate.demand.retries import Regime, RetryOutlook, retry_outlook
from perfgate.demand.risk import UncertainRate, demand_risk
from perfgate.demand.simulator import Service, Upset, simulate
from perfgate.verdict.admission import Admission, admission

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

ON = date(2026, 7, 1)


def book(dependents: int) -> Ledger:
    """Return a ledger whose dependents all differ and send 1000/s together."""
    rows = [
        Dependent(
            name=f"d{number}",
            peak_rps=1000 / dependents,
            timeout_s=1 + number / dependents,
            attempts=1 + number % 4,
            budget=Budget(kind="per_request", ratio=0.2) if number % 2 else Budget(kind="none"),
            mix={"login": 1.0},
        )
        for number in range(dependents)
    ]
    return Ledger(format="perfgate.demand/1", dependents=tuple(rows))


def outlook(ledger: Ledger) -> RetryOutlook:
    """Return the outlook of a ledger from nothing but its values."""
    rates = [row.first_try_rps for row in demand_on(ledger, ON).dependents]
    callers = callers_of(ledger.dependents, rates)
    return retry_outlook(callers, RateCurve(1200.0), mu_slo_rps=1200.0, mu_over_rps=1200.0)


def test_outlook_of_ten_thousand_dependents(benchmark: BenchmarkFixture) -> None:
    """The demand of a large company and where its retries take it are worked out."""
    assert benchmark(outlook, book(10_000)).regime is Regime.METASTABLE


def planning(dependents: int, *, own_mixes: bool) -> Ledger:
    """Return a ledger in which each fiftieth plans something, on one of four weeks' days.

    All have one mix, or each has one of its own.
    """
    rows = [
        row.model_copy(
            update={
                "mix": {"login": number / dependents, "verify": 1 - number / dependents}
                if own_mixes
                else {},
                "changes": () if number % 50 else (plan(1 + number // 50 % 28),),
            }
        )
        for number, row in enumerate(book(dependents).dependents)
    ]
    mix = {"login": 0.1, "verify": 0.9}
    return Ledger(format="perfgate.demand/1", default_mix=mix, dependents=tuple(rows))


def plan(days: int) -> Change:
    """Return a change of a tenth."""
    return Change(effective_from=ON + timedelta(days), what="growth", scale=Spread(1.0, 1.1, 1.3))


@pytest.mark.parametrize("own_mixes", [False, True])
def test_four_weeks_of_plans(benchmark: BenchmarkFixture, own_mixes: bool) -> None:
    """What ten thousand dependents send is worked out after each day on which some change."""
    steps = benchmark(demand_steps, planning(10_000, own_mixes=own_mixes), ON, ON + timedelta(90))
    assert len(steps) == 29


@pytest.mark.parametrize("own_mixes", [False, True])
def test_admission(benchmark: BenchmarkFixture, own_mixes: bool) -> None:
    """One of ten thousand dependents is told, from an exported file, whether it may send more."""
    ledger = planning(10_000, own_mixes=own_mixes)
    text = capacity_record(config(), ledger, record()).to_text()
    days = count(1)

    def asked() -> Admission:
        # Draws are kept for the same question: each round asks for another day.
        service = parse_capacity(text, "auth.json")
        return admission(service, changed(service.ledger, "d7", plan(next(days))), ON)

    assert len(benchmark(asked).matter.after.demand.dependents) == 10_000


@pytest.mark.parametrize("dependents", [100, 10_000])
def test_risk(benchmark: BenchmarkFixture, dependents: int) -> None:
    """Twenty thousand draws of a ledger tell the chance that the demand is not carried."""
    rate = UncertainRate(1000.0, 900.0, 1100.0)
    ones, seeds = book(dependents).dependents, count(1)
    # Draws are kept for the same question: each round asks another.
    risk = benchmark(lambda: demand_risk(ones, ON, rate, rate, seed=next(seeds)))
    assert 0.4 < risk.overload_ratio < 0.6


def test_simulated_minute(benchmark: BenchmarkFixture) -> None:
    """A minute of 1000/s with a stall in it is played, an event at a time."""
    dependents = book(4).dependents
    upset = Upset(at_s=10, seconds=3, stalls=True)
    trace = benchmark(simulate, Service(2500.0), dependents, [250.0] * 4, upset, seconds=60, seed=1)
    assert trace.goodput_rps[:9].mean() == pytest.approx(1000, rel=0.05)
