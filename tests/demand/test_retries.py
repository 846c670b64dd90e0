"""Where the load of retrying dependents settles, by the laws of the model."""

from __future__ import annotations

from math import inf
from time import process_time
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from ledgers import START, dependent, ledgers

from perfgate.demand.attempts import Callers, callers_of
from perfgate.demand.curve import LoadPoint, MeasuredCurve, RateCurve
from perfgate.demand.demand import demand_on
from perfgate.demand.ledger import Budget, Dependent, Ledger
from perfgate.demand.retries import (
    Regime,
    RetryOutlook,
    backlog_after_stall,
    critical_wait_s,
    drain_s,
    fixed_points,
    retry_outlook,
)

if TYPE_CHECKING:
    from perfgate.demand.curve import FailureCurve

MU_RPS = 200.0
WORSE = {Regime.STABLE: 0, Regime.METASTABLE: 1, Regime.UNSTABLE: 2}
RATIOS = st.floats(0.05, 2)


def callers(book: Ledger, rho: float) -> Callers:
    """Return the callers of a ledger, together at so large a share of the service rate."""
    rates = [row.first_try_rps for row in demand_on(book, START).dependents]
    # Rates so small that their ratios are no numbers say nothing.
    assume(sum(rates) > 1e-3)
    return callers_of(book.dependents, [rate * rho * MU_RPS / sum(rates) for rate in rates])


def outlook(own: Callers, curve: FailureCurve | None = None) -> RetryOutlook:
    """Return the outlook where the service rate is all that is known, or a curve is given."""
    known = curve or RateCurve(MU_RPS)
    return retry_outlook(own, known, mu_slo_rps=MU_RPS, mu_over_rps=MU_RPS)


def alone(first_rps: float, **fields: object) -> Callers:
    """Return one dependent as callers."""
    return callers_of([dependent(**fields)], [first_rps])


def rising(*shares: float) -> MeasuredCurve:
    """Return a curve of points evenly spaced below the service rate."""
    rates = np.linspace(0, MU_RPS, len(shares) + 2)[1:]
    grows = [False] * len(shares) + [True]
    return MeasuredCurve(
        [
            LoadPoint(rate, {1.0: share}, backlog_grows=grown)
            for rate, share, grown in zip(rates.tolist(), [*shares, 1.0], grows, strict=True)
        ]
    )


@given(
    ledgers(), st.floats(0.05, 0.999), st.lists(st.floats(0, 1), min_size=1, max_size=5).map(sorted)
)
def test_a_fixed_point_keeps_itself(book: Ledger, rho: float, shares: list[float]) -> None:
    """Law: below a stable load more is made than is sent, above it less; at a tipping one not."""
    own, curve = callers(book, rho), rising(*shares)
    for point in fixed_points(own, curve):
        hair = 1e-9 * MU_RPS
        loads = np.array([point.load_rps - hair, point.load_rps + hair])
        below, above = own.loads_rps(curve.failed_ratio(loads, own.timeout_s)) - loads
        assert (below > 0) == point.stable or below == pytest.approx(0, abs=hair)
        assert (above > 0) != point.stable or above == pytest.approx(0, abs=hair)


@given(ledgers(), RATIOS, st.lists(st.floats(0, 1), min_size=1, max_size=5).map(sorted))
def test_fixed_points_take_turns(book: Ledger, rho: float, shares: list[float]) -> None:
    """Law: between the first tries and overload stable loads and tipping ones alternate."""
    own, curve = callers(book, rho), rising(*shares)
    found = fixed_points(own, curve)
    loads = [point.load_rps for point in found]
    assert loads == sorted(loads)
    assert all(own.first_try_rps.sum() <= load * (1 + 1e-9) for load in loads)
    assert all(load <= curve.overload_rps for load in loads)
    assert [point.stable for point in found] == [place % 2 == 0 for place in range(len(found))]


