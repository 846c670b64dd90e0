"""Sessions as points, so that it is seen how much they differ beside what they are held to.

What they say together is decided in :mod:`perfgate.verdict.checks.change`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.change import CAPACITY, COST, SATURATED, session_frame
from perfgate.analysis.rates import service_rates
from perfgate.analysis.sequential import percent
from perfgate.report.html.plot import Chart, Level, Plot, Table, drawing, last_with
from perfgate.report.html.scales import Linear, around
from perfgate.verdict.checks.change import WHAT, deciding_look, plan_of
from perfgate.verdict.finding import counted, told_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from markupsafe import Markup

    from perfgate.analysis.sequential import MetricEvidence
    from perfgate.verdict.case import Case
    from perfgate.verdict.checks.change import Look

HEIGHT = 170.0
METRICS = (COST, CAPACITY, SATURATED)
# More sessions than this are not numbered one by one.
NUMBERED = 12
COLUMNS = ("session", "cost", "capacity", "saturated", "generator late (p99)", "others' CPU")


@dataclass(frozen=True, slots=True)
class Sessions:
    """Sessions of both builds: a picture for each metric, what it is held to, and the figures.

    ``later`` tells that some came after the look that decided.
    """

    charts: tuple[Chart, ...]
    levels: tuple[Level, ...]
    table: Table
    later: bool


def sessions_of(case: Case) -> Sessions | None:
    """Return the sessions of candidate and base together; None without any."""
    if not case.sessions:
        return None
    frame = session_frame(case.sessions)[list(METRICS)]
    look, levels = deciding_look(case), _levels(case)
    changes = {metric: [percent(value) for value in frame[metric].tolist()] for metric in METRICS}
    charts = (
        _slowdowns(look, levels, metric, values)
        for metric, values in changes.items()
        if any(map(math.isfinite, values))
    )
    later = look is not None and look.sessions < len(case.sessions)
    return Sessions(tuple(charts), levels, _table(case, changes), later)


def rate_chart(case: Case) -> Chart | None:
    """Return the service rate of each run against the stored one; None where that is not asked."""
    record, rates = case.terms.baseline, service_rates(case.measurement.runs, "candidate")
    if record is None or not case.stored_decides or not rates.size:
        return None
    stored, title = record.service_rate_rps, "Service rate of each run, a second"
    level = Level(stored.estimate, f"stored baseline {stored.estimate:.0f}/s", "zero")
    y = around([0.0, *rates, stored.upper])
    plot = Plot(_numbers(len(rates)), Linear(0.0, y.high), HEIGHT)
    told = f"{counted(len(rates), 'run')}: {', '.join(f'{rate:.0f}/s' for rate in rates)}"
    band = plot.band(stored.lower, stored.upper, "interval")
    dots = _dots(plot, rates.tolist(), len(rates), lambda rate: f"{rate:.0f}/s")
    parts = [band, *_frame(plot, len(rates), "/s", [level]), *plot.words([level]), *dots]
    return Chart(title, drawing("rates", title, f"{told}; {level.words}.", plot, parts))


def _levels(case: Case) -> tuple[Level, ...]:
    """Return what the slowdown of all sessions is held to: the limit, and what is tolerated."""
    plan = plan_of(case)
    margin, tolerance = percent(plan.margin), percent(plan.tolerance)
    return (
        Level(margin, f"the limit, {margin:+.1f} %", "margin"),
        Level(tolerance, f"what is tolerated, {tolerance:+.1f} %", "tolerance"),
    )


def _table(case: Case, changes: Mapping[str, Sequence[float]]) -> Table:
    """Return the figures of each session beside what disturbed it."""
    rows = [
        (
            str(place + 1),
            *(_change(values[place]) for values in changes.values()),
            f"{run.validity.lag_p99_ms:.1f} ms",
            "-" if run.others_ratio is None else f"{run.others_ratio:.0%}",
        )
        for place, run in enumerate(case.sessions)
    ]
    return Table("Change of each session, candidate against base", COLUMNS, rows)


def _slowdowns(
    look: Look | None, levels: Sequence[Level], metric: str, values: Sequence[float]
) -> Chart:
    evidence = look.metrics.get(metric) if look else None
    bounds = () if evidence is None else _bounds(evidence)
    held_to = [0.0, *(level.value for level in levels)]
    plot = Plot(_numbers(len(values) + 1), around([*held_to, *values, *bounds]), HEIGHT)
    parts = _frame(plot, len(values), " %", levels)
    told = f"Sessions: {', '.join(map(_change, values))}"
    if evidence is not None:
        parts += _together(plot, len(values) + 1, _bounds(evidence))
        told += f"; together {_range(*_bounds(evidence))}"
    parts += _dots(plot, values, look.sessions if look else len(values), _change)
    title = WHAT[metric].rstrip(",")
    return Chart(title, drawing(f"sessions-{metric}", title, f"{told}.", plot, parts))


def _bounds(evidence: MetricEvidence) -> tuple[float, float, float]:
    """Return the mean and both of its bounds, in percent."""
    return percent(evidence.estimate), percent(evidence.lower), percent(evidence.upper)


def _numbers(count: int) -> Linear:
    """Return an axis of so many columns."""
    return Linear(0.4, count + 0.6)


def _frame(plot: Plot, count: int, unit: str, levels: Sequence[Level]) -> list[Markup]:
    """Return what figures are read by: a grid, an axis of so many columns, and levels."""
    marks = plot.y.ticks(6)
    columns = range(1, count + 1, math.ceil(count / NUMBERED))
    return [
        *plot.grid(marks),
        *plot.lines([Level(0.0, "", "zero"), *levels]),
        *plot.figures(marks, last_with(unit, marks)),
        *plot.axis([float(column) for column in columns]),
    ]


def _together(plot: Plot, column: float, bounds: tuple[float, float, float]) -> list[Markup]:
    """Return what all sessions say: the mean and both of its bounds."""
    mean, lower, upper = bounds
    return [
        plot.bar(column, lower, upper, "interval"),
        plot.dot(column, mean, "mean", f"together {_range(*bounds)}"),
        *plot.axis([column], lambda _: "all"),
    ]


def _dots(
    plot: Plot, values: Sequence[float], counting: int, told: Callable[[float], str]
) -> list[Markup]:
    """Return a point for each figure; hollow ones came after the look that decided."""
    return [
        plot.dot(
            column, value, "dot" if column <= counting else "dot later", f"{column}: {told(value)}"
        )
        for column, value in enumerate(values, start=1)
        if math.isfinite(value)
    ]


def _range(mean: float, lower: float, upper: float) -> str:
    told = told_apart([mean, lower, upper], 1, "+")
    return f"{told[0]} % ({told[1]} to {told[2]} %)"


def _change(value: float) -> str:
    if not math.isfinite(value):
        return "-"
    return f"{told_apart([value], 1, '+')[0]} %"
