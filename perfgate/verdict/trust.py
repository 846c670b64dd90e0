"""How far can an admission be trusted? By the age of its figures, and by what is not known.

It never refuses anything: what is doubtful is a warning.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from perfgate.demand.question import dependent_of
from perfgate.verdict.declaration import declaration_doubts
from perfgate.verdict.entries import entry_doubts
from perfgate.verdict.finding import Finding, Outcome, counted
from perfgate.verdict.mixture import ANEW, with_mix

if TYPE_CHECKING:
    from datetime import date

    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.demand.question import Question
    from perfgate.verdict.matter import Matter


def doubts(record: CapacityRecord, matter: Matter, today: date) -> list[Finding]:
    """Return a warning for each thing that may make the answer wrong: age, plans, mix."""
    question = matter.question
    told = (
        *_old_record(record, today),
        *_undated(question),
        *_on_top(question),
        *_other_mix(matter),
    )
    end = max(matter.end, today)
    known = record.since_declared is not None
    return [
        *declaration_doubts(record.production, "the build of record", known=known),
        *(Finding("figures", Outcome.WARN, reason, hint=hint) for reason, hint in told),
        *entry_doubts(question.after, today, end, record.stale_days),
    ]


Doubts = list[tuple[str, str]]


def _old_record(record: CapacityRecord, today: date) -> Doubts:
    age = (today - datetime.fromisoformat(record.measured_at).date()).days
    if age <= record.stale_days:
        return []
    hint = "Ask its team to measure the build that runs now, and to accept that."
    return [(f"The service rate of record is {counted(age, 'day')} old.", hint)]


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


def _other_mix(matter: Matter) -> Doubts:
    """Tell of a rate that is only known not to be too low, though it carries the demand so."""
    after = matter.after
    why = matter.capacity.at(after.demand).why
    if not why or after.untold:
        return []
    words = f"What the service rate is {with_mix(after)} is not known, as {why}."
    return [(words, ANEW)]
