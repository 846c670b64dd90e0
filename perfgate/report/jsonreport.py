"""The verdict as JSON, for programs. People read the other formats."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from perfgate.report.figures import figures_of, how_measured, picture_in
from perfgate.report.null import null_of
from perfgate.report.picture import picture_document

if TYPE_CHECKING:
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

FORMAT = "perfgate.verdict/1"


def render(case: Case, verdict: Verdict) -> str:
    """Return the verdict, its findings in order and the figures behind them."""
    measured, null = case.measurement, null_of(case)
    picture = picture_in(case, verdict)
    document = {
        "format": FORMAT,
        "verdict": str(verdict.outcome),
        "reason": verdict.reason,
        "candidate": measured.candidate.model_dump(),
        "base": None if measured.base is None else measured.base.model_dump(),
        "findings": [
            dataclasses.asdict(finding) | {"outcome": str(finding.outcome)}
            for finding in verdict.findings
        ],
        "figures": [
            dataclasses.asdict(figure) | {"change_percent": figure.change}
            for figure in figures_of(case)
        ],
        "null": None if null is None else dataclasses.asdict(null),
        "picture": None if picture is None else picture_document(picture),
        "measured": how_measured(case),
    }
    return json.dumps(document, indent=2) + "\n"
