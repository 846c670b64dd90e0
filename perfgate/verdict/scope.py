"""What a check did not ask: so that nobody takes a verdict for more than it is.

Whether that should have been asked is not judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

NOT_COMPARED = "whether it got worse than its base"
NOT_UPSET = "whether it recovers from an overload"
NOT_SEARCHED = "the highest rate that keeps every promise"


def left_out(case: Case) -> list[str]:
    """Return the questions that were not asked, or for which there was no run."""
    measured, promises = case.measurement, case.terms.config.slo.values()
    asked = {
        NOT_COMPARED: measured.base is not None or case.stored_decides,
        NOT_UPSET: bool(measured.recoveries),
        NOT_SEARCHED: measured.search is not None
        or not any(own.promises_latency for own in promises),
    }
    return [question for question, was_asked in asked.items() if not was_asked]


def left_out_words(case: Case) -> str:
    """Return that as a sentence; "" where everything was asked."""
    questions = left_out(case)
    if not questions:
        return ""
    *others, last = questions
    named = f"{', '.join(others)} and {last}" if others else last
    return f"Left out: {named}. --budget full asks all."
