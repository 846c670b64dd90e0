"""How small a loss a machine can show: the spread of equal builds becomes what sessions resolve.

Only slowdowns of sessions in which both builds were the same come in; nothing is judged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.sequential import POWER, errors_beyond, t_multipliers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.analysis.sequential import Plan


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a check resolves with so many sessions, which take so many seconds.

    ``found`` is the smallest true slowdown that fails four times in five, and ``passed`` the
    smallest margin below which an equal build passes four times in five; both are log ratios.
    """

    sessions: int
    seconds: float
    found: float
    passed: float


def resolutions(
    session_sd: float, plan: Plan, metrics: int, session_s: float
) -> tuple[Resolution, ...]:
    """Return what each look of the plan resolves where sessions spread by ``session_sd``.

    ``session_sd`` is a log ratio's standard deviation between sessions of equal builds, the
    largest of ``metrics`` metrics, which share ``plan.fail_alpha``. The bounds of the looks are
    those of :func:`perfgate.analysis.sequential.t_multipliers`. To pass, all metrics must, so the
    chance to miss that is shared among them too (Bonferroni).
    """
    fail = t_multipliers(plan.looks, plan.fail_alpha / metrics)
    passing = t_multipliers(plan.looks, plan.pass_alpha)
    found = []
    for look, t_fail, t_pass in zip(plan.looks, fail, passing, strict=True):
        error = session_sd / math.sqrt(look)
        found.append(
            Resolution(
                sessions=look,
                seconds=look * session_s,
                found=plan.tolerance + errors_beyond(t_fail, look) * error,
                passed=errors_beyond(t_pass, look, (1 - POWER) / metrics) * error,
            )
        )
    return tuple(found)


def first_to_find(looks: Sequence[Resolution], slowdown: float) -> Resolution | None:
    """Return the first look that finds a slowdown (a log ratio), None where none does."""
    return next((look for look in looks if look.found <= slowdown), None)


def first_to_pass(looks: Sequence[Resolution], margin: float) -> Resolution | None:
    """Return the first look at which an equal build passes a margin, None where none does."""
    return next((look for look in looks if look.passed <= margin), None)
