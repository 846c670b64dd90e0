"""The demand as a table of plain text: a column for today and one after each planned change.

What the demand is, and whether it can be carried, is worked out elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.demand.demand import Demand

NAME = 26
COLUMN = 13
NOTHING = "nothing is sent"


def render_steps(steps: Sequence[Demand]) -> str:
    """Return first tries per second of each dependent at each step, totals, mix and changes."""
    head = f"{'requests/s':<{NAME}}" + "".join(f"{step.on!s:>{COLUMN}}" for step in steps)
    rows = [
        _row(row.name, [step.dependents[place].first_try_rps for step in steps])
        for place, row in enumerate(steps[0].dependents)
    ]
    total = _row("first tries", [step.first_try_rps for step in steps])
    worst = _row("if all were retried", [step.worst_rps for step in steps])
    rule = "-" * len(head)
    mix = ", ".join(f"{escaped(name)} {share:.1%}" for name, share in steps[-1].mix.items())
    lines = [head, rule, *rows, rule, total, worst, "", f"mix at the end: {mix or NOTHING}"]
    return "\n".join([*lines, *_changes(steps)])


def _row(name: str, rates_rps: Sequence[float]) -> str:
    shown = shortened(escaped(name), NAME - 1)
    return f"{shown:<{NAME}}" + "".join(f"{rate:>{COLUMN}.1f}" for rate in rates_rps)


def _changes(steps: Sequence[Demand]) -> list[str]:
    """Return a line for every change that comes into force after the first step."""
    return [
        f"{step.on}  {escaped(row.name)}: {escaped(change.what)}"
        for step in steps[1:]
        for row in step.dependents
        for change in row.changes
        if change.effective_from == step.on
    ]
