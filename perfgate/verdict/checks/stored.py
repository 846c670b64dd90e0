"""How does it stand against the stored baseline? The record and the trend; sessions decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.verdict.case import measured_rate
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

CHECK = "baseline"


def check(case: Case) -> list[Finding]:
    """Return how the service rate here compares with the stored one; nothing without a record."""
    record, here = case.terms.baseline, measured_rate(case, "candidate")
    if record is None or here is None:
        return []
    stored = record.service_rate_rps
    change = 100 * (here.estimate / stored.estimate - 1)
    floor = stored.lower * (1 - case.terms.config.margins.stored)
    comparable = case.terms.baseline_comparable
    lost = comparable and here.upper < floor
    machine = "this kind of machine" if comparable else "another kind of machine, so not judged"
    said = f' It was accepted although worse: "{record.accepted_because}".'
    return [
        Finding(
            check=CHECK,
            outcome=Outcome.WARN if lost else Outcome.PASS,
            reason=f"The stored baseline ({record.commit[:12]}) served {stored.estimate:.0f}/s on "
            f"{machine}; this build {here.estimate:.0f}/s here ({change:+.0f} %). "
            f"The sessions beside the base decide.{said if record.accepted_because else ''}",
            observed=here.estimate,
            limit=floor if comparable else None,
            interval=(here.lower, here.upper),
            unit="requests/s",
            hint="The machine or the load has changed since: see whether the base lost as much."
            if lost
            else "",
        )
    ]
