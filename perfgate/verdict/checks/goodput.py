"""Do callers get fewer correct answers in time? A build that refuses work is fast, and no use.

What merely slows down is the business of other checks: here answers are refused, wrong or late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis import sequential
from perfgate.analysis.capacity import BOUNDS_LEVEL
from perfgate.analysis.compare import t_interval
from perfgate.analysis.goodput import (
    open_answers,
    open_losses,
    saturated_answers,
    saturated_delays,
    saturated_losses,
)
from perfgate.analysis.sequential import lost_percent, percent
from perfgate.verdict.checks.change import plan_of
from perfgate.verdict.finding import Finding, Outcome, counted, told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.analysis.sequential import MetricEvidence
    from perfgate.measurement.models import Run
    from perfgate.verdict.case import Case

CHECK = "goodput"
SATURATED = "saturated"
OPEN = "open"
# Load is shed where this much more of the saturated answers failed than of the base's.
SHED_LIMIT_RATIO = 0.01
# In one session something else may have been amiss.
LEAST_REFUSING = 2


@dataclass(frozen=True, slots=True)
class _Look:
    """The case as it was at a look, with the evidence by metric; margin as a log ratio."""

    case: Case
    metrics: dict[str, MetricEvidence]
    margin: float


def check(case: Case) -> list[Finding]:
    """Return a finding where goodput is lost, or load is shed; nothing where neither is.

    They are those of the first look that fails, else of the last one reached.
    """
    found: list[Finding] = []
    for look in (look for look in case.looks if look <= len(case.sessions)):
        at = _at(case.up_to(look))
        found = [*_saturated(at), *_open(at)]
        if any(finding.outcome is Outcome.FAIL for finding in found):
            break
    return found


def _at(case: Case) -> _Look:
    losses = {
        SATURATED: saturated_losses(case.sessions),
        OPEN: open_losses(case.sessions, case.terms.ledger.timeouts_s()),
    }
    known = {name: values for name, values in losses.items() if np.isfinite(values).all()}
    plan = plan_of(case)
    metrics = dict(sequential.decide(known, plan).metrics) if known else {}
    return _Look(case, metrics, plan.margin)


def _saturated(look: _Look) -> list[Finding]:
    """Judge the goodput while saturated, where load is shed or nothing good is left."""
    loss, case = look.metrics.get(SATURATED), look.case
    if loss is None:
        return []
    own, base = (saturated_answers(case.sessions, role) for role in ("candidate", "base"))
    refusing = _refusing(case.sessions)
    if refusing:
        words = (
            f"The candidate served nobody while saturated in {refusing} of "
            f"{counted(len(case.sessions), 'session')}: of its {own.total} answers {own.good} were "
            f"correct and in time, and {own.failed} refused or wrong; of the base's {base.total}, "
            f"{base.good} were correct and in time{_sooner(case)}."
        )
        return [_finding(look, loss, Outcome.FAIL, words)]
    if not _sheds(case.sessions):
        return []
    shares = told_apart([100 * own.failed_ratio, 100 * base.failed_ratio], 0)
    shed = (
        f"The candidate sheds load: while saturated, {shares[0]} % of its answers were refused or "
        f"wrong (of the base's, {shares[1]} %)"
    )
    if loss.lower > look.margin:
        words = f"{shed}, so that callers got {_lost(look, loss)}{_sooner(case)}."
        return [_finding(look, loss, Outcome.FAIL, words)]
    most = told_apart([lost_percent(loss.upper), lost_percent(look.margin)], 1)
    words = (
        f"{shed}; the correct ones in time are not shown to be fewer (at most {most[0]} %, where "
        f"{most[1]} % is the limit)."
    )
    return [_finding(look, loss, Outcome.WARN, words)]


def _open(look: _Look) -> list[Finding]:
    """Judge the goodput of the open loop, where both builds had the same arrivals."""
    loss, case = look.metrics.get(OPEN), look.case
    if loss is None or loss.lower <= look.margin:
        return []
    timeouts_s = case.terms.ledger.timeouts_s()
    own, base = (open_answers(case.sessions, role, timeouts_s) for role in ("candidate", "base"))
    if own.late - base.late <= own.failed - base.failed:
        return []  # wrong answers are told where errors are
    words = (
        f"At {case.sessions[-1].offered_rps:.0f}/s callers got {_lost(look, loss)}: of "
        f"{own.total} requests {own.late} were answered after their callers' timeout or never and "
        f"{own.failed} wrongly; of the base's, {base.late} and {base.failed}."
    )
    return [_finding(look, loss, Outcome.FAIL, words)]


def _refusing(sessions: Sequence[Run]) -> int:
    """Return in how many sessions nobody was served; 0 where too few are to blame for it.

    Late answers must be the case in all: near to the timeout, they may be so by chance in a few.
    """
    answers = [saturated_answers([run], "candidate") for run in sessions]
    empty = [own for own in answers if not own.good]
    refused = [own for own in empty if own.failed > own.late]
    enough = len(empty) == len(sessions) or len(refused) >= LEAST_REFUSING
    return len(empty) if enough else 0


def _sheds(sessions: Sequence[Run]) -> bool:
    """Tell whether the share that failed is surely above the base's, by more than the limit."""
    more = [
        saturated_answers([run], "candidate").failed_ratio
        - saturated_answers([run], "base").failed_ratio
        for run in sessions
    ]
    return t_interval(np.array(more), BOUNDS_LEVEL).lower > SHED_LIMIT_RATIO


def _lost(look: _Look, loss: MetricEvidence) -> str:
    mean, least, limit = told_apart(
        [lost_percent(value) for value in (loss.estimate, loss.lower, look.margin)], 0
    )
    return (
        f"{mean} % fewer correct answers in time (at least {least} % over "
        f"{len(look.case.sessions)} sessions, where {limit} % is the limit)"
    )


def _sooner(case: Case) -> str:
    """Say so where refusing made answers come sooner: whoever looks at latency sees a gain."""
    delays = saturated_delays(case.sessions)
    if not (delays < 0).all():
        return ""
    return (
        f", while latency improved: answers of any kind came {-percent(delays.mean()):.0f} % sooner"
    )


def _finding(look: _Look, loss: MetricEvidence, outcome: Outcome, words: str) -> Finding:
    return Finding(
        check=CHECK,
        outcome=outcome,
        reason=words,
        observed=lost_percent(loss.estimate),
        limit=lost_percent(look.margin),
        interval=(lost_percent(loss.lower), lost_percent(loss.upper)),
        unit="%",
    )
