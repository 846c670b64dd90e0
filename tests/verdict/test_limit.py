"""Trials become mu_SLO: of the promise that is missed first, among those that were tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import Build, case, config, dependent, ledger, search, terms, trial
from hypothesis import given, settings
from hypothesis import strategies as st

from perfgate.verdict.limit import broken_in, first_missed, headroom_of, limit_of

if TYPE_CHECKING:
    from perfgate.measurement.models import Search
    from perfgate.verdict.case import Case, Terms

PROMISED = config(slo={"introspect": {"p95_ms": 100.0}, "login": {"p50_ms": 500.0}})
# Just so many of 240 may be late.
ALLOWED = 12
FOUND = search((280.0, 0), (380.0, 200), (310.0, 4), (340.0, 40), (320.0, ALLOWED), (325.0, 14))
patient = settings(deadline=None, max_examples=20)


def searched(made: Search | None, **changes: object) -> Case:
    """Return a case with this search, whose candidate has a service rate of 400/s."""
    own: Terms = terms(config=PROMISED).model_copy(update=changes)
    return case(held_to=own, search=made)


def test_mu_slo_lies_where_as_many_are_late_as_may_be() -> None:
    """The limit is that of the promise that is missed first, near the rate that just keeps it."""
    limit = limit_of(searched(FOUND))
    assert limit is not None
    assert (limit.promise.words, limit.found) == ("introspect p95", True)
    assert limit.rate_rps.lower < 320 < limit.rate_rps.upper
    assert limit.rate_rps.estimate == pytest.approx(320, rel=0.03)


@patient
@given(lates=st.lists(st.integers(0, 240), min_size=3, max_size=3))
def test_more_trials_make_it_no_wider_level_by_level(lates: list[int]) -> None:
    """Law: a higher level has a wider interval around the same estimate."""
    made = search(*zip((250.0, 300.0, 350.0), lates, strict=True))
    ninety, most = (limit_of(searched(made), level) for level in (0.9, 0.99))
    assert ninety is not None
    assert most is not None
    assert most.rate_rps.lower <= ninety.rate_rps.lower
    assert ninety.rate_rps.upper <= most.rate_rps.upper
    assert most.rate_rps.estimate == ninety.rate_rps.estimate


@pytest.mark.parametrize("made", [None, search((300.0, 0), (350.0, 9))])
def test_few_trials_tell_nothing(made: Search | None) -> None:
    """Without a search, or with fewer than three trials, there is no limit."""
    assert limit_of(searched(made)) is None


def test_all_kept_at_the_highest_rate_is_beyond() -> None:
    """Where the service rate keeps every promise, the limit is not among the rates tried."""
    limit = limit_of(searched(search((300.0, 0), (390.0, 0), (400.0, 0), (400.0, 0))))
    assert limit is not None
    assert (limit.beyond, limit.below, limit.found) == (True, False, False)


def test_all_missed_at_the_lowest_rate_is_below() -> None:
    """Where the lowest rate misses a promise, the limit is below what was tried."""
    limit = limit_of(searched(search((300.0, 240), (150.0, 240), (100.0, 240), (100.0, 240))))
    assert limit is not None
    assert (limit.beyond, limit.below, limit.found) == (False, True, False)


def test_more_errors_than_are_promised_miss_every_promise() -> None:
    """Law: a build that refuses what is too much, and answers the rest in time, keeps nothing."""
    sheds = Build(failed={"login": 10})
    made = search(trials=(*FOUND.trials[:1], *(trial(rate, sheds) for rate in (320.0, 350.0))))
    assert broken_in(PROMISED, made.trials[0]) == []
    assert broken_in(PROMISED, made.trials[1]) == ["introspect p95", "login p50"]
    limit = limit_of(searched(made))
    assert limit is not None
    assert limit.rate_rps.estimate < 320


def test_one_error_is_none() -> None:
    """A single failure is not surely more than was promised, and counts as neither."""
    assert broken_in(PROMISED, trial(300.0, Build(failed={"login": 1}))) == []


def test_what_was_never_answered_is_late() -> None:
    """Requests without an answer miss every promise, as they do at the required rate."""
    assert broken_in(PROMISED, trial(300.0, Build(missing={"introspect": 13}))) == [
        "introspect p95"
    ]
    assert broken_in(PROMISED, trial(300.0, Build(missing={"introspect": ALLOWED}))) == []


def test_an_operation_that_hardly_came_does_not_decide() -> None:
    """Law: a promise with too few requests for its quantile is not the one that is missed first."""
    rare = {"introspect": {"p95_ms": 100.0}, "login": {"p99_ms": 1.0}}  # 30 logins, all late
    promise, _ = first_missed(config(slo=rare), FOUND)
    assert promise.words == "introspect p95"
    promise, _ = first_missed(config(slo={**rare, "login": {"p95_ms": 1.0}}), FOUND)
    assert promise.words == "login p95"
    promise, _ = first_missed(config(slo={"login": rare["login"]}), FOUND)
    assert promise.words == "login p99"


def test_before_any_trial_the_limit_is_believed_high() -> None:
    """Law: nothing is known yet, and the first rate is tried in the upper half."""
    _, believed = first_missed(PROMISED, search())
    assert believed.quantile(0.5) > 250
    _, for_all = first_missed(config(slo={"*": {"p95_ms": 5.0}}), search())
    assert for_all.quantile(0.5) == believed.quantile(0.5)


def test_headroom_says_which_rate_it_is_of() -> None:
    """Law: headroom is mu_SLO over the demand where that was found, else mu_sat's."""
    own = headroom_of(searched(FOUND))
    limit = limit_of(searched(FOUND))
    assert own is not None
    assert limit is not None
    assert own.by == "mu_SLO"
    assert own.ratio == pytest.approx(limit.rate_rps.estimate / 100)
    without = headroom_of(searched(None))
    assert without is not None
    assert without.by == "mu_sat"
    assert without.ratio == pytest.approx(4.0, abs=0.01)


def test_headroom_is_of_all_instances() -> None:
    """Law: with as many instances, the headroom is as many times as large."""
    alone, many = (
        headroom_of(
            searched(FOUND, config=PROMISED.model_copy(update={"production": made.production}))
        )
        for made in (config(), config(production={"instances": 3}))
    )
    assert alone is not None
    assert many is not None
    assert many.ratio == pytest.approx(3 * alone.ratio)


def test_without_a_rate_there_is_no_headroom() -> None:
    """Law: no service rate, or no demand, is no headroom, neither none nor endless."""
    assert headroom_of(case(count=0, demand_run=None)) is None
    nobody = terms(ledger=ledger(dependent(peak_rps=0.0)))
    assert headroom_of(case(held_to=nobody)) is None
