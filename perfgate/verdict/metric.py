"""The metrics that a search for a commit may go by: their names, what they mean, their figures.

What a figure means for a commit is decided elsewhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perfgate.analysis.change import (
    CAPACITY,
    COST,
    operation_slowdowns,
    primary_slowdowns,
    quantile_slowdowns,
)
from perfgate.errors import LoadError
from perfgate.verdict.checks.change import WHAT
from perfgate.verdict.checks.latency import DECIDING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perfgate.config.models import Margins
    from perfgate.measurement.models import Run

# Of one operation: regression:OPERATION:METRIC.
OF_OPERATION = "regression"
PRIMARIES = (COST, CAPACITY)


def slowdowns_in(run: Run, metrics: Iterable[str]) -> dict[str, float]:
    """Return the session's slowdown by each metric, as a log ratio.

    Raises LoadError where the session does not tell it.
    """
    found = {metric: _slowdown(run, metric) for metric in metrics}
    for metric, slowdown in found.items():
        if not math.isfinite(slowdown):
            raise LoadError(
                f"a session does not tell {words(metric)}: it has too few figures of it",
                hint="More time for it in the profile helps: solo_s for the cost of an operation, "
                "split_s for its latency.",
            )
    return found


def words(metric: str) -> str:
    """Return what the metric is, as it stands in a sentence."""
    if metric in WHAT:
        return WHAT[metric][0].lower() + WHAT[metric][1:] if metric == CAPACITY else WHAT[metric]
    _, operation, figure = metric.split(":")
    return f"{operation}'s CPU time per request" if figure == COST else f"{operation} {figure}"


def margin_of(metrics: Iterable[str], margins: Margins) -> float:
    """Return the slowdown, a ratio, that must be excluded before a build is called no slower."""
    figures = {metric.rpartition(":")[2] for metric in metrics if metric not in PRIMARIES}
    if not figures:
        return margins.slowdown
    return margins.operation if figures == {COST} else margins.latency


def _slowdown(run: Run, metric: str) -> float:
    """Return NaN where the session does not tell it."""
    if metric in PRIMARIES:
        return float(primary_slowdowns([run])[metric][0])
    _, operation, figure = metric.split(":")
    if figure == COST:
        found = operation_slowdowns([run]).get(operation)
    else:
        found = quantile_slowdowns([run], operation, *DECIDING[figure])
    return math.nan if found is None else float(found[0])
