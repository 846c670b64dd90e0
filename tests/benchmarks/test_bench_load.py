"""Times of drawing arrivals and summarising a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from load.journals import journal, plan, row, window

from perfgate.load.plan import Phase
from perfgate.load.schedule import Stage, draw_schedule
from perfgate.measurement.summarise import Surroundings, summarise

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

MIX = {"fetch": 0.9, "login": 0.1}
ROWS = 20_000


def test_draw_schedule(benchmark: BenchmarkFixture) -> None:
    """Ten minutes of a hundred arrivals per second are drawn before a run starts."""
    drawn = benchmark(draw_schedule, [Stage(100.0, 600.0)], mix=MIX, seed=1)
    assert len(drawn) > ROWS


def test_summarise_session(benchmark: BenchmarkFixture) -> None:
    """The rows of a long session become figures."""
    rows = [row(number=number, intended_s=number / 100) for number in range(ROWS)]
    whole = journal(rows, [window(phase=Phase.OPEN)])
    seen = Surroundings(200.0, None, None, {})
    run = benchmark(summarise, whole, plan(), 100.0, 200.0, seen)
    assert run.builds["candidate"].open.arrivals == ROWS
