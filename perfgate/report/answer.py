"""What every form of an answer to a dependent shows: its rows of figures and its picture.

How they are set is each format's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from perfgate.report.lines import ratio
from perfgate.report.production import origin_of
from perfgate.verdict.finding import Outcome
from perfgate.verdict.overload import pictured

if TYPE_CHECKING:
    from perfgate.demand.picture import Picture
    from perfgate.demand.risk import UncertainRate
    from perfgate.verdict.admission import Admission
    from perfgate.verdict.matter import Matter, State
    from perfgate.verdict.order import Crossing

SHOWN_DEPENDENTS = 5
OF_RATE = (
    ("certain of the rate", "/s"),
    ("... within the promises", "/s"),
    ("... under overload", "/s"),
    ("headroom", ""),
    ("retry-safe headroom", ""),
    ("chance of overload", "%"),
    ("regime", ""),
)
UNTOLD = "-"
MAY = {
    Outcome.PASS: "it may ship",
    Outcome.WARN: "it may ship, but look at this",
    Outcome.FAIL: "it must not ship",
    Outcome.INCONCLUSIVE: "whether it may ship is not known",
}
STATE_COLUMNS = ("demand", "headroom", "regime", "verdict")


class Row(NamedTuple):
    """A figure without the change and with it, as text, and its unit."""

    name: str
    before: str
    after: str
    unit: str = ""


def asked(answer: Admission) -> str:
    """Return who means to do what from when on, and whether that may ship."""
    question = answer.matter.question
    whether = MAY[answer.verdict.outcome]
    return f"{question.dependent}, {question.what}, from {question.on} on: {whether}"


def summed_up(answer: Admission) -> list[str]:
    """Return the verdict's reason where it sums findings up, and is not that of the first one."""
    verdict = answer.verdict
    return [verdict.reason] if verdict.reason != verdict.findings[0].reason else []


def figure_rows(matter: Matter) -> list[Row]:
    """Return what is sent, by whom, and how the service stands; the one that asks is first."""
    states = (matter.before, matter.after)
    old, new = (one.demand for one in states)
    largest = sorted(
        zip(old.dependents, new.dependents, strict=True),
        key=lambda rows: (rows[1].name != matter.question.dependent, -rows[1].first_try_rps),
    )[:SHOWN_DEPENDENTS]
    return [
        *(_rates(now.name, was.first_try_rps, now.first_try_rps) for was, now in largest),
        _rates("all first tries", old.first_try_rps, new.first_try_rps),
        _rates("if all were retried", old.worst_rps, new.worst_rps),
        *_that_rest_on_rate(*states),
    ]


def state_rows(both: Crossing) -> list[tuple[str, ...]]:
    """Return a name and the STATE_COLUMNS of each of the four states."""
    return [(name, *_state_cells(state)) for name, state in four_states(both)]


def four_states(both: Crossing) -> list[tuple[str, State]]:
    """Return the four states with their names."""
    return [
        ("build of record, before", both.old_old),
        ("build of record, after", both.old_new),
        ("build to ship, before", both.new_old),
        ("build to ship, after", both.new_new),
    ]


def picture_with(answer: Admission) -> Picture | None:
    """Return what a stall would do with the change; None where it is stable then, or not known."""
    matter = answer.matter
    if matter.after.untold:
        return None
    return pictured(matter.after)


def origins(answer: Admission) -> list[str]:
    """Return what the rates are made from."""
    told = origin_of(answer.record)
    if answer.matter.recomputed and answer.record.weights is not None:
        told.append("With another mix it is recomputed from what operations cost, measured alone.")
    if answer.crossing is not None:
        build, rate = answer.crossing.build, answer.crossing.build.rate.rate
        told.append(
            f"About to ship: {build.name}; {rate.estimate_rps:.0f}/s in production, "
            f"{rate.lower_rps:.0f}/s of it certain."
        )
    return told


def _that_rest_on_rate(before: State, after: State) -> list[Row]:
    """Return the figures of OF_RATE, but those that nobody has measured."""
    cells = zip(OF_RATE, _of_rate(before), _of_rate(after), strict=True)
    return [Row(name, old, new, unit) for (name, unit), old, new in cells if old or new]


def _of_rate(state: State) -> tuple[str, ...]:
    """Return a cell for each of OF_RATE: a dash where the rate is not known, "" if not measured."""
    own, known = state.standing.outlook, state.scene.known
    cells = (
        f"{state.rate.lower_rps:.1f}",
        _certain(known.mu_slo),
        _certain(known.mu_over),
        ratio(own.headroom),
        ratio(own.retry_safe_headroom),
        f"{100 * state.chance:.1f}",
        own.regime.value,
    )
    return tuple(UNTOLD if state.untold and cell else cell for cell in cells)


def _certain(rate: UncertainRate | None) -> str:
    return "" if rate is None else f"{rate.lower_rps:.1f}"


def _rates(name: str, before_rps: float, after_rps: float) -> Row:
    return Row(name, f"{before_rps:.1f}", f"{after_rps:.1f}", "/s")


def _state_cells(state: State) -> tuple[str, ...]:
    own = state.standing.outlook
    told = (ratio(own.headroom), own.regime.value)
    headroom, regime = (UNTOLD, UNTOLD) if state.untold else told
    return (f"{state.demand.first_try_rps:.1f}", headroom, regime, str(state.outcome))