@given(ledgers(), RATIOS)
def test_the_regime_follows_from_two_sums(book: Ledger, rho: float) -> None:
    """Law: where only the rate is known, first tries and worst case against it say all."""
    own = callers(book, rho)
    told = outlook(own)
    first, worst = float(own.first_try_rps.sum()), own.load_rps(1.0)
    expected = Regime.METASTABLE if worst > MU_RPS else Regime.STABLE
    assert told.regime is (Regime.UNSTABLE if first >= MU_RPS else expected)
    assert (told.first_try_rps, told.worst_rps) == (first, worst)
    assert told.headroom == pytest.approx(MU_RPS / first)
    assert told.retry_safe_headroom == pytest.approx(MU_RPS / worst)


@given(ledgers(), RATIOS, st.floats(1, 3))
def test_more_load_is_never_better(book: Ledger, rho: float, factor: float) -> None:
    """Law: regime, headrooms and critical stall are monotone in the load."""
    less, more = outlook(callers(book, rho)), outlook(callers(book, rho * factor))
    assert WORSE[less.regime] <= WORSE[more.regime]
    assert less.headroom >= more.headroom
    assert less.critical_wait_s >= more.critical_wait_s
    if more.critical_wait_s == less.critical_wait_s:
        assert less.critical_stall_s >= more.critical_stall_s * (1 - 1e-6)


@given(ledgers(), RATIOS, st.integers(1, 4))
def test_more_attempts_are_never_better(book: Ledger, rho: float, more: int) -> None:
    """Law: regime, retry-safe headroom and critical wait are monotone in attempts."""
    own = callers(book, rho)
    keener = callers_of(
        [one.model_copy(update={"attempts": one.attempts + more}) for one in book.dependents],
        own.first_try_rps.tolist(),
    )
    few, many = outlook(own), outlook(keener)
    assert WORSE[few.regime] <= WORSE[many.regime]
    assert few.retry_safe_headroom >= many.retry_safe_headroom * (1 - 1e-9)
    assert few.critical_wait_s >= many.critical_wait_s


@given(ledgers(), RATIOS)
def test_a_budget_is_never_worse_than_none(book: Ledger, rho: float) -> None:
    """Law: without their budgets the dependents are in the same regime or a worse one."""
    own = callers(book, rho)
    bare = [one.model_copy(update={"budget": Budget(kind="none")}) for one in book.dependents]
    unlimited = outlook(callers_of(bare, own.first_try_rps.tolist()))
    assert WORSE[outlook(own).regime] <= WORSE[unlimited.regime]


@pytest.mark.parametrize(
    ("first_rps", "attempts", "expected"),
    [
        (48.0, 3, (Regime.METASTABLE, 48.0, 132.0, 144.0)),
        (36.0, 3, (Regime.STABLE, 36.0, None, None)),
        (140.0, 3, (Regime.UNSTABLE, None, None, 420.0)),
        (120.0, 1, (Regime.STABLE, 120.0, None, None)),
    ],
)
def test_the_measured_service(
    first_rps: float, attempts: int, expected: tuple[object, ...]
) -> None:
    """A slow build with 132/s at 48/s of three attempts tips at 132/s and then gets 144/s."""
    own = alone(first_rps, attempts=attempts)
    told = retry_outlook(own, RateCurve(132.0), mu_slo_rps=120.0, mu_over_rps=132.0)
    found = (told.regime, told.low_rps, told.tipping_rps, told.high_rps)
    assert found == tuple(part and pytest.approx(part) for part in expected)


def test_failures_below_overload_can_keep_themselves() -> None:
    """A curve that rises before overload has roots of its own: low, tipping and high."""
    budget = Budget(kind="per_request", ratio=0.5)
    own = alone(110.0, attempts=3, budget=budget)
    told = outlook(own, rising(0.0, 0.0, 0.0, 0.0, 0.9))
    assert [point.stable for point in told.fixed_points] == [True, False, True]
    assert told.regime is Regime.METASTABLE
    assert told.high_rps == pytest.approx(165.0)
    assert told.retry_safe_headroom > 1
    assert told.critical_stall_s == inf


