"""Laws of the group-sequential decision, by properties and examples; its rates stand apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.analysis.sequential import Outcome, Plan, decide, percent, rejected, run_through

if TYPE_CHECKING:
    from numpy.typing import NDArray

untimed = settings(deadline=None)  # the machine may be busy with other work
LOOKS = (4, 6, 8, 10)
RUNS = 10_000


def make_plan(
    looks: tuple[int, ...] = LOOKS,
    tolerance: float = math.log(1.01),
    margin: float = math.log(1.03),
) -> Plan:
    """Build the plan of the defaults: tolerance 1 %, margin 3 %, alphas .01 and .05."""
    return Plan(looks, fail_alpha=0.01, pass_alpha=0.05, tolerance=tolerance, margin=margin)


def chance_above(rate: float, runs: int = RUNS) -> float:
    """Return the most that a simulation may tell of a chance of ``rate``: three errors above."""
    return rate + 3 * math.sqrt(rate * (1 - rate) / runs)


values = st.floats(min_value=-0.2, max_value=0.2)


@st.composite
def slowdowns(draw: st.DrawFn) -> dict[str, NDArray[np.float64]]:
    """Draw the sessions of one to three metrics at one of the looks."""
    n = draw(st.sampled_from(LOOKS))
    names = draw(st.lists(st.text(max_size=4), min_size=1, max_size=3, unique=True))
    rows = st.lists(values, min_size=n, max_size=n)
    return {name: np.array(draw(rows)) for name in names}


@untimed
@given(slowdowns())
def test_bounds_enclose_their_estimate(sessions: dict[str, NDArray[np.float64]]) -> None:
    """An estimate lies within its bounds, is their metric's mean, and has a spread of its own."""
    for name, metric in decide(sessions, make_plan()).metrics.items():
        assert metric.lower <= metric.estimate <= metric.upper
        assert metric.estimate == pytest.approx(sessions[name].mean(), abs=1e-12)
        assert metric.session_sd == pytest.approx(sessions[name].std(ddof=1), abs=1e-12)
        assert metric.detectable >= make_plan().tolerance


@untimed
@given(slowdowns())
def test_the_outcome_follows_from_the_bounds(sessions: dict[str, NDArray[np.float64]]) -> None:
    """PASS if all upper bounds are below the margin, else FAIL if a lower is above tolerance."""
    plan = make_plan()
    decision = decide(sessions, plan)
    metrics = decision.metrics.values()
    if all(metric.upper < plan.margin for metric in metrics):
        expected = Outcome.PASS
    elif any(metric.lower > plan.tolerance for metric in metrics):
        expected = Outcome.FAIL
    else:
        expected = Outcome.INCONCLUSIVE if decision.sessions == LOOKS[-1] else Outcome.CONTINUE
    assert decision.outcome is expected


@untimed
@given(slowdowns())
def test_significant_and_relevant_are_two_questions(
    sessions: dict[str, NDArray[np.float64]],
) -> None:
    """Significant is beyond noise, relevant beyond the margin; nothing relevant ever passes."""
    plan = make_plan()
    decision = decide(sessions, plan)
    for metric in decision.metrics.values():
        assert metric.significant == (metric.lower > 0)
        assert metric.relevant == (metric.estimate > plan.margin)
        assert not (metric.relevant and decision.outcome is Outcome.PASS)


@untimed
@given(slowdowns(), st.floats(min_value=1e-6, max_value=0.2))
def test_a_slower_candidate_never_turns_fail_into_pass(
    sessions: dict[str, NDArray[np.float64]], shift: float
) -> None:
    """Adding the same slowdown to all sessions never makes a failing build pass."""
    shifted = {name: row + shift for name, row in sessions.items()}
    if decide(sessions, make_plan()).outcome is Outcome.FAIL:
        assert decide(shifted, make_plan()).outcome is Outcome.FAIL
    if decide(shifted, make_plan()).outcome is Outcome.PASS:
        assert decide(sessions, make_plan()).outcome is Outcome.PASS


