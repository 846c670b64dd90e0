"""The simulator does what queues and callers do; the formulas are held against it elsewhere."""

from __future__ import annotations

from dataclasses import fields
from math import inf, log
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledgers import START, budgets, dependent, ledger

from perfgate.demand.attempts import callers_of
from perfgate.demand.budgets import kept_budget
from perfgate.demand.demand import demand_on
from perfgate.demand.ledger import Backoff, Budget, Dependent
from perfgate.demand.retries import backlog_after_stall
from perfgate.demand.simulator import Service, Trace, Upset, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence

MU_RPS = 200.0
CALM = Upset(at_s=0.0, seconds=0.0)
STALL = Upset(at_s=5.0, seconds=3.0, stalls=True)
few = settings(max_examples=20)


def played(
    ones: Sequence[Dependent] | None = None, rho: float = 0.5, upset: Upset = CALM, **scene: Any
) -> Trace:
    """Return what happens to some dependents, together at so large a share of the service rate."""
    own = ones or [dependent(attempts=3)]
    service = scene.pop("service", Service(MU_RPS))
    rates = [rho * MU_RPS / len(own)] * len(own)
    return simulate(service, own, rates, upset, **({"seconds": 30, "seed": 1} | scene))


def same(one: Trace, other: Trace) -> bool:
    """Tell whether two traces are equal in all figures."""
    return all(
        np.array_equal(getattr(one, own.name), getattr(other, own.name)) for own in fields(Trace)
    )


def test_a_seed_decides_everything() -> None:
    """The same seed gives the same trace, another one another."""
    assert same(played(upset=STALL), played(upset=STALL))
    assert not same(played(upset=STALL), played(upset=STALL, seed=2))


@few
@given(budgets(), st.integers(1, 4), st.integers(1, 2), st.floats(0.1, 1.2))
def test_every_attempt_has_its_call(
    budget: Budget, attempts: int, upstream: int, rho: float
) -> None:
    """Law: attempts are no fewer than calls and at most m u of them; answers never exceed calls."""
    one = dependent(attempts=attempts, upstream_attempts=upstream, budget=budget)
    trace = played([one], rho, STALL)
    calls, sent, good = (
        own.cumsum() for own in (trace.first_tries_rps, trace.attempts_rps, trace.goodput_rps)
    )
    assert (calls <= sent).all()
    assert (sent <= calls * attempts * upstream).all()
    assert (good <= calls).all()
    assert (trace.waiting >= 0).all()


def test_windows_are_as_asked_for() -> None:
    """The last window ends with the run, and rates are per second whatever the window."""
    coarse, fine = played(window_s=2.0), played(window_s=0.25)
    assert (len(coarse.end_s), coarse.end_s[-1]) == (15, 30.0)
    assert (len(fine.end_s), fine.end_s[-1]) == (120, 30.0)
    assert coarse.attempts_rps.mean() == pytest.approx(fine.attempts_rps.mean())


@pytest.mark.parametrize("rho", [0.6, 0.8, 0.9])
def test_an_undisturbed_queue_is_as_long_as_theory_says(rho: float) -> None:
    """With one server and no retries rho^2 / (1 - rho) attempts wait on average (M/M/1)."""
    patient = dependent(attempts=1, timeout_s=1e6)
    trace = played([patient], rho, service=Service(MU_RPS, servers=1), seconds=600, window_s=0.1)
    assert trace.waiting.mean() == pytest.approx(rho**2 / (1 - rho), rel=0.2)


def test_a_saturated_service_completes_its_rate() -> None:
    """While more comes than can be served, as many calls are answered as it can serve."""
    patient = dependent(attempts=1, timeout_s=1e6)
    trace = played([patient], 1.5, seconds=60)
    assert trace.goodput_rps[5:].mean() == pytest.approx(MU_RPS, rel=0.02)
    assert np.diff(trace.waiting)[5:].mean() == pytest.approx(0.5 * MU_RPS, rel=0.1)


def test_nothing_is_answered_during_a_stall_and_all_waits() -> None:
    """A stall answers nobody, and leaves the attempts that were due."""
    ones = [dependent(attempts=3, timeout_s=0.8), dependent(attempts=2, timeout_s=2.0)]
    trace = played(ones, 0.9, STALL)
    assert trace.goodput_rps[5:8].sum() == 0
    expected = backlog_after_stall(callers_of(ones, [0.45 * MU_RPS] * 2), STALL.seconds)
    assert trace.waiting[7] == pytest.approx(expected, rel=0.07)


