"""The verdict as Markdown, for job summaries and comments.

Where it is posted is the business of whoever asked for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perfgate.report.figures import figures_of, how_measured, shown_change
from perfgate.report.null import what_shows
from perfgate.tail import escaped
from perfgate.verdict.finding import number

if TYPE_CHECKING:
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Finding, Verdict

QUESTION = "\N{WHITE QUESTION MARK ORNAMENT}"
MARKS = {
    "PASS": "\N{WHITE HEAVY CHECK MARK}",
    "WARN": "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}",
    "FAIL": "\N{CROSS MARK}",
    "INCONCLUSIVE": QUESTION,
    "INVALID": QUESTION,
}
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
SPECIAL = "\\`*_[]|~!$"
# GitHub looks for these in what the Markdown has become, where a backslash is gone already: names
# to notify, issues, addresses. A space of no width makes them plain text.
LINKING = re.compile(r"[@#]|:(?=//)|\bwww(?=\.)", re.IGNORECASE)


def render(case: Case, verdict: Verdict) -> str:
    """Return the report; whatever came from a build or a file is escaped."""
    measured = case.measurement
    against = f" against {_text(case.against)}" if case.against else ""
    lines = [
        f"## {MARKS[verdict.outcome]} perfgate: {verdict.outcome}",
        "",
        f"**{_text(verdict.reason)}**",
        "",
        f"{_text(measured.candidate.name)}{against}",
        "",
        "| | check | finding |",
        "|---|---|---|",
        *(_finding(finding) for finding in verdict.findings),
        "",
        _text(what_shows(case)),
        "",
        "<details><summary>Figures</summary>",
        "",
        "| | base | candidate | change |",
        "|---|---:|---:|---:|",
        *(
            f"| {_text(row.name)} ({row.unit}) | {_number(row.base)} | {_number(row.candidate)} "
            f"| {shown_change(row)} |"
            for row in figures_of(case)
        ),
        "",
        *(f"- {_text(line)}" for line in how_measured(case)),
        "",
        "</details>",
    ]
    return "\n".join(lines) + "\n"


def _finding(finding: Finding) -> str:
    hint = f"<br>\N{RIGHTWARDS ARROW} {_text(finding.hint)}" if finding.hint else ""
    mark = MARKS[finding.outcome]
    return f"| {mark} {finding.outcome} | {_text(finding.check)} | {_text(finding.reason)}{hint} |"


def _text(text: str) -> str:
    """Return text that Markdown and HTML show as it is, on one line."""
    marked = "".join(
        ENTITIES.get(letter, f"\\{letter}" if letter in SPECIAL else letter)
        for letter in escaped(text)
    )
    return LINKING.sub(r"\g<0>&#8203;", marked)


def _number(value: float | None) -> str:
    return "" if value is None else number(value)
