"""How far can an admission be trusted? By the age of its figures, and by what is not known.

It never refuses anything: what is doubtful is a warning.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from perfgate.demand.age import stale_entries
from perfgate.demand.demand import LARGEST_NAMED
from perfgate.demand.question import dependent_of
from perfgate.verdict.finding import Finding, Outcome, counted, first_of

if TYPE_CHECKING:
    from datetime import date

    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.demand.demand import Demand
    from perfgate.demand.question import Question


def doubts(
    record: CapacityRecord, question: Question, demand: Demand, today: date
) -> list[Finding]:
    """Return a warning for each thing that may make the answer wrong: age, plans, mix."""
    return [
        Finding("figures", Outcome.WARN, reason, hint=hint)
        for reason, hint in (
            *_old_record(record, today),
            *_old_entries(record.stale_days, question, today),
            *_undated(question),
            *_on_top(question),
            *_other_mix(record, demand),
        )
    ]


Doubts = list[tuple[str, str]]


def _old_record(record: CapacityRecord, today: date) -> Doubts:
    age = (today - datetime.fromisoformat(record.measured_at).date()).days
    if age <= record.stale_days:
        return []
    hint = "Ask its team to measure the build that runs now, and to accept that."
    return [(f"The service rate of record is {counted(age, 'day')} old.", hint)]


def _old_entries(stale_days: int, question: Question, today: date) -> Doubts:
    old = stale_entries(question.after.dependents, today, stale_days)
    if not old:
        return []
    old.sort(key=lambda row: (row[1], row[0].name), reverse=True)
    named = first_of([f"{one.name} ({counted(age, 'day')})" for one, age in old], LARGEST_NAMED)
    hint = "Measure their peaks again, and bring the ledger up to date."
    return [(f"Figures of the ledger are older than {stale_days} days: {named}.", hint)]


def _undated(question: Question) -> Doubts:
    if dependent_of(question.after, question.dependent).measured_on is not None:
        return []
    hint = f"Give {question.dependent} measured_on in the ledger, once you have looked."
    return [(f"When the figures of {question.dependent} were measured is not said.", hint)]


def _on_top(question: Question) -> Doubts:
    if not question.beside:
        return []
    named = " and ".join(f'"{what}"' for what in question.beside)
    hint = f"If it is the same change, say so: --what {question.beside[0]!r}."
    return [(f"The ledger plans {named} for that day too: this is taken to come on top.", hint)]


def _other_mix(record: CapacityRecord, demand: Demand) -> Doubts:
    conditions = record.conditions
    if conditions is None:
        return []
    words = conditions.differ(conditions.model_copy(update={"mix": demand.mix}))
    if not words:
        return []
    hint = "Operations cost differently: ask its team to measure with the mix that is to come."
    return [(f"The service rate was measured with {words}.", hint)]
