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
    drift,
    errors,
    goodput,
    incidents,
    latency,
    ledger,
    memory,
    mu_slo,
    operations,
    production,
    queue,
    recovery,
    slo,
    speedup,
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
    goodput.CHECK: goodput.check,
    demand.CHECK: demand.check,
    recovery.CHECK: recovery.check,
    change.CHECK: change.check,
    operations.CHECK: operations.check,
    latency.CHECK: latency.check,
    queue.CHECK: queue.check,
    slo.CHECK: slo.check,
    mu_slo.CHECK: mu_slo.check,
    conduct.CHECK: conduct.check,
    memory.CHECK: memory.check,
    speedup.CHECK: speedup.check,
    ledger.CHECK: ledger.check,
    production.CHECK: production.check,
    stored.CHECK: stored.check,
    drift.CHECK: drift.check,
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
    """Tell whether more sessions could not change the verdict: see AT_ONCE and AT_A_LOOK."""
    if any(settles(CHECKS[name](case), case) for name, settles in AT_ONCE.items()):
        return True
    looks, sessions = case.looks, len(case.measurement.sessions)
    if sessions not in looks:
        return sessions > looks[-1]
    if case.measurement.base is None or sessions == looks[-1]:
        return True
    return any(settles(CHECKS[name](case), case) for name, settles in AT_A_LOOK.items())


def _ends(findings: list[Finding], _: Case) -> bool:
    """Tell whether there is a failure, or that nothing can be judged."""
    return any(own.outcome in (Outcome.FAIL, Outcome.INVALID) for own in findings)


def _ends_beside_base(findings: list[Finding], case: Case) -> bool:
    """Tell the same, once the base has been heard: it may do so too."""
    heard = bool(case.measurement.sessions) or case.measurement.base is None
    return heard and _ends(findings, case)


def _fails(findings: list[Finding], _: Case) -> bool:
    return any(own.outcome is Outcome.FAIL for own in findings)


def _settles(findings: list[Finding], _: Case) -> bool:
    return change.settled(findings)


# Which checks end a measurement, and by what: after any run, or only after as many sessions as a
# look has. A demand that is not carried does not: whether the change is to blame is worth knowing.
AT_ONCE: dict[str, Callable[[list[Finding], Case], bool]] = {
    incidents.CHECK: _ends,
    validity.CHECK: _ends,
    errors.CHECK: _ends_beside_base,
}
AT_A_LOOK: dict[str, Callable[[list[Finding], Case], bool]] = {
    goodput.CHECK: _fails,
    operations.CHECK: _fails,
    latency.CHECK: _fails,
    conduct.CHECK: _fails,
    memory.CHECK: _fails,
    change.CHECK: _settles,
}
