"""May a dependent send what it means to send? Its change against the capacity of record.

Nothing is measured for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.verdict.claims import claims
from perfgate.verdict.finding import Verdict, verdict_of
from perfgate.verdict.matter import Matter, matter_of
from perfgate.verdict.order import Crossing, crossing, order_finding
from perfgate.verdict.trust import doubts

if TYPE_CHECKING:
    from datetime import date

    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.demand.question import Question
    from perfgate.verdict.order import OtherBuild


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer, and what it was made from; ``crossing`` where another build is about to ship."""

    record: CapacityRecord
    matter: Matter
    crossing: Crossing | None
    verdict: Verdict


def admission(
    record: CapacityRecord,
    question: Question,
    today: date,
    about_to_ship: OtherBuild | None = None,
) -> Admission:
    """Return whether the change may ship, held against the record and what else is planned.

    ``about_to_ship`` is the build that is to replace the one of record; None where there is none.
    """
    matter = matter_of(record, question)
    both = None if about_to_ship is None else crossing(matter, about_to_ship)
    findings = [
        *([] if both is None else [order_finding(both)]),
        *claims(matter),
        *doubts(record, matter, today),
    ]
    return Admission(record, matter, both, verdict_of(findings))
