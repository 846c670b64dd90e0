"""What could be done, and what would come of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ledgers import START, budgets, dependent, ledger, ledgers

from perfgate.demand.curve import LoadPoint, MeasuredCurve
from perfgate.demand.levers import Lever, Scene
from perfgate.demand.remedies import USUAL_BUDGET, healing, suggestions
from perfgate.demand.retries import Regime
from perfgate.demand.risk import UncertainRate
from perfgate.demand.standing import Known
from perfgate.errors import UsageError

if TYPE_CHECKING:
    from perfgate.demand.ledger import Budget, Ledger

# Each example works the retries out several times.
patient = settings(deadline=None, max_examples=30)
RATES = st.floats(1.0, 1e5)


def scene(
    book: Ledger, rate_rps: float = 400.0, instances: int = 2, imbalance: float = 1.0
) -> Scene:
    """Return a ledger with a service whose rate is certain."""
    return Scene(book, START, UncertainRate(rate_rps, rate_rps, rate_rps), instances, imbalance)


def retrying() -> Ledger:
    """Return two who retry and one who does not: 300/s, and 700/s if all fails."""
    return ledger(
        [
            dependent(attempts=4),
            dependent(name="mail", attempts=2),
            dependent(name="dashboard"),
        ]
    )


@patient
@given(ledgers(), RATES, st.integers(1, 50), st.integers(-5, 50))
def test_instances_multiply_the_rate(book: Ledger, rate_rps: float, count: int, more: int) -> None:
    """Law: headroom grows as the instances do, and the demand stays as it is."""
    assume(count + more >= 1)
    before = scene(book, rate_rps, count)
    after = before.after(Lever(instances=more))
    assert after.rate.lower_rps == pytest.approx(rate_rps * (count + more) / count)
    assert after.standing.demand == before.standing.demand


@patient
@given(ledgers(), RATES, st.integers(1, 9), st.data())
def test_what_the_busiest_gets_less_of_the_others_can_carry_more(
    book: Ledger, rate_rps: float, count: int, data: st.DataObject
) -> None:
    """Law: the rate grows as the busiest instance's share shrinks, whichever way that comes."""
    skew, to = data.draw(st.floats(1, count)), data.draw(st.floats(1, count))
    before = scene(book, rate_rps, count, skew)
    after = before.after(Lever(imbalance=to))
    assert after.rate.lower_rps * to == pytest.approx(rate_rps * skew)
    left = before.after(Lever(instances=1 - count))
    assert left.imbalance == 1
    assert left.rate.lower_rps == pytest.approx(rate_rps * skew / count)


@pytest.mark.parametrize("imbalance", [0.9, float("nan")])
def test_the_busiest_gets_no_less_than_the_mean(imbalance: float) -> None:
    """An imbalance below 1 is none."""
    with pytest.raises(ValueError, match="an imbalance is at least 1"):
        scene(retrying()).after(Lever(imbalance=imbalance))


@patient
@given(ledgers(), st.integers(1, 6), budgets())
def test_what_everybody_does_never_makes_more_retries(
    book: Ledger, attempts: int, budget: Budget
) -> None:
    """Law: a lever for all leaves those alone who would retry more by it."""
    before = scene(book)
    after = before.after(Lever(attempts=attempts, budget=budget))
    for old, new in zip(
        before.standing.demand.dependents, after.standing.demand.dependents, strict=True
    ):
        assert new.worst_rps <= old.worst_rps * (1 + 1e-9)
        assert new.first_try_rps == old.first_try_rps


def test_one_alone_does_as_it_is_told() -> None:
    """With a name the lever is that dependent's, and may make things worse."""
    after = scene(retrying()).after(Lever(attempts=9, dependent="mail"))
    assert [one.attempts for one in after.ledger.dependents] == [4, 9, 1]


def test_levers_act_alone_and_together() -> None:
    """Each part of what is asked is a lever of its own; pulled in turn they make the whole."""
    asked = Lever(attempts=2, budget=USUAL_BUDGET, timeout_s=2.0, instances=2, imbalance=1.25)
    assert [one.text for one in asked.each] == [
        "attempts 2",
        "budget per_success:0.1",
        "timeout 2 s",
        "instances +2",
        "imbalance 1.25",
    ]
    each = scene(retrying(), imbalance=2.0)
    for lever in asked.each:
        each = each.after(lever)
    assert each == scene(retrying(), imbalance=2.0).after(asked)
    assert Lever().each == []
    assert Lever(dependent="mail").each == []


def test_unknown_names_are_refused() -> None:
    """A name that is not there moves nothing silently."""
    with pytest.raises(UsageError, match="no dependent 'mial'"):
        scene(retrying()).after(Lever(attempts=1, dependent="mial"))


def test_the_last_instance_stays() -> None:
    """No service is left without any instance."""
    with pytest.raises(ValueError, match="0 instances are left of 2"):
        scene(retrying()).after(Lever(instances=-2))


@patient
@given(ledgers(), RATES)
def test_suggestions_help_the_best_first(book: Ledger, rate_rps: float) -> None:
    """Law: everything suggested raises the retry-safe headroom, in falling order."""
    now = scene(book, rate_rps)
    safe = [now.after(one).standing.outlook.retry_safe_headroom for one in suggestions(now)]
    assert safe == sorted(safe, reverse=True)
    assert all(each > now.standing.outlook.retry_safe_headroom for each in safe)


@patient
@given(ledgers(), RATES)
def test_what_heals_does(book: Ledger, rate_rps: float) -> None:
    """Law: with the lever that heals the service is stable."""
    now = scene(book, rate_rps)
    lever = healing(now)
    if lever is not None:
        assert now.after(lever).standing.outlook.regime is Regime.STABLE


@pytest.mark.parametrize(
    ("rate_rps", "lever"),
    [
        (450.0, Lever(budget=USUAL_BUDGET, dependent="gateway")),
        (350.0, Lever(budget=USUAL_BUDGET)),
        (290.0, Lever(instances=3)),
    ],
)
def test_the_least_that_heals(rate_rps: float, lever: Lever) -> None:
    """One dependent's budget, else everybody's, else instances: 300/s need more than 290/s."""
    assert healing(scene(retrying(), rate_rps)) == lever


def test_a_load_that_is_spread_evenly_may_heal() -> None:
    """Where the load is uneven, that is mended before there are more instances."""
    skewed = scene(retrying(), 290.0, instances=4, imbalance=2.5)
    assert healing(skewed) == Lever(imbalance=1.0)
    assert Lever(imbalance=1.0) in suggestions(skewed)


def test_a_lever_is_judged_by_what_was_measured() -> None:
    """A curve stays that of the service, at so many times the rates with more instances.

    Of a timeout that was not measured it says nothing.
    """
    curve = MeasuredCurve([LoadPoint(150.0, {1.0: 0.0}), LoadPoint(390.0, {1.0: 0.3})])
    before = replace(scene(retrying()), known=Known(curve=curve))
    fewer = before.after(Lever(attempts=2)).known.curve
    more = before.after(Lever(instances=2)).known.curve
    assert fewer == curve
    assert more is not None
    assert more.overload_rps == 2 * curve.overload_rps
    loads_rps, timeouts_s = np.array([150.0, 300.0]), np.array([1.0])
    assert more.failed_ratio(2 * loads_rps, timeouts_s).tolist() == (
        curve.failed_ratio(loads_rps, timeouts_s).tolist()
    )
    assert before.after(Lever(timeout_s=0.5)).known.curve is None
