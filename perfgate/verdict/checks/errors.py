"""Does it answer correctly? Failures count by operation, wrong bodies like refused connections.

Whether answers come in time is asked elsewhere.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from perfgate.analysis.compare import exact_lower_bound, worse_share
from perfgate.config.models import Slo
from perfgate.verdict.finding import Finding, Outcome, counted

if TYPE_CHECKING:
    from perfgate.analysis.compare import ErrorShare
    from perfgate.config.models import Config
    from perfgate.measurement.models import BuildFigures, BuildRole
    from perfgate.verdict.case import Case

CHECK = "errors"
UNANSWERED = "no answer before the end of the load"
# Where more than this share of either build's answers is wrong, the load tests nothing.
BROKEN_RATIO = 0.5


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests of one operation, and how those that failed did."""

    requests: int = 0
    classes: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        """Return the number of failed requests."""
        return self.classes.total()

    def plus(self, other: Tally) -> Tally:
        """Return the tally of both."""
        return Tally(self.requests + other.requests, self.classes + other.classes)


def check(case: Case) -> list[Finding]:
    """Return one finding for each operation that failed, or one that says none did."""
    candidate, base = tallies(case, "candidate"), tallies(case, "base")
    if not candidate:
        return []
    alpha = _alpha(case, len(candidate))
    judged = [
        _finding(case, name, tally, base.get(name), alpha)
        for name, tally in sorted(candidate.items())
        if tally.failed
    ]
    answers = sum(tally.requests for tally in candidate.values())
    return judged or [Finding(CHECK, Outcome.PASS, _none_failed(answers))]


def _none_failed(answers: int) -> str:
    """Return no more than was seen: nothing tells whether the tasks look at what is answered."""
    return f"None of {answers} answers failed, by status or by what the tasks check."


def slo_of(config: Config, operation: str) -> Slo:
    """Return the promises for an operation: its own, those for all, or the defaults."""
    return config.slo.get(operation) or config.slo.get("*") or Slo()


def tallies(case: Case, role: BuildRole) -> dict[str, Tally]:
    """Return requests and failures by operation, over all runs of a build.

    Requests that were never answered are failures in a session. At the required rate they tell
    that the rate is too high, which is the business of other checks, and are left out.
    """
    measured = case.measurement
    parts = [_with_missing(run.builds[role]) for run in measured.sessions if role in run.builds]
    if measured.demand_run is not None and role in measured.demand_run.run.builds:
        parts.insert(0, _without_missing(measured.demand_run.run.builds[role]))
    found: dict[str, Tally] = {}
    for name, tally in (item for part in parts for item in part.items()):
        found[name] = found.get(name, Tally()).plus(tally)
    return {name: tally for name, tally in found.items() if tally.requests}


def _with_missing(figures: BuildFigures) -> dict[str, Tally]:
    return {
        name: Tally(own.requests, Counter(own.classes | {UNANSWERED: _missing(figures, name)}))
        for name, own in figures.failures.items()
    }


def _without_missing(figures: BuildFigures) -> dict[str, Tally]:
    return {
        name: Tally(own.requests - _missing(figures, name), Counter(own.classes))
        for name, own in figures.failures.items()
    }


def _missing(figures: BuildFigures, operation: str) -> int:
    in_open_loop = figures.open.operations.get(operation)
    return 0 if in_open_loop is None else in_open_loop.censored


def _alpha(case: Case, operations: int) -> float:
    """Return the chance of error of each test: every operation is tested after every run."""
    runs = case.looks[-1] + 1
    return case.terms.config.margins.fail_alpha / (operations * runs)


def _finding(case: Case, name: str, own: Tally, base: Tally | None, alpha: float) -> Finding:
    limit = slo_of(case.terms.config, name).error_ratio
    failed, requests = (None, None) if base is None else (base.failed, base.requests)
    share = worse_share(own.failed, own.requests, failed, requests, limit, alpha)
    cause, count = own.classes.most_common(1)[0]
    kinds = len(own.classes) - 1
    outcome = _outcome(share)
    broken = base is not None and outcome is not Outcome.FAIL and _broken(own, base, alpha)
    more = f" and {counted(kinds, 'other kind')}" if kinds else ""
    return Finding(
        check=f"{CHECK}:{name}",
        outcome=Outcome.INVALID if broken else outcome,
        reason=f"{name}: {own.failed} of {own.requests} answers were wrong or missing "
        f'({share.share:.2%}, allowed {limit:.2%}): "{cause}" ({counted(count, "time")}){more}'
        f"{_compared(share, base)}.",
        observed=share.share,
        limit=limit,
        unit="ratio",
        hint="Neither build answers it: mend the task in the Locust file, or the base."
        if broken
        else "",
    )


def _broken(own: Tally, base: Tally, alpha: float) -> bool:
    """Return whether an operation surely fails more often than not, whichever build is asked."""
    return all(
        exact_lower_bound(tally.failed, tally.requests, alpha) > BROKEN_RATIO
        for tally in (own, base)
    )


def _compared(share: ErrorShare, base: Tally | None) -> str:
    if base is None:
        return ""
    told = f"{base.failed} of {base.requests}"
    if share.above_limit and not share.above_base:
        return f"; the base is not shown to be better, with {told}"
    return f"; of the base's answers, {told}"


def _outcome(share: ErrorShare) -> Outcome:
    """FAIL where the share is surely above the limit and not the base's fault as well."""
    if share.above_limit and share.above_base is not False:
        return Outcome.FAIL
    return Outcome.WARN if share.above_base or share.above_limit else Outcome.PASS
