"""Rounds become times, and two times a slowdown that is as sure as it is said to be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.rounds import (
    ASSUMED_FREEDOM,
    BETWEEN_RUNS,
    LEAST_BETWEEN,
    Between,
    Lag,
    Timing,
    between_runs,
    lag_between,
    rejected,
    timing_of,
)

SPREAD = 0.03
BENCHMARKS = 10
RUNS = 3
LIMIT = math.log1p(0.15)
DRAWN = 400
ROUNDS = st.lists(st.floats(1e-9, 1e3), min_size=1, max_size=100)


def drawn(rng: np.random.Generator, slower: float = 0.0) -> Timing:
    """Return what runs of a benchmark took, whose medians differ by SPREAD."""
    medians = slower + rng.normal(0, SPREAD, RUNS)
    return Timing(math.exp(medians.mean()), 0.001, RUNS, float(medians.std(ddof=1)))


def lags(rng: np.random.Generator, slower: float) -> dict[str, Lag]:
    """Return slowdowns of benchmarks, the first of which is slower by so much (log)."""
    sides = [(drawn(rng, slower if place == 0 else 0.0), drawn(rng)) for place in range(BENCHMARKS)]
    between = between_runs(own for side in sides for own in side)
    return {
        str(place): lag_between(now, then, between, 0.0) for place, (now, then) in enumerate(sides)
    }


def failing(slower: float) -> tuple[int, int]:
    """Return in how many of DRAWN comparisons the first, and any other, is found beyond LIMIT."""
    rng = np.random.default_rng(5)
    first = others = 0
    for _ in range(DRAWN):
        found = rejected({n: lag.beyond(LIMIT) for n, lag in lags(rng, slower).items()}, 0.01)
        first += "0" in found
        others += bool(found - {"0"})
    return first, others


def test_at_the_limit_few_fail() -> None:
    """Law: at most 1 in 100 suites fails whose benchmarks are no slower than the limit."""
    first, others = failing(LIMIT)
    assert others == 0
    assert first <= 0.01 * DRAWN + 4


def test_a_grave_loss_is_found() -> None:
    """Law: a benchmark that takes half as long again is found in nearly every suite, and alone."""
    first, others = failing(math.log(1.5))
    assert first >= 0.95 * DRAWN
    assert others == 0


def test_intervals_hold_the_truth() -> None:
    """Law: of 95 % intervals about 95 in 100 hold the true slowdown."""
    rng = np.random.default_rng(9)
    held = [
        lag.ends(0.95)[0] < 0.1 < lag.ends(0.95)[1]
        for _ in range(DRAWN)
        for lag in [lags(rng, 0.1)["0"]]
    ]
    assert 0.92 < np.mean(held) < 0.98


@given(st.lists(ROUNDS, min_size=1, max_size=4), st.floats(1e-3, 1e3))
def test_the_unit_makes_no_difference(runs: list[list[float]], unit: float) -> None:
    """Law: rounds in another unit give the same time in it, as sure; it lies within the rounds."""
    plain = timing_of(runs)
    scaled = timing_of([[unit * own for own in rounds] for rounds in runs])
    assert scaled.seconds == pytest.approx(unit * plain.seconds)
    assert scaled.error == pytest.approx(plain.error, abs=1e-9)
    assert scaled.spread == pytest.approx(plain.spread, abs=1e-9)
    every = [own for rounds in runs for own in rounds]
    assert min(every) * 0.999 <= plain.seconds <= max(every) * 1.001
    assert plain.runs == len(runs)


def test_rounds_that_hang_together_tell_less() -> None:
    """Law: rounds in waves leave more open than the same rounds shuffled."""
    rng = np.random.default_rng(3)
    waves = np.exp(0.05 * np.sin(np.arange(2000) / 100) + rng.normal(0, 0.002, 2000))
    shuffled = rng.permutation(waves)
    assert timing_of([waves.tolist()]).error > 2 * timing_of([shuffled.tolist()]).error


def test_what_bootstrap_says_is_so() -> None:
    """Law: the error of a median is that which medians of such rounds really have."""
    rng = np.random.default_rng(4)
    made = [timing_of([np.exp(rng.normal(0, 0.1, 400)).tolist()]) for _ in range(200)]
    true = float(np.std([math.log(own.seconds) for own in made]))
    assert float(np.mean([own.error for own in made])) == pytest.approx(true, rel=0.35)


def test_of_single_runs_the_spread_is_assumed() -> None:
    """Where no benchmark was run twice it is not known how much runs differ, and that is told."""
    one = Timing(1.0, 0.0, 1, 0.0)
    assert between_runs([one, one]) == Between(BETWEEN_RUNS, 0)
    lag = lag_between(one, one, between_runs([one]), 0.0)
    assert (lag.estimate, lag.freedom) == (0.0, ASSUMED_FREEDOM)
    assert lag.error == pytest.approx(math.sqrt(2) * BETWEEN_RUNS)


def test_runs_never_agree_entirely() -> None:
    """Runs that happen to agree do not make any difference sure."""
    assert between_runs([Timing(1.0, 0.0, 2, 0.0)]) == Between(LEAST_BETWEEN, 1)


def test_a_benchmark_that_differs_more_is_less_sure() -> None:
    """Law: what one benchmark's own runs have shown widens its own interval, not the others'."""
    calm, wild = Timing(1.0, 0.0, 3, 0.01), Timing(1.0, 0.0, 3, 0.3)
    between = between_runs([calm] * 18 + [wild] * 2)
    errors = [lag_between(own, own, between, 0.0).error for own in (calm, wild)]
    assert errors[1] > 1.8 * errors[0]


def test_what_is_doubted_widens_the_interval() -> None:
    """Law: by as much as fixed work differs, nothing is sure."""
    one = Timing(1.0, 0.0, 3, 0.01)
    sure, doubted = (lag_between(one, one, Between(0.01, 8), doubt) for doubt in (0.0, 0.2))
    assert sure.error < 0.01
    assert doubted.error >= 0.2
    assert sure.estimate == doubted.estimate == 0.0


@pytest.mark.parametrize("runs", [[], [[1.0], []]])
def test_no_rounds_no_time(runs: list[list[float]]) -> None:
    """A benchmark without runs, or a run without rounds, has no time."""
    with pytest.raises(ValueError, match="has runs"):
        timing_of(runs)


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1)), st.floats(0.001, 0.5))
def test_holm_rejects_between_bonferroni_and_all(chances: dict[str, float], alpha: float) -> None:
    """Law: what Bonferroni rejects is rejected, and nothing that alone would not be."""
    found = rejected(chances, alpha)
    assert {name for name, own in chances.items() if own <= alpha / len(chances)} <= found
    assert found <= {name for name, own in chances.items() if own <= alpha}
