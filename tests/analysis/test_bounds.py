"""Laws of the bounds of looks, by known tables, properties and simulation."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit
from wiener import nominal_levels, obrien_fleming_spending

from perfgate.analysis.bounds import power_spending, t_multipliers

if TYPE_CHECKING:
    from collections.abc import Callable

untimed = settings(deadline=None)  # the machine may be busy with other work
LOOKS = (4, 6, 8, 10)
QUARTERS = (0.25, 0.5, 0.75, 1.0)


def test_levels_reproduce_the_known_four_look_table() -> None:
    """O'Brien-Fleming spending of .05 over four equal looks gives the published levels."""
    expected = (8.858e-5, 0.005544, 0.02190, 0.04270)
    assert nominal_levels(QUARTERS, 0.05, obrien_fleming_spending) == pytest.approx(
        expected, rel=1e-3
    )


def squared(information: float, alpha: float) -> float:
    """Spend with the power that the published figures have."""
    return power_spending(information, alpha, rho=2.0)


def shortcut_multipliers(looks: tuple[int, ...], alpha: float) -> list[float]:
    """Put the nominal levels of the Wiener process through Student's t, as is usual."""
    levels = nominal_levels([n / looks[-1] for n in looks], alpha, squared)
    return [-float(stdtrit(n - 1, level)) for n, level in zip(looks, levels, strict=True)]


def test_shortcut_multipliers_reproduce_the_known_values() -> None:
    """Nominal levels put through Student's t at 4, 6, 8 and 10 sessions give the known bounds."""
    failing, passing = (11.02, 5.57, 4.18, 3.55), (4.93, 3.05, 2.39, 2.02)
    assert shortcut_multipliers(LOOKS, 0.01 / 2) == pytest.approx(failing, rel=0.005)
    assert shortcut_multipliers(LOOKS, 0.05) == pytest.approx(passing, rel=0.005)


@pytest.mark.parametrize("alpha", [0.01 / 2, 0.05])
def test_exact_multipliers_lie_a_little_beyond_the_shortcut(alpha: float) -> None:
    """The first bound is the same; the later ones lie 2 to 5 % further out."""
    exact, shortcut = t_multipliers(LOOKS, alpha, 2.0), shortcut_multipliers(LOOKS, alpha)
    assert exact[0] == pytest.approx(shortcut[0], rel=1e-9)
    for further, nearer in zip(exact[1:], shortcut[1:], strict=True):
        assert 1.02 <= further / nearer <= 1.05


def test_exact_multipliers_approach_the_shortcut_as_sessions_grow() -> None:
    """With many sessions the estimated spread is as good as known."""
    looks = (20, 40)
    shortcut = shortcut_multipliers(looks, 0.05)
    assert t_multipliers(looks, 0.05, 2.0) == pytest.approx(shortcut, rel=0.01)


@pytest.mark.parametrize("looks", [LOOKS, (4, 5), (2, 3, 4), (10,)])
@pytest.mark.parametrize("alpha", [0.01 / 2, 0.05])
@pytest.mark.parametrize("rho", [1.0, 2.0])
def test_bounds_miss_the_truth_as_often_as_is_spent(
    looks: tuple[int, ...], alpha: float, rho: float
) -> None:
    """Up to every look, bounds on few normal sessions miss with just the chance spent."""
    runs = 300_000
    sessions = np.random.default_rng(19).normal(size=(runs, looks[-1]))
    missed = np.zeros(runs, dtype=bool)
    for n, multiplier in zip(looks, t_multipliers(looks, alpha, rho), strict=True):
        seen = sessions[:, :n]
        missed |= seen.mean(axis=1) > multiplier * seen.std(axis=1, ddof=1) / math.sqrt(n)
        spent = power_spending(n / looks[-1], alpha, rho)
        # Beside three errors of the simulation: the multipliers' own accuracy.
        assert missed.mean() == pytest.approx(spent, abs=3 * math.sqrt(spent / runs) + 0.01 * spent)


