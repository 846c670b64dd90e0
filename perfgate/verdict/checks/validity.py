"""Can the measurement be trusted? Runs that could not were repeated; too many decide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

CHECK = "validity"
DISCARD_LIMIT = 3


def check(case: Case) -> list[Finding]:
    """Return INVALID for too many untrustworthy runs, a PASS for a few, nothing for none."""
    discarded = case.measurement.discarded
    if not discarded:
        return []
    faults = sorted({fault for run in discarded for fault in run.validity.faults})
    invalid = len(discarded) > DISCARD_LIMIT
    count = f"{len(discarded)} run{'' if len(discarded) == 1 else 's'}"
    end = "so nothing is decided" if invalid else "and others took their place"
    return [
        Finding(
            check=CHECK,
            outcome=Outcome.INVALID if invalid else Outcome.PASS,
            reason=f"{count} could not be trusted, {end}: {'; '.join(faults)}.",
            observed=len(discarded),
            limit=DISCARD_LIMIT,
            unit="runs",
            hint="Give the machine less else to do, or a second CPU." if invalid else "",
        )
    ]
