"""Laws of the group-sequential decision, by known tables, properties and simulation."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from perfgate.analysis.compare import trimmed_log_ratio
from perfgate.analysis.sequential import (
    Decision,
    Outcome,
    Plan,
    decide,
    nominal_levels,
    obrien_fleming_spending,
    percent,
    power_spending,
    rejected,
    t_multipliers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

untimed = settings(deadline=None)  # the machine may be busy with other work
LOOKS = (4, 6, 8, 10)
RUNS = 10_000
QUARTERS = (0.25, 0.5, 0.75, 1.0)


def make_plan(
    looks: tuple[int, ...] = LOOKS,
    tolerance: float = math.log(1.01),
    margin: float = math.log(1.03),
) -> Plan:
    """Build the plan of the defaults: tolerance 1 %, margin 3 %, alphas .01 and .05."""
    return Plan(looks, fail_alpha=0.01, pass_alpha=0.05, tolerance=tolerance, margin=margin)


def gate(slowdowns: Callable[[int], dict[str, NDArray[np.float64]]], plan: Plan) -> Decision:
    """Run sessions until they decide; ``slowdowns(n)`` gives those of the first n."""
    for look in plan.looks:
        decision = decide(slowdowns(look), plan)
        if decision.outcome is not Outcome.CONTINUE:
            break
    return decision


def rates(decisions: Iterable[Decision]) -> tuple[dict[Outcome, float], float]:
    """Return the share of every outcome and the mean number of sessions."""
    ended = list(decisions)
    outcomes = [decision.outcome for decision in ended]
    shares = {outcome: outcomes.count(outcome) / len(ended) for outcome in Outcome}
    return shares, sum(decision.sessions for decision in ended) / len(ended)


def simulate(
    loss: float, sd: float, *, seed: int, metrics: int = 1, strays: float = 0.0, runs: int = RUNS
) -> tuple[dict[Outcome, float], float]:
    """Run the gate often on normal sessions; a share of ``strays`` has 2.5 times the spread."""
    rng = np.random.default_rng(seed)
    shape = (runs, metrics, LOOKS[-1])
    spread = np.where(rng.random(shape) < strays, 2.5, 1.0)
    sessions = loss + sd * spread / math.sqrt(1 + 5.25 * strays) * rng.normal(size=shape)
    plan = make_plan()
    return rates(
        gate(lambda n, run=run: {str(place): row[:n] for place, row in enumerate(run)}, plan)  # type: ignore[misc]
        for run in sessions
    )


def chance_above(rate: float, runs: int = RUNS) -> float:
    """Return the most that a simulation may tell of a chance of ``rate``: three errors above."""
    return rate + 3 * math.sqrt(rate * (1 - rate) / runs)


def test_levels_reproduce_the_known_four_look_table() -> None:
    """O'Brien-Fleming spending of .05 over four equal looks gives the published levels."""
    expected = (8.858e-5, 0.005544, 0.02190, 0.04270)
    assert nominal_levels(QUARTERS, 0.05, obrien_fleming_spending) == pytest.approx(
        expected, rel=1e-3
    )


def shortcut_multipliers(looks: tuple[int, ...], alpha: float) -> list[float]:
    """Put the nominal levels of the Wiener process through Student's t, as is usual."""
    levels = nominal_levels([n / looks[-1] for n in looks], alpha)
    return [-float(stdtrit(n - 1, level)) for n, level in zip(looks, levels, strict=True)]


def test_shortcut_multipliers_reproduce_the_known_values() -> None:
    """Nominal levels put through Student's t at 4, 6, 8 and 10 sessions give the known bounds."""
    failing, passing = (11.02, 5.57, 4.18, 3.55), (4.93, 3.05, 2.39, 2.02)
    assert shortcut_multipliers(LOOKS, 0.01 / 2) == pytest.approx(failing, rel=0.005)
    assert shortcut_multipliers(LOOKS, 0.05) == pytest.approx(passing, rel=0.005)


