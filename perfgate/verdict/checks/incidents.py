"""Did the builds come through? A candidate that died, fell silent or let nobody in must not ship.

A base that did so leaves nothing to compare with, which decides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.measurement.models import Incident
    from perfgate.verdict.case import Case

CHECK = "survival"


def check(case: Case) -> list[Finding]:
    """Return one finding per incident."""
    return [_finding(incident) for incident in case.measurement.incidents]


def _finding(incident: Incident) -> Finding:
    own = incident.build == "candidate"
    end = f' Its log ends: "{incident.log[-1]}"' if incident.log else ""
    return Finding(
        check=CHECK,
        outcome=Outcome.FAIL if own else Outcome.INVALID,
        reason=f"The {incident.build} {incident.text} ({incident.stage}).{end}",
        hint="" if own else "The base must run to be compared with: try another --base.",
    )
