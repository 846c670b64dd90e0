"""Levels and changes of level: what noise alone must not raise, and what must be found."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.history import LEAST_LEVEL, LEAST_RECORDS, Trend, steps_in, trend_of

SEEDS = 100
# A report has so many: rate, undisturbed rate, cost and memory.
FIGURES = 4
# Spread of single records, on the log scale.
SPREAD = 0.02
SINGLE = np.random.default_rng(7).normal(size=60)


def waves(rng: np.random.Generator, count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draw noise whose neighbours are alike, with correlation .3."""
    drawn = rng.normal(size=count)
    for place in range(1, count):
        drawn[place] += 0.3 * drawn[place - 1]
    return drawn


def outliers(rng: np.random.Generator, count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draw noise with one record in twenty of a bad hour, far below the others."""
    drawn = rng.normal(size=count)
    bad = rng.random(count) < 0.05
    drawn[bad] -= np.abs(rng.normal(8, 3, size=int(bad.sum())))
    return drawn


NOISE = {
    "normal": lambda rng, count: rng.normal(size=count),
    "heavy tails": lambda rng, count: rng.standard_t(3, size=count),
    "skew": lambda rng, count: rng.exponential(size=count),
    "neighbours alike": waves,
    "bad hours": outliers,
}


def history(noise: str, seed: int, count: int, *steps: tuple[int, float]) -> Trend:
    """Return the trend of a drawn history, with steps in units of the spread at some records."""
    drawn = NOISE[noise](np.random.default_rng(seed), count)
    for place, size in steps:
        drawn[place:] += size
    return trend_of(np.exp(SPREAD * drawn).tolist())


@pytest.mark.long
@pytest.mark.parametrize("noise", NOISE)
@pytest.mark.parametrize("count", [20, 500])
def test_one_build_raises_nothing(noise: str, count: int) -> None:
    """Law: of 100 histories of one build at least 95 show no change, whatever their noise."""
    silent = sum(not history(noise, seed, count).changes for seed in range(SEEDS))
    assert silent >= 0.95 * SEEDS


@pytest.mark.long
@pytest.mark.parametrize("noise", ["neighbours alike", "bad hours"])
def test_a_report_of_one_build_raises_nothing(noise: str) -> None:
    """Law: so do those of 100 reports of four figures, under the noise that misleads most."""
    silent = sum(
        not any(history(noise, FIGURES * seed + own, 500).changes for own in range(FIGURES))
        for seed in range(SEEDS)
    )
    assert silent >= 0.95 * SEEDS


@pytest.mark.parametrize("noise", ["normal", "heavy tails", "neighbours alike", "bad hours"])
def test_planted_changes_are_found(noise: str) -> None:
    """Law: two changes of 4 spreads in 200 records are found within two records, and no other."""
    found = [
        [change.index for change in history(noise, seed, 200, (60, -4), (130, 5)).changes]
        for seed in range(20)
    ]
    near = [len(own) == 2 and abs(own[0] - 60) <= 2 and abs(own[1] - 130) <= 2 for own in found]
    assert sum(near) >= 19


def test_what_changed_is_told_by_how_much() -> None:
    """Law: intervals hold the true size in about 95 of 100 histories; the levels differ by it."""
    size = 6 * SPREAD
    held = 0
    for seed in range(SEEDS):
        trend = history("normal", seed, 100, (50, 6.0))
        (change,) = trend.changes
        held += change.ratio.lower <= size <= change.ratio.upper
        ratio = trend.levels[change.index] / trend.levels[change.index - 1]
        assert math.log(ratio) == pytest.approx(change.ratio.estimate)
    assert held >= 90


@pytest.mark.parametrize(("length", "least", "most"), [(1, 0, 0), (LEAST_LEVEL, 19, 20)])
def test_a_change_is_told_once_it_lasts(length: int, least: int, most: int) -> None:
    """Law: a grave outlier at the end is no change, and LEAST_LEVEL such records are one."""
    trends = [history("normal", seed, 40 + length, (40, 8.0)) for seed in range(20)]
    assert least <= sum(bool(trend.changes) for trend in trends) <= most


@given(st.floats(0.01, 1e6), st.integers(0, 59))
def test_the_unit_makes_no_difference(unit: float, place: int) -> None:
    """Law: figures in another unit change where they did, and an outlier changes nothing."""
    figures = np.exp(SPREAD * (SINGLE + 5 * (np.arange(60) >= 30)))
    figures[place] *= 2
    plain, scaled = trend_of(figures.tolist()), trend_of((unit * figures).tolist())
    assert [own.index for own in plain.changes] == [own.index for own in scaled.changes]
    assert len(plain.changes) == 1
    assert abs(plain.changes[0].index - 30) <= 2
    assert scaled.levels == pytest.approx([unit * level for level in plain.levels])


@pytest.mark.parametrize("count", [0, 1, LEAST_RECORDS - 1])
def test_few_records_have_one_level(count: int) -> None:
    """With too few records, whatever they are, there is one level."""
    trend = trend_of([1.0, 100.0, *[1.0] * LEAST_RECORDS][:count])
    assert trend.changes == ()
    assert len(trend.levels) == count
    assert len(set(trend.levels)) <= 1


def test_figures_that_hardly_vary() -> None:
    """Equal figures have one level; a step among them is a change, a single one of them is none."""
    assert trend_of([100.0] * 30).changes == ()
    (change,) = trend_of([100.0] * 20 + [101.0] * 10).changes
    assert change.index == 20
    assert math.exp(change.ratio.estimate) == pytest.approx(1.01)
    assert trend_of([100.0] * 20 + [101.0] + [100.0] * 20).changes == ()


@pytest.mark.parametrize("figure", [0.0, -1.0, math.nan, math.inf])
def test_figures_have_logarithms(figure: float) -> None:
    """What is not positive and finite is refused, not skipped."""
    with pytest.raises(ValueError, match="positive and finite"):
        trend_of([1.0] * 20 + [figure])


def steps(seed: int, count: int) -> tuple[list[float], list[float], list[float]]:
    """Return steps of one build: means of 4 to 10 sessions, in hours of which some are noisy."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(4, 11, count)
    hours = np.where(rng.random(count) < 0.1, 3.0, 1.0)
    drawn = [rng.normal(0, 0.006 * hour, size) for hour, size in zip(hours, sizes, strict=True)]
    return (
        [float(own.mean()) for own in drawn],
        [float(own.std(ddof=1) / math.sqrt(own.size)) for own in drawn],
        [float(own.size - 1) for own in drawn],
    )


@pytest.mark.parametrize("count", [1, 20, 500])
def test_steps_of_one_build_raise_nothing(count: int) -> None:
    """Law: of 100 histories of one build at least 95 have no step, noisy hours or not."""
    assert sum(bool(steps_in(*steps(seed, count))) for seed in range(SEEDS)) <= 0.05 * SEEDS


def test_a_planted_step_is_found() -> None:
    """Law: of 200 steps the one of 3 % is found, and no other, in nearly every history."""
    found = []
    for seed in range(20):
        estimates, errors, freedoms = steps(seed, 200)
        estimates[120] += 0.03
        found.append(list(steps_in(estimates, errors, freedoms)))
    assert found.count([120]) >= 18


def test_without_steps_nothing_stands_out() -> None:
    """No steps, and steps without any noise known, tell nothing."""
    assert steps_in([], [], []) == {}
    assert steps_in([0.5, 0.0], [0.0, 0.0], [3.0, 3.0]) == {}
