"""What the page on operating characteristics is made of keeps the promises that it tells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calibration.characteristics import (
    BUDGETS_S,
    SPENT_SDS,
    courses,
    page,
    plan_for,
    rules_of,
)
from perfgate.config.models import Margins

PAGE = Path(__file__).parents[2] / "docs" / "operating-characteristics.md"
# Of 10,000 simulated gates: three standard errors above a share of 5 % and of 1 %.
NEAR = {0.05: 0.0566, 0.01: 0.0130}


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.parametrize("sd", SPENT_SDS)
def test_all_rules_together_rarely_fail_an_equal_build(sd: float) -> None:
    """Law: whichever rule it is, at most one equal build in a hundred fails."""
    plan = plan_for(Margins(), BUDGETS_S[1])
    failed = np.any([rule.fails(sd) for rule in rules_of(plan)], axis=0)
    assert failed.mean() <= NEAR[0.01]


@pytest.mark.parametrize("budget_s", BUDGETS_S)
def test_a_loss_as_large_as_the_margin_rarely_passes(budget_s: float) -> None:
    """Law: with stray sessions too, at most one in twenty passes at the margin."""
    margins = Margins()
    plan = plan_for(margins, budget_s)
    assert courses(plan, 0.015, margins.slowdown).passed.mean() <= NEAR[0.05]


@pytest.mark.long
@pytest.mark.no_cover
def test_the_page_is_what_is_simulated_now() -> None:
    """The page in the documents is the one that this version writes."""
    assert PAGE.read_text() == page() + "\n"
