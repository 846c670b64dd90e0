"""How often the decision errs, and how often it finds a loss: 10,000 simulated gates for each.

Gates are simulated with the code that decides. A session is the trimmed mean of its pairs where
it matters what happens inside one, else a normal figure.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest

from perfgate.analysis.capacity import BOUNDS_LEVEL, margin_in_force
from perfgate.analysis.compare import rate_interval, trimmed_log_ratio
from perfgate.analysis.resolution import looks_up_to
from perfgate.analysis.sequential import Courses, Outcome, Plan, decide, run_through
from perfgate.load.schedule import balanced_turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

RUNS = 10_000
PUBLISHED_LOOKS = (4, 6, 8, 10)
TOLERANCE, MARGIN = math.log(1.01), math.log(1.03)


def make_plan(sessions: int = 10, tolerance: float = TOLERANCE, margin: float = MARGIN) -> Plan:
    """Build the plan of the defaults for a budget of so many sessions."""
    return Plan(looks_up_to(sessions), 0.01, 0.05, tolerance=tolerance, margin=margin)


def published_plan() -> Plan:
    """Build the plan that the published figures are of."""
    return Plan(PUBLISHED_LOOKS, 0.01, 0.05, tolerance=TOLERANCE, margin=MARGIN, rho=2.0)


def sessions_of(
    sd: float, *, seed: int, metrics: int = 1, strays: float = 0.0, runs: int = RUNS, n: int = 10
) -> NDArray[np.float64]:
    """Draw the sessions of equal builds, shape (runs, metrics, n), with this sd over all.

    A share of ``strays`` has 2.5 times the spread of the others.
    """
    rng = np.random.default_rng(seed)
    shape = (runs, metrics, n)
    spread = np.where(rng.random(shape) < strays, 2.5, 1.0)
    return sd * spread / math.sqrt(1 + 5.25 * strays) * rng.normal(size=shape)


def shares_of(courses: Courses) -> tuple[float, float, float]:
    """Return the shares that fail and pass, and the mean number of sessions."""
    failed, passed = float(courses.failed.mean()), float(courses.passed.mean())
    return failed, passed, float(courses.sessions.mean())


def chance_above(rate: float, runs: int = RUNS) -> float:
    """Return the most that a simulation may tell of a chance of ``rate``: three errors above."""
    return rate + 3 * math.sqrt(rate * (1 - rate) / runs)


@pytest.mark.parametrize("sessions", [5, 10, 25])
@pytest.mark.parametrize("sd", [0.005, 0.0065, 0.015, 0.03])
def test_equal_builds_rarely_fail(sd: float, sessions: int) -> None:
    """Law: of equal builds, two metrics each, at most 1 % fail, whatever spread and budget."""
    noise = sessions_of(sd, seed=31, metrics=2, n=sessions)
    assert shares_of(run_through(noise, make_plan(sessions)))[0] <= 0.01


@pytest.mark.parametrize("sessions", [4, 5, 10, 25])
@pytest.mark.parametrize("sd", [0.002, 0.005, 0.01, 0.015, 0.03, 0.3])
def test_a_loss_at_the_margin_rarely_passes(sd: float, sessions: int) -> None:
    """Law: of builds just at the margin, at most 5 % pass, whatever spread and budget."""
    runs = 3 * RUNS  # enough to tell 5 % from the 5.5 % of shortcut multipliers
    noise = sessions_of(sd, seed=37, runs=runs, n=sessions)
    assert shares_of(run_through(MARGIN + noise, make_plan(sessions)))[1] <= chance_above(
        0.05, runs
    )


@pytest.mark.parametrize("sessions", [5, 10, 25])
@pytest.mark.parametrize("metrics", [1, 2])
def test_a_loss_at_the_tolerance_rarely_fails(metrics: int, sessions: int) -> None:
    """Law: of builds just at the tolerance, at most 1 % fail, even where few can pass."""
    noise = sessions_of(0.1, seed=43, metrics=metrics, n=sessions)
    assert shares_of(run_through(TOLERANCE + noise, make_plan(sessions)))[0] <= chance_above(0.01)


@pytest.mark.parametrize(
    ("sessions", "loss", "found"),
    [(5, 0.05, 0.98), (10, 0.05, 0.999), (10, 0.03, 0.95), (20, 0.03, 0.98), (4, 0.10, 0.99)],
)
@pytest.mark.parametrize("sd", [0.006, 0.0065])
def test_losses_are_found_within_the_budget(
    sessions: int, loss: float, found: float, sd: float
) -> None:
    """A loss of one of two metrics fails with this chance at the spread of a quiet machine."""
    slowdowns = sessions_of(sd, seed=47, metrics=2, strays=0.1, n=sessions)
    slowdowns[:, 0] += math.log1p(loss)
    assert shares_of(run_through(slowdowns, make_plan(sessions)))[0] >= found


@pytest.mark.parametrize(("loss", "after", "found"), [(0.05, 5, 0.95), (0.10, 4, 0.99)])
@pytest.mark.parametrize("sd", [0.006, 0.0065])
def test_large_losses_are_found_soon(loss: float, after: int, found: float, sd: float) -> None:
    """With the looks of ten sessions, a large loss needs few of them."""
    slowdowns = sessions_of(sd, seed=47, metrics=2, strays=0.1)
    slowdowns[:, 0] += math.log1p(loss)
    courses = run_through(slowdowns, make_plan())
    assert (courses.failed & (courses.sessions <= after)).mean() >= found


@pytest.mark.parametrize("sd", [0.006, 0.0065])
def test_equal_builds_pass_soon(sd: float) -> None:
    """Equal builds on a quiet machine pass, and most of them at the first look."""
    noise = sessions_of(sd, seed=61, metrics=2, strays=0.1)
    failed, passed, sessions = shares_of(run_through(noise, make_plan()))
    assert failed <= 0.0005
    assert passed >= 0.995
    assert sessions <= 4.2


@pytest.mark.parametrize("sd", [0.006, 0.0065])
def test_one_percent_is_found_in_five_minutes(sd: float) -> None:
    """With a margin of 1 % and 25 sessions, 1 % is found by four in five; A/A hardly fails."""
    plan = make_plan(25, tolerance=math.log(1.0025), margin=math.log(1.01))
    noise = sessions_of(sd, seed=71, metrics=2, strays=0.1, n=25)
    loss = noise.copy()
    loss[:, 0] += math.log(1.01)
    assert shares_of(run_through(loss, plan))[0] >= 0.8
    assert shares_of(run_through(noise, plan))[0] <= 0.01


@pytest.mark.parametrize("sd", [0.2, 0.6, 3.0])
def test_noise_alone_is_undecided_at_one_look(sd: float) -> None:
    """Law: with a budget of one look, noise far above the margin is inconclusive.

    Four wild sessions that happen to agree can pass: less often than a loss at the margin may.
    """
    noise = sessions_of(sd, seed=73, metrics=2, n=4)
    failed, passed, _ = shares_of(run_through(noise, make_plan(4)))
    assert failed <= 0.01
    assert passed <= 0.01
    wild = np.tile([-sd, sd], 2)
    assert decide({"cost": wild, "capacity": wild}, make_plan(4)).outcome is Outcome.INCONCLUSIVE


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
def test_published_characteristic(sd: float, loss: float, fail: float, sessions: float) -> None:
    """The published shares of FAIL and mean sessions come out again, with 10 % stray sessions."""
    noise = sessions_of(sd, seed=53, strays=0.1)
    failed, _, mean_sessions = shares_of(run_through(math.log1p(loss) + noise, published_plan()))
    # Both sides are simulations of 10,000 runs; the means were published to one digit.
    error = math.sqrt(2 * fail * (1 - fail) / RUNS)
    assert failed == pytest.approx(fail, abs=4 * error + 0.0005)
    assert mean_sessions == pytest.approx(sessions, abs=0.2)


@pytest.mark.parametrize(
    ("sd", "loss", "fail"), [(0.015, 0.03, 0.839), (0.03, 0.03, 0.308), (0.03, 0.05, 0.854)]
)
def test_exact_bounds_cost_little_power(sd: float, loss: float, fail: float) -> None:
    """Where noise leaves FAIL in doubt, exact bounds find at most 4 points less than published.

    The published shares are the shortcut's, whose chance of error is a tenth too large.
    """
    noise = sessions_of(sd, seed=53, strays=0.1)
    failed = shares_of(run_through(math.log1p(loss) + noise, published_plan()))[0]
    assert fail - 0.04 <= failed <= fail


PAIRS = 48


def balanced(pairs: int, seed: int) -> list[bool]:
    """Return the order that builds take turns in."""
    return list(islice(balanced_turns(seed), pairs))


def base_first(pairs: int, _seed: int) -> list[bool]:
    """Let the base always come first, as one should not."""
    return [False] * pairs


def planted(
    order: Callable[[int, int], list[bool]], *, trend: float, beat: float, runs: int
) -> NDArray[np.float64]:
    """Measure equal builds, shape (runs, 1, sessions), while the machine drifts and beats.

    Each pair is slower than the one before by ``trend``, each second batch than the first by half
    of that and by ``beat``: a period of two. Processes differ by 0.5 %, batches by 2 %.
    """
    rng = np.random.default_rng(59)
    times = 0.5 * trend * np.arange(2 * PAIRS) + beat * (np.arange(2 * PAIRS) % 2)
    figures = []
    for seed in range(runs * make_plan().looks[-1]):
        batches = np.exp(times + rng.normal(0, 0.02, 2 * PAIRS)).reshape(PAIRS, 2)
        candidate_first = np.array(order(PAIRS, seed))
        candidate = np.where(candidate_first, batches[:, 0], batches[:, 1])
        base = np.where(candidate_first, batches[:, 1], batches[:, 0])
        figures.append(trimmed_log_ratio(candidate, base) + rng.normal(0, 0.005))
    return np.array(figures).reshape(runs, 1, -1)


@pytest.mark.long
@pytest.mark.no_cover
def test_balanced_turns_withstand_trend_and_beat() -> None:
    """Law: a trend of 0.5 % a pair with a period of two fail at most 1 % of equal builds.

    In the balanced order that sessions are measured in, each moves half of all pairs one way and
    half the other: they widen a session's pairs, and leave its figure where it was.
    """
    sessions = planted(balanced, trend=0.005, beat=0.03, runs=RUNS)
    failed, passed, _ = shares_of(run_through(sessions, make_plan()))
    assert failed <= 0.01
    assert passed >= 0.95


def test_the_planted_beat_is_real() -> None:
    """Were the base always first, the same trend and beat would fail nearly every equal build."""
    sessions = planted(base_first, trend=0.005, beat=0.03, runs=100)
    assert shares_of(run_through(sessions, make_plan()))[0] >= 0.95


def test_a_drift_over_sessions_is_withstood() -> None:
    """Law: a later start 0.5 % slower, in random order, and a beat of two sessions are no loss."""
    rng = np.random.default_rng(61)
    noise = sessions_of(0.006, seed=61)
    starts = 0.005 * rng.choice([-1.0, 1.0], size=noise.shape)
    beat = 0.005 * np.where(np.arange(noise.shape[2]) % 2, 1.0, -1.0)
    assert shares_of(run_through(noise + starts + beat, make_plan()))[0] <= 0.01


def thin_gates(loss: float, room: float, rate_sd: float, runs: int) -> dict[Outcome, float]:
    """Run gates whose margin is what the headroom leaves, as estimated from the same sessions.

    The base's rate lies above the required one by ``room`` (log); from session to session it
    differs by ``rate_sd``, of which the builds share all but 0.5 %. A slow base of a session makes
    the candidate look good there, and the headroom thin.
    """
    plan = make_plan()
    rng = np.random.default_rng(67)
    shape = (runs, plan.looks[-1])
    machine, base = rng.normal(0, rate_sd, shape), rng.normal(0, 0.005, shape)
    slowdowns = loss + base + rng.normal(0, 0.005, shape)
    rates_rps = np.exp(room + machine + base)
    ended = [_thin_gate(plan, own, rates) for own, rates in zip(slowdowns, rates_rps, strict=True)]
    return {outcome: ended.count(outcome) / runs for outcome in Outcome}


def _thin_gate(
    plan: Plan, slowdowns: NDArray[np.float64], rates_rps: NDArray[np.float64]
) -> Outcome:
    for look in plan.looks:
        base_rps = rate_interval(rates_rps[:look], BOUNDS_LEVEL).estimate
        margin = margin_in_force(plan.margin, plan.tolerance, base_rps, required_rps=1.0)
        outcome = decide({"capacity": slowdowns[:look]}, replace(plan, margin=margin)).outcome
        if outcome is not Outcome.CONTINUE:
            break
    return outcome


@pytest.mark.long
@pytest.mark.no_cover
@pytest.mark.parametrize("rate_sd", [0.0, 0.02, 0.1])
@pytest.mark.parametrize("room", [0.0, 0.02, 0.04])
def test_a_margin_from_the_same_sessions_lifts_no_error_rate(room: float, rate_sd: float) -> None:
    """Law: where the headroom sets the margin, no more equal builds fail, no more losses pass."""
    assert thin_gates(0.0, room, rate_sd, RUNS)[Outcome.FAIL] <= chance_above(0.01)
    assert thin_gates(MARGIN, room, rate_sd, RUNS)[Outcome.PASS] <= chance_above(0.05)
