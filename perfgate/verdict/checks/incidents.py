"""Did the builds come through? A candidate that died, fell silent or let nobody in must not ship.

A base that did so leaves nothing to compare with, which decides nothing. Servers that replace
their own processes as they go do so on both sides, and are told apart by that; alone they are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.verdict.case import recovery_of
from perfgate.verdict.finding import Finding, Outcome, counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.measurement.models import BuildRole, Incident, Run
    from perfgate.verdict.case import Case

CHECK = "survival"
BASE_HINT = "The base must run to be compared with: try another --base."
LOCKED_OUT_HINT = (
    "If the build is right, the Locust file's on_start is not: whatever it asks for must be "
    "answered. Plain Locust says what is not: locust -f FILE --headless -u 1 -t 5s -H URL."
)
LOST_HINT = "Its log (kept with --output) may say why: a crash, or too little memory."


def check(case: Case) -> list[Finding]:
    """Return one finding per incident, and one where processes of a build ended under load."""
    incidents = [_finding(incident) for incident in case.measurement.incidents]
    return [*incidents, *_lost(case), *_lost_overloaded(case)]


def _finding(incident: Incident) -> Finding:
    own = incident.build == "candidate"
    end = f' Its log ends: "{incident.log[-1]}"' if incident.log else ""
    return Finding(
        check=CHECK,
        outcome=Outcome.FAIL if own else Outcome.INVALID,
        reason=f"The {incident.build} {incident.text} ({incident.stage}).{end}",
        hint=_way_out(incident) if own else BASE_HINT,
    )


def _way_out(incident: Incident) -> str:
    return LOCKED_OUT_HINT if incident.kind == "locked out" else ""


def _lost(case: Case) -> list[Finding]:
    """Judge processes that ended under load: the candidate's fault where the base's live on.

    Servers that replace processes after so many requests do so on both sides, though not always in
    the same session: FAIL asks for more than half of them.
    """
    runs = case.sessions if case.measurement.base else case.measurement.runs
    own, base = (_losers(runs, role) for role in ("candidate", "base"))
    if not own and not base:
        return []
    ended = f"Processes of the candidate ended under load in {own} of {counted(len(runs), 'run')}"
    if case.measurement.base is None:
        words = f"{ended}: it may replace them by design, which only a base beside it would tell"
        return [Finding(CHECK, Outcome.WARN, f"{words}.", hint=LOST_HINT)]
    words = f"{ended}, processes of the base in {base}"
    if own and base:
        return [Finding(CHECK, Outcome.PASS, f"{words}: both seem to replace them by design.")]
    if base:
        end = "meanwhile the base may have been slower than it is"
        return [Finding(CHECK, Outcome.WARN, f"{words}: {end}.", hint=LOST_HINT)]
    told = len(runs) >= case.looks[0] and own > len(runs) / 2
    return [Finding(CHECK, Outcome.FAIL if told else Outcome.WARN, f"{words}.", hint=LOST_HINT)]


def _lost_overloaded(case: Case) -> list[Finding]:
    """Return a warning where processes of the candidate did not survive an overload.

    Where they end without one, too, that is told already.
    """
    own = recovery_of(case, "candidate")
    if own is None or own.validity.faults or not own.lost or _lost(case):
        return []
    many = f"{own.lost} process{'' if own.lost == 1 else 'es'}"
    words = f"{many} of the candidate ended in an overload, though others went on."
    return [Finding(f"{CHECK}:overload", Outcome.WARN, words, hint=LOST_HINT)]


def _losers(runs: Sequence[Run], role: BuildRole) -> int:
    """Return in how many runs a build lost processes."""
    return sum(run.builds[role].lost > 0 for run in runs if role in run.builds)
