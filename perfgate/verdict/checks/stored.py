"""How does it stand against the stored baseline? It decides alone, or beside sessions it is told.

How sure a loss against figures of another hour can be is computed in
:mod:`perfgate.analysis.stored`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.compare import mean_and_sd
from perfgate.analysis.rates import service_rates, undisturbed_rates
from perfgate.analysis.sequential import lost_percent, percent
from perfgate.analysis.stored import Certainty, Level, speed_of, standard_error, stored_loss
from perfgate.baseline.record import RECORD_LEVEL
from perfgate.verdict.case import STORED_ASKED
from perfgate.verdict.checks.goodput import LEAST_REFUSING
from perfgate.verdict.finding import Finding, Outcome, told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.analysis.stored import StoredLoss
    from perfgate.baseline.record import BaselineRecord, Past, RateOfRecord
    from perfgate.measurement.models import Run
    from perfgate.verdict.case import Case

CHECK = "baseline"
# An interval needs two runs.
LEAST_RUNS = 2
# The yardstick of one machine differs by a hundredth or two; by so much, another one (log).
OTHER_MACHINE = 0.05
# A share of the CPU's time that differs by less is not worth a sentence.
BUSIER = 0.2
OLD_FORMAT_HINT = "This baseline has no undisturbed rate yet: measure and accept a new one."
OTHERWISE_HINT = "Measure the baseline's build with today's load, and accept that."
CHANGED_HINT = "The machine or the load has changed since: see whether the base lost as much."
QUICK_HINT = "Ask for it: perfgate check without --budget quick runs the base beside it."
ELSEWHERE_HINT = "Accept a measurement of this kind of machine, too."


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The record, both levels and the loss between them; ``margin`` on the log scale."""

    record: BaselineRecord
    then: Level
    now: Level
    loss: StoredLoss
    margin: float
    tolerance: float

    @property
    def outcome(self) -> Outcome:
        """Return what the stored baseline says where it decides alone."""
        sure = self.loss.lower > self.tolerance
        if self.loss.upper < self.margin:
            return Outcome.WARN if sure else Outcome.PASS
        return Outcome.FAIL if sure else Outcome.INCONCLUSIVE


def check(case: Case) -> list[Finding]:
    """Return how the service rate compares with the stored one; nothing without a record.

    With a base beside the candidate the sessions decide, and in a quick check nothing does: then
    this warns at most.
    """
    record = case.terms.baseline
    if record is None:
        return []
    rates = service_rates(case.measurement.runs, "candidate")
    if len(rates) < LEAST_RUNS:
        return [_unmeasured(record)] if case.stored_decides else []
    if not case.terms.baseline_counts:
        return [_unlike(case, record)]
    if not (rates > 0).all():
        return [_silent(case, record, int((rates == 0).sum()))]
    comparison = _compared(case, record)
    return [_alone(case, comparison) if case.stored_decides else _aside(case, comparison)]


def _compared(case: Case, record: BaselineRecord) -> _Comparison:
    """Compare undisturbed rates, or those that a record of format 1 has."""
    margins, runs = case.terms.config.margins, case.measurement.runs
    undisturbed = record.undisturbed_rps
    stored = undisturbed or record.service_rate_rps
    rates = (undisturbed_rates if undisturbed else service_rates)(runs, "candidate")
    mean, sd = mean_and_sd(np.log(rates))
    fresh = undisturbed is not None
    now = Level(math.exp(mean), sd / math.sqrt(len(rates)), speed_of(runs), fresh, _left(runs))
    then = Level(stored.estimate, _error(stored), record.yardstick_per_s, fresh)
    if undisturbed:
        then = replace(then, left=record.service_rate_rps.estimate / undisturbed.estimate)
    tolerance = math.log1p(margins.tolerance)
    certainty = Certainty(margins.fail_alpha, margins.pass_alpha, tolerance)
    past = [_level(own) for own in record.history] if fresh else []
    loss = stored_loss(now, then, past, certainty)
    return _Comparison(record, then, now, loss, -math.log1p(-margins.stored), tolerance)


def _left(runs: Sequence[Run]) -> float:
    """Return the share of the saturated time that others left to the candidate."""
    rates = service_rates(runs, "candidate") / undisturbed_rates(runs, "candidate")
    return math.exp(float(np.log(rates).mean()))


def _error(rate: RateOfRecord) -> float:
    return standard_error(rate.lower, rate.upper, rate.runs, RECORD_LEVEL)


def _level(past: Past) -> Level:
    if past.undisturbed_rps is None:
        return Level(past.service_rate_rps, undisturbed=False)
    return Level(past.undisturbed_rps, speed=past.yardstick_per_s)


def _alone(case: Case, compared: _Comparison) -> Finding:
    outcome = compared.outcome
    head = f"{_named(compared.record)} alone decided, {_because(case)}"
    # Who did not ask for so coarse a comparison is told how to get the other one.
    wanted = outcome is Outcome.PASS and case.terms.stored_because == STORED_ASKED
    hint = "" if wanted else _beside_hint(compared.record)
    if outcome is Outcome.INCONCLUSIVE and not compared.then.undisturbed:
        hint = f"{OLD_FORMAT_HINT} {hint}"
    return _finding(compared, outcome, f"{head}. It {_told(compared)}", hint)


def _aside(case: Case, compared: _Comparison) -> Finding:
    lost = compared.outcome is Outcome.FAIL
    words = f"{_decided(case)} {_named(compared.record)} {_told(compared)}"
    hint = QUICK_HINT if case.terms.quick else CHANGED_HINT
    return _finding(compared, Outcome.WARN if lost else Outcome.PASS, words, hint if lost else "")


