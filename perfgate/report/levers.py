"""What levers would do as a table of plain text: a row for each, and one for all together.

What a lever does is worked out in :mod:`perfgate.demand.levers`.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from perfgate.demand.demand import rates_told
from perfgate.demand.retries import Regime
from perfgate.report.lines import ratio, wrapped
from perfgate.report.production import origin_of
from perfgate.tail import escaped, shortened
from perfgate.verdict.dangers import chance
from perfgate.verdict.finding import Outcome, counted, number
from perfgate.verdict.mixture import ANEW, untold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.demand.levers import Lever, Scene
    from perfgate.verdict.matter import State

NAME = 36
COLUMN = 12
# So long a stall is told of how long its backlog stays.
STALL_S = 5.0


def render_levers(
    record: CapacityRecord, state: State, levers: Sequence[Lever], together: Lever | None
) -> str:
    """Return how the service stands, then with each lever alone, then with all of them.

    Where the demand is not surely carried because its service rate with the mix of that day has to
    be measured, that is all there is to tell.
    """
    if state.untold:
        unknown = untold(state, "", Outcome.INCONCLUSIVE).reason
        told = [f"{record.service}: {unknown}", f"-> {ANEW}", "", *origin_of(record)]
        return "\n".join(wrapped(escaped(each), "") for each in told)
    scene, now = state.scene, state.standing
    sent, certain = rates_told(now.demand.first_try_rps, scene.rate.lower_rps)
    head = (
        f"{record.service} on {scene.on}: {sent} requests/s from "
        f"{counted(len(now.demand.dependents), 'dependent')}; {certain}/s of the "
        f"service rate are certain"
    )
    columns = ("headroom", "retry-safe", "regime", "stall borne", "drained in")
    title = " " * NAME + "".join(f"{name:>{COLUMN}}" for name in columns)
    rows = [_row("as it is", scene), *(_row(one.text, scene.after(one)) for one in levers)]
    if together is not None:
        rows.append(_row("all together", scene.after(together)))
    rule = "-" * len(title)
    told = [
        _told(state, levers, together),
        *([escaped(_doubt(state))] if state.doubtful else []),
        f"A headroom of {record.headroom:g} is required. Stall borne: after a longer one the queue "
        f"stays. Drained in: so long after a stall of {STALL_S:g} s its queue is gone.",
        "",
        *map(escaped, origin_of(record)),
    ]
    if why := record.mixed.at(now.demand.mix).why:
        words = f"The service rate with the mix of {scene.on} is not known, as {why}: measure it."
        told.append(escaped(words))
    return "\n".join(
        [
            wrapped(escaped(head), ""),
            "",
            title,
            rule,
            *rows,
            "",
            *(wrapped(each, "") for each in told),
        ]
    )


def _row(name: str, scene: Scene) -> str:
    own = scene.standing.outlook
    drained_s = scene.standing.drained_s(STALL_S)
    stall = "any" if own.critical_stall_s == inf else f"{number(own.critical_stall_s)} s"
    cells = (
        ratio(own.headroom),
        ratio(own.retry_safe_headroom),
        own.regime.value,
        stall,
        "never" if drained_s == inf else f"{number(drained_s)} s",
    )
    shown = shortened(escaped(name), NAME - 1)
    return f"{shown:<{NAME}}" + "".join(f"{cell:>{COLUMN}}" for cell in cells)


def _doubt(state: State) -> str:
    reason = chance(state, Outcome.FAIL).reason
    return f"As it is, {reason[0].lower()}{reason[1:]}"


def _told(state: State, levers: Sequence[Lever], together: Lever | None) -> str:
    """Return in a sentence what comes of it; the least that cures it goes first."""
    scene = state.scene
    regime = scene.standing.outlook.regime
    if not levers:
        return f"It is {regime.value} as it is, and there is nothing to pull on."
    tried = [*levers, *([together] if together else [])]
    tried.sort(key=lambda lever: lever != state.cure)
    after = [scene.after(lever).standing.outlook.regime for lever in tried]
    if regime is Regime.STABLE:
        return "It is stable as it is: whatever upsets it, it recovers by itself."
    if Regime.STABLE not in after:
        return "None of this makes it stable."
    first = tried[after.index(Regime.STABLE)]
    what = "all together" if first is together else first.text
    return f"{escaped(what)}: with that it recovers by itself, whatever upsets it."
