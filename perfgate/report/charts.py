"""Figures as Mermaid charts, which GitHub draws in Markdown: demand against rate, and sessions.

A chart of which a figure is missing or not finite is left out: it would not be drawn at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.change import CAPACITY, COST, session_frame
from perfgate.demand.demand import peak_demand
from perfgate.tail import shortened
from perfgate.verdict.case import capacity_of, required_rps, steps_of
from perfgate.verdict.finding import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from perfgate.verdict.case import Case

# More bars than this are too narrow to be named.
MOST_DEPENDENTS = 6
MOST_SESSIONS = 24
NAME = 24
KINDS = ("bar", "line")
KEPT = " -_.,:/+%()"
SPARE = 1.1
FIGURES = 4


def demand_chart(case: Case) -> list[str]:
    """Return who sends how much at the highest demand, beside what is surely served."""
    rate, peak = capacity_of(case, "candidate"), peak_demand(steps_of(case.terms))
    if rate is None:
        return []
    rows = sorted(peak.dependents, key=lambda row: -row.first_try_rps)
    bars = {row.name: row.first_try_rps for row in rows[:MOST_DEPENDENTS]}
    rest = rows[MOST_DEPENDENTS:]
    if rest:
        bars[f"{len(rest)} others"] = sum(row.first_try_rps for row in rest)
    bars |= {
        "all": peak.first_try_rps,
        "with headroom": required_rps(case.terms),
        "if all retry": peak.worst_rps,
    }
    title = f"Demand on {peak.on} (bars) and what is surely served (line)"
    return _chart(title, "requests/s", bars, [list(bars.values()), [rate.lower] * len(bars)])


def session_chart(case: Case) -> list[str]:
    """Return the slowdown of every session, so that their noise can be seen."""
    slowdowns = session_frame(case.sessions)[[COST, CAPACITY]].to_numpy(dtype=float)
    rows = 100 * np.expm1(slowdowns[-MOST_SESSIONS:])
    names = [str(number) for number in range(1, len(slowdowns) + 1)][-MOST_SESSIONS:]
    title = f"Slowdown in {counted(len(rows), 'session')}: {COST} (bars) and {CAPACITY} (line)"
    return _chart(title, "%", names, rows.T.tolist())


def _chart(
    title: str, unit: str, names: Mapping[str, float] | Sequence[str], rows: list[list[float]]
) -> list[str]:
    """Return a chart of bars and a line, as Markdown; nothing without points, or with one amiss."""
    figures = [value for row in rows for value in row]
    if not figures or not all(map(math.isfinite, figures)):
        return []
    low, high = min(0.0, *figures) * SPARE, max(0.0, *figures) * SPARE
    if low == high:
        return []
    labels = ", ".join(f'"{label(name)}"' for name in names)
    plotted = (
        f"    {kind} [{', '.join(map(_number, row))}]"
        for kind, row in zip(KINDS, rows, strict=True)
    )
    return [
        "```mermaid",
        "xychart-beta",
        f'    title "{label(title, len(title))}"',
        f"    x-axis [{labels}]",
        f'    y-axis "{unit}" {_number(low)} --> {_number(high)}',
        *plotted,
        "```",
        "",
    ]


def label(name: str, width: int = NAME) -> str:
    """Return a name that can stand in quotes: none of the letters with which Mermaid does things.

    A quote would end it, ``%%{`` begins a directive, and ``#`` an entity.
    """
    plain = "".join(letter if letter.isalnum() or letter in KEPT else "?" for letter in name)
    return shortened(plain.replace("%%", "%?"), width).strip() or "?"


def _number(value: float) -> str:
    """Return a figure without an exponent, of which Mermaid knows nothing."""
    return np.format_float_positional(value, FIGURES, fractional=False, trim="-")
