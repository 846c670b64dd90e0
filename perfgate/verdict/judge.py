"""A case becomes a verdict: every check in turn, and the worst of their findings.

Pure: the same case gives the same verdict, today or in a year.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.analysis import sequential
from perfgate.verdict.checks import (
    change,
    demand,
    errors,
    incidents,
    latency,
    slo,
    stored,
    validity,
)
from perfgate.verdict.finding import Outcome, verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Finding, Verdict

# Among findings of equal severity, causes come before their consequences.
CHECKS: dict[str, Callable[[Case], list[Finding]]] = {
    incidents.CHECK: incidents.check,
    validity.CHECK: validity.check,
    errors.CHECK: errors.check,
    demand.CHECK: demand.check,
    "change": change.check,
    latency.CHECK: latency.check,
    slo.CHECK: slo.check,
    stored.CHECK: stored.check,
}


def judge(case: Case) -> Verdict:
    """Return the verdict on a case."""
    return verdict_of(finding for check in CHECKS.values() for finding in check(case))


def decided(case: Case) -> bool:
    """Tell whether more sessions could not change the verdict.

    So it is once a build did not come through, answers are surely wrong, or a look has decided.
    """
    early = [*incidents.check(case), *errors.check(case)]
    if any(finding.outcome in (Outcome.FAIL, Outcome.INVALID) for finding in early):
        return True
    if len(case.measurement.sessions) not in case.profile.looks:
        return False
    if case.measurement.base is None:
        return True
    decision = change.decision_of(case)
    return decision is not None and decision.outcome is not sequential.Outcome.CONTINUE
