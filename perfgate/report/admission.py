"""The answer to a dependent that means to send more: plain text for people, JSON for programs.

What the answer is, is said by :mod:`perfgate.verdict.admission`.
"""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING

from perfgate.report.lines import finding_lines, ratio, wrapped
from perfgate.report.production import origin_of
from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perfgate.verdict.admission import Admission
    from perfgate.verdict.matter import Matter, State
    from perfgate.verdict.order import Crossing

FORMAT = "perfgate.admission/1"
NAME = 26
COLUMN = 13
SHOWN_DEPENDENTS = 5


def render_terminal(answer: Admission) -> str:
    """Return the verdict and its reason first, then every finding, then the figures."""
    question = answer.matter.question
    head = f"{answer.verdict.outcome}: {question.dependent}, {question.what}, from {question.on} on"
    parts = [
        escaped(head),
        wrapped(escaped(answer.verdict.reason), "  "),
        "",
        *(line for finding in answer.verdict.findings for line in finding_lines(finding)),
        "",
        *_figures(answer.matter),
        *([] if answer.crossing is None else ["", *_states(answer.crossing)]),
        "",
        *(wrapped(escaped(line), "  ") for line in origin_of(answer.record)),
    ]
    return "\n".join(parts) + "\n"


def render_json(answer: Admission) -> str:
    """Return the verdict, its findings in order and the figures behind them."""
    question, both = answer.matter.question, answer.crossing
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
        "states": None if both is None else {name: _state(one) for name, one in _four(both)},
    }
    return json.dumps(document, indent=2) + "\n"


FORMATS: dict[str, Callable[[Admission], str]] = {"terminal": render_terminal, "json": render_json}


def _figures(matter: Matter) -> list[str]:
    """Return the table of figures without the change and with it."""
    both = (matter.before, matter.after)
    head = f"  {'':<{NAME}}{'before':>{COLUMN}}{'after':>{COLUMN}}"
    demands = [state.standing.demand for state in both]
    outlooks = [state.standing.outlook for state in both]
    largest = sorted(
        zip(demands[0].dependents, demands[1].dependents, strict=True),
        key=lambda rows: (rows[1].name != matter.question.dependent, -rows[1].first_try_rps),
    )[:SHOWN_DEPENDENTS]
    rows = [
        *((rows[1].name, [f"{row.first_try_rps:.1f}" for row in rows]) for rows in largest),
        ("all first tries", [f"{one.first_try_rps:.1f}" for one in demands]),
        ("if all were retried", [f"{one.worst_rps:.1f}" for one in demands]),
        ("headroom", [ratio(one.headroom) for one in outlooks]),
        ("retry-safe headroom", [ratio(one.retry_safe_headroom) for one in outlooks]),
        ("regime", [one.regime.value for one in outlooks]),
    ]
    units = ["/s"] * (len(largest) + 2)
    padded = [*units, *[""] * (len(rows) - len(units))]
    return [head, *(_row(*row, unit) for row, unit in zip(rows, padded, strict=True))]


def _row(name: str, cells: Sequence[str], unit: str) -> str:
    shown = shortened(escaped(name), NAME - 1)
    figures = "".join(f"{cell:>{COLUMN}}" for cell in cells)
    return f"  {shown:<{NAME}}{figures}  {unit}".rstrip()


def _states(both: Crossing) -> list[str]:
    """Return the table of the four states."""
    head = f"  {'':<{NAME}}" + "".join(
        f"{name:>{COLUMN}}" for name in ("demand", "headroom", "regime", "verdict")
    )
    return [head, *(_state_row(name, state) for name, state in _four(both))]


def _state_row(name: str, state: State) -> str:
    own = state.standing
    cells = [
        f"{own.demand.first_try_rps:.1f}",
        ratio(own.outlook.headroom),
        own.outlook.regime.value,
        str(state.outcome),
    ]
    return f"  {name:<{NAME}}" + "".join(f"{cell:>{COLUMN}}" for cell in cells)


def _four(both: Crossing) -> list[tuple[str, State]]:
    return [
        ("build of record, before", both.old_old),
        ("build of record, after", both.old_new),
        ("build to ship, before", both.new_old),
        ("build to ship, after", both.new_new),
    ]


def _figures_of(state: State) -> dict[str, object]:
    own = state.standing
    return {
        "first_try_rps": own.demand.first_try_rps,
        "worst_rps": own.demand.worst_rps,
        "headroom": _finite(own.outlook.headroom),
        "retry_safe_headroom": _finite(own.outlook.retry_safe_headroom),
        "regime": own.outlook.regime.value,
        "critical_stall_s": _finite(own.outlook.critical_stall_s),
        "overload_chance": state.chance,
        "dependents": {row.name: row.first_try_rps for row in own.demand.dependents},
    }


def _state(state: State) -> dict[str, object]:
    return {"outcome": str(state.outcome), **_figures_of(state)}


def _finite(figure: float) -> float | None:
    """Return the figure; JSON has no infinity, so that is null."""
    return figure if math.isfinite(figure) else None
