"""What a check could have seen: how much its sessions differed, and how small a loss that shows.

It is told whatever the outcome: so a PASS that could have seen nothing is known for what it is.
Nothing is judged here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.change import CAPACITY, COST
from perfgate.analysis.resolution import detectable
from perfgate.analysis.sequential import POWER, percent
from perfgate.verdict.checks.change import deciding_look
from perfgate.verdict.finding import counted, told_apart

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.analysis.sequential import MetricEvidence, Plan
    from perfgate.verdict.case import Case

METRICS = (COST, CAPACITY)


@dataclass(frozen=True, slots=True)
class MetricNull:
    """One metric, in percent: how much sessions differed, and the least true loss that is found.

    ``detectable_percent`` is that of the sessions there were, ``at_last_look_percent`` that of
    all sessions that the profile allows, if they differ as much.
    """

    session_sd_percent: float
    detectable_percent: float
    at_last_look_percent: float


@dataclass(frozen=True, slots=True)
class Null:
    """What the look that decided could have seen; ``most_sessions`` is that of the last look."""

    sessions: int
    most_sessions: int
    margin_percent: float
    metrics: Mapping[str, MetricNull]


def null_of(case: Case) -> Null | None:
    """Return what the check could have seen; None where it had no look at sessions of both."""
    look = deciding_look(case)
    if look is None:
        return None
    return Null(
        sessions=look.sessions,
        most_sessions=look.plan.looks[-1],
        margin_percent=percent(look.plan.margin),
        metrics={name: _metric(look.metrics[name], look.plan) for name in METRICS},
    )


def what_shows(case: Case) -> str:
    """Return the same in two sentences."""
    if case.stored_decides:
        return "No base was run: how small a loss would have shown is said under baseline."
    null = null_of(case)
    if null is None:
        return "How small a slowdown would have shown is not known: builds were not compared."
    spreads = [_percents(own.session_sd_percent, 2) for own in null.metrics.values()]
    found = [_percents(own.detectable_percent, 1) for own in null.metrics.values()]
    after, chance = counted(null.sessions, "session"), f"{100 * POWER:.0f} times in 100"
    return (
        f"Sessions differ by {_each(null, spreads)}. With {after}, a true slowdown of "
        f"{_each(null, found)} is found {chance}{_later(null)}."
    )


def _each(null: Null, told: list[str]) -> str:
    return " and ".join(f"{own} in {name}" for own, name in zip(told, null.metrics, strict=True))


def _later(null: Null) -> str:
    """Say what all sessions would find, where there were fewer."""
    if null.sessions == null.most_sessions:
        return ""
    most = max(own.at_last_look_percent for own in null.metrics.values())
    return f"; with {null.most_sessions}, {_percents(most, 1)} would be"


def _percents(value: float, digits: int) -> str:
    return f"{told_apart([value], digits)[0]} %"


def _metric(evidence: MetricEvidence, plan: Plan) -> MetricNull:
    last = detectable(plan, plan.looks[-1], evidence.session_sd, len(METRICS))
    return MetricNull(
        session_sd_percent=percent(evidence.session_sd),
        detectable_percent=percent(evidence.detectable),
        at_last_look_percent=percent(last),
    )
