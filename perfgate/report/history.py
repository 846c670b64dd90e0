"""The history of a baseline as text for people: sparklines, changes, and the latest records.

It says what changed when; nothing is judged.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.history import LEAST_LEVEL, LEAST_RECORDS
from perfgate.analysis.sequential import percent
from perfgate.baseline.chronicle import METRICS, SERVICE_RATE
from perfgate.report.blocks import plot
from perfgate.report.lines import indented, wrapped
from perfgate.tail import escaped, shortened
from perfgate.verdict.finding import counted, number, told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.baseline.chronicle import Chronicle, Course, Turn

NAME = 18
SPARK = 48
# A spread of less than this share of the level is drawn as if it were that much, so that noise
# does not look like mountains.
LEAST_SPREAD = 0.1
SHOWN = 12
COMMIT = 10
BECAUSE = 40
HEADS = {
    "measured_at": "measured",
    "commit": "commit",
    **{metric.column: f"{metric.short} {metric.unit}" for metric in (SERVICE_RATE, *METRICS)},
    "accepted_because": "although it failed",
}


def render(chronicle: Chronicle) -> str:
    """Return the report."""
    lines = [
        *head_lines(chronicle),
        "",
        *indented(_spark(course) for course in chronicle.courses),
        "",
        *(line for turn in chronicle.turns for line in _turn_lines(chronicle, turn)),
        *indented([nothing_found(chronicle)] if not chronicle.turns else []),
        "",
        *_latest(chronicle),
    ]
    return "\n".join(lines) + "\n"


def head_lines(chronicle: Chronicle) -> list[str]:
    """Return what the history is of, and what of it could not be read."""
    lineage, days = chronicle.lineage, chronicle.table["measured_at"].dt.date
    many = counted(len(chronicle.table), "record")
    lines = [
        f"{escaped(lineage.service)}, {escaped(lineage.path)}",
        f"  {many} from {days.iloc[0]} to {days.iloc[-1]}",
    ]
    if lineage.cut_off:
        lines.append(
            wrapped(
                "History is cut off in this clone: git fetch --unshallow brings the rest.", "  "
            )
        )
    lines += [wrapped(f"left out: {escaped(words)}", "    ", "  ") for words in lineage.unread]
    return lines


def nothing_found(chronicle: Chronicle) -> str:
    """Return why no change is told."""
    if len(chronicle.table) < LEAST_RECORDS:
        return f"No change can be told from fewer than {LEAST_RECORDS} records."
    return f"No figure has changed its level for {LEAST_LEVEL} records or longer."


def turn_words(turn: Turn) -> str:
    """Return what changed and by how much."""
    metric, ratio = turn.course.metric, turn.change.ratio
    before, after = map(number, turn.course.levels_around(turn.change))
    ends = told_apart([percent(end) for end in (ratio.estimate, ratio.lower, ratio.upper)], 1, "+")
    which = "worse" if turn.course.is_worse(turn.change) else "better"
    words = (
        f"{metric.words} from {before} to {after} {metric.unit}, {ends[0]} % "
        f"({ends[1]} to {ends[2]} %), {which}"
    )
    return f"{words}; with {', '.join(turn.came_with)}" if turn.came_with else words


def _turn_lines(chronicle: Chronicle, turn: Turn) -> list[str]:
    row = chronicle.table.iloc[turn.row]
    label = f"  {row['measured_at'].date()}  {row['commit'][:COMMIT]}  "
    return [wrapped(escaped(turn_words(turn)), " " * len(label), label)]


def _spark(course: Course) -> str:
    """Return a metric's name, its course in one line, and the figures at its ends."""
    levels, metric = course.trend.levels, course.metric
    first, last = number(levels[0]), number(levels[-1])
    told = last if first == last else f"{first} -> {last}"
    return f"{metric.words:<{NAME}}{sparkline(course.figures):<{SPARK}}  {told} {metric.unit}"


def sparkline(figures: Sequence[float]) -> str:
    """Return figures as one line of blocks, at most SPARK wide: medians where there are more."""
    parts = np.array_split(np.asarray(figures, dtype=float), min(len(figures), SPARK))
    medians = [float(np.median(part)) for part in parts]
    low, high = min(medians), max(medians)
    spread = max(high - low, LEAST_SPREAD * high)
    # The lowest figure still shows: an eighth of a block.
    floor = (low + high - spread) / 2 - spread / 7
    return plot([figure - floor for figure in medians], spread * 8 / 7, 1)[0]


def _latest(chronicle: Chronicle) -> list[str]:
    """Return a table of the last records."""
    table = chronicle.table.tail(SHOWN).copy()
    table["measured_at"] = table["measured_at"].dt.strftime("%Y-%m-%d %H:%M")
    table["commit"] = table["commit"].str[:COMMIT]
    table["accepted_because"] = [
        shortened(escaped(words), BECAUSE) for words in table["accepted_because"]
    ]
    for metric in (SERVICE_RATE, *METRICS):
        table[metric.column] = table[metric.column].map(_shown)
    shown = table.loc[:, [bool(set(table[name]) - {"", "-"}) for name in table]]
    lines = shown.rename(columns=HEADS).to_string(index=False).splitlines()
    return indented(line.rstrip() for line in lines)


def _shown(figure: float) -> str:
    return "-" if math.isnan(figure) else number(figure)