@untimed
@given(slowdowns(), st.integers(min_value=0, max_value=1000))
def test_neither_the_order_of_sessions_nor_of_metrics_matters(
    sessions: dict[str, NDArray[np.float64]], seed: int
) -> None:
    """Shuffled sessions and metrics give the same decision, to the last bit."""
    order = np.random.default_rng(seed).permutation(len(next(iter(sessions.values()))))
    shuffled = {name: sessions[name][order] for name in reversed(sessions)}
    assert decide(shuffled, make_plan()) == decide(sessions, make_plan())


@untimed
@given(
    st.floats(min_value=-0.2, max_value=0.2).filter(lambda x: abs(x - math.log(1.03)) > 1e-6),
    st.sampled_from([0.0, 1e-12, 1e-9]),
    st.lists(st.floats(min_value=-1, max_value=1), min_size=4, max_size=4),
)
def test_without_noise_the_first_look_decides(
    loss: float, scale: float, noise: list[float]
) -> None:
    """As noise goes to zero, a loss fails at once if it is beyond the margin, and else passes."""
    sessions = loss + scale * np.array(noise)
    outcome = decide({"cost": sessions}, make_plan()).outcome
    assert outcome is (Outcome.FAIL if loss > math.log(1.03) else Outcome.PASS)


def test_equal_sessions_have_bounds_at_their_estimate() -> None:
    """Sessions without any spread leave no doubt, and a detectable loss of just the tolerance."""
    metric = decide({"cost": np.full(4, 0.25)}, make_plan()).metrics["cost"]
    assert (metric.lower, metric.upper, metric.session_sd) == (0.25, 0.25, 0.0)
    assert metric.detectable == make_plan().tolerance


@untimed
@given(slowdowns())
def test_failing_is_harder_with_more_metrics(sessions: dict[str, NDArray[np.float64]]) -> None:
    """A further metric lowers every FAIL bound (Bonferroni) and leaves every PASS bound."""
    more = {**sessions, "one more": next(iter(sessions.values()))}
    before = decide(sessions, make_plan()).metrics
    after = decide(more, make_plan()).metrics
    for name, metric in before.items():
        assert after[name].lower <= metric.lower
        assert after[name].upper == metric.upper


def test_one_bad_metric_fails_whatever_the_others_say() -> None:
    """A clear loss of capacity fails though the cost is better than before."""
    wobble = np.array([-0.002, 0.001, 0.002, -0.001])
    sessions = {"cost": wobble - 0.05, "capacity": wobble + 0.1}
    decision = decide(sessions, make_plan())
    assert decision.outcome is Outcome.FAIL
    assert not decision.metrics["cost"].significant
    assert decision.metrics["capacity"].significant
    assert decision.metrics["capacity"].relevant


def test_a_real_loss_below_the_margin_passes() -> None:
    """PASS is checked first: a loss proved to lie between tolerance and margin is no failure."""
    wobble = np.array([-0.0002, 0.0001, 0.0002, -0.0001])
    decision = decide({"cost": wobble + 0.02}, make_plan())
    assert decision.outcome is Outcome.PASS
    assert decision.metrics["cost"].lower > make_plan().tolerance


def test_noise_alone_is_never_a_verdict() -> None:
    """Sessions too noisy to tell ask for more, and at the last look they are inconclusive."""
    noise = np.tile([-0.1, 0.1], 5)
    outcomes = [decide({"cost": noise[:n]}, make_plan()).outcome for n in LOOKS]
    assert outcomes == [Outcome.CONTINUE] * 3 + [Outcome.INCONCLUSIVE]


