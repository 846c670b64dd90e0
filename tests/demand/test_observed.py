"""What was seen of callers becomes peak, spread and mix."""

from __future__ import annotations

from datetime import date
from math import exp, fsum, log, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.demand.sources.observed import (
    Naming,
    Observation,
    Observed,
    busiest,
    chosen,
    shares,
    spread_of,
    upper_quantile,
)
from perfgate.errors import SourceError

times = st.lists(st.integers(0, 50), min_size=1, max_size=60).map(sorted)
figures = st.lists(st.floats(0, 1e6), min_size=1, max_size=200)


@given(times, st.integers(1, 20))
def test_no_window_is_busier(moments: list[int], window_s: int) -> None:
    """Law: of all windows of the length, wherever they begin, none holds more requests."""
    found = busiest(np.array(moments, dtype=float), window_s)
    count = found.stop - found.start
    first = moments[found.start]
    assert count == sum(first <= at < first + window_s for at in moments)
    for start in range(-window_s, 51):
        assert count >= sum(start <= at < start + window_s for at in moments)


@given(figures, st.floats(0.01, 1))
def test_a_quantile_is_a_figure_that_few_exceed(values: list[float], quantile: float) -> None:
    """Law: at most 1 - q of the figures exceed it, and more than that exceed any lower one."""
    found = upper_quantile(np.array(values), quantile)
    assert found in values
    size = len(values)
    assert sum(value <= found for value in values) >= quantile * size * (1 - 1e-9)
    assert sum(value < found for value in values) <= quantile * size * (1 + 1e-9)


@given(st.dictionaries(st.text(min_size=1), st.floats(0, 1e6), max_size=50))
def test_shares_are_a_mix(weights: dict[str, float]) -> None:
    """Law: shares sum to 1, none is 0, and each is its weight's within rounding."""
    found = shares(weights)
    assert found.keys() == {name for name, weight in weights.items() if weight > 0}
    if not found:
        return
    assert fsum(found.values()) == pytest.approx(1, abs=1e-9)
    total = fsum(weights.values())
    for name, share in found.items():
        assert 0 < share <= 1
        assert share == pytest.approx(weights[name] / total, abs=1e-4 * len(found))


@given(
    st.integers(0, 2**32),
    st.floats(0.02, 0.5),
    st.lists(st.floats(1, 1000), min_size=7, max_size=7),
)
def test_the_spread_of_days_is_found(seed: int, cv: float, week: list[float]) -> None:
    """Law: days that vary by a known spread about any week show it; the week itself is none."""
    draw = np.random.default_rng(seed)
    deviation = np.sqrt(np.log(1 + cv**2))
    peaks = [week[day % 7] * exp(draw.normal(0, deviation)) for day in range(7 * 60)]
    assert spread_of(peaks) == pytest.approx(cv, rel=0.3)


def test_two_whole_weeks_are_enough() -> None:
    """Law: two weeks tell a spread, a week and five days do not; nor do days without figures."""
    week = [10.0, 20, 30, 40, 50, 60, 70]
    second = [peak * 1.1 for peak in week]
    expected = 1.0483 * log(1.1)
    assert spread_of(week + second) == pytest.approx(expected, rel=0.01)
    assert spread_of(week + second[:4]) is None
    assert spread_of([*week, nan, 0.0, nan, *second[3:]]) is None
    assert spread_of([]) is None


def test_an_incident_is_no_spread() -> None:
    """Law: one day of fifty times the peak changes the spread little, as it does the peak."""
    week = [10.0, 20, 30, 40, 50, 60, 70]
    peaks = week + [peak * 1.1 for peak in week]
    assert spread_of([500.0, *peaks[1:]]) == pytest.approx(spread_of(peaks), rel=0.01)


def test_others_are_named_not_dropped() -> None:
    """Law: who is not asked for is left out and told; who is asked for and not seen is told."""
    seen = tuple(Observed(name, 12.345, None, {}) for name in ("a", "b", "c"))
    found = chosen(Observation(seen, "log", date(2026, 7, 1), ()), Naming({}, frozenset("bd")))
    assert [one.name for one in found.dependents] == ["b"]
    assert found.remarks == (
        "seen too, but not imported: a (12.3/s), c (12.3/s)",
        "d: was not seen",
    )
    assert found.told == {"a", "c", "d"}


def test_where_none_of_those_asked_for_was_seen_there_is_nothing_to_say() -> None:
    """Law: a source that saw others alone has no figures, and says whom it saw."""
    seen = Observation((Observed("batches", 1.0, None, {}),), "log", date(2026, 7, 1), ())
    with pytest.raises(SourceError, match=r"^batch, mail: no request was seen$") as caught:
        chosen(seen, Naming({}, frozenset(["mail", "batch"])))
    assert caught.value.hint == 'did you mean "batches"?'


def test_everyone_counts_unless_told() -> None:
    """Law: without names to choose all are imported, each under the ledger's name."""
    naming = Naming({"gw": "gateway"})
    assert [naming.name_of(seen) for seen in ("gw", "mail")] == ["gateway", "mail"]
    assert naming.wants("anybody")