@pytest.mark.parametrize("spending", [power_spending, obrien_fleming_spending])
def test_a_single_look_spends_everything(spending: Callable[[float, float], float]) -> None:
    """With one look at the end the nominal level is alpha itself."""
    assert nominal_levels([1.0], 0.05, spending) == pytest.approx((0.05,), rel=1e-9)


@pytest.mark.parametrize("information", [QUARTERS, (0.4, 0.6, 0.8, 1.0), (0.1, 0.9, 0.95)])
def test_wiener_process_crosses_as_often_as_is_spent(information: tuple[float, ...]) -> None:
    """Up to every look, a Wiener process has crossed a bound with just the chance spent."""
    alpha, runs = 0.05, 200_000
    steps = np.sqrt(np.diff([0.0, *information]))
    paths = np.cumsum(np.random.default_rng(17).normal(size=(runs, len(steps))) * steps, axis=1)
    levels = nominal_levels(information, alpha)
    bounds = [-NormalDist().inv_cdf(level) for level in levels]
    crossed = np.maximum.accumulate(paths / np.sqrt(information) > bounds, axis=1)
    for share, time in zip(crossed.mean(axis=0), information, strict=True):
        spent = power_spending(time, alpha)
        assert share == pytest.approx(spent, abs=4 * math.sqrt(spent / runs))


@pytest.mark.parametrize("looks", [LOOKS, (4, 5, 7, 10, 12, 15, 19, 25)])
def test_a_smaller_chance_of_error_has_wider_bounds(looks: tuple[int, ...]) -> None:
    """Law: at every look, the bound that spends less lies further out; step-down needs it."""
    alphas = (0.05, 0.025, 0.01, 0.005, 0.002, 0.001, 0.0005)
    rows = [t_multipliers(looks, alpha) for alpha in alphas]
    for wide, wider in pairwise(rows):
        assert all(before < after for before, after in zip(wide, wider, strict=True))


informations = st.lists(
    st.integers(min_value=1, max_value=40), min_size=1, max_size=6, unique=True
).map(lambda looks: [look / 40 for look in sorted(looks)])


@untimed
@given(informations, st.floats(min_value=1e-4, max_value=0.4))
def test_a_level_lies_between_what_its_look_and_all_so_far_spend(
    information: list[float], alpha: float
) -> None:
    """No level is below what its own look spends, nor above what all looks so far have spent."""
    spent = [power_spending(time, alpha) for time in information]
    levels = nominal_levels(information, alpha)
    for level, before, after in zip(levels, [0.0, *spent], spent, strict=False):
        assert (after - before) * (1 - 1e-9) <= level <= after * (1 + 1e-9)


@untimed
@given(informations.filter(lambda times: len(times) > 1))
def test_later_looks_do_not_change_earlier_levels(information: list[float]) -> None:
    """A level depends on the looks before it only: what is to come may still be chosen."""
    whole = nominal_levels(information, 0.05)
    assert nominal_levels(information[:-1], 0.05) == pytest.approx(whole[:-1], rel=1e-8)


@pytest.mark.parametrize(
    ("information", "alpha"),
    [([], 0.05), ([0.0, 1.0], 0.05), ([0.5, 0.5], 0.05), ([0.5, 1.1], 0.05), ([1.0], 0.0)],
)
def test_impossible_information_is_refused(information: list[float], alpha: float) -> None:
    """Information that does not ascend within (0, 1] and an alpha of nothing are errors."""
    with pytest.raises(ValueError, match=r"must ascend|lies between"):
        nominal_levels(information, alpha)


@pytest.mark.parametrize("spending", [lambda _, alpha: alpha, lambda t, alpha: 2 * alpha * t])
def test_impossible_spending_is_refused(spending: Callable[[float, float], float]) -> None:
    """Spending that stands still between looks, or exceeds alpha, is an error."""
    with pytest.raises(ValueError, match="spending must grow"):
        nominal_levels([0.5, 1.0], 0.05, spending)
