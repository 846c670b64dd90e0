"""Drift is summed up from ratios that were measured side by side."""

from __future__ import annotations

import math

import pytest
from builders import anchor, concession
from hypothesis import given
from hypothesis import strategies as st

from perfgate.baseline.anchor import Slowdown, Step
from perfgate.baseline.sealed import rounded

SLOWDOWNS = st.builds(
    Slowdown,
    estimate=st.floats(-1, 1),
    error=st.floats(1e-4, 0.1),
    freedom=st.floats(1, 50),
)


def step(against: str = "4", estimate: float = 0.03) -> Step:
    """Return a step that cost and capacity have alike."""
    own = Slowdown(estimate=estimate, error=0.004, freedom=3)
    return Step(against=against * 40, sessions=4, slowdowns={"cost": own, "capacity": own})


@given(SLOWDOWNS, SLOWDOWNS, SLOWDOWNS)
def test_slowdowns_add(one: Slowdown, two: Slowdown, three: Slowdown) -> None:
    """Law: estimates and variances add, in whatever groups they are taken."""
    left, right = one.then(two).then(three), one.then(two.then(three))
    assert left.estimate == pytest.approx(one.estimate + two.estimate + three.estimate, abs=1e-12)
    assert left.error == pytest.approx(math.hypot(one.error, two.error, three.error))
    assert left.freedom == pytest.approx(right.freedom)
    assert left.freedom >= min(one.freedom, two.freedom, three.freedom) - 1e-9


@given(SLOWDOWNS, SLOWDOWNS)
def test_what_came_first_can_be_taken_off(one: Slowdown, two: Slowdown) -> None:
    """Law: the sum less its beginning is what came after that."""
    left = one.then(two).since(one)
    assert left.estimate == pytest.approx(two.estimate, abs=1e-12)
    assert left.error == pytest.approx(two.error, rel=1e-3, abs=1e-6)


def test_sums_without_error() -> None:
    """Slowdowns without any spread have a sum without any."""
    sure = Slowdown(estimate=0.1, error=0.0, freedom=3)
    assert sure.then(sure) == Slowdown(estimate=0.2, error=0.0, freedom=3)


def test_steps_add_up() -> None:
    """Law: each step adds to the sums, each metric to its own."""
    own = anchor()
    for number in range(1, 21):
        own = own.after(step())
        assert own.steps == number
    assert own.slowdowns["cost"].estimate == pytest.approx(0.6)
    assert own.slowdowns["capacity"].error == pytest.approx(0.004 * math.sqrt(20), rel=1e-3)
    assert own.slowdowns["capacity"].freedom == pytest.approx(60, rel=1e-3)


def test_sums_have_as_many_digits_as_a_record_shows() -> None:
    """Law: however many steps there are, what is stored of them is rounded like all figures."""
    own = anchor()
    for number in range(1, 10):
        own = own.after(step(estimate=rounded(1 / number)))
        stored = [
            figure for sums in own.slowdowns.values() for figure in sums.model_dump().values()
        ]
        assert stored == [rounded(figure) for figure in stored]


def test_a_step_from_the_anchor_itself_replaces_the_sum() -> None:
    """Law: what was measured beside the anchor's build is surer than any sum of steps."""
    own = anchor().after(step()).after(step()).after(step(against="3", estimate=0.05))
    assert (own.steps, own.slowdowns) == (1, step(estimate=0.05).slowdowns)


def test_concessions_are_kept() -> None:
    """Law: what was conceded stays until the anchor moves; of one build, once."""
    own = anchor().conceding(concession()).after(step()).conceding(concession(commit="5" * 40))
    again = own.conceding(concession(because="the audit is law"))
    assert [each.commit[0] for each in own.concessions] == ["1", "5"]
    assert [each.because for each in again.concessions] == ["audit", "the audit is law"]


@pytest.mark.parametrize(
    ("name", "called"), [("v1.0", "v1.0 (333333333333)"), ("3" * 12, "3" * 12)]
)
def test_what_it_is_called(name: str, called: str) -> None:
    """A commit that is its own name is told once."""
    assert anchor(name=name).called == called
