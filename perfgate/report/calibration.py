"""What a build beside itself has shown, and what checks can find by it, as text.

Nothing is judged here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perfgate.analysis.sequential import percent
from perfgate.report.doctor import found_within, noise, table, wrapped
from perfgate.tail import escaped
from perfgate.verdict.finding import counted, number, told_apart
from perfgate.verdict.noise import against_noise, wrong_with

if TYPE_CHECKING:
    from perfgate.analysis.resolution import Look, Pace, Resolution
    from perfgate.measurement.models import Environment
    from perfgate.verdict.fitness import Rehearsal

# The slowdown that the plan of a check tells of, besides its own margin.
TYPICAL = math.log1p(0.05)


def render(rehearsal: Rehearsal, environment: Environment) -> str:
    """Return the text for people: the noise, what it lets a check find, what would help."""
    found = rehearsal.resolution
    if found is None:
        had = counted(rehearsal.sessions, "session")
        return wrapped(f"No noise is known after {had}: {escaped(rehearsal.trouble)}", "")
    lines = [wrapped(f"{escaped(rehearsal.service)}: {noise(rehearsal, found)}", "  ", "")]
    lines += [wrapped(sentence, "  ") for sentence in found_within(found)]
    lines += ["", *table(found)]
    if wrong := wrong_with(rehearsal):
        helpful = against_noise(rehearsal, environment)
        lines += ["", *(wrapped(line, "  ") for line in wrong)]
        lines += [wrapped(f"-> {line}", " " * 5, "  ") for line in helpful]
    return "\n".join(lines)


def foretold(pace: Pace, looks: tuple[int, ...], known: Rehearsal | None) -> str:
    """Return in a sentence how long a check will take and what it can find.

    ``pace`` is a guess where nothing is known from an earlier calibration.
    """
    if not pace.affords(looks[0]):
        return (
            f"plan: a first decision needs {counted(looks[0], 'session')}, about "
            f"{pace.needed_s(looks[0]):.0f} s: sessions_s = {number(pace.budget_s)} in [budget] is "
            "too little"
        )
    first, last = pace.span(looks)
    sessions = counted(first, "session") if first == last else f"{first} to {last} sessions"
    seconds = about(pace.check_s(first), pace.check_s(last))
    return f"plan: {sessions}, {seconds}; {_can_find(known)}"


def about(soon_s: float, most_s: float) -> str:
    """Return "about 80 to 130 s", or a single figure where both are the same to ten seconds."""
    soon, most = (f"{round(seconds, -1):.0f}" for seconds in (soon_s, most_s))
    return f"about {soon} s" if soon == most else f"about {soon} to {most} s"


def _can_find(known: Rehearsal | None) -> str:
    found = known.resolution if known else None
    if known is None or found is None:
        return "`perfgate calibrate` would tell how small a loss they find"
    losses = sorted({TYPICAL, known.margin}, reverse=True)
    told = [_when(found, look, loss) for loss in losses if (look := found.first_to_find(loss))]
    if len(told) < len(losses) and found.best:
        smallest = told_apart([percent(found.best.worst), percent(losses[-1])], 1)[0]
        told.append(f"the smallest loss that is found is {smallest} %")
    since = f"calibrated {known.known_since} with {counted(known.sessions, 'session')}"
    return f"{', '.join(told)} ({since})"


def _when(found: Resolution, look: Look, loss: float) -> str:
    """Return "5 % is found at the first look"."""
    at = "at the first look" if look is found.looks[0] else f"after {look.sessions} sessions"
    return f"{number(percent(loss))} % is found {at}"
