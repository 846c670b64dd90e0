"""Drift: many small losses, each accepted, fail once they are a large one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from builders import (
    Build,
    anchor,
    case,
    concession,
    config,
    measurement,
    record,
    session,
    terms,
    with_figures,
)
from hypothesis import given
from hypothesis import strategies as st

from perfgate.baseline.anchor import Anchor, Slowdown
from perfgate.baseline.making import step_of
from perfgate.measurement.models import BuildId
from perfgate.verdict.case import Case
from perfgate.verdict.checks import drift
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perfgate.measurement.models import Run

BAR = BuildId(name="base", commit="3" * 40)
# How much sessions of the demo service differ on a quiet machine: docs/baselines.md.
SESSION_SD = 0.0075
STANDARD = session()
EVEN = np.array([[0.002], [-0.002], [0.002], [-0.002]])


def drifted(
    cost: float = 0.0, capacity: float = 0.0, error: float = 0.004, steps: int = 3
) -> Anchor:
    """Return an anchor since which so much has changed."""
    sums = {
        name: Slowdown(estimate=own, error=error, freedom=3.0 * steps)
        for name, own in (("cost", cost), ("capacity", capacity))
    }
    return anchor(steps=steps, slowdowns=sums, commit="9" * 40)


def found(since: Anchor, build: Build | None = None, base: BuildId | None = BAR) -> list[Finding]:
    """Return what is found of a build beside the baseline (or another base, or alone)."""
    held_to = terms(baseline=record(anchor=since), baseline_comparable=True)
    own = build or Build()
    made = measurement(base=base, sessions=slowed(np.array([own.cost, own.capacity]) + EVEN))
    return drift.check(Case(measurement=made, terms=held_to))


def slowed(slowdowns: NDArray[np.float64]) -> tuple[Run, ...]:
    """Return sessions with these slowdowns, (cost, capacity) each: all that drift looks at."""
    return tuple(_slowed(cost, capacity) for cost, capacity in slowdowns.tolist())


def _slowed(cost: float, capacity: float) -> Run:
    own = STANDARD.builds["candidate"]
    changes = {
        "cpu_s": tuple(math.exp(cost) * each for each in own.pairs.cpu_s),
        "wall_s": tuple(math.exp(capacity) * each for each in own.pairs.wall_s),
    }
    pairs = own.pairs.model_copy(update=changes)
    cpu_s = math.exp(cost) * own.open_cpu_s
    return with_figures(STANDARD, "candidate", open_cpu_s=cpu_s, pairs=pairs)


def test_what_each_accepted_step_lost_adds_up() -> None:
    """Law: sums that surely lie below the margin pass, those beyond it fail; both are told."""
    (fine,) = found(drifted(cost=0.03, capacity=0.01), Build(cost=0.01))
    assert (fine.outcome, fine.hint) == (Outcome.PASS, "")
    assert fine.reason == (
        "Since v1.0 (999999999999), in 3 accepted steps and this build (+1.0 %), CPU time per "
        "request changed +4.1 %: at most +4.9 %; the limit is +10.0 %."
    )
    (lost,) = found(drifted(cost=0.03, capacity=0.11), Build(capacity=0.02))
    assert lost.outcome is Outcome.FAIL
    assert "the time for equal work changed +13.9 %: at least +12." in lost.reason
    assert "perfgate baseline anchor TAG" in lost.hint
    assert "perfgate check --base 999999999999 --margin 10%" in lost.hint
    assert lost.limit == pytest.approx(10.0)
    assert lost.unit == "% since v1.0"
    assert lost.interval is not None
    assert lost.observed is not None
    assert lost.interval[0] < lost.observed < lost.interval[1]


def test_a_sum_near_the_margin_is_told() -> None:
    """Law: where the margin is not excluded, but not reached either, it is a warning."""
    (near,) = found(drifted(cost=0.09))
    assert near.outcome is Outcome.WARN
    assert "it may be anything from" in near.reason
    assert "perfgate check --base 999999999999" in near.hint


def test_a_sum_of_noise_decides_nothing() -> None:
    """Law: beyond the margin, but perhaps no loss at all, is inconclusive."""
    (noisy,) = found(drifted(cost=0.12, error=0.08))
    assert noisy.outcome is Outcome.INCONCLUSIVE


def test_another_base_says_nothing_of_this_build() -> None:
    """Law: beside another base, or alone, the baseline's own drift is told, and warns at most."""
    for base in (None, BuildId(name="other", commit="7" * 40), BuildId(name="directory")):
        (own,) = found(drifted(cost=0.2), Build(cost=0.5), base)
        assert own.outcome is Outcome.WARN
        assert "in 3 accepted steps without this build, CPU time per request changed" in own.reason
        assert found(drifted(cost=0.02), Build(cost=0.5), base)[0].outcome is Outcome.PASS


