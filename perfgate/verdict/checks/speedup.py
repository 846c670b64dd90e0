"""Is it suspiciously fast? A large gain at once is good news, or work that is no longer done.

Nothing here fails a build: it asks for a look.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.capacity import BOUNDS_LEVEL
from perfgate.analysis.change import CAPACITY, COST, operation_slowdowns, primary_slowdowns
from perfgate.analysis.compare import t_interval
from perfgate.analysis.sequential import percent
from perfgate.verdict.finding import Finding, Outcome, counted, told_apart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perfgate.verdict.case import Case

CHECK = "speed-up"
WHAT = {COST: "CPU time per request", CAPACITY: "The time for equal work"}
HINT = "If it was meant, all is well: else see what the answers lack, and let the tasks check it."


def check(case: Case) -> list[Finding]:
    """Return a warning for each metric that surely fell by more than ``margins.speedup``.

    The metrics are cost, capacity, and the cost of each operation that was sent alone.
    """
    if len(case.sessions) < case.looks[0]:
        return []
    limit = math.log1p(-case.terms.config.margins.speedup)
    primary = primary_slowdowns(case.sessions)
    slowdowns = {what: primary[metric] for metric, what in WHAT.items()}
    for name, values in operation_slowdowns(case.sessions).items():
        slowdowns[f"{name}: its CPU time per request, sent alone,"] = values
    return [
        finding
        for what, values in slowdowns.items()
        if np.isfinite(values).all()
        for finding in _faster(what, values, limit)
    ]


def _faster(what: str, slowdowns: NDArray[np.float64], limit: float) -> list[Finding]:
    change = t_interval(slowdowns, BOUNDS_LEVEL)
    if change.upper >= limit:
        return []
    fell, least, bound = told_apart(
        [-percent(value) for value in (change.estimate, change.upper, limit)], 0
    )
    return [
        Finding(
            check=CHECK,
            outcome=Outcome.WARN,
            reason=f"{what} fell {fell} % over {counted(len(slowdowns), 'session')} (at least "
            f"{least} %; more than {bound} % at once is told): work may have been skipped. Look "
            "whether the answers are still right.",
            observed=percent(change.estimate),
            limit=percent(limit),
            interval=(percent(change.lower), percent(change.upper)),
            unit="%",
            hint=HINT,
        )
    ]
