"""The answer to a dependent that means to send more, in every format there is.

What the answer is, is said by :mod:`perfgate.verdict.admission`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING

from perfgate.report.admissionpage import render_markdown
from perfgate.report.answer import (
    STATE_COLUMNS,
    asked,
    figure_rows,
    four_states,
    origins,
    picture_with,
    state_rows,
    summed_up,
)
from perfgate.report.lines import finding_lines, indented, wrapped
from perfgate.report.picture import picture_document, picture_lines
from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Callable

    from perfgate.demand.risk import UncertainRate
    from perfgate.report.answer import Row
    from perfgate.verdict.admission import Admission
    from perfgate.verdict.matter import Matter, State
    from perfgate.verdict.order import Crossing

FORMAT = "perfgate.admission/1"
NAME = 26
COLUMN = 13


def render_terminal(answer: Admission) -> str:
    """Return the verdict, every finding, the one that decided first, and the figures."""
    parts = [
        escaped(f"{answer.verdict.outcome}: {asked(answer)}"),
        *(wrapped(escaped(reason), "  ") for reason in summed_up(answer)),
        "",
        *(line for finding in answer.verdict.findings for line in finding_lines(finding)),
        "",
        *_figures(answer.matter),
        *([] if answer.crossing is None else ["", *_states(answer.crossing)]),
        "",
        *indented(_picture(answer)),
        *(wrapped(escaped(line), "  ") for line in origins(answer)),
    ]
    return "\n".join(parts) + "\n"


def render_json(answer: Admission) -> str:
    """Return the verdict, its findings in order and the figures behind them."""
    question, both = answer.matter.question, answer.crossing
    picture = picture_with(answer)
    document = {
        "format": FORMAT,
        "verdict": str(answer.verdict.outcome),
        "reason": answer.verdict.reason,
        "service": answer.record.service,
        "commit": answer.record.commit,
        "dependent": question.dependent,
        "what": question.what,
        "from": str(question.on),
        "findings": [
            dataclasses.asdict(finding) | {"outcome": str(finding.outcome)}
            for finding in answer.verdict.findings
        ],
        "before": _figures_of(answer.matter.before),
        "after": _figures_of(answer.matter.after),
        "order": None if both is None else str(both.order),
        "states": None if both is None else {name: _state(one) for name, one in four_states(both)},
        "picture": None if picture is None else picture_document(picture),
    }
    return json.dumps(document, indent=2) + "\n"


FORMATS: dict[str, Callable[[Admission], str]] = {
    "terminal": render_terminal,
    "json": render_json,
    "markdown": render_markdown,
}


def _picture(answer: Admission) -> list[str]:
    picture = picture_with(answer)
    return [] if picture is None else [*picture_lines(picture), ""]


def _figures(matter: Matter) -> list[str]:
    """Return the table of figures without the change and with it."""
    return [_cells("", "before", "after"), *map(_row, figure_rows(matter))]


def _row(row: Row) -> str:
    name = shortened(escaped(row.name), NAME - 1)
    return f"{_cells(name, row.before, row.after)}  {row.unit}".rstrip()


def _states(both: Crossing) -> list[str]:
    """Return the table of the four states."""
    return [_cells("", *STATE_COLUMNS), *(_cells(*cells) for cells in state_rows(both))]


def _cells(name: str, *cells: str) -> str:
    return f"  {name:<{NAME}}" + "".join(f"{cell:>{COLUMN}}" for cell in cells)


def _figures_of(state: State) -> dict[str, object]:
    """Return the figures of a state; null where the rate that they rest on is not known."""
    demand, rested = state.demand, _rested_on_rate(state)
    return {
        "first_try_rps": demand.first_try_rps,
        "worst_rps": demand.worst_rps,
        **(dict.fromkeys(rested) if state.untold else rested),
        "dependents": {row.name: row.first_try_rps for row in demand.dependents},
    }


def _rested_on_rate(state: State) -> dict[str, object]:
    rate, outlook, known = state.rate, state.standing.outlook, state.scene.known
    return {
        "certain_rps": rate.lower_rps,
        "service_rate_rps": rate.estimate_rps,
        "headroom": _finite(outlook.headroom),
        "retry_safe_headroom": _finite(outlook.retry_safe_headroom),
        "regime": outlook.regime.value,
        "critical_stall_s": _finite(outlook.critical_stall_s),
        "overload_chance": state.chance,
        "retries_unsafe_chance": state.risk.retries_unsafe_ratio,
        "mu_slo_rps": _rate(known.mu_slo),
        "mu_over_rps": _rate(known.mu_over),
    }


def _rate(rate: UncertainRate | None) -> dict[str, float] | None:
    """Return a rate that was measured beside the service rate; None where it was not."""
    if rate is None:
        return None
    return {"estimate": rate.estimate_rps, "lower": rate.lower_rps, "upper": rate.upper_rps}


def _state(state: State) -> dict[str, object]:
    return {"outcome": str(state.outcome), **_figures_of(state)}


def _finite(figure: float) -> float | None:
    """Return the figure; JSON has no infinity, so that is null."""
    return figure if math.isfinite(figure) else None
