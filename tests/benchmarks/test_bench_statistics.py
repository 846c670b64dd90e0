"""Times of the statistics that a gate computes; nothing here asserts a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.bounds import t_multipliers
from perfgate.analysis.sequential import Outcome, Plan, decide
from perfgate.measurement.histogram import Histogram

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

SAMPLES = 1_000_000


def durations() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draw a million latencies around 2.5 ms."""
    return np.random.default_rng(71).lognormal(-6, 0.6, size=SAMPLES)


def test_histogram_of_a_million(benchmark: BenchmarkFixture) -> None:
    """A million durations are counted, every one of them."""
    histogram = benchmark(Histogram.from_seconds, durations())
    assert histogram.count == SAMPLES


def test_quantile_of_a_million(benchmark: BenchmarkFixture) -> None:
    """A 99th percentile is read from a full histogram."""
    quantile = benchmark(Histogram.from_seconds(durations()).quantile, 0.99)
    assert 0.005 < quantile < 0.02


def test_merge_of_two_sessions(benchmark: BenchmarkFixture) -> None:
    """Two full histograms are merged into one."""
    histogram = Histogram.from_seconds(durations())
    assert benchmark(histogram.merge, histogram).count == 2 * SAMPLES


def test_decision_of_ten_sessions(benchmark: BenchmarkFixture) -> None:
    """Ten sessions of two metrics are decided at the last look."""
    rng = np.random.default_rng(73)
    sessions = {name: rng.normal(0, 0.006, size=10) for name in ("cost", "capacity")}
    plan = Plan((4, 6, 8, 10), fail_alpha=0.01, pass_alpha=0.05, tolerance=0.01, margin=0.03)
    assert benchmark(decide, sessions, plan).outcome is Outcome.PASS


def test_exact_multipliers(benchmark: BenchmarkFixture) -> None:
    """The multipliers of four looks are found anew, not remembered."""
    multipliers = benchmark(t_multipliers.__wrapped__, (4, 6, 8, 10), 0.01)
    assert len(multipliers) == 4
