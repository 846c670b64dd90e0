"""Does it answer correctly? Failures count by operation, wrong bodies like refused connections."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.compare import worse_share
from perfgate.config.models import Slo
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.analysis.compare import ErrorShare
    from perfgate.config.models import Config
    from perfgate.measurement.models import BuildRole
    from perfgate.verdict.case import Case

CHECK = "errors"
ALPHA = 0.01


@dataclass(frozen=True, slots=True)
class _Tally:
    requests: int
    classes: Counter[str]

    @property
    def failed(self) -> int:
        return self.classes.total()


def check(case: Case) -> list[Finding]:
    """Return one finding for each operation that failed, or one that says none did."""
    candidate, base = tallies(case, "candidate"), tallies(case, "base")
    if not candidate:
        return []
    judged = [
        _finding(name, tally, base.get(name), slo_of(case.terms.config, name).error_ratio)
        for name, tally in sorted(candidate.items())
        if tally.failed
    ]
    requests = sum(tally.requests for tally in candidate.values())
    fine = Finding(CHECK, Outcome.PASS, f"All {requests} requests were answered correctly.")
    return judged or [fine]


def slo_of(config: Config, operation: str) -> Slo:
    """Return the promises for an operation: its own, those for all, or the defaults."""
    return config.slo.get(operation) or config.slo.get("*") or Slo()


def tallies(case: Case, role: BuildRole) -> dict[str, _Tally]:
    """Return requests and failures by operation, over all runs of a build."""
    found: dict[str, _Tally] = {}
    for run in case.measurement.runs:
        if role not in run.builds:
            continue
        for name, own in run.builds[role].failures.items():
            old = found.get(name, _Tally(0, Counter()))
            found[name] = _Tally(old.requests + own.requests, old.classes + Counter(own.classes))
    return found


def _finding(name: str, own: _Tally, base: _Tally | None, limit: float) -> Finding:
    share = worse_share(
        own.failed,
        own.requests,
        base.failed if base else None,
        base.requests if base else None,
        limit,
        ALPHA,
    )
    cause, count = own.classes.most_common(1)[0]
    more = f" and {len(own.classes) - 1} other kinds" if len(own.classes) > 1 else ""
    beside = "" if base is None else f"; of the base's {base.requests}, {base.failed} failed"
    return Finding(
        check=f"{CHECK}:{name}",
        outcome=_outcome(share),
        reason=f"{name}: {own.failed} of {own.requests} answers were wrong or missing "
        f'({share.share:.2%}, allowed {limit:.2%}): "{cause}" ({count} times){more}{beside}.',
        observed=share.share,
        limit=limit,
        unit="ratio",
    )


def _outcome(share: ErrorShare) -> Outcome:
    """FAIL where the share is surely above the limit and not the base's fault as well."""
    if share.above_limit and share.above_base is not False:
        return Outcome.FAIL
    return Outcome.WARN if share.above_base or share.above_limit else Outcome.PASS
