"""Series of rates, whole or with holes, become peaks, or an error that says why not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from math import inf, nan
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.demand.sources.observed import Naming
from perfgate.demand.sources.series import (
    MOST_POINTS,
    RangeQuery,
    Series,
    chunks,
    moments,
    observation_of,
    series_of,
)
from perfgate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.demand.sources.observed import Observation

START_S = 1_782_864_000  # 2026-07-01
NONE = np.array([])
QUERY = RangeQuery(
    url="http://user:secret@prometheus:9090",
    expression="rate(requests[1m])",
    label="caller",
    operation_label="",
    times_s=range(START_S, START_S + 6000, 60),
    quantile=0.9,
)


def series(rates: Sequence[float], query: RangeQuery = QUERY, **labels: str) -> Series:
    """Return a series with these rates at the first moments of the query."""
    times_s = np.array(query.times_s[: len(rates)], dtype=float)
    return Series({"caller": "gateway"} | labels, times_s, np.array(rates))


def observed(
    *given_series: Series, query: RangeQuery = QUERY, naming: Naming | None = None
) -> Observation:
    """Return what these series show."""
    return observation_of(query, given_series, naming or Naming({}))


@given(st.integers(10**9, 2 * 10**9), st.integers(1, 60), st.integers(1, 10**5))
def test_moments_are_the_last_weeks(end_s: int, weeks: int, step_s: int) -> None:
    """Law: multiples of the step up to the end, as many as fit into the weeks."""
    found = moments(end_s, weeks, step_s)
    assert found.step == step_s
    assert found.start % step_s == 0
    assert found[-1] < end_s <= found[-1] + step_s
    assert weeks * 7 * 86_400 - step_s < len(found) * step_s <= weeks * 7 * 86_400


@given(st.integers(0, 10**9), st.integers(0, 10**6), st.integers(1, 10**4), st.integers(1, 20_000))
def test_chunks_cover_each_moment_once(start: int, length: int, step: int, most: int) -> None:
    """Law: chunks follow one another, none is too long, and together they are the range."""
    times_s = range(start, start + length, step)
    parts = list(chunks(times_s, most))
    assert all(0 < len(part) <= most for part in parts)
    assert sum(map(len, parts)) == len(times_s)
    assert all(part.step == step for part in parts)
    edges = [edge for part in parts for edge in (part[0], part[-1])]
    assert edges[:1] == list(times_s[:1])
    assert edges[-1:] == list(times_s[-1:])
    assert all(
        later - earlier == step for earlier, later in zip(edges[1::2], edges[2::2], strict=False)
    )


def test_two_weeks_of_minutes_are_asked_for_in_two_parts() -> None:
    """Law: as few requests as the limit allows."""
    assert [len(part) for part in chunks(range(0, 14 * 86_400, 60))] == [MOST_POINTS, 9_160]


@given(st.lists(st.floats(0, 1e6), min_size=100, max_size=100), st.integers(1, 99))
def test_chunks_and_order_make_no_difference(rates: list[float], cut: int) -> None:
    """Law: a series in two parts, in any order, is the same series."""
    whole = series(rates)
    halves = (slice(cut, None), slice(cut))
    parts = [Series(whole.labels, whole.times_s[half], whole.rates_rps[half]) for half in halves]
    assert observed(*parts) == observed(whole)


@given(st.lists(st.floats(0, 1e6), min_size=100, max_size=100))
def test_the_peak_is_exceeded_by_few(rates: list[float]) -> None:
    """Law: a tenth of the figures at most exceeds the 0.9 quantile, a tenth at least reaches it."""
    [one] = observed(series(rates)).dependents
    assert (
        sum(rate > one.peak_rps for rate in rates)
        <= 10
        <= sum(rate >= one.peak_rps for rate in rates)
    )


def test_series_of_a_caller_add_up() -> None:
    """Law: what several instances or operations of a caller send at a moment is its rate then."""
    found = observed(
        series([1.0] * 100, instance="a"),
        series([2.0] * 50, instance="b"),
        series([4.0] * 100, caller="gw-old"),
        series([7.0] * 100, caller="mail"),
        naming=Naming({"gw-old": "gateway"}),
    )
    assert [(one.name, one.peak_rps) for one in found.dependents] == [("gateway", 7), ("mail", 7)]
    assert (found.measured_on, found.remarks) == (date(2026, 7, 1), ())


def test_the_mix_is_that_of_the_peak() -> None:
    """Law: the mix is what was sent when the rate was highest, not on average."""
    query = replace(QUERY, operation_label="operation")
    token = series([1.0] * 80 + [30.0] * 20, operation="token")
    login = series([9.0] * 80 + [10.0] * 20, operation="login")
    [one] = observed(token, login, query=query).dependents
    assert (one.peak_rps, one.mix) == (40.0, {"token": 0.75, "login": 0.25})
    [untold] = observed(token, login).dependents
    assert untold.mix == {}


def test_what_is_no_number_is_a_gap_and_told() -> None:
    """Law: NaN and infinity neither raise nor lower the peak; that they were there is told."""
    found = observed(series([5.0] * 97 + [nan, inf, -inf]), query=replace(QUERY, quantile=1.0))
    assert [one.peak_rps for one in found.dependents] == [5.0]
    assert found.remarks[0] == "gateway: 3 figures are NaN or infinite and do not count"


def test_gaps_are_told() -> None:
    """Law: figures for less than nine tenths of the time are believed, and told."""
    found = observed(series([5.0] * 40))
    assert [one.peak_rps for one in found.dependents] == [5.0]
    assert found.remarks == ("gateway: there are figures for 40% of the time only",)


def test_a_quantile_of_few_is_told_to_be_the_highest() -> None:
    """Law: where the quantile passes over nothing, one moment decides, and that is told."""
    found = observed(series([5.0] * 99 + [50.0]), query=replace(QUERY, quantile=0.999))
    assert found.remarks == ("gateway: of 100 figures the 0.999 quantile is the highest",)


def test_nobody_is_told() -> None:
    """Law: series without a caller do not count, and that is told."""
    found = observed(series([5.0] * 100), series([9.0] * 100, caller=""))
    assert found.remarks == ("1 series without the label caller belong to nobody and do not count",)


@pytest.mark.parametrize(
    ("given_series", "told", "hint"),
    [
        ([], "there are no figures from 2026-07-01 00:00 to 2026-07-01 01:39", "mistyped"),
        ([series([nan] * 100)], "there are no figures", "15 days"),
        ([Series({"callr": "a"}, NONE, NONE)], "has the label caller", 'did you mean "callr"?'),
        ([Series({}, NONE, NONE)], "has the label caller", "no labels at all"),
        ([series([-1.0])], "gateway has a rate below 0", "rate(COUNTER[1m])"),
    ],
)
def test_no_figures_are_an_error(given_series: list[Series], told: str, hint: str) -> None:
    """Law: nothing seen is never a demand of nothing; a password is not shown."""
    with pytest.raises(SourceError) as caught:
        observed(*given_series)
    assert told in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.message.startswith("http://prometheus:9090: ")


def test_a_day_that_is_half_missing_tells_no_spread() -> None:
    """Law: the spread comes from days that were seen: with one of two weeks it is not known."""
    query = replace(QUERY, times_s=range(START_S, START_S + 14 * 86_400, 3600))
    week = [float(day + 1) for day in range(7) for _ in range(24)]
    [whole] = observed(
        series([*week, *(1.1 * rate for rate in week)], query), query=query
    ).dependents
    assert whole.peak_cv == pytest.approx(0.1, rel=0.01)
    holes = [1.1 * rate if hour % 24 < 11 else nan for hour, rate in enumerate(week)]
    [half] = observed(series([*week, *holes], query), query=query).dependents
    assert half.peak_cv is None


def test_an_answer_is_read() -> None:
    """Law: labels, moments and values arrive, also those that are no numbers."""
    row = {"metric": {"caller": "a"}, "values": [[1.5, "2"], [2, "+Inf"]]}
    body = {"status": "success", "data": {"resultType": "matrix", "result": [row]}}
    [one] = series_of(json.loads(json.dumps(body)))
    assert one.labels == {"caller": "a"}
    assert (one.times_s.tolist(), one.rates_rps.tolist()) == ([1.5, 2.0], [2.0, inf])


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"status": "success", "data": {"resultType": "vector", "result": []}},
        {"status": "success", "data": {"resultType": "matrix", "result": [{}]}},
        {
            "status": "success",
            "data": {"resultType": "matrix", "result": [{"metric": {}, "histograms": []}]},
        },
        {
            "status": "success",
            "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, "x"]]}]},
        },
    ],
)
def test_other_answers_are_refused(body: object) -> None:
    """Law: what is no answer to a range query is an error and not an empty one."""
    with pytest.raises(ValueError, match=r"answer|histograms|values|float"):
        series_of(body)
