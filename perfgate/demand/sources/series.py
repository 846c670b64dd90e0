"""Series of rates become what each dependent sends at its peak, over weeks.

Nothing is asked here: :mod:`perfgate.demand.sources.prometheus` does.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from perfgate.demand.sources.observed import (
    DAY_S,
    Observation,
    Observed,
    shares,
    spread_of,
    upper_quantile,
)
from perfgate.errors import SourceError
from perfgate.tomlfile import near_or_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from numpy.typing import NDArray

    from perfgate.demand.sources.observed import Naming

    Rates = NDArray[np.float64]

WEEK_S = 7 * DAY_S
# Prometheus refuses to answer with more for one series.
MOST_POINTS = 11_000
# A dependent with figures for less of the time than this is remarked upon.
WHOLE = 0.9


@dataclass(frozen=True, slots=True)
class RangeQuery:
    """What is asked of the Prometheus at ``url``, and how its answer is read.

    ``expression`` gives requests per second; the values of ``label`` are the callers, those of
    ``operation_label`` (if not empty) the operations. ``times_s`` are the moments asked for, in
    whole seconds since 1970. The peak is the ``quantile`` of the rates at them.
    """

    url: str
    expression: str
    label: str
    operation_label: str
    times_s: range
    quantile: float

    @property
    def place(self) -> str:
        """Return the address without a password that stands in it."""
        return re.sub(r"//[^/@]*@", "//", self.url)


class Series(NamedTuple):
    """One line of an answer: its labels, and the rate at each time (in seconds since 1970)."""

    labels: Mapping[str, str]
    times_s: NDArray[np.float64]
    rates_rps: Rates


def moments(end_s: int, weeks: int, step_s: int) -> range:
    """Return the multiples of ``step_s`` in the weeks before ``end_s``, which is not one of them.

    Other tools ask for the same moments then, and caches between can answer.
    """
    end_s = -(-end_s // step_s) * step_s
    return range(end_s - weeks * WEEK_S // step_s * step_s, end_s, step_s)


def chunks(times_s: range, most: int = MOST_POINTS) -> Iterator[range]:
    """Yield ``times_s`` in parts of at most ``most`` moments, in order, each moment in one part."""
    for first in range(0, len(times_s), most):
        yield times_s[first : first + most]


def observation_of(
    query: RangeQuery, series: Sequence[Series], naming: Naming, warned: Iterable[str] = ()
) -> Observation:
    """Return what ``series`` say of each dependent; raises SourceError where they say nothing.

    ``warned`` is what the answers came with.
    """
    named = [one for one in series if one.labels.get(query.label)]
    if not named:
        raise _nobody(query, series)
    remarks = [f"Prometheus warns: {each}" for each in dict.fromkeys(warned)]
    remarks += [*_unnamed(query, series), *_odd(query, named)]
    observed = []
    for name, rates in sorted(_rates(query, named, naming).items()):
        total = _total(rates)
        if np.isnan(total).all():
            remarks.append(f"{name}: there is no figure that is a number")
            continue
        observed.append(_observed(query, name, rates, total))
        remarks += _remarks(query, name, int((~np.isnan(total)).sum()))
    if not observed:
        raise _no_figures(query)
    return Observation(tuple(observed), _words(query), _last_day(query), tuple(remarks))


def series_of(body: object) -> list[Series]:
    """Return the series in the body of a good answer; raises ValueError where it is another kind.

    What is no number ("NaN", "+Inf", "-Inf") stays as it is, as a float.
    """
    match body:
        case {"status": "success", "data": {"resultType": "matrix", "result": list() as rows}}:
            return [_series(row) for row in rows]
    raise ValueError("the answer is not that of a range query")


def warnings_in(body: object) -> list[str]:
    """Return what Prometheus warns of in the body of an answer: an incomplete one, say."""
    told = body.get("warnings") if isinstance(body, dict) else None
    return [str(each) for each in told] if isinstance(told, list) else []


def _series(row: object) -> Series:
    match row:
        case {"metric": dict() as labels, "values": list() as pairs}:
            times_s = np.array([float(at_s) for at_s, _ in pairs])
            return Series(labels, times_s, np.array([float(value) for _, value in pairs]))
        case {"histograms": _}:
            raise ValueError("the query gives histograms, not requests per second")
    raise ValueError("a series has no values")


def _rates(
    query: RangeQuery, series: Iterable[Series], naming: Naming
) -> dict[str, dict[str, Rates]]:
    """Return per dependent and operation the rate at each moment, nan where there is none."""
    rates: dict[str, dict[str, Rates]] = {}
    for one in series:
        operations = rates.setdefault(naming.name_of(one.labels[query.label]), {})
        operation = one.labels.get(query.operation_label, "")
        known = operations.setdefault(operation, np.full(len(query.times_s), np.nan))
        places = np.rint((one.times_s - query.times_s.start) / query.times_s.step).astype(int)
        there = np.isfinite(one.rates_rps) & (places >= 0) & (places < known.size)
        known[places[there]] = np.nan_to_num(known[places[there]]) + one.rates_rps[there]
    return rates


def _total(rates: Mapping[str, Rates]) -> Rates:
    """Return the rate of all operations at each moment, nan where there is none of any."""
    stacked = np.vstack(list(rates.values()))
    return np.where(np.isnan(stacked).all(axis=0), np.nan, np.nansum(stacked, axis=0))


def _observed(
    query: RangeQuery, name: str, by_operation: Mapping[str, Rates], total: Rates
) -> Observed:
    peak = upper_quantile(_numbers(total), query.quantile)
    busy = total >= peak
    mix = {
        operation: float(np.nansum(rates[busy]))
        for operation, rates in by_operation.items()
        if query.operation_label and operation
    }
    return Observed(name, peak, spread_of(_day_peaks(query, total)), shares(mix))


def _day_peaks(query: RangeQuery, total: Rates) -> list[float]:
    """Return the peak of each whole day from the first moment, nan where half of it is missing."""
    seconds = np.arange(total.size) * query.times_s.step
    peaks = []
    for day in range(total.size * query.times_s.step // DAY_S):
        rates = total[seconds // DAY_S == day]
        there = _numbers(rates)
        enough = there.size * 2 >= rates.size > 0
        peaks.append(upper_quantile(there, query.quantile) if enough else np.nan)
    return peaks


def _numbers(rates: Rates) -> Rates:
    return rates[~np.isnan(rates)]


def _remarks(query: RangeQuery, name: str, count: int) -> Iterator[str]:
    moments = len(query.times_s)
    if count < WHOLE * moments:
        yield f"{name}: there are figures for {count / moments:.0%} of the time only"
    if count * (1 - query.quantile) < 1:
        yield f"{name}: of {count} figures the {query.quantile:g} quantile is the highest"


def _unnamed(query: RangeQuery, series: Sequence[Series]) -> Iterator[str]:
    count = len(
        {str(sorted(one.labels.items())) for one in series if not one.labels.get(query.label)}
    )
    if count:
        yield f"{count} series without the label {query.label} belong to nobody and do not count"


def _odd(query: RangeQuery, series: Iterable[Series]) -> Iterator[str]:
    odd = Counter[str]()
    for one in series:
        finite = np.isfinite(one.rates_rps)
        if (one.rates_rps[finite] < 0).any():
            raise SourceError(
                f"{query.place}: {one.labels[query.label]} has a rate below 0",
                hint="Ask for requests per second: sum by (LABEL) (rate(COUNTER[1m])).",
            )
        odd[one.labels[query.label]] += int((~finite).sum())
    for caller, count in sorted(odd.items()):
        if count:
            yield f"{caller}: {count} figures are NaN or infinite and do not count"


def _words(query: RangeQuery) -> str:
    days = len(query.times_s) * query.times_s.step / DAY_S
    return (
        f"Prometheus at {query.place}, {query.quantile:g} quantile of {days:g} days "
        f"every {query.times_s.step} s: {query.expression}"
    )


def _last_day(query: RangeQuery) -> date:
    return datetime.fromtimestamp(query.times_s[-1], UTC).date()


def _nobody(query: RangeQuery, series: Sequence[Series]) -> SourceError:
    if not series:
        return _no_figures(query)
    labels = sorted({label for one in series for label in one.labels})
    known = near_or_all(query.label, labels) if labels else "there are no labels at all"
    return SourceError(
        f"{query.place}: nothing in the answer has the label {query.label}",
        hint=f"The query must keep it: sum by ({query.label}) (rate(COUNTER[1m])); {known}",
    )


def _no_figures(query: RangeQuery) -> SourceError:
    first, last = (
        datetime.fromtimestamp(query.times_s[place], UTC).strftime("%Y-%m-%d %H:%M")
        for place in (0, -1)
    )
    return SourceError(
        f"{query.place}: there are no figures from {first} to {last} (UTC) for: {query.expression}",
        hint="Look for a mistyped name or label in the query, and whether Prometheus keeps its "
        "figures for so long (15 days, if not told otherwise).",
    )
