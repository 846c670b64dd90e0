"""Benchmark times held against those of record: a finding for each that is not surely as fast.

Where the times come from, and which explains what a request costs more, is said elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from perfgate.analysis.rounds import between_runs, lag_between, rejected
from perfgate.analysis.sequential import percent
from perfgate.verdict.finding import Finding, Outcome, counted, number, told_apart, verdict_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from perfgate.analysis.rounds import Between, Lag
    from perfgate.baseline.micro import MicroRecord, TimeOfRecord
    from perfgate.config.models import Margins
    from perfgate.verdict.finding import Verdict

CHECK = "micro"
ACCEPT = "Accept it with the others when they are as they are to be: perfgate micro FILE --accept"
REPEAT = "Time both several times, on a machine with little else to do, and name all files."
# The two-sided interval that is shown.
LEVEL = 0.95


class _Figures(TypedDict):
    observed: float
    limit: float
    interval: tuple[float, float]
    unit: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One benchmark then and now."""

    name: str
    then: TimeOfRecord
    now: TimeOfRecord
    lag: Lag

    @property
    def short(self) -> str:
        """Return its name without its file."""
        return short_name(self.name)


@dataclass(frozen=True, slots=True)
class MicroCase:
    """What was timed now, what it is held against, and what came of each benchmark of both.

    ``doubt`` (log) is by how much fixed work differs; None where no benchmark is of fixed work.
    """

    now: MicroRecord
    then: MicroRecord
    compared: tuple[Compared, ...]
    between: Between
    doubt: float | None
    verdict: Verdict


def judge_micro(now: MicroRecord, then: MicroRecord, margins: Margins) -> MicroCase:
    """Return the verdict on the times of now.

    FAIL where a benchmark is surely slower by more than the margin, as many as there are (Holm).
    PASS where all are surely less slow than that, WARN where some of these are surely slower at
    all. INCONCLUSIVE where neither is sure, or one of record was not timed.
    """
    doubt = _doubt(now.yardsticks, then.yardsticks)
    times = [*now.benchmarks.values(), *then.benchmarks.values()]
    between = between_runs(own.timing for own in times)
    compared = tuple(_compared(now, then, between, doubt or 0.0))
    findings = [*_judged(compared, margins), *_missing(now, then, compared), *_new(now, then)]
    return MicroCase(now, then, compared, between, doubt, verdict_of(findings))


def short_name(name: str) -> str:
    """Return the name of a benchmark without its file."""
    return name.rpartition("::")[2]


def seconds_words(seconds: float) -> str:
    """Return "78.1 us", "36 ms" or "1.2 s"."""
    unit, scale = next(
        (unit, scale)
        for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 0.0))
        if seconds >= scale
    )
    return f"{number(seconds / (scale or 1e-9))} {unit}"


def _doubt(now: Mapping[str, TimeOfRecord], then: Mapping[str, TimeOfRecord]) -> float | None:
    both = now.keys() & then.keys()
    if not both:
        return None
    return abs(math.fsum(math.log(now[name].seconds / then[name].seconds) for name in both)) / len(
        both
    )


def _compared(
    now: MicroRecord, then: MicroRecord, between: Between, doubt: float
) -> Iterator[Compared]:
    for name, own in now.benchmarks.items():
        older = then.benchmarks.get(name)
        if older is not None and older.timer == own.timer:
            lag = lag_between(own.timing, older.timing, between, doubt)
            yield Compared(name, older, own, lag)


