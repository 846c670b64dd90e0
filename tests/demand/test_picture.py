"""The picture of a stall shows what the formulas say: what tips, what is cured, what never was."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ledgers import START, dependent, ledger, ledgers

from perfgate.demand.ledger import Backoff, Budget, Cache, Ledger
from perfgate.demand.levers import Lever, Scene
from perfgate.demand.picture import ATTEMPTS, POINTS, Picture, answered_ratio, picture_of
from perfgate.demand.remedies import healing
from perfgate.demand.retries import Regime
from perfgate.demand.risk import UncertainRate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.demand.ledger import Dependent
    from perfgate.demand.simulator import Trace

# Each example plays two courses.
patient = settings(deadline=None, max_examples=40)


def scene(book: Ledger | Sequence[Dependent], rate_rps: float = 150.0) -> Scene:
    """Return dependents with a service whose rate is certain."""
    own = book if isinstance(book, Ledger) else ledger(book)
    return Scene(own, START, UncertainRate(rate_rps, rate_rps, rate_rps), instances=2)


def picture(one: Scene, cure: Lever | None = None) -> Picture:
    """Return the picture of a scene in which something is sent."""
    drawn = picture_of(one, cure)
    assert drawn is not None
    return drawn


def same(one: Trace, other: Trace, times: float = 1.0) -> bool:
    """Tell whether all rates and queues of a course are so many times those of another."""
    names = [own.name for own in fields(one) if own.name != "end_s"]
    return all(np.allclose(times * getattr(one, each), getattr(other, each)) for each in names)


RETRYING = [dependent(attempts=3)]


def test_a_stall_tips_it_and_the_cure_brings_it_back() -> None:
    """As it is nobody is answered any more and the queue grows on; with the cure all are."""
    own = scene(RETRYING)
    drawn = picture(own, healing(own))
    assert drawn.regime is Regime.METASTABLE
    assert answered_ratio(drawn.as_it_is) == 0
    assert np.diff(drawn.as_it_is.waiting)[POINTS // 2 :].min() > 0
    assert drawn.cured is not None
    assert answered_ratio(drawn.cured) == pytest.approx(1.0, abs=0.05)
    assert drawn.cured.waiting[-1] == 0


def test_before_the_stall_all_is_well_and_during_it_nobody_is_answered() -> None:
    """The courses are alike until the stall has begun, and nothing is answered while it lasts."""
    drawn = picture(scene(RETRYING), Lever(attempts=1))
    assert drawn.cured is not None
    ends_s = drawn.as_it_is.end_s
    before = ends_s <= drawn.stall_at_s
    during = (ends_s[:-1] >= drawn.stall_at_s) & (ends_s[1:] <= drawn.stall_at_s + drawn.stall_s)
    for course in (drawn.as_it_is, drawn.cured):
        assert course.goodput_rps[before] == pytest.approx(100.0, rel=0.1)
        assert course.goodput_rps[1:][during].sum() == 0


def test_without_a_stall_that_tips_it_one_of_twice_the_timeout_is_shown() -> None:
    """What is stable stands still too, and recovers."""
    drawn = picture(scene([dependent(timeout_s=3.0)]))
    assert (drawn.regime, drawn.stall_s) == (Regime.STABLE, 6.0)
    assert answered_ratio(drawn.as_it_is) == pytest.approx(1.0, abs=0.05)


def test_what_is_too_much_needs_no_stall() -> None:
    """Where the first tries are too many the queue grows without any stall, and not with more."""
    drawn = picture(scene(RETRYING, 90.0), Lever(instances=1))
    assert (drawn.regime, drawn.stall_s) == (Regime.UNSTABLE, 0.0)
    assert answered_ratio(drawn.as_it_is) == 0
    assert drawn.cured is not None
    assert drawn.cured.waiting.max() < drawn.as_it_is.waiting[-1] / 100


def test_backoff_makes_the_stall_longer() -> None:
    """Callers that wait before they try again are shown the longer stall that tips them."""
    waits = Backoff(kind="fixed", base_s=4.0)
    patient_ones = picture(scene([dependent(attempts=2, backoff=waits)]))
    at_once = picture(scene([dependent(attempts=2)]))
    assert patient_ones.stall_s > at_once.stall_s
    assert answered_ratio(patient_ones.as_it_is) < 0.5


def test_nobody_sends_anything() -> None:
    """Without calls there is nothing to draw."""
    assert picture_of(scene([dependent(peak_rps=0.0)]), None) is None


@patient
@given(ledgers(), st.floats(0.3, 4))
def test_a_picture_is_the_same_each_time_and_costs_little(book: Ledger, headroom: float) -> None:
    """Law: nothing is drawn, and no course takes more attempts than are affordable."""
    sent_rps = scene(book).standing.outlook.first_try_rps
    assume(sent_rps > 1e-3)
    own = scene(book, headroom * sent_rps)
    cure = healing(own)
    one, other = picture(own, cure), picture(own, cure)
    assert same(one.as_it_is, other.as_it_is)
    for course in filter(None, (one.as_it_is, one.cured)):
        assert len(course.end_s) == POINTS
        window_s = course.end_s[0]
        assert course.attempts_rps.sum() * window_s / one.factor <= 1.01 * ATTEMPTS[1] + 100


def of_size(rate_rps: float, attempts: int, headroom: float, timeout_s: float) -> Picture:
    """Return the picture of a service for one dependent of that rate, all else in proportion."""
    budget = Budget(kind="per_request", ratio=0.1, min_rps=0.3 * rate_rps)
    one = dependent(peak_rps=rate_rps, attempts=attempts, timeout_s=timeout_s, budget=budget)
    return picture(scene([one], headroom * rate_rps), Lever(attempts=1))


@patient
@given(st.integers(0, 20), st.integers(2, 4), st.floats(1.05, 3), st.floats(0.01, 100))
def test_a_service_of_another_size_has_the_same_picture(
    exponent: int, attempts: int, headroom: float, timeout_s: float
) -> None:
    """Law: so many times the calls and the service make so many times the queue and the goodput.

    A power of two is exact: otherwise which of two calls comes first is a matter of rounding.
    """
    times = 2.0**exponent
    small, large = (of_size(rate, attempts, headroom, timeout_s) for rate in (1.0, times))
    assert same(small.as_it_is, large.as_it_is, times)
    assert small.cured is not None
    assert large.cured is not None
    assert same(small.cured, large.cured, times)


@pytest.mark.parametrize(
    "budget",
    [
        Budget(kind="per_request", ratio=0.2),
        Budget(kind="per_request", ratio=0.1, min_rps=10.0, clients=3),
        Budget(kind="per_success", ratio=0.1),
        Budget(kind="concurrency", ratio=0.2),
    ],
)
def test_budgets_hold_in_a_service_of_another_size(budget: Budget) -> None:
    """Each kind of budget ends the danger in the picture too where the formulas say so."""
    own = scene([dependent(peak_rps=1000.0, attempts=4)], 1500.0)
    drawn = picture(own, Lever(budget=budget))
    assert own.after(Lever(budget=budget)).standing.outlook.regime is Regime.STABLE
    assert answered_ratio(drawn.as_it_is) == 0
    assert drawn.cured is not None
    assert answered_ratio(drawn.cured) == pytest.approx(1.0, abs=0.05)


def test_caches_and_many_dependents() -> None:
    """What a cache keeps off does not come, and rare callers add up."""
    rare = [dependent(name=f"d{n}", peak_rps=0.05, attempts=3) for n in range(400)]
    cached = dependent(peak_rps=1e6, cache=Cache(ttl_s=10.0, active_tokens=800))
    drawn = picture(scene([cached, *rare], 130.0))
    assert drawn.first_try_rps == pytest.approx(100.0, rel=0.01)
    before = drawn.as_it_is.end_s <= drawn.stall_at_s
    assert drawn.as_it_is.first_tries_rps[before].mean() == pytest.approx(100.0, rel=0.05)
