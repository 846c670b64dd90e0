"""The verdict as Markdown, for job summaries and comments.

Where it is posted is the business of whoever asked for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.report.figures import figures_of, how_measured, picture_in, shown_change
from perfgate.report.markup import MARKS, as_text, fenced, finding_row
from perfgate.report.null import what_shows
from perfgate.report.picture import picture_lines
from perfgate.report.upset import upset_lines
from perfgate.verdict.finding import number
from perfgate.verdict.scope import left_out_words

if TYPE_CHECKING:
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict


def render(case: Case, verdict: Verdict) -> str:
    """Return the report; whatever came from a build or a file is escaped."""
    measured = case.measurement
    against = f" against {as_text(case.against)}" if case.against else ""
    lines = [
        f"## {MARKS[verdict.outcome]} perfgate: {verdict.outcome}",
        "",
        f"**{as_text(verdict.reason)}**",
        "",
        f"{as_text(measured.candidate.name)}{against}",
        "",
        *_left_out(case),
        "| | check | finding |",
        "|---|---|---|",
        *map(finding_row, verdict.findings),
        "",
        *_picture(case, verdict),
        *_upset(case),
        as_text(what_shows(case)),
        "",
        "<details><summary>Figures</summary>",
        "",
        "| | base | candidate | change |",
        "|---|---:|---:|---:|",
        *(
            f"| {as_text(row.name)} ({row.unit}) | {_number(row.base)} | {_number(row.candidate)} "
            f"| {shown_change(row)} |"
            for row in figures_of(case)
        ),
        "",
        *(f"- {as_text(line)}" for line in how_measured(case)),
        "",
        "</details>",
    ]
    return "\n".join(lines) + "\n"


def _left_out(case: Case) -> list[str]:
    words = left_out_words(case)
    return [words, ""] if words else []


def _picture(case: Case, verdict: Verdict) -> list[str]:
    picture = picture_in(case, verdict)
    return [] if picture is None else fenced(picture_lines(picture))


def _upset(case: Case) -> list[str]:
    lines = upset_lines(case)
    return fenced(lines) if lines else []


def _number(value: float | None) -> str:
    return "" if value is None else number(value)
