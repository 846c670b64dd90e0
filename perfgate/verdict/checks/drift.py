"""How far has it come since the last release? Many small losses that were accepted are a large one.

What is summed up, and how unsure that is, is said in :mod:`perfgate.baseline.anchor`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy.special import stdtrit

from perfgate.analysis.change import CAPACITY, COST
from perfgate.analysis.sequential import percent
from perfgate.baseline.making import step_of
from perfgate.tail import shortened
from perfgate.verdict.finding import Finding, Outcome, counted, told_apart

if TYPE_CHECKING:
    from perfgate.baseline.anchor import Anchor, Concession, Slowdown
    from perfgate.verdict.case import Case

CHECK = "drift"
ACCEPTED = "accepted"
WHAT = {COST: "CPU time per request", CAPACITY: "the time for equal work"}
REASON_WIDTH = 300


@dataclass(frozen=True, slots=True)
class _Drift:
    """One metric since the anchor, on the log scale; ``own`` is the part of this build.

    ``lower`` holds with 1 - fail_alpha over both metrics, ``upper`` with 1 - pass_alpha. ``own`` is
    None where the build was not measured beside the baseline: then the rest is the baseline's.
    """

    metric: str
    estimate: float
    lower: float
    upper: float
    own: float | None
    tolerance: float
    margin: float

    @property
    def outcome(self) -> Outcome:
        """Return what the sum says: of a build that is not in it, no more than a warning."""
        if self.upper < self.margin:
            return Outcome.PASS
        if self.estimate < self.margin or self.own is None:
            return Outcome.WARN
        return Outcome.FAIL if self.lower > self.tolerance else Outcome.INCONCLUSIVE


def check(case: Case) -> list[Finding]:
    """Return the metric that has drifted most, and what was accepted although it failed.

    Nothing as long as the stored baseline is the anchor itself, or knows of none.
    """
    record = case.terms.baseline
    if record is None or record.anchor is None:
        return []
    told = [_conceded(own) for own in record.anchor.concessions]
    drifts = _drifts(case, record.anchor, record.commit) if record.anchor.steps else []
    worst = max(drifts, key=lambda own: (own.outcome.severity, own.upper), default=None)
    return [*([] if worst is None else [_finding(worst, record.anchor)]), *told]


def _drifts(case: Case, anchor: Anchor, commit: str) -> list[_Drift]:
    step = step_of(case.measurement)
    beside = step is not None and step.against in (commit, anchor.commit)
    sums = anchor.after(step).slowdowns if step and beside else anchor.slowdowns
    own = step.slowdowns if step and beside else {}
    return [_drift(case, metric, sums[metric], own.get(metric)) for metric in sorted(sums)]


def _drift(case: Case, metric: str, total: Slowdown, own: Slowdown | None) -> _Drift:
    margins = case.terms.config.margins
    surely = float(stdtrit(total.freedom, 1 - margins.fail_alpha / len(WHAT)))
    maybe = float(stdtrit(total.freedom, 1 - margins.pass_alpha))
    return _Drift(
        metric=metric,
        estimate=total.estimate,
        lower=total.estimate - surely * total.error,
        upper=total.estimate + maybe * total.error,
        own=None if own is None else own.estimate,
        tolerance=math.log1p(margins.tolerance),
        margin=math.log1p(margins.drift),
    )


def _finding(drift: _Drift, anchor: Anchor) -> Finding:
    return Finding(
        check=CHECK,
        outcome=drift.outcome,
        reason=f"Since {anchor.called}, in {_steps(drift, anchor)}, {_told(drift)}.",
        observed=percent(drift.estimate),
        limit=percent(drift.margin),
        interval=(percent(drift.lower), percent(drift.upper)),
        unit=f"% since {anchor.name}",
        hint=_hint(drift, anchor),
    )


def _steps(drift: _Drift, anchor: Anchor) -> str:
    accepted = counted(anchor.steps, "accepted step")
    if drift.own is None:
        return f"{accepted} without this build"
    return f"{accepted} and this build ({told_apart([percent(drift.own)], 1, '+')[0]} %)"


def _told(drift: _Drift) -> str:
    asked = [drift.lower, drift.upper, drift.estimate, drift.margin]
    lower, upper, estimate, limit = told_apart([percent(own) for own in asked], 1, "+")
    changed = f"{WHAT[drift.metric]} changed {estimate} %"
    match drift.outcome:
        case Outcome.PASS:
            return f"{changed}: at most {upper} %; the limit is {limit} %"
        case Outcome.FAIL:
            return f"{changed}: at least {lower} %; the limit is {limit} %"
        case _:
            return (
                f"{changed}: it may be anything from {lower} % to {upper} %; the limit is {limit} %"
            )


def _hint(drift: _Drift, anchor: Anchor) -> str:
    directly = (
        f"Side by side it is surer: perfgate check --base {anchor.commit[:12]} "
        f"--margin {percent(drift.margin):g}%"
    )
    match drift.outcome:
        case Outcome.PASS:
            return ""
        case Outcome.FAIL:
            return (
                "Win it back; or, with the next release, count from there: perfgate baseline "
                f"anchor TAG. {directly}"
            )
        case _:
            return directly


def _conceded(own: Concession) -> Finding:
    return Finding(ACCEPTED, Outcome.PASS, conceded(own))


def conceded(own: Concession) -> str:
    """Return who accepted a build although something spoke against it, or that nobody has yet."""
    worse = ", ".join(f"{name} {size:+.1f} %" for name, size in own.worse_percent.items())
    found = shortened(worse or own.found.rstrip("."), REASON_WIDTH)
    if not own.because:
        return f"{own.commit[:12]} needs a reason to be accepted all the same ({found})."
    because = shortened(own.because, REASON_WIDTH)
    return (
        f"{own.commit[:12]} was accepted all the same by {own.by} on {own.at[:10]}: "
        f'"{because}" ({found}).'
    )