def test_a_spike_brings_more_calls_for_a_while() -> None:
    """During a spike there are several times as many first tries, before and after not."""
    trace = played(rho=0.5, upset=Upset(at_s=10.0, seconds=10.0, load_factor=3.0))
    means = [
        trace.first_tries_rps[part].mean() for part in (slice(10), slice(10, 20), slice(20, 30))
    ]
    assert means == pytest.approx([100, 300, 100], rel=0.1)


@pytest.mark.parametrize(
    "service",
    [Service(MU_RPS, drops_late=True), Service(MU_RPS, queue_limit=100)],
    ids=["late work dropped", "queue bounded"],
)
def test_a_service_that_sheds_recovers_from_what_a_plain_one_does_not(service: Service) -> None:
    """Dropping late work, or a queue shorter than the timeout, ends a state that keeps itself."""
    plain, shedding = played(upset=STALL), played(upset=STALL, service=service)
    assert plain.goodput_rps[-10:].sum() == 0
    assert shedding.goodput_rps[-10:].sum() > 0.97 * shedding.first_tries_rps[-10:].sum()


def test_a_bounded_queue_is_never_longer() -> None:
    """No more wait than the limit, and who is refused tries again at once."""
    trace = played(rho=1.5, service=Service(MU_RPS, queue_limit=20), window_s=0.01)
    assert trace.waiting.max() == 20
    assert trace.attempts_rps.mean() > 1.5 * MU_RPS


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (Budget(kind="none"), 4.0),
        (Budget(kind="per_request", ratio=0.3), 1.3),
        (Budget(kind="per_request", ratio=0.3, min_rps=20, clients=2), 1.3 + 40 / 300),
        (Budget(kind="per_success", ratio=0.1), 1.0),
        (Budget(kind="per_success", ratio=0.5), 1.0),
        (Budget(kind="concurrency", ratio=0.1), 1 / 0.9),
        (Budget(kind="concurrency", ratio=0.5), 2.0),
    ],
)
def test_budgets_in_the_long_run(budget: Budget, expected: float) -> None:
    """While nothing is answered for minutes, attempts per call settle at what the budget allows."""
    one = dependent(attempts=4, budget=budget, timeout_s=0.5)
    trace = played([one], 1.5, Upset(0.0, 200.0, stalls=True), seconds=200)
    made = trace.attempts_rps[-100:].sum() / trace.first_tries_rps[-100:].sum()
    assert made == pytest.approx(expected, rel=0.02)
    assert callers_of([one], [300.0]).amplification[0] == pytest.approx(made, rel=0.02)


@pytest.mark.parametrize(("of_successes", "in_flight"), [(0.1, 0.5), (0.5, 0.1)])
def test_callers_beside_each_other_keep_their_own_budgets(
    of_successes: float, in_flight: float
) -> None:
    """While nothing is answered, all send together what the own figures of each come to."""
    ratios = {"per_success": of_successes, "concurrency": in_flight}
    ones = [
        dependent(name=kind, attempts=4, timeout_s=0.5, budget={"kind": kind, "ratio": ratio})
        for kind, ratio in ratios.items()
    ]
    book = ledger(ones)
    stall = Upset(0.0, 200.0, stalls=True)
    trace = played(ones, 1.0, stall, seconds=200)
    rows = demand_on(book, START).dependents
    assert [row.first_try_rps for row in rows] == [MU_RPS / 2] * 2
    assert trace.attempts_rps[-100:].mean() == pytest.approx(
        sum(row.worst_rps for row in rows), rel=0.02
    )


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("ratio", [0.1, 0.4])
def test_a_budget_of_successes_while_a_part_fails(share: float, ratio: float) -> None:
    """Attempts per call are what the formula says of the share of attempts that fail."""
    one = dependent(attempts=9, budget=Budget(kind="per_success", ratio=ratio), timeout_s=1e6)
    # A queue of at most one, so that a part is refused, and how large it is follows from the rate.
    service = Service(MU_RPS, servers=1, queue_limit=1)
    trace = played([one], 1 / (1 - share), service=service, seconds=120)
    sent, good = trace.attempts_rps[20:].sum(), trace.goodput_rps[20:].sum()
    calls = trace.first_tries_rps[20:].sum()
    expected = callers_of([one], [1.0]).attempts_per_try(1 - good / sent)[0]
    assert sent / calls == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("kind", ["per_success", "concurrency"])
