"""The demand of a day follows from the ledger by the laws of the model."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from math import fsum, isfinite
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ledgers import START, change, dependent, dependents, incident, ledger, ledgers

from perfgate.demand.demand import (
    demand_on,
    demand_steps,
    first_try_rps,
    peak_demand,
    peak_for,
    rates_told,
    tipping_point,
    tipping_sentence,
)
from perfgate.demand.ledger import Cache, Change, Dependent, Ledger

# On a busy machine an example may take its time; that is not what these laws are about.
patient = settings(deadline=None)

DAYS = st.integers(-60, 200).map(lambda days: START + timedelta(days=days))
END = START + timedelta(days=150)


def plain(one: Dependent) -> Dependent:
    """Return the dependent without a cache."""
    return one.model_copy(update={"cache": None})


@patient
@given(st.floats(0, 1e5), st.floats(0, 10))
def test_without_changes_and_cache_calls_are_peak_times_calls(peak: float, calls: float) -> None:
    """The demand is what was measured, times the calls per request."""
    assert first_try_rps(dependent(peak_rps=peak, calls_per_request=calls), START) == calls * peak


@patient
@given(st.floats(0, 1e4), st.floats(0, 100))
def test_a_scale_acts_linearly_on_the_peak(peak: float, scale: float) -> None:
    """A change of scale s makes the peak s times as large, and leaves additions alone."""
    scaled = dependent(
        peak_rps=peak, changes=(change(scale=scale), change(what="more", add_rps=7.0))
    )
    assert first_try_rps(scaled, START) == pytest.approx(peak * scale + 7.0)


@patient
@given(dependents(), DAYS)
def test_the_order_of_changes_does_not_matter(one: Dependent, on: date) -> None:
    """Changes may be written in any order."""
    turned = one.model_copy(update={"changes": one.changes[::-1]})
    assert first_try_rps(turned, on) == pytest.approx(first_try_rps(one, on))


def test_a_change_counts_from_its_first_day() -> None:
    """On the day before it is not there; on the day itself it is."""
    one = dependent(changes=(change(5),))
    days = [START + timedelta(days=4), START + timedelta(days=5)]
    assert [first_try_rps(one, on) for on in days] == [100.0, 110.0]


def test_the_likely_figure_of_a_spread_counts() -> None:
    """Of [low, likely, high] the demand takes the middle one."""
    assert first_try_rps(dependent(changes=(change(scale=(1.2, 1.4, 1.7)),)), START) == 140.0


@patient
@given(dependents(), DAYS)
def test_a_cache_never_raises_the_rate(one: Dependent, on: date) -> None:
    """A cache lets through at most what would be sent without it, and at most N / ttl."""
    rate = first_try_rps(one, on)
    assert rate <= first_try_rps(plain(one), on)
    if one.cache and one.cache.ttl_s > 0:
        assert rate <= one.cache.active_tokens / one.cache.ttl_s * (1 + 1e-9)


def test_a_cache_lets_renewals_through() -> None:
    """40/s over 400 tokens remembered for 60 s are 40 / (1 + 40 * 60 / 400) = 5.71/s."""
    cached = dependent(peak_rps=40.0, cache=Cache(ttl_s=60, active_tokens=400))
    assert first_try_rps(cached, START) == pytest.approx(40 / 7)


@patient
@given(dependents(), DAYS)
def test_a_peak_is_found_again_from_its_rate(one: Dependent, on: date) -> None:
    """Counting back from the rate of a day gives a peak with that rate, if there is any."""
    rate = first_try_rps(one, on)
    peak = peak_for(one, rate, on)
    if peak is not None:
        again = first_try_rps(one.model_copy(update={"peak_rps": peak}), on)
        assert again == pytest.approx(rate, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "fields",
    [
        {"cache": Cache(ttl_s=60, active_tokens=60)},
        {"changes": (change(add_rps=1.1),)},
        {"changes": (change(scale=0),)},
        {"calls_per_request": 0},
    ],
)
def test_some_rates_have_no_peak(fields: dict[str, object]) -> None:
    """More than a cache lets through, less than changes add, or no calls at all: there is none."""
    assert peak_for(dependent(**fields), 1.0, START) is None


@patient
@given(ledgers(), DAYS)
def test_a_day_is_the_sum_of_its_dependents(book: Ledger, on: date) -> None:
    """Totals are sums of the rows, the worst rate is never below the first tries, all finite."""
    demand = demand_on(book, on)
    rows = demand.dependents
    assert demand.first_try_rps == fsum(first_try_rps(one, on) for one in book.dependents)
    assert demand.worst_rps == fsum(row.first_try_rps * row.amplification for row in rows)
    assert demand.first_try_rps <= demand.worst_rps * (1 + 1e-12)
    assert isfinite(demand.worst_rps)


@patient
@given(ledgers())
def test_before_any_change_the_demand_is_the_plain_sum(book: Ledger) -> None:
    """Long before the first change, planned changes make no difference."""
    bare = ledger([one.model_copy(update={"changes": ()}) for one in book.dependents])
    assert demand_on(bare, date(2000, 1, 1)) == demand_on(book, date(2000, 1, 1))


@patient
@given(ledgers(), DAYS)
def test_the_mix_sums_to_one(book: Ledger, on: date) -> None:
    """Shares of the demand sum to 1 and none is negative; without demand there are none."""
    demand = demand_on(book, on)
    assert all(share > 0 for share in demand.mix.values())
    if demand.first_try_rps > 1e-300:
        assert fsum(demand.mix.values()) == pytest.approx(1.0, abs=1e-9)
    if demand.first_try_rps == 0:
        assert demand.mix == {}


def test_the_mix_is_weighted_by_first_tries() -> None:
    """Half of 40/s in 225/s verify; the default mix holds for whom has none of its own."""
    assert demand_on(incident(), START).mix["verify"] == pytest.approx(20 / 225)
    book = ledger([dependent(mix={}), dependent(name="b")], default_mix={"verify": 1.0})
    assert demand_on(book, START).mix == {"login": 0.5, "verify": 0.5}


def test_a_planned_mix_holds_from_its_day_until_the_next() -> None:
    """Law: the latest mix in force is what a dependent sends, whatever the order in the file."""
    later = change(20, mix={"verify": 1.0})
    sooner = change(10, mix={"login": 0.25, "verify": 0.75})
    for changes in ((sooner, later), (later, sooner)):
        book = ledger([dependent(peak_rps=100, changes=changes)])
        steps = demand_steps(book, START, END)
        assert [step.first_try_rps for step in steps] == [100.0, 100.0, 100.0]
        assert [step.mix for step in steps] == [
            {"login": 1.0},
            {"login": 0.25, "verify": 0.75},
            {"verify": 1.0},
        ]


def test_plans_without_figures_tip_nothing() -> None:
    """Beside a plan that adds, one of the same day without figures is not named as a cause."""
    bare = Change(effective_from=START + timedelta(days=5), what="who knows")
    book = ledger([dependent(changes=(bare,)), dependent(name="b", changes=(change(5),))])
    tipping = tipping_point(demand_steps(book, START, END), lambda _: 205.0)
    assert tipping is not None
    assert [cause.dependent for cause in tipping.causes] == ["b"]


@patient
@given(ledgers())
def test_steps_are_the_days_on_which_something_changes(book: Ledger) -> None:
    """There is a step at the start and on each day of changes up to the end, as on that day."""
    days = {day.effective_from for one in book.dependents for day in one.changes}
    expected = [START, *sorted(day for day in days if START < day <= END)]
    steps = demand_steps(book, START, END)
    assert [step.on for step in steps] == expected
    assert steps == [demand_on(book, on) for on in expected]


def test_an_end_before_the_start_is_refused() -> None:
    """A horizon that lies in the past is a mistake of the caller's."""
    with pytest.raises(ValueError, match="lies before the start"):
        demand_steps(incident(), START, START - timedelta(days=1))