def _finding(compared: _Comparison, outcome: Outcome, words: str, hint: str) -> Finding:
    loss = compared.loss
    return Finding(
        check=CHECK,
        outcome=outcome,
        reason=f"{words}{_although(compared.record)}",
        observed=lost_percent(loss.estimate),
        limit=lost_percent(compared.margin),
        interval=(lost_percent(loss.lower), lost_percent(loss.upper)),
        unit="%",
        hint=hint,
    )


def _told(compared: _Comparison) -> str:
    """Return both rates, the loss with the bound that matters, and what would have been seen."""
    then, now, found = compared.then, compared.now, lost_percent(compared.loss.detectable)
    kind = "undisturbed " if then.undisturbed else ""
    return (
        f"served {then.rate_rps:.0f}/s {kind}and this build {now.rate_rps:.0f}/s, "
        f"{_changed(compared.loss)} ({_bounds(compared)}).{_pace(compared)} "
        f"A loss of less than {found:.0f} % would not have been seen."
    )


def _changed(loss: StoredLoss) -> str:
    size = f"{abs(lost_percent(loss.estimate)):.0f}"
    kind = "loss" if loss.estimate > 0 else "gain"
    return "no loss" if size == "0" else f"a {kind} of {size} %"


def _pace(compared: _Comparison) -> str:
    """Return how the machine differs from what it was, where that leaves much in doubt."""
    slower, then, now = compared.loss.slower or 0.0, compared.then.left, compared.now.left
    told = ""
    if abs(slower) >= OTHER_MACHINE:
        pace = f"{abs(percent(-slower)):.0f} % {'slower' if slower > 0 else 'faster'}"
        told += f" The machine is {pace} than then, so much of that may be its doing."
    if compared.then.undisturbed and abs(then - now) >= BUSIER:
        told += f" Others left it {now:.0%} of its CPU's time now, {then:.0%} then: less is sure."
    return told


def _bounds(compared: _Comparison) -> str:
    loss = compared.loss
    asked = [loss.lower, loss.upper, compared.tolerance, compared.margin]
    lower, upper, tolerance, margin = told_apart([lost_percent(own) for own in asked], 0)
    match compared.outcome:
        case Outcome.FAIL:
            return f"at least {lower} %, where {tolerance} % is tolerated"
        case Outcome.PASS:
            return f"at most {upper} %; the limit is {margin} %"
        case Outcome.WARN:
            return f"at least {lower} % and at most {upper} %; the limit is {margin} %"
        case _:
            return f"it may be anything from {lower} % to {upper} %; the limit is {margin} %"


def _unmeasured(record: BaselineRecord) -> Finding:
    words = "Too few runs have a service rate to be held against the stored baseline"
    return Finding(CHECK, Outcome.INCONCLUSIVE, f"{words} ({record.commit[:12]}).")


def _unlike(case: Case, record: BaselineRecord) -> Finding:
    """Return what a record of another machine or load says: nothing that could be judged."""
    where, hint = f"under {case.terms.baseline_differs}", OTHERWISE_HINT
    if not case.terms.baseline_comparable:
        machine = record.environment
        where = (
            f"on another kind of machine ({machine.cpus} x {machine.cpu_model}, {machine.virtual})"
        )
        hint = ELSEWHERE_HINT
    words = (
        f"{_named(record)} served {record.service_rate_rps.estimate:.0f}/s {where}, which says "
        "nothing of this build here and now"
    )
    if case.stored_decides:
        words = f"{words}; and it alone was to decide, {_because(case)}."
        return Finding(CHECK, Outcome.INCONCLUSIVE, words, hint=f"{hint} {_beside_hint(record)}")
    words = f"{words}. {_decided(case)}{_although(record)}"
    return Finding(CHECK, Outcome.PASS, words)


def _silent(case: Case, record: BaselineRecord, silent: int) -> Finding:
    """Return a loss beyond doubt; in one run alone something else may have been amiss."""
    runs = len(case.measurement.runs)
    words = (
        f"{_named(record)} served {record.service_rate_rps.estimate:.0f}/s; this build, saturated, "
        f"gave no correct answer in {silent} of {runs} runs."
    )
    if not case.stored_decides:
        return Finding(CHECK, Outcome.WARN, words)
    if silent < LEAST_REFUSING:
        words = f"{words} One alone may have been the machine's doing."
        hint = f"Run again: from {LEAST_REFUSING} such runs on it is the build's fault."
        return Finding(CHECK, Outcome.INCONCLUSIVE, words, hint=hint)
    return Finding(CHECK, Outcome.FAIL, words)


def _beside_hint(record: BaselineRecord) -> str:
    return (
        "Sessions beside a base tell far smaller losses. In a shallow checkout: git fetch "
        f"--depth=1 origin {record.commit}; or name a build: --base REF."
    )


def _named(record: BaselineRecord) -> str:
    return f"The stored baseline ({record.commit[:12]}, measured {record.measured_at[:10]})"


def _decided(case: Case) -> str:
    if case.terms.quick:
        return "Whether it got worse was not asked."
    return "The sessions beside the base decided."


def _because(case: Case) -> str:
    return case.terms.stored_because or "as there is no base"


def _although(record: BaselineRecord) -> str:
    """Return why it was accepted, of records without an anchor: others have a finding for that."""
    said = f' It was accepted although worse: "{record.accepted_because}".'
    return said if record.accepted_because and record.anchor is None else ""
