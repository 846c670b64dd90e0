"""Can the measurement be trusted? Runs that could not were repeated; too many decide nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.verdict.finding import Finding, Outcome, counted

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
    verb = "was" if len(discarded) == 1 else "were"
    count = counted(len(discarded), "run")
    end = f" (more than {DISCARD_LIMIT} end the check)" if invalid else ""
    return [
        Finding(
            check=CHECK,
            outcome=Outcome.INVALID if invalid else Outcome.PASS,
            reason=f"{count} could not be trusted and {verb} set aside{end}: {'; '.join(faults)}.",
            observed=len(discarded),
            limit=DISCARD_LIMIT,
            unit="runs",
            hint="Give the machine less else to do, or a second CPU." if invalid else "",
        )
    ]