def test_each_row_names_the_changes_in_force() -> None:
    """A row says which planned changes its rate already contains."""
    before, after = demand_steps(incident(), START, date(2026, 12, 1))
    assert [len(row.changes) for row in before.dependents] == [0, 0, 0]
    assert [len(row.changes) for row in after.dependents] == [0, 1, 0]


@patient
@given(ledgers())
def test_the_peak_is_the_earliest_of_the_highest(book: Ledger) -> None:
    """No step is above the peak, and none before it is as high."""
    steps = demand_steps(book, START, END)
    peak = peak_demand(steps)
    assert all(step.first_try_rps <= peak.first_try_rps for step in steps)
    assert all(step.first_try_rps < peak.first_try_rps for step in steps if step.on < peak.on)


def test_without_steps_there_is_no_peak() -> None:
    """Nothing evaluated is an error, not a demand of nothing."""
    with pytest.raises(ValueError, match="empty"):
        peak_demand([])


def test_the_change_that_takes_the_demand_over_is_named() -> None:
    """The verdict can say which change, whose, when, by how much and over what limit."""
    tipping = tipping_point(
        demand_steps(incident(), START, END + timedelta(days=30)), lambda _: 248.0
    )
    assert tipping is not None
    [cause] = tipping.causes
    assert (cause.dependent, cause.what) == ("smtp-inbound", "delegate authentication")
    assert cause.added_rps == pytest.approx(66.0)
    assert tipping_sentence(tipping) == (
        'the change "delegate authentication" of smtp-inbound on 2026-12-01 adds 66/s and takes '
        "the demand from 225/s to 291/s; the limit is 248/s"
    )


