"""Searches for a commit made by hand, every default in one place; nothing is asserted here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from builders import conditions

from perfgate.verdict.bisection import Bisection, Question, Suspect
from perfgate.verdict.blame import due

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np

LOOKS = (4, 5, 6, 8, 10)
RATE_RPS = 56.0
SESSION_S = 11.0


def commit(place: int) -> str:
    """Return the hash of the commit at a place of the line."""
    return f"{place:040x}"


def suspect(place: int, parents: tuple[str, ...] | None = None) -> Suspect:
    """Return the commit at a place of the line, place 0 being the good one."""
    own = commit(place)
    before = (commit(place - 1),) if place else ()
    return Suspect(commit=own, told=f"{own[-10:]} Change {place}", parents=parents or before)


def question(last: int, **changes: Any) -> Question:
    """Return what is asked of a line that ends at a place."""
    asked = Question(
        service="auth",
        profile="default",
        good=commit(0),
        bad=commit(last),
        metrics=("cost", "capacity"),
        tolerance=math.log1p(0.01),
        margin=math.log1p(0.03),
        fail_alpha=0.01,
        pass_alpha=0.05,
        budget_s=120.0,
        target_hash="0123456789abcdef",
        machine="x86-64-2cpu",
        conditions=conditions(),
    )
    return asked.model_copy(update=changes)


def bisection(last: int = 32, **changes: Any) -> Bisection:
    """Return a search of so many commits; its rate and looks are known, and nothing else."""
    begun = Bisection(
        perfgate="0.1.0",
        begun_at="2026-11-20T10:00:00+00:00",
        question=question(last),
        good=suspect(0),
        line=tuple(suspect(place) for place in range(1, last + 1)),
        looks=LOOKS,
        rate_rps=RATE_RPS,
    )
    return begun.model_copy(update=changes)


def pursued(
    begun: Bisection,
    slowdowns: Mapping[int, float],
    draw: np.random.Generator,
    sd: float = 0.008,
    broken: Collection[int] = (),
) -> Bisection:
    """Return the search at its end, with sessions that are drawn.

    ``slowdowns`` says by how much (log) commits got slower, by their places; each is as slow as all
    up to it. Both metrics show it, with this spread; ``broken`` commits cannot be measured.
    """
    while (asked := due(begun)) is not None:
        place = begun.place(asked)
        if place in broken:
            begun = begun.without(
                asked, f"build command ended with exit code 1: sh -c '{'make ' * 20}'"
            )
            continue
        slower = sum(own for at, own in slowdowns.items() if at <= place)
        figures = {name: draw.normal(slower, sd) for name in begun.question.metrics}
        begun = begun.with_session(asked, figures, SESSION_S)
    return begun
