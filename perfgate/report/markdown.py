"""The verdict as Markdown, for the summary of a job and, shorter, for a comment.

Where it is posted is the business of whoever asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perfgate.report.charts import demand_chart, session_chart
from perfgate.report.figures import figures_of, how_measured, picture_in, shown_change
from perfgate.report.markup import MARKS, as_text, fenced, finding_row
from perfgate.report.null import what_shows
from perfgate.report.picture import picture_lines
from perfgate.report.upset import upset_lines
from perfgate.verdict.finding import counted, number
from perfgate.verdict.scope import left_out_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.report.figures import Figure
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

# GitHub drops a summary of more than 1 MiB, and refuses a comment of more than 65,536 characters.
SUMMARY_BYTES = 1_000_000
COMMENT_BYTES = 60_000
# Room for the sentence that says what was cut.
NOTE_BYTES = 1000
FINDINGS = ("| | check | finding |", "|---|---|---|")
FIGURES = ("| | base | candidate | change |", "|---|---:|---:|---:|")


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of the report that are kept or cut together, and what they are called then."""

    name: str
    lines: Sequence[str]


def render(case: Case, verdict: Verdict) -> str:
    """Return the report for a summary; whatever came from a build or a file is escaped."""
    return fitted(case, verdict, SUMMARY_BYTES)


def render_comment(case: Case, verdict: Verdict) -> str:
    """Return the report for a comment, which is less for very long ones only."""
    return fitted(case, verdict, COMMENT_BYTES)


def fitted(case: Case, verdict: Verdict, most: int) -> str:
    """Return the report in at most ``most`` bytes, and say what had to be cut for that.

    Verdict and reason are always there; of the findings the least severe are cut first, and of the
    rest what stands last.
    """
    head = _head(case, verdict)
    room = most - _size(head) - NOTE_BYTES
    findings, cut = _table(FINDINGS, [*map(finding_row, verdict.findings)], room // 2, "finding")
    room -= _size(findings)
    kept = list[str]()
    for part in _parts(case, verdict, room // 2):
        if _size(part.lines) <= room:
            kept += part.lines
            room -= _size(part.lines)
        else:
            cut += [part.name]
    note = f"Cut, as the report is too long: {', '.join(cut)}."
    lines = [*head, *findings, *kept, *([note] if cut else [])]
    return "\n".join(lines).rstrip("\n") + "\n"


def _head(case: Case, verdict: Verdict) -> list[str]:
    against = f" against {as_text(case.against)}" if case.against else ""
    words = left_out_words(case)
    return [
        f"## {MARKS[verdict.outcome]} perfgate: {verdict.outcome}",
        "",
        f"**{as_text(verdict.reason)}**",
        "",
        f"{as_text(case.measurement.candidate.name)}{against}",
        "",
        *([as_text(words), ""] if words else []),
    ]


def _parts(case: Case, verdict: Verdict, room: int) -> list[Part]:
    """Return what else there is to be said and drawn; its table takes at most ``room`` bytes."""
    picture = picture_in(case, verdict)
    table, cut = _table(FIGURES, [*map(_row, figures_of(case))], room, "figure")
    return [
        Part("how small a slowdown would have shown", [as_text(what_shows(case)), ""]),
        Part("the chart of the demand", demand_chart(case)),
        Part("the chart of the sessions", session_chart(case)),
        Part("the picture", [] if picture is None else fenced(picture_lines(picture))),
        Part("the course of the upset", fenced(upset_lines(case))),
        Part("the figures", _folded("Figures", [*table, *(f"Cut: {own}." for own in cut)])),
        Part("how it was measured", _folded("How it was measured", _measured(case))),
    ]


def _table(
    head: Sequence[str], rows: list[str], room: int, what: str
) -> tuple[list[str], list[str]]:
    """Return the rows that ``room`` bytes have room for as a table, and how many are cut."""
    ends = np.cumsum([_size([row]) for row in rows])
    count = int((ends <= room).sum())
    cut = [counted(len(rows) - count, f"more {what}")] if count < len(rows) else []
    return [*head, *rows[:count], ""], cut


def _row(figure: Figure) -> str:
    base, candidate = (
        "" if value is None else number(value) for value in (figure.base, figure.candidate)
    )
    unit = f" ({figure.unit})" if figure.unit else ""
    return f"| {as_text(figure.name)}{unit} | {base} | {candidate} | {shown_change(figure)} |"


def _measured(case: Case) -> list[str]:
    return [*(f"- {as_text(line)}" for line in how_measured(case)), ""]


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    return [f"<details><summary>{title}</summary>", "", *lines, "</details>", ""]


def _size(lines: Sequence[str]) -> int:
    """Return the bytes that the lines take in UTF-8: no fewer than characters, however counted."""
    return sum(len(line.encode()) + 1 for line in lines)