def _judged(compared: tuple[Compared, ...], margins: Margins) -> list[Finding]:
    if not compared:
        words = "No benchmark was timed then and now, by the same clock."
        return [Finding(CHECK, Outcome.INCONCLUSIVE, words, hint=ACCEPT)]
    limit, tolerated = math.log1p(margins.micro), math.log1p(margins.tolerance)
    lags = {own.name: own.lag for own in compared}
    slow, slower = (
        rejected({name: lag.beyond(bound) for name, lag in lags.items()}, margins.fail_alpha)
        for bound in (limit, tolerated)
    )
    excluded = {
        name for name, lag in lags.items() if lag.ends(1 - 2 * margins.pass_alpha)[1] < limit
    }
    outcomes = {name: _outcome(name in slow, name in excluded, name in slower) for name in lags}
    ordered = sorted(compared, key=lambda own: -own.lag.estimate)
    by_outcome = {
        outcome: [own for own in ordered if outcomes[own.name] is outcome] for outcome in Outcome
    }
    told = [
        Finding(CHECK, outcome, f"{_told(own, limit)}.", **_figures(own, limit))
        for outcome in (Outcome.FAIL, Outcome.WARN)
        for own in by_outcome[outcome]
    ]
    if unsure := by_outcome[Outcome.INCONCLUSIVE]:
        told.append(_unsure(unsure, limit))
    if passed := by_outcome[Outcome.PASS]:
        told.append(_passed(passed, limit))
    return told


def _outcome(slow: bool, excluded: bool, slower: bool) -> Outcome:
    if slow:
        return Outcome.FAIL
    if not excluded:
        return Outcome.INCONCLUSIVE
    return Outcome.WARN if slower else Outcome.PASS


def _told(own: Compared, limit: float) -> str:
    ends = (percent(end) for end in own.lag.ends(LEVEL))
    change, least, most, far = told_apart([percent(own.lag.estimate), *ends, percent(limit)], 0)
    return (
        f"{own.short}: from {seconds_words(own.then.seconds)} to {seconds_words(own.now.seconds)} "
        f"a call ({_signed(change)} %, {_signed(least)} to {_signed(most)} %; {far} % is too much)"
    )


def _figures(own: Compared, limit: float) -> _Figures:
    lower, upper = own.lag.ends(LEVEL)
    return {
        "observed": percent(own.lag.estimate),
        "limit": percent(limit),
        "interval": (percent(lower), percent(upper)),
        "unit": "%",
    }


def _unsure(unsure: list[Compared], limit: float) -> Finding:
    others = len(unsure) - 1
    more = f"; {counted(others, 'more benchmark')} as little" if others else ""
    words = f"{_told(unsure[0], limit)}: not sure either way{more}."
    return Finding(CHECK, Outcome.INCONCLUSIVE, words, hint=REPEAT, **_figures(unsure[0], limit))


def _passed(passed: list[Compared], limit: float) -> Finding:
    change, far = told_apart([percent(passed[0].lag.estimate), percent(limit)], 0)
    words = (
        f"{counted(len(passed), 'benchmark')} surely less than {far} % slower; the slowest of them "
        f"is {passed[0].short} ({_signed(change)} %)."
    )
    return Finding(CHECK, Outcome.PASS, words, limit=percent(limit), unit="%")


def _missing(
    now: MicroRecord, then: MicroRecord, compared: tuple[Compared, ...]
) -> Iterator[Finding]:
    """Yield findings for what is of record and was not timed, or by another clock."""
    known = {own.name for own in compared}
    for name in sorted(then.benchmarks.keys() - known):
        own = now.benchmarks.get(name)
        why = (
            "it was not timed"
            if own is None
            else f"it was timed by {own.timer}, and {then.benchmarks[name].timer} is of record"
        )
        hint = "Run all benchmarks as they were; one that is gone for good leaves with --accept."
        short = short_name(name)
        yield Finding(CHECK, Outcome.INCONCLUSIVE, f"{short}: {why}.", hint=hint)


def _new(now: MicroRecord, then: MicroRecord) -> Iterator[Finding]:
    new = sorted(
        name.rpartition("::")[2] for name in now.benchmarks.keys() - then.benchmarks.keys()
    )
    if new:
        words = f"Of these no time is of record: {', '.join(new)}."
        yield Finding(CHECK, Outcome.WARN, words, hint=ACCEPT)


def _signed(change: str) -> str:
    return change if change.startswith("-") else f"+{change}"
