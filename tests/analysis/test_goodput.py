"""Laws of goodput: log ratios of correct answers in time, and the counts behind them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from builders import ARRIVALS, Build, session, sessions
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.goodput import (
    LEAST_ANSWERS,
    open_answers,
    open_losses,
    saturated_answers,
    saturated_delays,
    saturated_losses,
)

TIMEOUTS_S = dict.fromkeys(ARRIVALS, 1.0)


@given(slower=st.floats(-3, 3), shed=st.floats(0, 0.9))
def test_a_loss_of_goodput_is_that_of_correct_answers(slower: float, shed: float) -> None:
    """Law: refusals, however many, change neither the goodput nor its loss."""
    runs = sessions(candidate=Build(saturated=slower, shed=shed), noise=0.0)
    assert saturated_losses(runs) == pytest.approx([slower] * 4, abs=1e-9)


@given(shed=st.floats(0.1, 0.9))
def test_refusals_make_answers_come_sooner(shed: float) -> None:
    """Law: answers of any kind come sooner by as much as refusals are added in no time."""
    runs = sessions(candidate=Build(shed=shed), noise=0.0)
    assert saturated_delays(runs) == pytest.approx([math.log(1 - shed)] * 4, abs=0.01)


def test_no_answer_counts_as_half_of_one() -> None:
    """A build without any correct answer has lost a finite, large part; a base without: unknown."""
    nobody = Build(shed=1.0)
    assert saturated_losses([session(nobody)]) == pytest.approx([math.log(800 / LEAST_ANSWERS)])
    assert np.isnan(saturated_losses([session(base=nobody)])).all()


@given(late=st.integers(0, ARRIVALS["introspect"]), failed=st.integers(0, ARRIVALS["login"]))
def test_every_arrival_is_good_failed_or_late(late: int, failed: int) -> None:
    """Law: the counts of the open loop add up, and tell late answers from wrong ones."""
    run = session(Build(late=late, failed={"login": failed}))
    own = open_answers([run], "candidate", TIMEOUTS_S)
    assert (own.total, own.failed, own.late) == (sum(ARRIVALS.values()), failed, late)
    assert open_losses([run], TIMEOUTS_S) == pytest.approx(
        [math.log(own.total / max(own.good, LEAST_ANSWERS))]
    )


def test_who_waits_for_ever_is_never_late() -> None:
    """An operation whose callers have no timeout gets all its answers in time."""
    assert open_losses([session(Build(late=100))], {}) == pytest.approx([0.0])


def test_saturated_counts_are_sums() -> None:
    """Saturated answers are counted over all sessions."""
    own = saturated_answers(sessions(3, Build(shed=0.5)), "candidate")
    assert (own.total, own.failed, own.late, own.good) == (4800, 2400, 0, 2400)
    assert own.failed_ratio == 0.5