def test_a_service_that_is_slow_under_overload_keeps_its_backlog() -> None:
    """What counts against the worst case is the rate under overload, not the one before it."""
    own = alone(60.0, attempts=3)
    outlooks = [
        retry_outlook(own, RateCurve(MU_RPS), mu_slo_rps=MU_RPS, mu_over_rps=mu_over)
        for mu_over in (190.0, 170.0)
    ]
    assert [told.regime for told in outlooks] == [Regime.STABLE, Regime.METASTABLE]
    assert outlooks[1].tipping_rps == MU_RPS


def test_who_sends_nothing_has_all_the_room() -> None:
    """Without demand the headrooms are without limit, and nothing tips."""
    told = outlook(alone(0.0, attempts=3))
    assert (told.regime, told.headroom, told.retry_safe_headroom) == (Regime.STABLE, inf, inf)
    assert (told.critical_wait_s, told.critical_stall_s) == (inf, inf)


@given(st.floats(0.35, 0.99), st.floats(0.1, 10))
def test_the_critical_stall_of_one_dependent(rho: float, timeout_s: float) -> None:
    """Law: it is T (1 + mu / lambda) / 2, however many more attempts there are than needed."""
    expected = timeout_s * (1 + 1 / rho) / 2
    for attempts in (4, 9):
        told = outlook(alone(rho * MU_RPS, attempts=attempts, timeout_s=timeout_s))
        assert told.critical_stall_s == pytest.approx(expected, rel=1e-6)


def test_the_critical_wait_is_the_timeout_of_the_one_too_many() -> None:
    """Two hasty dependents are served though they fail; the third, with 2 s, is too many."""
    ones = [
        dependent(attempts=2, timeout_s=timeout_s, name=str(timeout_s))
        for timeout_s in (5.0, 2.0, 0.5, 1.0)
    ]
    own = callers_of(ones, [20.0, 40.0, 30.0, 30.0])
    assert critical_wait_s(own, 200.0) == 2.0
    assert [critical_wait_s(own, rate) for rate in (119.0, 150.0, 230.0, 240.0)] == [
        0.0,
        1.0,
        5.0,
        inf,
    ]


def test_a_stall_leaves_every_attempt_that_was_due() -> None:
    """After 2.5 timeouts calls of 2.5 have tried once, of 1.5 twice and of 0.5 thrice."""
    assert backlog_after_stall(alone(100.0, attempts=5), 2.5) == pytest.approx(450.0)
    assert backlog_after_stall(alone(100.0, attempts=2), 2.5) == pytest.approx(400.0)


@pytest.mark.parametrize(("ratio", "left"), [(0.2, 450.0), (0.02, 250.0 + 3.0 + 20.0)])
def test_a_stall_finds_what_a_budget_has_saved_up(ratio: float, left: float) -> None:
    """On top of its share a budget allows what ten calm seconds earned, if calls can use it."""
    budget = Budget(kind="per_request", ratio=ratio)
    own = alone(100.0, attempts=5, budget=budget)
    assert backlog_after_stall(own, 2.5) == pytest.approx(left)


def test_a_backlog_drains_at_what_is_left_over() -> None:
    """Of a wait of 3 s, 2 s pass while all fail, at 200 - 150, and 1 s while none does."""
    own = alone(50.0, attempts=3)
    assert drain_s(own, 200.0, 600.0) == pytest.approx(400 / 50 + 200 / 150)
    assert drain_s(own, 200.0, 100.0) == pytest.approx(100 / 150)
    assert drain_s(own, 149.0, 600.0) == inf
    assert drain_s(own, 149.0, 100.0) == pytest.approx(100 / 99)
    assert drain_s(own, 200.0, 0.0) == 0.0


def test_the_cost_grows_with_the_dependents_alone() -> None:
    """Eight times as many dependents take nowhere near sixty-four times as long."""

    def seconds(count: int) -> float:
        ones: list[Dependent] = [
            dependent(name=f"d{n}", attempts=3, timeout_s=1 + n / count) for n in range(count)
        ]
        times = []
        for _ in range(3):
            began = process_time()
            outlook(callers_of(ones, [0.4 * MU_RPS / count] * count))
            times.append(process_time() - began)
        return min(times)

    assert seconds(8000) < 24 * seconds(1000)