@pytest.mark.parametrize("alpha", [0.01 / 2, 0.05])
def test_exact_multipliers_lie_a_little_beyond_the_shortcut(alpha: float) -> None:
    """The first bound is the same; the later ones lie 2 to 5 % further out."""
    exact, shortcut = t_multipliers(LOOKS, alpha), shortcut_multipliers(LOOKS, alpha)
    assert exact[0] == pytest.approx(shortcut[0], rel=1e-9)
    for further, nearer in zip(exact[1:], shortcut[1:], strict=True):
        assert 1.02 <= further / nearer <= 1.05


def test_exact_multipliers_approach_the_shortcut_as_sessions_grow() -> None:
    """With many sessions the estimated spread is as good as known."""
    looks = (20, 40)
    assert t_multipliers(looks, 0.05) == pytest.approx(shortcut_multipliers(looks, 0.05), rel=0.01)


@pytest.mark.parametrize("looks", [LOOKS, (4, 5), (2, 3, 4), (10,)])
@pytest.mark.parametrize("alpha", [0.01 / 2, 0.05])
def test_bounds_miss_the_truth_as_often_as_is_spent(looks: tuple[int, ...], alpha: float) -> None:
    """Up to every look, bounds on few normal sessions miss with just the chance spent."""
    runs = 300_000
    sessions = np.random.default_rng(19).normal(size=(runs, looks[-1]))
    missed = np.zeros(runs, dtype=bool)
    for n, multiplier in zip(looks, t_multipliers(looks, alpha), strict=True):
        seen = sessions[:, :n]
        missed |= seen.mean(axis=1) > multiplier * seen.std(axis=1, ddof=1) / math.sqrt(n)
        spent = power_spending(n / looks[-1], alpha)
        # Beside three errors of the simulation: the multipliers' own accuracy.
        assert missed.mean() == pytest.approx(spent, abs=3 * math.sqrt(spent / runs) + 0.01 * spent)


@pytest.mark.parametrize("spending", [power_spending, obrien_fleming_spending])
def test_a_single_look_spends_everything(spending: Callable[[float, float], float]) -> None:
    """With one look at the end the nominal level is alpha itself."""
    assert nominal_levels([1.0], 0.05, spending) == pytest.approx((0.05,), rel=1e-9)


@pytest.mark.parametrize("information", [QUARTERS, (0.4, 0.6, 0.8, 1.0), (0.1, 0.9, 0.95)])
def test_wiener_process_crosses_as_often_as_is_spent(information: tuple[float, ...]) -> None:
    """Up to every look, a Wiener process has crossed a bound with just the chance spent."""
    alpha, runs = 0.05, 200_000
    steps = np.sqrt(np.diff([0.0, *information]))
    paths = np.cumsum(np.random.default_rng(17).normal(size=(runs, len(steps))) * steps, axis=1)
    levels = nominal_levels(information, alpha)
    bounds = [-NormalDist().inv_cdf(level) for level in levels]
    crossed = np.maximum.accumulate(paths / np.sqrt(information) > bounds, axis=1)
    for share, time in zip(crossed.mean(axis=0), information, strict=True):
        spent = power_spending(time, alpha)
        assert share == pytest.approx(spent, abs=4 * math.sqrt(spent / runs))


informations = st.lists(
    st.integers(min_value=1, max_value=40), min_size=1, max_size=6, unique=True
).map(lambda looks: [look / 40 for look in sorted(looks)])


@untimed
@given(informations, st.floats(min_value=1e-4, max_value=0.4))
def test_a_level_lies_between_what_its_look_and_all_so_far_spend(
    information: list[float], alpha: float
) -> None:
    """No level is below what its own look spends, nor above what all looks so far have spent."""
    spent = [power_spending(time, alpha) for time in information]
    levels = nominal_levels(information, alpha)
    for level, before, after in zip(levels, [0.0, *spent], spent, strict=False):
        assert (after - before) * (1 - 1e-9) <= level <= after * (1 + 1e-9)


