"""How large harms are, by what the service takes for a request."""

from __future__ import annotations

import math

import pytest
from builders import COST_S, Build, case
from hypothesis import given
from hypothesis import strategies as st

from perfgate.selftest.doses import LEAST_WAIT_S, ONE_IN, Usual, harm_of, told, usual_of
from perfgate.selftest.harm import Harm, Kind

USUAL = Usual(cost_s=0.0011, answer_s=0.0052)
times_s = st.floats(1e-5, 10.0)


def test_the_usual_is_what_sessions_show() -> None:
    """It is the CPU time per request, and the median over all operations, of both builds."""
    usual = usual_of(case(Build(), noise=0.0))
    assert usual is not None
    assert usual.cost_s == pytest.approx(COST_S)
    assert 0.004 < usual.answer_s < 0.007  # nine of ten are introspections, of about 5 ms


def test_without_a_session_nothing_is_usual() -> None:
    """A check that had none tells no size."""
    assert usual_of(case(count=0)) is None


@given(times_s, times_s)
def test_harms_are_relative(cost_s: float, answer_s: float) -> None:
    """The wait is once more the median time, in whole ms; the CPU time is three tenths more."""
    usual = Usual(cost_s, answer_s)
    wait_s = harm_of(Kind.LATENCY, usual).wait_s
    assert wait_s >= max(answer_s - 1e-9, LEAST_WAIT_S)
    assert wait_s <= max(answer_s + 0.001, LEAST_WAIT_S) + 1e-9
    assert math.isclose(1000 * wait_s, round(1000 * wait_s))
    assert harm_of(Kind.CPU, usual).burn_s == pytest.approx(0.3 * cost_s)


@pytest.mark.parametrize("kind", Kind)
def test_each_harm_is_one_alone(kind: Kind) -> None:
    """A harm does what its kind says, and nothing else."""
    harm = harm_of(kind, USUAL)
    done = {
        Kind.LATENCY: harm.wait_s > 0,
        Kind.CPU: harm.burn_s > 0,
        Kind.ERRORS: harm.one_in == ONE_IN,
    }
    assert harm.kind is kind
    assert {name for name, own in done.items() if own} == {kind} - {Kind.NOTHING}


def test_sizes_are_told() -> None:
    """People read the size, and by how much that is more than usual where that is known."""
    assert told(harm_of(Kind.LATENCY, USUAL), USUAL) == (
        "each request waits at least 6 ms, +115 % of the median time"
    )
    assert told(harm_of(Kind.CPU, USUAL), USUAL) == (
        "each request takes 0.33 ms of CPU, +30 % of its CPU time"
    )
    assert told(harm_of(Kind.ERRORS, USUAL), USUAL) == "one of every 10 answers gets status 500"
    assert told(Harm(Kind.NOTHING), None) == "nothing"
    assert told(Harm(Kind.CPU, burn_s=0.001), None) == "each request takes 1 ms of CPU"