@pytest.mark.parametrize("ratio", [0.1, 0.4])
def test_budgets_while_half_of_the_attempts_are_late(
    kind: Literal["per_success", "concurrency"], ratio: float
) -> None:
    """Attempts per call are what the formula says of the share of attempts that fail."""
    # Nobody waits for a server, and half of the times of service are longer than the timeout.
    service = Service(MU_RPS, servers=1000)
    timeout_s = log(2) * service.servers / MU_RPS
    one = dependent(attempts=9, budget=Budget(kind=kind, ratio=ratio), timeout_s=timeout_s)
    trace = played([one], 0.3, service=service, seconds=220)
    sent, good, calls = (
        own[20:].sum() for own in (trace.attempts_rps, trace.goodput_rps, trace.first_tries_rps)
    )
    assert good / sent == pytest.approx(0.5, rel=0.05)
    expected = callers_of([one], [1.0]).attempts_per_try(1 - good / sent)[0]
    assert sent / calls == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [
        (Backoff(kind="none"), [1.0, 2.0, 3.0]),
        (Backoff(kind="fixed", base_s=0.5), [1.5, 3.0, 4.5]),
        (Backoff(kind="exponential", base_s=0.5), [1.5, 3.5, 6.5]),
        (Backoff(kind="exponential", base_s=0.5, max_s=0.75), [1.5, 3.25, 5.0]),
    ],
)
def test_retries_come_after_timeout_and_backoff(backoff: Backoff, expected: list[float]) -> None:
    """Attempt k + 1 follows attempt k by the timeout and the k-th wait."""
    one = dependent(attempts=4, timeout_s=1.0, backoff=backoff)
    spike = Upset(0.0, 0.01, load_factor=1e6, stalls=True)
    service = Service(1e-9, servers=1)
    trace = simulate(service, [one], [0.1], spike, seconds=8, seed=1, window_s=0.25)
    waves = trace.end_s[trace.attempts_rps > 1000]
    assert (waves - 0.25).tolist() == [0.0, *expected]


def test_jitter_spreads_retries_over_the_wait() -> None:
    """Full jitter draws from the whole wait, equal jitter from its upper half."""
    first: dict[str, float] = {}
    for jitter in ("full", "equal"):
        backoff = Backoff(kind="fixed", base_s=4.0, jitter=jitter)
        one = dependent(attempts=2, timeout_s=1.0, backoff=backoff)
        spike = Upset(0.0, 0.01, load_factor=1e6)
        trace = simulate(Service(1e-9), [one], [0.1], spike, seconds=8, seed=1, window_s=0.25)
        waves = trace.end_s[trace.attempts_rps > 100]
        first[jitter] = float(waves[1]) - 0.25
        assert waves[-1] == pytest.approx(5.0, abs=0.01)
    assert first == {"full": 1.0, "equal": 3.0}


def test_upstream_callers_call_again_when_a_call_has_failed() -> None:
    """Two attempts of a call, and two calls, are four attempts, a timeout apart."""
    one = dependent(attempts=2, upstream_attempts=2, timeout_s=1.0)
    spike = Upset(0.0, 0.01, load_factor=1e6)
    trace = simulate(Service(1e-9), [one], [0.1], spike, seconds=8, seed=1, window_s=0.25)
    waves = trace.end_s[trace.attempts_rps > 1000]
    assert (waves - 0.25).tolist() == [0.0, 1.0, 2.0, 3.0]


def test_a_budget_of_first_tries_saves_up_what_ten_seconds_earn() -> None:
    """However long nothing fails, no more retries are saved than ten seconds earn."""
    kept = kept_budget(Budget(kind="per_request", ratio=0.1), first_rps=50.0)
    for _ in range(10_000):
        kept.sent(inf, retry=False, answered=True)
    assert sum(kept.allows(0.0) for _ in range(1000)) == 50


def test_a_budget_of_successes_waits_for_them() -> None:
    """A success earns its retry when it is known, not when its attempt is sent."""
    kept = kept_budget(Budget(kind="per_success", ratio=1), first_rps=50.0)
    while kept.allows(0.0):
        pass
    kept.sent(5.0, retry=False, answered=True)
    assert [kept.allows(at) for at in (4.9, 5.1, 5.2)] == [False, True, False]


def test_a_budget_in_flight_counts_what_has_no_outcome_yet() -> None:
    """Of 90 first tries in flight and a tenth to retry, ten retries may be in flight."""
    kept = kept_budget(Budget(kind="concurrency", ratio=0.1), first_rps=50.0)
    for _ in range(90):
        kept.sent(1.0, retry=False, answered=False)
    allowed = 0
    while kept.allows(0.5):
        kept.sent(1.5, retry=True, answered=False)
        allowed += 1
    assert allowed == 10
    assert not kept.allows(1.2)