def test_a_demand_over_the_limit_from_the_start_names_the_largest() -> None:
    """When no planned change is to blame, the dependents that send most are named."""
    tipping = tipping_point(demand_steps(incident(), START, END), lambda _: 200.0)
    assert tipping is not None
    assert tipping.from_start
    assert tipping.before_rps == tipping.after_rps
    assert tipping_sentence(tipping) == (
        "the demand on 2026-07-01 is 225/s without any further change; the limit is 200/s; "
        "the largest dependents are api-gateway 155/s, dashboard 40/s, smtp-inbound 30/s"
    )


def test_changes_of_one_day_are_told_together() -> None:
    """Several changes of a day are named by size, and the day's sum is not given to one."""
    sizes = {"a": 5.0, "b": 20.0, "c": 2.0, "d": 1.0, "e": 0.0}
    book = ledger(
        [
            dependent(name=name, changes=(change(9, what=f"{name} grows", add_rps=added),))
            for name, added in sizes.items()
        ]
    )
    tipping = tipping_point(demand_steps(book, START, END), lambda _: 510.0)
    assert tipping is not None
    assert [cause.dependent for cause in tipping.causes] == ["b", "a", "c", "d"]
    assert tipping_sentence(tipping) == (
        'the change "b grows" of b on 2026-07-10 adds 20/s, '
        'the change "a grows" of a on 2026-07-10 adds 5/s, '
        'the change "c grows" of c on 2026-07-10 adds 2/s, and 1 more add to it; '
        "together they take the demand from 500/s to 528/s; the limit is 510/s"
    )


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ((10 * 1.25,), ["12.5"]),
        ((150.0, 12.5, 162.5), ["150", "12.5", "162.5"]),
        ((45 * 1.25, 10 * 1.1 * 1.25), ["56.25", "13.75"]),
        ((302.37, 1234.4, 12345.6), ["302", "1234", "12346"]),
        ((100 / 3, 0.0, 1e6), ["33.3", "0", "1000000"]),
        ((308.2, 308.4), ["308.2", "308.4"]),
        ((0.0004,), ["0.0004"]),
    ],
)
def test_rates_are_told_so_that_they_can_be_checked(
    rates: tuple[float, ...], told: list[str]
) -> None:
    """Sums and factors come out right by head, and large rates have no digits that say nothing."""
    assert rates_told(*rates) == told