@untimed
@given(informations.filter(lambda times: len(times) > 1))
def test_later_looks_do_not_change_earlier_levels(information: list[float]) -> None:
    """A level depends on the looks before it only: what is to come may still be chosen."""
    whole = nominal_levels(information, 0.05)
    assert nominal_levels(information[:-1], 0.05) == pytest.approx(whole[:-1], rel=1e-8)


@pytest.mark.parametrize(
    ("information", "alpha"),
    [([], 0.05), ([0.0, 1.0], 0.05), ([0.5, 0.5], 0.05), ([0.5, 1.1], 0.05), ([1.0], 0.0)],
)
def test_impossible_information_is_refused(information: list[float], alpha: float) -> None:
    """Information that does not ascend within (0, 1] and an alpha of nothing are errors."""
    with pytest.raises(ValueError, match=r"must ascend|lies between"):
        nominal_levels(information, alpha)


@pytest.mark.parametrize("spending", [lambda _, alpha: alpha, lambda t, alpha: 2 * alpha * t])
def test_impossible_spending_is_refused(spending: Callable[[float, float], float]) -> None:
    """Spending that stands still between looks, or exceeds alpha, is an error."""
    with pytest.raises(ValueError, match="spending must grow"):
        nominal_levels([0.5, 1.0], 0.05, spending)


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


@pytest.mark.parametrize("sd", [0.005, 0.0065, 0.015, 0.03])
def test_equal_builds_rarely_fail(sd: float) -> None:
    """Of equal builds, two metrics each, at most 1 % fail at any of these spreads."""
    shares, _ = simulate(0.0, sd, seed=31, metrics=2)
    assert shares[Outcome.FAIL] <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.005, 0.01, 0.015, 0.03, 0.3])
def test_a_loss_at_the_margin_rarely_passes(sd: float) -> None:
    """Of builds just at the margin, at most 5 % pass, however large the spread."""
    runs = 3 * RUNS  # enough to tell 5 % from the 5.5 % of shortcut multipliers
    shares, _ = simulate(math.log(1.03), sd, seed=37, runs=runs)
    assert shares[Outcome.PASS] <= chance_above(0.05, runs)


@pytest.mark.parametrize("metrics", [1, 2])
def test_a_loss_at_the_tolerance_rarely_fails(metrics: int) -> None:
    """Of builds just at the tolerance, at most 1 % fail, even where few can pass."""
    shares, _ = simulate(math.log(1.01), 0.1, seed=43, metrics=metrics)
    assert shares[Outcome.FAIL] <= chance_above(0.01)


def test_five_percent_is_found() -> None:
    """A loss of 5 % at a spread of 1 % fails in at least 99 %."""
    shares, _ = simulate(math.log(1.05), 0.01, seed=47)
    assert shares[Outcome.FAIL] >= 0.99


@pytest.mark.parametrize(
    ("sd", "loss", "fail", "sessions"),
    [
        (0.0050, 0.02, 0.043, 5.1),
        (0.0050, 0.03, 0.990, 4.8),
        (0.0075, 0.03, 0.984, 5.7),
        (0.0100, 0.02, 0.188, 7.0),
        (0.0100, 0.03, 0.960, 6.5),
        (0.0150, 0.00, 0.000, 5.2),
        (0.0150, 0.05, 0.998, 5.7),
        (0.0300, 0.10, 0.999, 5.5),
    ],
)
def test_operating_characteristic(sd: float, loss: float, fail: float, sessions: float) -> None:
    """The published shares of FAIL and mean sessions come out again, with 10 % stray sessions."""
    shares, mean_sessions = simulate(math.log1p(loss), sd, seed=53, strays=0.1)
    # Both sides are simulations of 10,000 runs; the means were published to one digit.
    error = math.sqrt(2 * fail * (1 - fail) / RUNS)
    assert shares[Outcome.FAIL] == pytest.approx(fail, abs=4 * error + 0.0005)
    assert mean_sessions == pytest.approx(sessions, abs=0.2)