def test_beside_the_anchor_itself_nothing_is_summed() -> None:
    """Law: sessions beside the anchor's own build are surer than any sum, and replace it."""
    (own,) = found(drifted(cost=0.5), Build(cost=0.01), BuildId(name="v1.0", commit="9" * 40))
    assert own.outcome is Outcome.PASS
    assert own.observed == pytest.approx(1.0, abs=0.1)


def test_where_nothing_has_come_since() -> None:
    """The anchor itself, a record that knows of none, and no record have no drift."""
    assert found(anchor()) == []
    assert drift.check(case()) == []
    older = record(format="perfgate.baseline/2", provenance=None, anchor=None)
    assert drift.check(case(held_to=terms(baseline=older))) == []


def test_what_was_accepted_is_told_until_the_anchor_moves() -> None:
    """Law: each concession since the anchor is in every report: who, when, why and how much."""
    other = concession(commit="5" * 40, because="needed", found="It died.", worse_percent={})
    since = anchor().conceding(concession()).conceding(other)
    for base in (BAR, None):
        first, second = found(since, base=base)
        assert first.reason == (
            "111111111111 was accepted all the same by Ann <ann@example.org> on 2026-11-24: "
            '"audit" (cost +8.0 %).'
        )
        assert second.reason.endswith('"needed" (It died).')
        assert {first.outcome, second.outcome} == {Outcome.PASS}


@pytest.mark.parametrize("margin", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_twenty_small_losses_in_a_row(seed: int, margin: float) -> None:
    """Law: of commits 3 % slower each, accepted one by one, the sum fails once it is too much.

    Once it has passed the margin it fails every time; while it is below half of that, never.
    """
    rng = np.random.default_rng(seed)
    since, outcomes = anchor(commit=f"{0:040}"), []
    for number in range(1, 21):
        measured = measurement(
            candidate=BuildId(name="candidate", commit=f"{number:040}"),
            base=BuildId(name="base", commit=f"{number - 1:040}"),
            sessions=slowed(rng.normal(math.log1p(0.03), SESSION_SD, (4, 2))),
        )
        held_to = terms(
            config=config(margins={"drift": margin}),
            baseline=record(commit=f"{number - 1:040}", anchor=since),
            baseline_comparable=True,
        )
        outcomes.append(drift.check(Case(measurement=measured, terms=held_to)))
        step = step_of(measured)
        assert step is not None
        since = since.after(step)
    losses = [1.03**number - 1 for number in range(1, 21)]
    failed = [[own.outcome for own in found] == [Outcome.FAIL] for found in outcomes]
    assert all(failed[sum(loss <= margin for loss in losses) :])
    assert not any(failed[: sum(loss <= margin / 2 for loss in losses)])


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5), st.floats(0.0001, 0.2), st.floats(0.0, 0.3))
def test_more_loss_is_never_better(cost: float, own: float, error: float, more: float) -> None:
    """Law: whatever was lost before, a build that lost more is not judged better for it."""
    less, worse = (
        found(drifted(cost=cost, error=error), Build(cost=own + by))[0] for by in (0.0, more)
    )
    assert less.outcome.severity <= worse.outcome.severity
