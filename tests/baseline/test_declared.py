"""What was lost since a declared rate is told by the stored baseline, as well as it knows."""

from __future__ import annotations

import math

import pytest
from builders import anchor, record
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.capacity import NO_CHANGE
from perfgate.baseline.anchor import Slowdown
from perfgate.baseline.declared import slowdown_since
from perfgate.baseline.record import Past, RateOfRecord

OWN, OLD = "3" * 40, "1" * 40


def past(rate_rps: float, commit: str = OLD) -> Past:
    """Return what is kept of an earlier record."""
    return Past(
        commit=commit,
        measured_at="2026-10-01T10:00:00+00:00",
        service_rate_rps=rate_rps,
        cost_ms=2.0,
    )


@pytest.mark.parametrize("commit", [OWN, OWN[:7]])
def test_a_build_has_lost_nothing_since_itself(commit: str) -> None:
    """The build of record is known by its commit, or by how that begins."""
    assert slowdown_since(record(history=(past(800.0),)), commit) == NO_CHANGE


def test_a_build_that_no_record_knows() -> None:
    """Law: what was not measured is not guessed."""
    assert slowdown_since(record(history=(past(800.0),)), "abcdef0") is None


@given(st.floats(1.0, 1e5), st.floats(1.0, 1e5))
def test_rates_of_record_tell(then_rps: float, now_rps: float) -> None:
    """Law: the slowdown is that of the two rates, and less certain than either of them."""
    rate = RateOfRecord(estimate=now_rps, lower=now_rps * 0.98, upper=now_rps / 0.98, runs=5)
    own = slowdown_since(record(service_rate_rps=rate, history=(past(then_rps),)), OLD[:7])
    assert own is not None
    assert own.estimate == pytest.approx(math.log(then_rps / now_rps), abs=1e-9)
    assert own.upper - own.estimate > -math.log(0.98)


def test_the_latest_record_of_a_build_counts() -> None:
    """A build that was measured twice has the rate that was found last."""
    own = slowdown_since(record(history=(past(100.0), past(800.0))), OLD)
    assert own is not None
    assert own.estimate == pytest.approx(math.log(2))


def test_what_was_measured_side_by_side_goes_first() -> None:
    """The anchor's sum of sessions side by side counts more than rates of different hours."""
    lost = {"capacity": Slowdown(estimate=0.1, error=0.01, freedom=8.0)}
    own = slowdown_since(
        record(anchor=anchor(commit=OLD, steps=2, slowdowns=lost), history=(past(800.0),)), OLD
    )
    assert own is not None
    # Student's t with 8 degrees of freedom: 1.86 at 95 %, one-sided.
    assert (own.estimate, own.upper) == pytest.approx((0.1, 0.1186), abs=1e-4)
