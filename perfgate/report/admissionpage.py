"""The answer to a dependent as Markdown, for the summary of its pipeline's job.

Where it is posted is the business of whoever asked for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.report.answer import (
    STATE_COLUMNS,
    asked,
    figure_rows,
    origins,
    picture_with,
    state_rows,
    summed_up,
)
from perfgate.report.markup import MARKS, as_text, fenced, finding_row
from perfgate.report.picture import picture_lines

if TYPE_CHECKING:
    from perfgate.report.answer import Row
    from perfgate.verdict.admission import Admission
    from perfgate.verdict.order import Crossing


def render_markdown(answer: Admission) -> str:
    """Return the answer, its verdict in the first line; whatever others have named is escaped."""
    outcome, picture = answer.verdict.outcome, picture_with(answer)
    lines = [
        f"## {MARKS[outcome]} {outcome}: {as_text(asked(answer))}",
        "",
        *(line for reason in summed_up(answer) for line in (f"**{as_text(reason)}**", "")),
        "| | check | finding |",
        "|---|---|---|",
        *map(finding_row, answer.verdict.findings),
        "",
        *([] if picture is None else fenced(picture_lines(picture))),
        *([] if answer.crossing is None else _states(answer.crossing)),
        "<details><summary>Figures</summary>",
        "",
        "| | before | after |",
        "|---|---:|---:|",
        *map(_row, figure_rows(answer.matter)),
        "",
        *(f"- {as_text(line)}" for line in origins(answer)),
        "",
        "</details>",
    ]
    return "\n".join(lines) + "\n"


def _row(row: Row) -> str:
    unit = f" ({row.unit})" if row.unit else ""
    return f"| {as_text(row.name)}{unit} | {row.before} | {row.after} |"


def _states(both: Crossing) -> list[str]:
    return [
        f"| | {' | '.join(STATE_COLUMNS)} |",
        "|---|---:|---:|---|---|",
        *(f"| {' | '.join(cells)} |" for cells in state_rows(both)),
        "",
    ]
