"""Can the measurement be trusted? Runs that could not were repeated; too many decide nothing.

One that somebody interfered with, or whose record failed, is not repeated: it ends the check.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.measurement.models import STEAL_LIMIT_RATIO
from perfgate.verdict.advice import less_to_do
from perfgate.verdict.finding import Finding, Outcome, counted

if TYPE_CHECKING:
    from perfgate.measurement.models import Measurement
    from perfgate.verdict.case import Case

CHECK = "validity"
DISCARD_LIMIT = 3
STOLEN_HINT = (
    "Its hypervisor gives CPU time to other machines: take a machine of your own, or another hour."
)
LOG_HINT = "The logs of its run, kept with --output, may say more."


def check(case: Case) -> list[Finding]:
    """Return INVALID for a spoilt run or too many untrustworthy ones, a PASS for a few of these."""
    return [*_spoilt(case), *_set_aside(case)]


def _spoilt(case: Case) -> list[Finding]:
    spoilt = case.measurement.spoilt
    if spoilt is None:
        return []
    reason = f"The load was spoilt, so nothing is judged by it: {spoilt.text}."
    return [Finding(f"{CHECK}:load", Outcome.INVALID, reason, hint=spoilt.hint or LOG_HINT)]


def _set_aside(case: Case) -> list[Finding]:
    measured = case.measurement
    if not measured.set_aside:
        return []
    told = {fault for run in measured.discarded for fault in run.validity.faults}
    faults = sorted({*told, *measured.broken_off})
    invalid = measured.set_aside > DISCARD_LIMIT
    verb = "was" if measured.set_aside == 1 else "were"
    count = counted(measured.set_aside, "run")
    end = f" (more than {DISCARD_LIMIT} end the check)" if invalid else ""
    return [
        Finding(
            check=CHECK,
            outcome=Outcome.INVALID if invalid else Outcome.PASS,
            reason=f"{count} could not be trusted and {verb} set aside{end}: {'; '.join(faults)}.",
            observed=measured.set_aside,
            limit=DISCARD_LIMIT,
            unit="runs",
            hint=_way_out(measured) if invalid else "",
        )
    ]


def _way_out(measured: Measurement) -> str:
    """Return what would help with most of the runs that were set aside."""
    steal = [run.validity.steal_ratio or 0.0 for run in measured.discarded]
    stolen = sum(ratio > STEAL_LIMIT_RATIO for ratio in steal)
    return STOLEN_HINT if stolen > len(steal) / 2 else f"{less_to_do(measured.environment)}."
