"""The demand as plain text: who sends what on the first day, and what each planned change makes.

What the demand is, what is doubtful about it, and whether it can be carried, is worked out
elsewhere.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from perfgate.report.blocks import bar
from perfgate.report.lines import wrapped
from perfgate.tail import escaped, shortened
from perfgate.verdict.finding import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from perfgate.demand.demand import Demand, DependentDemand
    from perfgate.demand.ledger import Change
    from perfgate.verdict.finding import Finding

WIDTH = 80
NAME = 28
FIGURE = 10
BAR = 20
NOTHING = "nothing is sent"
TOGETHER = "\N{NO-BREAK SPACE}"


def render_steps(steps: Sequence[Demand], end: date, doubts: Sequence[Finding] = ()) -> str:
    """Return who sends how much at the first step, then what changes at each, up to ``end``.

    All bars are of one scale, full at the largest sum. What is doubtful comes last.
    """
    most = max(step.first_try_rps for step in steps)
    blocks = [
        _now(steps[0], most),
        *(_change(before, after, most) for before, after in pairwise(steps)),
        [] if len(steps) > 1 else [f"No change is planned up to {end}."],
        _mixes(steps),
        *map(_doubt, doubts),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _now(now: Demand, most: float) -> list[str]:
    title = f"requests/s on {now.on}"
    columns = f"{'sends':>{FIGURE}}{'share':>{FIGURE}}  {'':<{BAR}}{'if retried':>{FIGURE}}"
    largest = sorted(now.dependents, key=lambda row: -row.first_try_rps)
    rows = [_row(row.name, row, _share(row, now), most) for row in largest]
    count = counted(len(largest), "dependent")
    return [
        f"{title:<{NAME}}{columns}",
        "-" * WIDTH,
        *rows,
        "-" * WIDTH,
        _row(f"all {count}", now, "", most),
    ]


def _share(row: DependentDemand, of: Demand) -> str:
    return _percent(row.first_try_rps / of.first_try_rps, 0) if of.first_try_rps else ""


def _change(before: Demand, after: Demand, most: float) -> list[str]:
    """Return the sum on a day of changes, and who changes, by how much and why."""
    rows = [
        line
        for old, new in zip(before.dependents, after.dependents, strict=True)
        if new is not old  # as most of a long ledger are
        for line in _changed(old, new, after.on, most)
    ]
    return [_row(f"from {after.on} on", after, _more(before, after), most), *rows]


def _changed(old: DependentDemand, new: DependentDemand, on: date, most: float) -> list[str]:
    planned = [_planned(change) for change in new.changes if change.effective_from == on]
    if not planned:
        return []
    words = [wrapped(escaped(each), "      ", "    - ", width=WIDTH) for each in planned]
    return [_row(f"  {new.name}", new, _more(old, new), most), *words]


def _planned(change: Change) -> str:
    """Return what is planned, by how much, and why."""
    why = f": {change.why}" if change.why else ""
    return f"{change.what} ({_how_much(change)}){why}"


def _how_much(change: Change) -> str:
    low, likely, high = change.scale
    parts = [
        "" if low == high == 1 else f"times {likely:g}",
        "" if low == high else f"from {low:g} to {high:g}",
        f"{change.add_rps:+g}/s" if change.add_rps else "",
        "another mix" if change.mix else "",
    ]
    nothing = "as much as before" if change.has_figures else "without figures"
    return ", ".join(filter(None, parts)) or nothing


def _doubt(finding: Finding) -> list[str]:
    """Return a warning, and what to do about it."""
    label, gap = f"{finding.outcome}: ", "      "
    return [
        wrapped(escaped(finding.reason), gap, label, width=WIDTH),
        wrapped(escaped(finding.hint), gap + "   ", f"{gap}-> ", width=WIDTH),
    ]


def _more(before: Demand | DependentDemand, after: Demand | DependentDemand) -> str:
    return f"{after.first_try_rps - before.first_try_rps:+.1f}"


def _row(name: str, sent: Demand | DependentDemand, beside: str, most: float) -> str:
    shown = shortened(escaped(name), NAME - 1)
    return (
        f"{shown:<{NAME}}{sent.first_try_rps:>{FIGURE}.1f}{beside:>{FIGURE}}  "
        f"{bar(sent.first_try_rps, most, BAR)}{sent.worst_rps:>{FIGURE}.1f}"
    )


def _mixes(steps: Sequence[Demand]) -> list[str]:
    """Return the mix now and at the end, once where both are the same."""
    shown = [_mix(steps[0]), _mix(steps[-1])]
    labels = ("mix: ",) if shown[0] == shown[1] else ("mix now:        ", "mix at the end: ")
    return [
        wrapped(each, " " * len(label), label, width=WIDTH).replace(TOGETHER, " ")
        for label, each in zip(labels, shown, strict=False)
    ]


def _mix(step: Demand) -> str:
    # A share stays on the line of its operation.
    told = (f"{escaped(name)}{TOGETHER}{_percent(share, 1)}" for name, share in step.mix.items())
    return ", ".join(told) or NOTHING


def _percent(share: float, digits: int) -> str:
    """Return a share of which there is something as more than nothing."""
    least = 10.0 ** -(digits + 2)
    return f"<{least:.{digits}%}" if 0 < share < least else f"{share:.{digits}%}"
