"""A suspicious speed-up asks for a look, and fails nothing."""

from __future__ import annotations

import math

import pytest
from builders import Build, case, config, terms

from perfgate.verdict.checks.speedup import check
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge


@pytest.mark.parametrize(
    ("build", "what", "told"),
    [
        (Build(cost=math.log(0.5)), "CPU time per request fell 50 %", 3),
        (Build(capacity=math.log(0.5)), "The time for equal work fell 50 %", 1),
        (
            Build(operations={"login": math.log(0.5)}),
            "login: its CPU time per request, sent alone, fell 50 %",
            1,
        ),
    ],
    ids=["cost", "capacity", "operation"],
)
def test_a_large_gain_is_told(build: Build, what: str, told: int) -> None:
    """Half of the cost, the time or an operation's cost at once: a warning that asks for a look.

    A gain of the cost is one of each operation's too.
    """
    found = check(case(build, noise=0.0))
    assert len(found) == told
    own = found[0]
    assert (own.check, own.outcome) == ("speed-up", Outcome.WARN)
    assert own.reason.startswith(f"{what} over 4 sessions (at least 50 %; more than 30 %")
    assert own.reason.endswith("Look whether the answers are still right.")
    assert own.hint
    assert judge(case(build)).outcome is Outcome.WARN


def test_a_gain_within_the_limit_is_good_news() -> None:
    """A gain of a quarter is told by cost and capacity alone; the limit can be set."""
    faster = Build(cost=math.log(0.75), capacity=math.log(0.75))
    assert check(case(faster)) == []
    assert check(case(faster, held_to=terms(config=config(margins={"speedup": 0.2}))))


def test_a_gain_that_is_not_sure_is_not_told() -> None:
    """Where sessions differ too much, or are too few, nothing is told."""
    assert check(case(Build(cost=math.log(0.6)), noise=0.5)) == []
    assert check(case(Build(cost=math.log(0.5)), count=3)) == []
    assert check(case(Build(cost=math.log(0.5)), None)) == []


def test_a_loss_is_no_gain() -> None:
    """A slower build is not told here."""
    assert check(case(Build(cost=1.0, capacity=1.0))) == []