@pytest.mark.parametrize(
    ("sessions", "words"),
    [
        ({}, "no metrics"),
        ({"cost": np.zeros(5)}, "5 sessions: decisions are tried after 4, 6, 8, 10 only"),
        ({"cost": np.zeros(1)}, "1 sessions"),
        ({"cost": np.zeros(0)}, "0 sessions"),
        ({"cost": np.zeros((4, 1))}, "cost: one finite number"),
        ({"cost": np.array([0.0, 0.0, 0.0, np.nan])}, "cost: one finite number"),
        ({"cost": np.array([0.0, 0.0, 0.0, np.inf])}, "cost: one finite number"),
        ({"cost": np.zeros(4), "capacity": np.zeros(6)}, "'cost': 4, 'capacity': 6"),
    ],
)
def test_sessions_that_cannot_decide_are_refused(
    sessions: dict[str, NDArray[np.float64]], words: str
) -> None:
    """No metrics, a number of sessions that is no look, and ragged or wild values are errors."""
    with pytest.raises(ValueError, match=words):
        decide(sessions, make_plan())


@pytest.mark.parametrize(
    ("looks", "fail_alpha", "tolerance", "margin", "words"),
    [
        ((), 0.01, 0.01, 0.03, "looks"),
        ((4, 4), 0.01, 0.01, 0.03, "looks must ascend"),
        ((6, 4), 0.01, 0.01, 0.03, "looks must ascend"),
        ((1, 4), 0.01, 0.01, 0.03, "fewer than 2"),
        ((4, 6), 0.0, 0.01, 0.03, "fail_alpha lies between"),
        ((4, 6), 0.5, 0.01, 0.03, "fail_alpha lies between"),
        ((4, 6), 0.01, -0.01, 0.03, "tolerance < margin"),
        ((4, 6), 0.01, 0.03, 0.03, "tolerance < margin"),
        ((4, 6), 0.01, 0.01, math.nan, "tolerance < margin"),
        ((4, 6), 0.01, 0.01, math.inf, "tolerance < margin"),
    ],
)
def test_impossible_plans_are_refused(
    looks: tuple[int, ...], fail_alpha: float, tolerance: float, margin: float, words: str
) -> None:
    """A plan without ascending looks, sane alphas and a tolerance below its margin is an error."""
    with pytest.raises(ValueError, match=words):
        Plan(looks, fail_alpha, 0.05, tolerance, margin)


def test_percent_is_the_change_it_stands_for() -> None:
    """A log ratio of log(1.05) is a change of 5 %, none is none, and half as much is -50 %."""
    assert percent(math.log(1.05)) == pytest.approx(5)
    assert percent(0.0) == 0
    assert percent(math.log(0.5)) == pytest.approx(-50)


@pytest.mark.parametrize("sd", [0.005, 0.01, 0.02])
def test_a_detectable_loss_is_found_four_times_in_five(sd: float) -> None:
    """Of builds with just the detectable loss, about 80 % have a lower bound above tolerance."""
    plan = make_plan(looks=(10,))
    rng = np.random.default_rng(23)
    noise = sd * rng.normal(size=(RUNS, 10))
    metrics = [decide({"cost": row}, plan).metrics["cost"] for row in noise]
    loss = float(np.mean([metric.detectable for metric in metrics]))
    found = np.mean([metric.lower + loss > plan.tolerance for metric in metrics])
    assert found == pytest.approx(0.8, abs=0.04)


@untimed
@given(st.integers(min_value=0, max_value=10_000), st.floats(min_value=-0.02, max_value=0.08))
def test_many_gates_go_as_each_alone(seed: int, loss: float) -> None:
    """Law: taken through their looks together, gates end as each does, and after as many sessions.

    Within rounding: alone, sums do not depend on the order of sessions.
    """
    plan = make_plan()
    gates = loss + np.random.default_rng(seed).normal(0, 0.01, size=(8, 2, LOOKS[-1]))
    courses = run_through(gates, plan)
    for gate, passed, failed, ended in zip(
        gates, courses.passed, courses.failed, courses.sessions, strict=True
    ):
        for look in LOOKS:
            alone = decide({"cost": gate[0, :look], "capacity": gate[1, :look]}, plan)
            if alone.outcome is not Outcome.CONTINUE:
                break
        assert alone.sessions == ended
        assert (alone.outcome is Outcome.PASS, alone.outcome is Outcome.FAIL) == (passed, failed)