@given(st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=4))
@example([1 / 3])
@example([0.0123456])
def test_no_rate_is_far_from_what_is_told(rates: list[float]) -> None:
    """Law: what is told is within half of a hundredth of the rate, and none has idle zeros."""
    for rate, text in zip(rates, rates_told(*rates), strict=True):
        assert float(text) == pytest.approx(rate, rel=0.005)
        assert "." not in text or text[-1] not in "0."


def test_rounding_never_hides_the_crossing() -> None:
    """The rates told differ wherever the rates differ."""
    book = ledger([dependent(peak_rps=247.9, changes=(change(1, add_rps=0.3),))])
    tipping = tipping_point(demand_steps(book, START, END), lambda _: 248.0)
    assert tipping is not None
    told = tipping_sentence(tipping)
    assert "adds 0.3/s and takes the demand from 247.9/s to 248.2/s; the limit is 248/s" in told


@patient
@given(ledgers(), st.floats(0, 1e5))
def test_a_tipping_point_is_the_first_step_over(book: Ledger, limit: float) -> None:
    """Before it no step exceeds the limit; without it none does; its causes explain the rise."""
    steps = demand_steps(book, START, END)
    tipping = tipping_point(steps, lambda _: limit)
    if tipping is None:
        assert all(step.first_try_rps <= limit for step in steps)
        return
    assert tipping.before_rps <= limit or tipping.on == START
    assert all(step.first_try_rps <= limit for step in steps if step.on < tipping.on)
    rise = tipping.after_rps - tipping.before_rps
    assert rise <= fsum(cause.added_rps for cause in tipping.causes) + 1e-6
    assert tipping_sentence(tipping)


@patient
@given(ledgers(), st.floats(0.1, 10))
def test_demand_is_proportional_to_its_sources(book: Ledger, factor: float) -> None:
    """Without caches and additions, sending k times as much everywhere is k times the demand."""
    rows = [
        plain(one).model_copy(
            update={"changes": tuple(day for day in one.changes if day.add_rps == 0)}
        )
        for one in book.dependents
    ]
    larger = [one.model_copy(update={"peak_rps": one.peak_rps * factor}) for one in rows]
    expected = demand_on(ledger(rows), START).first_try_rps * factor
    assert demand_on(ledger(larger), START).first_try_rps == pytest.approx(expected)


def test_values_can_be_compared_and_changed_in_copies() -> None:
    """Demands are plain values: equal when their parts are, never changed in place."""
    demand = demand_on(incident(), START)
    assert demand == demand_on(incident(), START)
    assert replace(demand, worst_rps=0.0) != demand


@pytest.mark.parametrize("own_mixes", [False, True])
def test_work_grows_in_proportion_to_the_ledger(own_mixes: bool) -> None:
    """Eight times as many dependents take nowhere near sixty-four times as long."""

    def mix(share: float) -> dict[str, float]:
        return {"login": share, "verify": 1 - share} if own_mixes else {}

    def seconds(count: int) -> float:
        book = ledger(
            [
                dependent(name=f"d{n}", changes=(change(n % 30),), mix=mix(n / count))
                for n in range(count)
            ],
            default_mix={"login": 1.0},
        )
        times = []
        for _ in range(3):
            began = process_time()
            tipping_point(demand_steps(book, START, END), lambda _: 1e9)
            times.append(process_time() - began)
        return min(times)

    assert seconds(4000) < 24 * seconds(500)


def test_a_day_costs_what_changes_on_it() -> None:
    """Twenty times as many days, on which as many change in all, take nowhere near as long."""

    def seconds(days: int) -> float:
        mixes = ({"login": n / 2000, "verify": 1 - n / 2000} for n in range(2000))
        book = ledger(
            [
                dependent(name=f"d{n}", changes=(change(1 + n % days),), mix=mix)
                for n, mix in enumerate(mixes)
            ]
        )
        times = []
        for _ in range(3):
            began = process_time()
            assert len(demand_steps(book, START, END)) == 1 + days
            times.append(process_time() - began)
        return min(times)

    assert seconds(100) < 10 * seconds(5)
