"""The verdict as Markdown, for job summaries and comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.report.figures import figures_of, how_measured
from perfgate.tail import escaped

if TYPE_CHECKING:
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Finding, Verdict

MARKS = {"PASS": "✅", "WARN": "⚠️", "FAIL": "❌", "INCONCLUSIVE": "❔", "INVALID": "❔"}


def render(case: Case, verdict: Verdict) -> str:
    """Return the report; whatever came from a build or a file is escaped."""
    measured = case.measurement
    against = f" against {_text(measured.base.name)}" if measured.base else ""
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
        "<details><summary>Figures</summary>",
        "",
        "| | base | candidate | change |",
        "|---|---:|---:|---:|",
        *(
            f"| {_text(row.name)} ({row.unit}) | {_number(row.base)} | {_number(row.candidate)} "
            f"| {'' if row.change is None else f'{row.change:+.1f} %'} |"
            for row in figures_of(case)
        ),
        "",
        *(f"- {_text(line)}" for line in how_measured(case)),
        "",
        "</details>",
    ]
    return "\n".join(lines) + "\n"


def _finding(finding: Finding) -> str:
    hint = f"<br>→ {_text(finding.hint)}" if finding.hint else ""
    mark = MARKS[finding.outcome]
    return f"| {mark} {finding.outcome} | {_text(finding.check)} | {_text(finding.reason)}{hint} |"


def _text(text: str) -> str:
    """Return text that Markdown and HTML show as it is, on one line."""
    shown = escaped(text)
    for special, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        shown = shown.replace(special, entity)
    return "".join(f"\\{letter}" if letter in "\\`*_[]|#~@!" else letter for letter in shown)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