def test_gates_without_all_their_sessions_are_refused() -> None:
    """Fewer sessions than the last look, or a shape without metrics, is an error."""
    for shape in ((5, 2, 9), (5, 10)):
        with pytest.raises(ValueError, match="no 10 sessions of gates and metrics"):
            run_through(np.zeros(shape), make_plan())


NAMES = ("a", "b", "c", "d", "e")


def ever_rejected(
    runs: NDArray[np.float64], truth: NDArray[np.float64], plan: Plan, limit: float
) -> NDArray[np.bool_]:
    """Return for each run, of shape (names, sessions), which names any look rejects."""
    found = np.zeros(runs.shape[:2], dtype=bool)
    for run, row in zip(runs + truth[:, None], found, strict=True):
        for look in plan.looks:
            seen = dict(zip(NAMES, run[:, :look], strict=True))
            row |= [name in rejected(seen, plan, limit) for name in NAMES]
    return found


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.parametrize(
    ("losses", "correlation"),
    [
        (0, 0.0),
        (2, 0.8),
        pytest.param(0, 0.8, marks=pytest.mark.nightly),
        pytest.param(2, 0.0, marks=pytest.mark.nightly),
    ],
)
def test_looks_at_many_metrics_err_as_seldom_as_promised(losses: int, correlation: float) -> None:
    """Law: of five metrics, any false rejection at any look has at most the chance fail_alpha.

    Whether they are independent or hang together, and whether or not some of them really lost.
    """
    alpha, limit = 0.05, 0.01
    plan = Plan(LOOKS, alpha, 0.05, tolerance=0.0, margin=0.1)
    rng = np.random.default_rng(67)
    shape = (RUNS, len(NAMES), LOOKS[-1])
    common = rng.normal(size=(RUNS, 1, LOOKS[-1]))
    noise = math.sqrt(correlation) * common + math.sqrt(1 - correlation) * rng.normal(size=shape)
    truth = np.where(np.arange(len(NAMES)) < losses, 0.05, limit)
    found = ever_rejected(0.006 * noise, truth, plan, limit)
    false_alarms = found[:, losses:].any(axis=1).mean()
    assert false_alarms <= chance_above(alpha)
    assert found[:, :losses].mean(axis=0).min(initial=1.0) >= 0.9
    if not correlation:
        # Nothing is given away where Bonferroni is sharp.
        assert false_alarms >= 0.8 * alpha


@untimed
@given(slowdowns(), st.floats(min_value=-0.1, max_value=0.1))
def test_rejecting_many_rejects_at_least_what_bonferroni_does(
    sessions: dict[str, NDArray[np.float64]], limit: float
) -> None:
    """Law: what lies beyond the bound that all names share is rejected, and no mean at the limit.

    Where the most certain name is not, none is.
    """
    plan = make_plan(tolerance=max(limit, 0.0), margin=1.0)
    found = rejected(sessions, plan, limit)
    means = {name: float(row.mean()) for name, row in sessions.items()}
    assert all(means[name] > limit - 1e-12 for name in found)
    if limit >= 0:
        evidence = decide(sessions, plan).metrics
        bonferroni = {name for name, own in evidence.items() if own.lower > limit + 1e-12}
        assert bonferroni <= found
        assert bonferroni or not found or min(row.std() for row in sessions.values()) < 1e-9


def test_sessions_without_spread_are_rejected_by_their_mean() -> None:
    """Equal sessions leave no doubt: above the limit rejected, at or below it not."""
    equal = {"above": np.full(4, 0.25), "at": np.full(4, 0.125), "below": np.full(4, 0.0)}
    assert rejected(equal, make_plan(), 0.125) == {"above"}


def test_rejecting_needs_a_look_and_allows_no_names() -> None:
    """Where there is no name none is rejected; sessions that are no look are an error."""
    assert rejected({}, make_plan(), 0.0) == frozenset()
    with pytest.raises(ValueError, match="5 sessions: decisions are tried after 4, 6, 8, 10 only"):
        rejected({"cost": np.zeros(5)}, make_plan(), 0.0)