@pytest.mark.parametrize(
    ("sd", "loss", "fail"), [(0.015, 0.03, 0.839), (0.03, 0.03, 0.308), (0.03, 0.05, 0.854)]
)
def test_exact_bounds_cost_little_power(sd: float, loss: float, fail: float) -> None:
    """Where noise leaves FAIL in doubt, exact bounds find at most 4 points less than published.

    The published shares are the shortcut's, whose chance of error is a tenth too large.
    """
    shares, _ = simulate(math.log1p(loss), sd, seed=53, strays=0.1)
    assert fail - 0.04 <= shares[Outcome.FAIL] <= fail


def balanced_order(rng: np.random.Generator, pairs: int) -> NDArray[np.float64]:
    """Draw which build comes first in every pair: 1 for the base, two of each in every four."""
    fours = np.tile([1.0, 1.0, -1.0, -1.0], (pairs // 4, 1))
    return rng.permuted(fours, axis=1).ravel()


def base_first(_rng: np.random.Generator, pairs: int) -> NDArray[np.float64]:
    """Let the base always come first, as one should not."""
    return np.ones(pairs)


def planted_session(
    rng: np.random.Generator, order: Callable[[np.random.Generator, int], NDArray[np.float64]]
) -> float:
    """Measure equal builds in 48 pairs while the machine drifts and beats.

    Every block is 0.5 % slower than the one before and every other block 3 % slower; processes
    differ by 0.5 %, blocks by 2 %.
    """
    blocks = 0.005 * np.arange(96) + 0.03 * (np.arange(96) % 2) + rng.normal(0, 0.02, 96)
    first, second = np.exp(blocks.reshape(48, 2)).T
    base_leads = order(rng, 48) > 0
    candidate = np.where(base_leads, second, first) * math.exp(rng.normal(0, 0.005))
    return trimmed_log_ratio(candidate, np.where(base_leads, first, second))


def planted_gates(
    order: Callable[[np.random.Generator, int], NDArray[np.float64]], runs: int
) -> tuple[dict[Outcome, float], float]:
    """Run the gate on planted sessions, measuring no more of them than it asks for."""
    rng = np.random.default_rng(59)
    plan = make_plan()
    decisions = []
    for _ in range(runs):
        measured: list[float] = []

        def sessions(n: int, measured: list[float] = measured) -> dict[str, NDArray[np.float64]]:
            measured.extend(planted_session(rng, order) for _ in range(n - len(measured)))
            return {"capacity": np.array(measured)}

        decisions.append(gate(sessions, plan))
    return rates(decisions)


@pytest.mark.slow
def test_balanced_order_withstands_trend_and_beat() -> None:
    """With order balanced in fours, a trend and a period of two fail at most 2 % equal builds."""
    shares, _ = planted_gates(balanced_order, RUNS)
    assert shares[Outcome.FAIL] <= 0.02
    assert shares[Outcome.PASS] >= 0.95


def test_the_planted_trend_and_beat_are_real() -> None:
    """Were the base always first, the same trend and beat would fail nearly every equal build."""
    shares, _ = planted_gates(base_first, 100)
    assert shares[Outcome.FAIL] >= 0.95


def test_order_of_starts_and_a_beat_over_sessions_are_withstood() -> None:
    """A later start 0.5 % slower, in random order, and a beat of two sessions fail at most 2 %."""
    rng = np.random.default_rng(61)
    shape = (RUNS, LOOKS[-1])
    starts = 0.005 * rng.choice([-1.0, 1.0], size=shape)
    beat = 0.005 * np.where(np.arange(LOOKS[-1]) % 2, 1.0, -1.0)
    sessions = starts + beat + rng.normal(0, 0.006, size=shape)
    plan = make_plan()
    shares, _ = rates(gate(lambda n, row=row: {"cost": row[:n]}, plan) for row in sessions)  # type: ignore[misc]
    assert shares[Outcome.FAIL] <= 0.02


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


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.8])
@pytest.mark.parametrize("losses", [0, 2])
def test_looks_at_many_metrics_err_as_seldom_as_promised(correlation: float, losses: int) -> None:
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
