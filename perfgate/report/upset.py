"""How builds came through an upset, as measured: queue and goodput over time, as plots.

How they were expected to is said in the finding.
"""

from __future__ import annotations

import dataclasses
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.recovery import course_of
from perfgate.demand.picture import POINTS
from perfgate.report.lines import wrapped
from perfgate.report.picture import LABEL, WIDTH, axis, head, strip
from perfgate.verdict.checks.recovery import prediction_of, what_happened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.analysis.recovery import Relief
    from perfgate.measurement.models import Recovery
    from perfgate.verdict.case import Case

# Marks on the axis: from here on the demand was lower, and from here on nobody retried.
LOWERED, QUIET = "v", "x"
UNKNOWN = "not known: answers do not tell how many wait"


def upset_lines(case: Case) -> list[str]:
    """Return the plots as lines of at most WIDTH columns; nothing where no upset was made."""
    recoveries = case.measurement.recoveries
    if not recoveries:
        return []
    upset = recoveries[0].upset
    seconds = max(len(own.first_tries) for own in recoveries)
    most = max(max(known(own.waiting)) for own in recoveries)
    # What comes in a spike is told in words; what comes after it tells who tries again.
    after_s = ceil(upset.to_s)
    full = max(
        [recoveries[0].demand_rps, *(max(own.attempts[after_s:], default=0) for own in recoveries)]
    )
    lines = [wrapped(title_of(recoveries[0]), "", width=WIDTH), ""]
    for own in recoveries:
        lines += [head(own.build), *_course(own, seconds, most, full)]
    first, last = (round(at * POINTS / seconds) for at in (upset.from_s, upset.to_s))
    lines += _tried(axis(seconds, (first, max(last - first, 1)), upset.kind), recoveries, seconds)
    again = case.measurement.restart
    if again is not None:
        lines += [head("candidate, started anew"), *_course(again, seconds, most, full)]
    return [line.rstrip() for text in lines for line in text.split("\n")]


def _tried(lines: list[str], recoveries: Sequence[Recovery], seconds: int) -> list[str]:
    """Return the axis with marks where something was tried to bring builds back, and what it was.

    It was the same for all: the one that went on for longest saw all of it.
    """
    own = max(recoveries, key=lambda own: len(course_of(own).reliefs))
    reliefs = course_of(own).reliefs
    if not reliefs:
        return lines
    line, figures = lines
    for relief in reliefs:
        at = LABEL + min(round(relief.from_s * POINTS / seconds), POINTS - 1)
        line = f"{line[:at]}{QUIET if relief.quiet else LOWERED}{line[at + 1 :]}"
    lowered = ", then ".join(share_of(own, relief) for relief in reliefs if not relief.quiet)
    words = [f"{LOWERED} demand lowered to {lowered}"] if lowered else []
    words += [f"{QUIET} nobody retries"] if reliefs[-1].quiet else []
    return [line, figures, wrapped("; ".join(words), " " * LABEL, width=WIDTH)]


def share_of(own: Recovery, relief: Relief) -> str:
    """Return which share of its demand a build was left with."""
    return f"{100 * relief.rate_rps / own.demand_rps:.0f} %"


def title_of(own: Recovery) -> str:
    """Return in a sentence what builds went through."""
    return f"Measured: {what_happened(own)}, with {own.demand_rps:.0f} calls/s before and after it."


def recovery_document(case: Case, own: Recovery) -> dict[str, object]:
    """Return how a build came through for programs, with a figure of each series for a second."""
    course, prediction = course_of(own), prediction_of(case, own)
    return {
        "build": own.build,
        **dataclasses.asdict(course),
        "unserved": dict(course.unserved),
        "demand_rps": own.demand_rps,
        "mu_over_rps": own.mu_over_rps,
        "prediction": None if prediction is None else dataclasses.asdict(prediction),
        "upset": own.upset.model_dump(mode="json"),
        "first_tries": own.first_tries,
        "attempts": own.attempts,
        "answered": own.answered,
        "waiting": own.waiting,
    }


def _course(own: Recovery, seconds: int, most: float, full: float) -> list[str]:
    waiting, answered = known(own.waiting), own.answered
    queue = [f"  {'queue':<{LABEL - 2}}{UNKNOWN}"]
    if is_known(own.waiting):
        queue = strip("queue", _columns(waiting, seconds), most, f"{waiting[-1]:.0f}")
    return [
        *queue,
        *strip("attempts", _columns(own.attempts, seconds), full, f"{own.attempts[-1]}/s"),
        *strip("goodput", _columns(answered, seconds), own.demand_rps, f"{answered[-1]}/s"),
    ]


def is_known(waiting: Sequence[int | None]) -> bool:
    """Tell whether it is known at any time how many waited."""
    return any(count is not None for count in waiting)


def known(waiting: Sequence[int | None]) -> list[int]:
    """Return the figures, with the last one that is known where one is not."""
    known = [0]
    for count in waiting:
        known.append(known[-1] if count is None else count)
    return known[1:]


def _columns(figures: Sequence[int], seconds: int) -> list[float]:
    """Return POINTS figures for so many seconds; 0 after the last."""
    padded = [*figures, *[0] * (seconds - len(figures))]
    places = np.linspace(0, seconds, POINTS + 1)
    middles = (places[:-1] + places[1:]) / 2
    columns: list[float] = np.interp(middles, np.arange(seconds) + 0.5, padded).tolist()
    return columns
