"""What the formulas say of retries is what the simulator, which knows none of them, shows."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ledgers import dependent

from perfgate.demand.attempts import callers_of
from perfgate.demand.curve import RateCurve
from perfgate.demand.ledger import Backoff, Budget, Dependent
from perfgate.demand.retries import (
    Regime,
    RetryOutlook,
    backlog_after_stall,
    drain_s,
    retry_outlook,
)
from perfgate.demand.simulator import Service, Trace, Upset, simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from _pytest.mark import ParameterSet

pytestmark = [pytest.mark.long, pytest.mark.no_cover]

NONE = Budget(kind="none")
AT_ONCE = Backoff(kind="none")
SPREAD = Backoff(kind="exponential", base_s=0.05, max_s=0.5, jitter="full")


def night(*values: object) -> ParameterSet:
    """Return a case that is like the others, and tried by night only."""
    return pytest.param(*values, marks=pytest.mark.nightly)


def outlook(ones: Sequence[Dependent], rates: Sequence[float], mu_rps: float) -> RetryOutlook:
    """Return what the formulas say where nothing but the service rate is known."""
    curve = RateCurve(mu_rps)
    return retry_outlook(callers_of(ones, rates), curve, mu_slo_rps=mu_rps, mu_over_rps=mu_rps)


def answered(trace: Trace, windows: slice) -> bool:
    """Tell whether at least four calls in five are answered in some windows."""
    return bool(trace.goodput_rps[windows].sum() > 0.8 * trace.first_tries_rps[windows].sum())


def highest(holds: Callable[[float], bool], low: float, high: float, near: float) -> float:
    """Return the largest figure that holds, where it does below and does not above, by halving."""
    assert holds(low)
    assert not holds(high)
    while high > low * (1 + near):
        middle = sqrt(low * high)
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


@pytest.mark.parametrize(
    ("attempts", "upstream", "budget", "backoff", "stall_s"),
    [
        (1, 1, NONE, AT_ONCE, 1.0),
        (2, 1, NONE, AT_ONCE, 1.5),
        night(3, 1, NONE, AT_ONCE, 1.5),
        night(3, 1, NONE, SPREAD, 1.5),
        night(5, 1, NONE, AT_ONCE, 2.0),
        (2, 2, NONE, AT_ONCE, 2.0),
        (3, 1, Budget(kind="per_request", ratio=0.2), SPREAD, 1.0),
        night(3, 1, Budget(kind="per_request", ratio=0.1, min_rps=20, clients=10), AT_ONCE, 1.0),
        night(3, 2, Budget(kind="per_request", ratio=0.2), AT_ONCE, 1.5),
        (3, 1, Budget(kind="per_success", ratio=0.1), SPREAD, 1.0),
        (3, 1, Budget(kind="per_success", ratio=0.4), AT_ONCE, 1.0),
        (3, 1, Budget(kind="concurrency", ratio=0.2), AT_ONCE, 1.0),
        (3, 1, Budget(kind="concurrency", ratio=0.5), SPREAD, 1.0),
    ],
)
def test_the_largest_utilisation_that_recovers(
    attempts: int, upstream: int, budget: Budget, backoff: Backoff, stall_s: float
) -> None:
    """A stall is recovered from up to the utilisation that is called stable, within 3 %."""
    mu_rps = 800.0
    one = dependent(
        attempts=attempts,
        upstream_attempts=upstream,
        budget=budget,
        backoff=backoff,
        timeout_s=0.5,
    )

    def recovers(rho: float) -> bool:
        upset = Upset(2.0, stall_s, stalls=True)
        trace = simulate(Service(mu_rps), [one], [rho * mu_rps], upset, seconds=80, seed=5)
        return answered(trace, slice(-5, None))

    def stable(rho: float) -> bool:
        return outlook([one], [rho * mu_rps], mu_rps).regime is Regime.STABLE

    expected = highest(stable, 0.1, 1.2, 1e-6)
    assert highest(recovers, 0.1, 1.2, 0.005) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    "callers",
    [
        [(2, 1.0, 0.7)],
        night([(3, 1.0, 0.4)]),
        [(3, 1.0, 0.6)],
        night([(3, 1.0, 0.9)]),
        night([(5, 1.0, 0.25)]),
        [(8, 1.0, 0.14)],
        [(3, 0.5, 0.3), (2, 2.0, 0.4)],
        night([(2, 0.5, 0.3), (2, 1.0, 0.3), (3, 1.5, 0.1)]),
        [(4, 0.5, 0.3), (1, 60.0, 0.4)],
    ],
)
def test_the_critical_stall(callers: list[tuple[int, float, float]]) -> None:
    """The longest stall that is recovered from is the critical one, within 10 %.

    Callers are given as attempts, timeout in seconds, and share of the service rate.
    """
    mu_rps = 1600.0
    ones = [dependent(attempts=attempts, timeout_s=wait_s) for attempts, wait_s, _ in callers]
    rates = [rho * mu_rps for _, _, rho in callers]

    def recovers(stall_s: float) -> bool:
        upset = Upset(2.0, stall_s, stalls=True)
        trace = simulate(Service(mu_rps), ones, rates, upset, seconds=32, seed=3)
        return bool(trace.waiting[-1] < mu_rps / 10)

    expected = outlook(ones, rates, mu_rps).critical_stall_s
    assert highest(recovers, 0.3, 8.0, 0.01) == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("attempts", "rho"), [(1, 0.7), (2, 0.4), (3, 0.25)])
def test_a_backlog_drains_in_the_time_that_is_told(attempts: int, rho: float) -> None:
    """From a backlog in the middle of its decline to none it takes so long, within a fifth."""
    mu_rps = 800.0
    one = dependent(attempts=attempts, timeout_s=1.0)
    upset = Upset(5.0, 8.0, stalls=True)
    trace = simulate(Service(mu_rps), [one], [rho * mu_rps], upset, seconds=80, seed=2)
    # By then every call that fails is retried as often as it will be.
    settled = int(upset.at_s + upset.seconds + attempts)
    served_off = settled + int(np.argmax(trace.waiting[settled:] < mu_rps / 50))
    callers = callers_of([one], [rho * mu_rps])
    expected_s = drain_s(callers, mu_rps, float(trace.waiting[settled]))
    assert served_off - settled == pytest.approx(expected_s, rel=0.2, abs=1.5)


@pytest.mark.parametrize(
    ("budget", "mu_rps"),
    [
        (NONE, 400.0),
        (Budget(kind="per_success", ratio=0.1, clients=50), 150.0),
        (Budget(kind="per_request", ratio=0.2), 150.0),
        (Budget(kind="concurrency", ratio=0.3), 200.0),
    ],
)
def test_a_stall_is_over_in_the_time_that_is_told(budget: Budget, mu_rps: float) -> None:
    """From its end on the backlog is gone no later than is told, whatever budgets had saved up."""
    one = dependent(attempts=3, timeout_s=1.0, budget=budget)
    callers = callers_of([one], [100.0])
    upset = Upset(20.0, 5.0, stalls=True)
    trace = simulate(Service(mu_rps), [one], [100.0], upset, seconds=120, seed=3)
    ended = int(upset.at_s + upset.seconds)
    served_off = int(np.argmax(trace.waiting[ended:] < mu_rps / 50))
    told_s = drain_s(callers, mu_rps, backlog_after_stall(callers, upset.seconds))
    assert 0.5 * told_s - 1.5 < served_off < 1.1 * told_s + 1.5


@pytest.mark.parametrize("count", [40, night(200)])
def test_the_regime_of_random_ledgers(count: int) -> None:
    """Of ledgers at least 95 % are of the regime that shows; the others are at a border."""
    others = [both for both in map(_both, range(count)) if both[0].regime is not both[1]]
    assert len(others) <= count / 20
    for told, shown in others:
        distance = min(abs(told.headroom - 1), abs(told.retry_safe_headroom - 1))
        assert distance < 0.05, (told, shown)


def _both(seed: int) -> tuple[RetryOutlook, Regime]:
    rng = np.random.default_rng(seed)
    mu_rps = 400.0
    ones = [_random(rng) for _ in range(int(rng.integers(1, 4)))]
    rates = rng.dirichlet(np.ones(len(ones))) * rng.uniform(0.15, 1.15) * mu_rps
    told = outlook(ones, rates.tolist(), mu_rps)
    return told, _shown(ones, rates.tolist(), Service(mu_rps, servers=4), seed)


def _shown(
    ones: Sequence[Dependent], rates: Sequence[float], service: Service, seed: int
) -> Regime:
    """Return what 15 s without an upset show, and what 90 s after a long stall do.

    Budgets that were saved up make the backlog larger than it would be, and it takes its time.
    """
    stall = Upset(15.0, 5 * max(one.timeout_s for one in ones), stalls=True)
    calm = simulate(service, ones, rates, stall, seconds=stall.at_s, seed=seed)
    if not answered(calm, slice(10, None)):
        return Regime.UNSTABLE
    seconds = stall.at_s + stall.seconds + 90
    trace = simulate(service, ones, rates, stall, seconds=seconds, seed=seed)
    return Regime.STABLE if answered(trace, slice(-4, None)) else Regime.METASTABLE


def _random(rng: np.random.Generator) -> Dependent:
    """Return a dependent of up to five attempts in all, with any budget."""
    upstream = int(rng.choice([1, 1, 1, 2]))
    return dependent(
        attempts=int(rng.integers(1, 6 if upstream == 1 else 3)),
        upstream_attempts=upstream,
        timeout_s=float(rng.uniform(0.25, 0.4)),
        budget=_random_budget(rng),
        backoff=SPREAD if rng.random() < 0.5 else AT_ONCE,
    )


def _random_budget(rng: np.random.Generator) -> Budget:
    ratio, floor_rps = float(rng.uniform(0.05, 0.5)), float(rng.choice([0, rng.uniform(0, 20)]))
    return [
        NONE,
        NONE,
        Budget(kind="per_request", ratio=ratio, min_rps=floor_rps),
        Budget(kind="per_success", ratio=ratio),
        Budget(kind="concurrency", ratio=ratio),
    ][rng.integers(5)]
