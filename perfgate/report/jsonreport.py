"""The verdict as JSON, for programs. People read the other formats."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from perfgate.analysis.capacity import BOUNDS_LEVEL
from perfgate.report.figures import figures_of, how_measured, picture_in
from perfgate.report.null import null_of
from perfgate.report.picture import picture_document
from perfgate.report.upset import recovery_document
from perfgate.report.verdictschema import FORMAT
from perfgate.verdict.limit import headroom_of, limit_of
from perfgate.verdict.scope import left_out

if TYPE_CHECKING:
    from typing import Any

    from perfgate.measurement.models import BuildId
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict


def render(case: Case, verdict: Verdict) -> str:
    """Return the verdict, its findings in order and the figures behind them."""
    measured, null, headroom = case.measurement, null_of(case), headroom_of(case)
    picture, restart = picture_in(case, verdict), measured.restart
    document = {
        "format": FORMAT,
        "verdict": str(verdict.outcome),
        "reason": verdict.reason,
        "left_out": left_out(case),
        "candidate": _build(measured.candidate),
        "base": None if measured.base is None else _build(measured.base),
        "findings": [
            dataclasses.asdict(finding) | {"outcome": str(finding.outcome)}
            for finding in verdict.findings
        ],
        "figures": [
            dataclasses.asdict(figure) | {"change_percent": figure.change}
            for figure in figures_of(case)
        ],
        "mu_slo": _mu_slo(case),
        "headroom": None if headroom is None else dataclasses.asdict(headroom),
        "null": None if null is None else dataclasses.asdict(null),
        "picture": None if picture is None else picture_document(picture),
        "recoveries": [recovery_document(case, own) for own in measured.recoveries],
        "restart": None if restart is None else recovery_document(case, restart),
        "measured": how_measured(case),
    }
    return json.dumps(document, indent=2) + "\n"


def _build(build: BuildId) -> dict[str, Any]:
    return build.model_dump(include={"name", "commit", "dirty"})


def _mu_slo(case: Case) -> dict[str, Any] | None:
    """Return the highest rate that keeps every promise, and how it was found; None: not at all."""
    search, limit = case.measurement.search, limit_of(case)
    if search is None or limit is None:
        return None
    return {
        "rate_rps": limit.rate_rps.estimate,
        "lower_rps": limit.rate_rps.lower,
        "upper_rps": limit.rate_rps.upper,
        "level": BOUNDS_LEVEL,
        "first_missed": limit.promise.words,
        "low_rps": search.low_rps,
        "high_rps": search.high_rps,
        "found": limit.found,
        "trials": len(search.trials),
        "seconds": search.seconds,
    }
