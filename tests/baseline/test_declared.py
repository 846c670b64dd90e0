"""What was lost since a declared rate is told by the stored baseline, as well as it knows."""

from __future__ import annotations

import math

import pytest
from builders import past, record
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.capacity import NO_CHANGE
from perfgate.analysis.stored import FLOOR
from perfgate.baseline.declared import slowdown_since
from perfgate.baseline.record import Past, RateOfRecord

OWN, OLD = "3" * 40, "1" * 40


@pytest.mark.parametrize("commit", [OWN, OWN[:7]])
def test_a_build_has_lost_nothing_since_itself(commit: str) -> None:
    """The build of record is known by its commit, or by how that begins."""
    assert slowdown_since(record(history=(past(800.0),)), commit) == NO_CHANGE


@pytest.mark.parametrize("history", [(), (past(800.0, commit="2" * 40),), (past(None),)])
def test_a_build_whose_rate_no_record_knows(history: tuple[Past, ...]) -> None:
    """Law: what was not measured is not guessed, and a rate that others disturbed is none."""
    assert slowdown_since(record(history=history), OLD) is None


@given(st.floats(1.0, 1e5), st.floats(1.0, 1e5), st.floats(1.0, 1e5))
def test_undisturbed_rates_tell(then_rps: float, now_rps: float, busy_rps: float) -> None:
    """Law: the slowdown is that of the undisturbed rates, as unsure as such rates differ."""
    rate = RateOfRecord(estimate=now_rps, lower=now_rps, upper=now_rps, runs=5)
    history = (past(then_rps, service_rate_rps=busy_rps),)
    own = slowdown_since(record(undisturbed_rps=rate, history=history), OLD[:7])
    assert own is not None
    assert own.estimate == pytest.approx(math.log(then_rps / now_rps), abs=1e-9)
    # Student's t of 5 %, one-sided, is more than 1.6 whatever its degrees of freedom.
    assert own.upper - own.estimate > 1.6 * math.sqrt(2) * FLOOR


def test_the_latest_record_of_a_build_counts() -> None:
    """A build that was measured twice has the rate that was found last."""
    own = slowdown_since(record(history=(past(100.0), past(800.0))), OLD)
    assert own is not None
    assert own.estimate == pytest.approx(math.log(2))
