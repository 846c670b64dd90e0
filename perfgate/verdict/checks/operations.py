"""Did one operation get dearer? CPU time per request of each, sent alone.

An operation that is rare hardly shows in the cost of all together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis import sequential
from perfgate.analysis.change import operation_cost_s, operation_slowdowns
from perfgate.analysis.compare import mean_and_sd
from perfgate.analysis.sequential import percent
from perfgate.verdict.checks.change import policy_plan
from perfgate.verdict.finding import Finding, Outcome, number, told_apart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from perfgate.analysis.sequential import Plan
    from perfgate.measurement.models import Run
    from perfgate.verdict.case import Case

CHECK = "operation"


@dataclass(frozen=True, slots=True)
class _Look:
    """What the sessions of the last look say of each operation; ``limit`` is a log ratio."""

    sessions: Sequence[Run]
    slowdowns: Mapping[str, NDArray[np.float64]]
    plan: Plan
    limit: float


def check(case: Case) -> list[Finding]:
    """Return a finding for each operation that got much dearer, or one that says none did.

    FAIL where that is sure by the last look that was reached, WARN where the sessions differ too
    much to tell. Nothing before the first look, and where no operation was timed alone.
    """
    looks = [look for look in case.looks if look <= len(case.sessions)]
    sessions = case.sessions[: looks[-1]] if looks else []
    slowdowns = operation_slowdowns(sessions)
    if not slowdowns:
        return []
    margins = case.terms.config.margins
    plan = policy_plan(margins, case.looks)
    look = _Look(sessions, slowdowns, plan, math.log1p(margins.operation))
    rejected = sequential.rejected(slowdowns, plan, look.limit)
    seeming = [name for name in slowdowns if slowdowns[name].mean() > look.limit]
    told = _named(look, rejected, Outcome.FAIL) or _named(look, seeming, Outcome.WARN)
    return [*(told or [_fine(look)]), *_untimed(look)]


def _named(look: _Look, dearer: Sequence[str] | frozenset[str], outcome: Outcome) -> list[Finding]:
    """Return one finding per operation, the one that rose most first."""
    end = "" if outcome is Outcome.FAIL else "; sessions differ too much to be sure"
    return [
        _finding(
            look,
            name,
            f"{CHECK}:{name}",
            outcome,
            f"{name}: its CPU time per request, sent alone, rose {_told(look, name)}{end}.",
        )
        for name in sorted(dearer, key=lambda name: (-look.slowdowns[name].mean(), name))
    ]


def _fine(look: _Look) -> Finding:
    """Say what changed most, and what would have been found."""
    most = max(look.slowdowns, key=lambda name: look.slowdowns[name].mean())
    found = told_apart([percent(_detectable(look))], 0, "+")[0]
    words = (
        f"No operation got much dearer; most changed {most}, {_told(look, most)}, and "
        f"{found} % would have been found in any."
    )
    return _finding(look, most, CHECK, Outcome.PASS, words)


def _untimed(look: _Look) -> list[Finding]:
    """Return a warning that names the operations of whose cost nothing is known."""
    sent = {
        name for run in look.sessions for own in run.builds.values() for name in own.open.operations
    }
    untimed = sorted(sent - look.slowdowns.keys())
    if not untimed:
        return []
    which = ", ".join(untimed)
    words = f"What these operations cost is not known, for some session did not time them: {which}."
    hint = "A larger solo_s in the profile gives each operation more time."
    return [Finding(f"{CHECK}:untimed", Outcome.WARN, words, hint=hint)]


def _detectable(look: _Look) -> float:
    """Return the smallest rise (log) that would have been found whichever operation showed it."""
    plan, count = look.plan, len(look.sessions)
    spreads = [mean_and_sd(values)[1] for values in look.slowdowns.values()]
    return look.limit + sequential.room(plan, count, max(spreads), len(spreads))


def _told(look: _Look, name: str) -> str:
    change, limit = told_apart([percent(look.slowdowns[name].mean()), percent(look.limit)], 0)
    sign = "" if change.startswith("-") else "+"
    base_ms = (operation_cost_s(look.sessions, "base", name) or 0.0) * 1000
    return f"by {sign}{change} % from {number(base_ms)} ms ({limit} % is too much)"


def _finding(look: _Look, name: str, check: str, outcome: Outcome, reason: str) -> Finding:
    observed = percent(float(look.slowdowns[name].mean()))
    limit = percent(look.limit)
    return Finding(check, outcome, reason, observed=observed, limit=limit, unit="%")
