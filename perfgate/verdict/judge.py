"""A case becomes a verdict: every check in turn, and the worst of their findings.

Pure: the same case gives the same verdict, today or in a year.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perfgate.verdict.checks import (
    change,
    conduct,
    demand,
    errors,
    incidents,
    latency,
    operations,
    slo,
    stored,
    validity,
)
from perfgate.verdict.finding import Outcome, verdict_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Finding, Verdict

# A change of less than this share of the largest, on the log scale, does not explain it.
MAIN_SHARE = 1 / 3

# Among findings of equal severity, causes come before their consequences.
CHECKS: dict[str, Callable[[Case], list[Finding]]] = {
    incidents.CHECK: incidents.check,
    validity.CHECK: validity.check,
    errors.CHECK: errors.check,
    demand.CHECK: demand.check,
    change.CHECK: change.check,
    operations.CHECK: operations.check,
    latency.CHECK: latency.check,
    slo.CHECK: slo.check,
    conduct.CHECK: conduct.check,
    stored.CHECK: stored.check,
}


def judge(case: Case) -> Verdict:
    """Return the verdict on a case."""
    findings = [finding for check in CHECKS.values() for finding in check(case)]
    ordered = _main_change_first(findings)
    if demand.base_carries(case):
        # Then it is the change that costs the demand its service rate.
        ordered.sort(key=_is_unmet_demand)
    return verdict_of(ordered)


def _is_unmet_demand(finding: Finding) -> bool:
    return finding.check == demand.CHECK and finding.outcome is Outcome.FAIL


def _main_change_first(findings: list[Finding]) -> list[Finding]:
    """Put what changed little after what changed much, among the failures to compare.

    Cost explains capacity, and both explain latency, as long as they changed by as much: a wait
    that makes answers four times as late also costs a little more CPU, and that is not the reason.
    """
    sizes = {
        place: math.log1p((finding.observed or 0.0) / 100)
        for place, finding in enumerate(findings)
        if finding.outcome is Outcome.FAIL and finding.unit == "%"
    }
    if not sizes:
        return findings
    main = max(sizes.values()) * MAIN_SHARE
    start = min(sizes)
    ordered = sorted(
        sizes,
        key=lambda place: (sizes[place] < main, findings[place].check == change.WAITS, place),
    )
    others = [finding for place, finding in enumerate(findings) if place not in sizes]
    before = sum(place < start for place in range(len(findings)) if place not in sizes)
    return [*others[:before], *(findings[place] for place in ordered), *others[before:]]


def decided(case: Case) -> bool:
    """Tell whether more sessions could not change the verdict.

    So it is once a build did not come through, answers are surely wrong (the base's beside them),
    or a look has decided: of cost and capacity, or that an operation got much dearer or slower.
    """
    looks, sessions = case.profile.looks, len(case.measurement.sessions)
    compared = sessions > 0 or case.measurement.base is None
    early = [*incidents.check(case), *(errors.check(case) if compared else [])]
    if any(finding.outcome in (Outcome.FAIL, Outcome.INVALID) for finding in early):
        return True
    if sessions not in looks:
        return sessions > looks[-1]
    if case.measurement.base is None or sessions == looks[-1]:
        return True
    each = [*operations.check(case), *latency.check(case)]
    worse = any(finding.outcome is Outcome.FAIL for finding in each)
    return worse or change.settled(change.check(case))
