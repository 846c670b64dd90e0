"""The service rate: what a saturated build is said to carry of the whole mix."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from builders import NOTHING, Build, demand_run, session, windows, with_figures
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.rates import KEEPS_UP, lagging, service_rates, undisturbed_rates

if TYPE_CHECKING:
    from perfgate.measurement.models import Run

# What the open loop of every run made here asks for.
ASKED = {name: own.arrivals for name, own in session().builds["candidate"].open.operations.items()}
LOGINS = ASKED["login"] / sum(ASKED.values())


def answering(logins: float, answers: int = 4000) -> Run:
    """Return a run that saturated its candidate; so many of all answers were logins."""
    rare = round(logins * answers)
    answered = {"login": rare, "introspect": answers - rare}
    return with_figures(session(base=None), "candidate", saturation_answered=answered)


def test_service_rates_of_the_runs_that_have_one() -> None:
    """The service rate is correct answers over time, for each run that saturated the build."""
    runs = [session(), session(base=None), demand_run(Build(saturated=math.log(2))).run]
    untimed = with_figures(session(), "candidate", saturation=NOTHING)
    assert service_rates([*runs, untimed], "candidate").tolist() == pytest.approx([400, 400, 200])
    assert service_rates(runs, "base").tolist() == pytest.approx([400])


@pytest.mark.parametrize(("others", "shown"), [(0.0, 160.0), (0.5, 320.0), (None, 400.0)])
def test_the_undisturbed_rate(others: float | None, shown: float) -> None:
    """Law: what others had of the CPU is left out, and not what threads waited for each other.

    Where that share is not known, all of the wait is taken to be others', but no CPU time.
    """
    slow = windows(2, 2.5, 1.0, 400).model_copy(update={"wait_s": (12.0, 12.0)})
    run = with_figures(session(), "candidate", saturation=slow, saturation_others_ratio=others)
    assert undisturbed_rates([run], "candidate") == pytest.approx([shown])


@given(kept_up=st.floats(0.0, 0.7))
def test_no_more_is_told_than_every_operation_was_carried(kept_up: float) -> None:
    """Law: where logins pile up the rate is what was carried of them, over their share."""
    run = answering(kept_up * LOGINS)
    late = lagging([run], "candidate")
    assert late is not None
    assert late.operation == "login"
    assert late.kept_up == pytest.approx(kept_up, abs=0.002)
    told, raw = service_rates([run], "candidate")[0], service_rates([session()], "candidate")[0]
    assert told == pytest.approx(late.kept_up * raw)


@given(share=st.floats(LOGINS, 1 - KEEPS_UP * (1 - LOGINS)), answers=st.integers(100, 100_000))
def test_operations_that_keep_up_change_nothing(share: float, answers: int) -> None:
    """Law: where each has nine tenths of its share of the answers the rate is as counted."""
    run = answering(math.ceil(share * answers) / answers, answers)
    assert lagging([run], "candidate") is None
    assert service_rates([run], "candidate") == pytest.approx(service_rates([session()], "base"))


def test_chance_is_not_taken_for_lagging() -> None:
    """Law: an operation right at the limit is taken for one that lags once in a thousand times."""
    draws = np.random.default_rng(7).binomial(4000, KEEPS_UP * LOGINS, 2000) / 4000
    assert sum(lagging([answering(share)], "candidate") is not None for share in draws) <= 8


def test_runs_are_pooled() -> None:
    """Law: what one run is too short to tell, several tell together."""
    run = answering(0.7 * LOGINS, 600)
    assert lagging([run], "candidate") is None
    assert lagging([run] * 8, "candidate") is not None


def test_older_files_do_not_know() -> None:
    """Law: where answers were not counted by operation the rate is as it was counted."""
    run = with_figures(session(), "candidate", saturation_answered={})
    assert lagging([run], "candidate") is None
