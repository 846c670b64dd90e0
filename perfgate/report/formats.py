"""The registry of report formats: a new one is a module and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.report import github, jsonreport, junit, markdown, prometheus, terminal
from perfgate.report.html import page

if TYPE_CHECKING:
    from collections.abc import Callable

    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

FORMATS: dict[str, Callable[[Case, Verdict], str]] = {
    "terminal": terminal.render,
    "json": jsonreport.render,
    "markdown": markdown.render,
    "comment": markdown.render_comment,
    "html": page.render,
    "junit": junit.render,
    "github": github.render,
    "prometheus": prometheus.render,
}
