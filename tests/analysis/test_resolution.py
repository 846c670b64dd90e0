"""Resolution: more noise shows less, more sessions show more, and the sizes are right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis import sequential
from perfgate.analysis.resolution import first_to_find, first_to_pass, resolutions

PLAN = sequential.Plan(
    looks=(4, 6, 8, 10), fail_alpha=0.01, pass_alpha=0.05, tolerance=0.01, margin=0.03
)


@given(session_sd=st.floats(0.0001, 0.1), factor=st.floats(1.01, 5))
def test_noise_hides_and_sessions_show(session_sd: float, factor: float) -> None:
    """Law: what is found grows with the noise and shrinks with every look; so with what passes."""
    quiet, noisy = (resolutions(sd, PLAN, 2, 15.0) for sd in (session_sd, factor * session_sd))
    for name in ("found", "passed"):
        sizes = [getattr(look, name) for look in quiet]
        assert sizes == sorted(sizes, reverse=True)
        assert all(
            getattr(less, name) < getattr(more, name)
            for less, more in zip(quiet, noisy, strict=True)
        )
    assert [look.seconds for look in quiet] == [15.0 * look for look in PLAN.looks]
    assert all(look.found > PLAN.tolerance for look in quiet)


def test_a_found_loss_fails_four_times_in_five() -> None:
    """Law: of many checks of a loss of that size, the look's own bound fails the said share."""
    sd, trials = 0.01, 4000
    rng = np.random.default_rng(1)
    for place, look in enumerate(resolutions(sd, PLAN, 2, 1.0)):
        t_fail = sequential.t_multipliers(PLAN.looks, PLAN.fail_alpha / 2)[place]
        values = rng.normal(look.found, sd, size=(trials, look.sessions))
        errors = values.std(axis=1, ddof=1) / math.sqrt(look.sessions)
        fails = values.mean(axis=1) - t_fail * errors > PLAN.tolerance
        assert fails.mean() == pytest.approx(sequential.POWER, abs=0.03)


def test_the_first_look_that_suffices() -> None:
    """Law: the first look is told that finds, or passes, as little as asked for; else none."""
    looks = resolutions(0.01, PLAN, 2, 10.0)
    assert first_to_find(looks, looks[1].found) == looks[1]
    assert first_to_pass(looks, looks[2].passed) == looks[2]
    assert first_to_find(looks, 0.0) is None
    assert first_to_pass(looks, 0.0) is None


def test_a_passed_margin_passes_four_times_in_five() -> None:
    """Law: of many checks of equal builds, both metrics' bounds pass that share."""
    sd, trials = 0.01, 4000
    rng = np.random.default_rng(2)
    for place, look in enumerate(resolutions(sd, PLAN, 2, 1.0)):
        t_pass = sequential.t_multipliers(PLAN.looks, PLAN.pass_alpha)[place]
        values = rng.normal(0.0, sd, size=(2, trials, look.sessions))
        errors = values.std(axis=2, ddof=1) / math.sqrt(look.sessions)
        passes = (values.mean(axis=2) + t_pass * errors < look.passed).all(axis=0)
        assert passes.mean() == pytest.approx(sequential.POWER, abs=0.03)
