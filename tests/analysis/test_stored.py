"""A loss against a figure of another hour: its laws, and how often it errs at the noise assumed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from builders import session, validity, yardstick
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.stored import (
    DISTURBED_FLOOR,
    FLOOR,
    Certainty,
    Level,
    noise,
    speed_of,
    standard_error,
    stored_loss,
)

CERTAINTY = Certainty(fail_alpha=0.01, pass_alpha=0.05, tolerance=math.log1p(0.01))
LOSS = -math.log1p(-0.3)
RATES = st.floats(1e-3, 1e6)
LEVELS = st.builds(
    Level, RATES, error=st.floats(0, 1), speed=st.none() | RATES, undisturbed=st.booleans()
)


@given(now=LEVELS, then=LEVELS, past=st.lists(LEVELS, max_size=20))
def test_the_interval_encloses_the_estimate(now: Level, then: Level, past: list[Level]) -> None:
    """Law: the estimate lies within its bounds, and what is seen beyond what is tolerated."""
    loss = stored_loss(now, then, past, CERTAINTY)
    assert loss.lower < loss.estimate < loss.upper
    assert loss.detectable > CERTAINTY.tolerance
    assert loss.sd >= (FLOOR if then.undisturbed else DISTURBED_FLOOR)


@given(now=LEVELS, then=LEVELS)
def test_then_and_now_swapped(now: Level, then: Level) -> None:
    """Law: what is lost from one to the other is gained the other way round."""
    there, back = (stored_loss(*pair, [], CERTAINTY) for pair in ((now, then), (then, now)))
    assert there.estimate == pytest.approx(-back.estimate, abs=1e-9)


@given(then=LEVELS, past=st.lists(LEVELS, max_size=20), factor=st.floats(0.1, 10))
def test_a_slower_machine_is_not_the_builds_fault(
    then: Level, past: list[Level], factor: float
) -> None:
    """Law: where rate and yardstick fall alike, no loss is sure, and less is seen."""
    known = replace(then, speed=100.0)
    slowed = replace(known, rate_rps=known.rate_rps * factor, speed=100 * factor)
    loss = stored_loss(slowed, known, past, CERTAINTY)
    assert loss.lower < 0 < loss.upper
    assert loss.slower == pytest.approx(-math.log(factor), abs=1e-9)
    same = stored_loss(known, known, past, CERTAINTY)
    assert loss.detectable >= same.detectable


def test_runs_that_differ_count_once() -> None:
    """Law: an error below the noise between measurements is in it; a larger one replaces it."""
    sure, within, beyond = (
        stored_loss(Level(400, error=error), Level(400), [], CERTAINTY).detectable
        for error in (0.0, FLOOR, 3 * FLOOR)
    )
    assert sure == within < beyond


def test_a_busier_hour_is_less_sure() -> None:
    """Law: the more the time differs that others left, in either direction, the less is seen."""
    then = Level(400, left=0.9)
    found = [
        stored_loss(Level(400, left=left), then, [], CERTAINTY).detectable
        for left in (0.9, 0.6, 0.3)
    ]
    assert found == sorted(set(found))
    back = stored_loss(then, Level(400, left=0.3), [], CERTAINTY).detectable
    assert back == pytest.approx(found[-1])


def test_an_unknown_speed_leaves_no_doubt() -> None:
    """Law: without a reading on either side, the rates are compared as they are."""
    sure = stored_loss(Level(200), Level(400), [], CERTAINTY)
    for now, then in ((None, 100.0), (100.0, None), (90.0, 90.0)):
        loss = stored_loss(Level(200, speed=now), Level(400, speed=then), [], CERTAINTY)
        assert (loss.lower, loss.upper) == (sure.lower, sure.upper)


@given(past=st.lists(RATES, max_size=20), growth=st.floats(0.5, 2))
def test_only_differences_count_as_noise(past: list[float], growth: float) -> None:
    """Law: the unit of the rates does not matter."""
    levels = [*map(Level, past), Level(400)]
    scaled = [replace(level, rate_rps=level.rate_rps * growth) for level in levels]
    assert noise(levels) == pytest.approx(noise(scaled))


def test_a_quiet_history_is_not_believed_beyond_the_floor() -> None:
    """Law: equal measurements leave the floor, and make it a little better known."""
    assert noise([Level(400)]) == (FLOOR, 10)
    assert noise([Level(400)] * 21) == (FLOOR, 30)


def test_a_noisy_history_widens_the_interval() -> None:
    """Law: the more the past differs, the less is seen."""
    then = Level(400)
    found = [
        stored_loss(then, then, [Level(400 * math.exp(by)), then] * 5, CERTAINTY).detectable
        for by in (0.0, 0.1, 0.3)
    ]
    assert found == sorted(found)
    assert found[-1] > 2 * found[0]


def test_one_lasting_improvement_is_not_noise() -> None:
    """Law: a build that got 20 % faster once, for good, leaves a 30 % loss to be found."""
    past = [Level(400)] * 10 + [Level(480)] * 9
    assert stored_loss(Level(480), Level(480), past, CERTAINTY).detectable < LOSS


def test_disturbed_rates_know_less() -> None:
    """Law: a rate taken with what others did decides nothing small, nor do such figures mix."""
    old = Level(400, undisturbed=False)
    assert stored_loss(old, old, [], CERTAINTY).detectable > LOSS
    assert noise([old, Level(200), Level(200)]) == (FLOOR, 11)


@pytest.mark.parametrize("value", [0.0, -1.0, math.inf, math.nan])
def test_what_is_no_rate(value: float) -> None:
    """Law: a rate or a speed that is not positive and finite is a mistake, not a loss."""
    for now in (Level(value), Level(400, speed=value)):
        with pytest.raises(ValueError, match="positive and finite"):
            stored_loss(now, Level(400, speed=1), [], CERTAINTY)


@given(error=st.floats(1e-4, 1), runs=st.integers(2, 50))
def test_the_error_of_a_stored_interval(error: float, runs: int) -> None:
    """Law: a t interval built from a standard error gives that error back."""
    from scipy.stats import t  # noqa: PLC0415 -- the independent formula

    half = float(t.ppf(0.975, runs - 1)) * error
    bounds = 400 * math.exp(-half), 400 * math.exp(half)
    assert standard_error(*bounds, runs, 0.95) == pytest.approx(error)


def test_how_often_it_errs() -> None:
    """Law: at the noise assumed, an equal build fails in 1 of 100; a 30 % loss fails in 95."""
    draw, runs = np.random.default_rng(1), 4000
    failed = {0.0: 0, LOSS: 0}
    for loss in failed:
        for then, now in draw.normal(0, FLOOR, (runs, 2)):
            levels = Level(math.exp(now - loss)), Level(math.exp(then))
            failed[loss] += stored_loss(*levels, [], CERTAINTY).lower > CERTAINTY.tolerance
    assert failed[0.0] / runs <= 0.01
    assert failed[LOSS] / runs >= 0.95


def test_the_speed_of_runs() -> None:
    """Law: the speed is the geometric mean of all readings; a run without any leaves it open."""
    readings = yardstick(1000), yardstick(4000)
    run = session().model_copy(
        update={"validity": validity().model_copy(update={"yardsticks": readings})}
    )
    assert speed_of([run, run]) == pytest.approx(2000)
    unread = run.model_copy(update={"validity": validity().model_copy(update={"yardsticks": ()})})
    assert speed_of([run, unread]) is None
    assert speed_of([]) is None
