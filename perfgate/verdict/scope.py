"""What a check did not ask: so that nobody takes a verdict for more than it is.

Whether that should have been asked is not judged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.verdict.finding import listed

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

NOT_COMPARED = "whether it got worse than its base"
NOT_UPSET = "whether it recovers from an overload"
NOT_SEARCHED = "the highest rate that keeps every promise"
# What only its processes could tell.
UNSEEN = (
    "what a request costs in CPU time",
    "how much memory it takes",
    "whether any process of it died or was started anew",
)


def left_out(case: Case) -> list[str]:
    """Return the questions that were not asked, or for which there was no run."""
    measured, promises = case.measurement, case.terms.config.slo.values()
    asked = {
        NOT_COMPARED: measured.base is not None or case.stored_decides,
        **dict.fromkeys(UNSEEN, not case.terms.at_url),
        NOT_UPSET: bool(measured.recoveries)
        or any(own.stage.startswith("recovery") for own in measured.incidents),
        NOT_SEARCHED: measured.search is not None
        or not any(own.promises_latency for own in promises),
    }
    return [question for question, was_asked in asked.items() if not was_asked]


def _way_to_ask(case: Case, questions: list[str]) -> str:
    """Return how the questions are asked, and why one cannot be."""
    reason = case.terms.config.no_upset if NOT_UPSET in questions else ""
    if not reason:
        return "--budget full asks all"
    others = "" if questions == [NOT_UPSET] else "--budget full asks the others; "
    return f"{others}--recovery {reason}"


def left_out_words(case: Case) -> str:
    """Return that in sentences; "" where everything was asked."""
    questions = left_out(case)
    if not questions:
        return ""
    if not case.terms.at_url:
        return f"Left out: {listed(questions)}. {_way_to_ask(case, questions)}."
    unknown = [own for own in questions if own != NOT_SEARCHED]
    words = f"It ran already, at {case.terms.config.target.url}, so it is not known "
    searched = f" Left out: {NOT_SEARCHED}. --budget full asks it."
    return f"{words}{listed(unknown)}.{searched if NOT_SEARCHED in questions else ''}"
