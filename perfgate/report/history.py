"""The history of a baseline as text for people: sparklines, changes, and the latest records.

It says what changed when; nothing is judged.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perfgate.analysis.history import LEAST_LEVEL, LEAST_RECORDS
from perfgate.analysis.sequential import percent
from perfgate.baseline.chronicle import METRICS, SERVICE_RATE
from perfgate.report.blocks import plot
from perfgate.report.lines import indented, wrapped
from perfgate.tail import escaped, shortened
from perfgate.verdict.finding import counted, number, told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.analysis.interval import Interval
    from perfgate.baseline.chronicle import Chronicle, Course, Turn
    from perfgate.baseline.lineage import Lineage

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
    "accepted_because": "accepted because",
}


def render(chronicle: Chronicle) -> str:
    """Return the report."""
    lineage = chronicle.lineage
    lines = [
        f"{escaped(lineage.service)}, {escaped(lineage.path)}",
        wrapped(head_words(chronicle), "  "),
        *(wrapped(escaped(words), "    ", "  ") for words in left_out_words(lineage)),
        "",
        *indented(_spark(course) for course in chronicle.courses),
        "",
        *(line for turn in chronicle.turns for line in _turn_lines(chronicle, turn)),
        *indented([nothing_found(chronicle)] if not chronicle.turns else []),
        "",
        *_latest(chronicle),
    ]
    return "\n".join(lines) + "\n"


def head_words(chronicle: Chronicle) -> str:
    """Return how many records there are, and of which days."""
    days = chronicle.table["measured_at"].dt.date
    return f"{counted(len(days), 'record')} from {days.iloc[0]} to {days.iloc[-1]}"


def left_out_words(lineage: Lineage) -> list[str]:
    """Return what is missing."""
    cut = "This clone is cut off; git fetch --unshallow brings what came before."
    return [*([cut] if lineage.cut_off else []), *(f"left out: {own}" for own in lineage.unread)]


def nothing_found(chronicle: Chronicle) -> str:
    """Return why no change is told."""
    if len(chronicle.table) < LEAST_RECORDS:
        return f"No change can be told from fewer than {LEAST_RECORDS} records."
    return f"No figure has changed its level for {LEAST_LEVEL} records or longer."


def turn_words(turn: Turn) -> str:
    """Return what changed and by how much, and whether it was the build."""
    which = "worse" if turn.is_worse else "better"
    if turn.levels is None:
        words = f"{turn.metric.words} {_ratio(turn.ratio)} beside the record before, {which}"
    else:
        before, after = map(number, turn.levels)
        words = (
            f"{turn.metric.words} from {before} to {after} {turn.metric.unit}, "
            f"{_ratio(turn.ratio)}, {which}"
        )
        if turn.beside is not None:
            words += f"; side by side {_ratio(turn.beside)}"
        if turn.not_the_build:
            words += ", so not the build"
    return f"{words}; with {', '.join(turn.came_with)}" if turn.came_with else words


def _ratio(ratio: Interval) -> str:
    ends = told_apart([percent(end) for end in (ratio.estimate, ratio.lower, ratio.upper)], 1, "+")
    return f"{ends[0]} % ({ends[1]} to {ends[2]} %)"


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
    columns, rows = table_rows(chronicle)
    table = pd.DataFrame(rows[-SHOWN:], columns=list(columns))
    shown = table.loc[:, [bool(set(table[name]) - {"", "-"}) for name in table]]
    lines = shown.to_string(index=False).splitlines()
    return indented(line.rstrip() for line in lines)


def table_rows(chronicle: Chronicle) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the heads of the table, and a row of text for each record, the oldest first."""
    table = chronicle.table
    columns = [
        table["measured_at"].dt.strftime("%Y-%m-%d %H:%M"),
        table["commit"].str[:COMMIT],
        *(table[metric.column].map(figure_words) for metric in (SERVICE_RATE, *METRICS)),
        table["accepted_because"].map(lambda words: shortened(escaped(words), BECAUSE)),
    ]
    return tuple(HEADS.values()), list(zip(*columns, strict=True))


def figure_words(figure: float) -> str:
    """Return a figure with three digits, a dash where there is none."""
    return "-" if math.isnan(figure) else number(figure)
