"""The verdict as plain text of fixed width, for terminals and logs alike.

Colours are the command line's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.report.figures import figures_of, how_measured, picture_in, shown_change
from perfgate.report.lines import finding_lines, indented, wrapped
from perfgate.report.null import what_shows
from perfgate.report.picture import picture_lines
from perfgate.report.upset import upset_lines
from perfgate.tail import escaped, shortened
from perfgate.verdict.finding import number
from perfgate.verdict.scope import left_out_words

if TYPE_CHECKING:
    from perfgate.report.figures import Figure
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

NAME = 24


def render(case: Case, verdict: Verdict) -> str:
    """Return the report: the verdict and its reason first, then every finding, then figures."""
    measured = case.measurement
    against = f" against {case.against}" if case.against else ""
    head = f"{verdict.outcome}: {escaped(measured.candidate.name + against)}"
    parts = [
        head,
        wrapped(escaped(verdict.reason), "  "),
        *_left_out(case),
        "",
        *(line for finding in verdict.findings for line in finding_lines(finding)),
        "",
        wrapped(what_shows(case), "  "),
        "",
        *_table(figures_of(case)),
        "",
        *_picture(case, verdict),
        *_upset(case),
        *(wrapped(line, "  ") for line in how_measured(case)),
    ]
    return "\n".join(parts) + "\n"


def _left_out(case: Case) -> list[str]:
    words = left_out_words(case)
    return [wrapped(escaped(words), "  ")] if words else []


def _picture(case: Case, verdict: Verdict) -> list[str]:
    picture = picture_in(case, verdict)
    return [] if picture is None else [*indented(picture_lines(picture)), ""]


def _upset(case: Case) -> list[str]:
    lines = upset_lines(case)
    return [*indented(lines), ""] if lines else []


def _table(figures: list[Figure]) -> list[str]:
    if not figures:
        return []
    head = f"  {'':<{NAME}}{'base':>12}{'candidate':>12}{'change':>10}"
    return [head, *(_row(figure) for figure in figures)]


def _row(figure: Figure) -> str:
    name = shortened(escaped(figure.name), NAME - 1)
    return (
        f"  {name:<{NAME}}{_number(figure.base):>12}{_number(figure.candidate):>12}"
        f"{shown_change(figure):>10}  {figure.unit}"
    ).rstrip()


def _number(value: float | None) -> str:
    return "-" if value is None else number(value)
