"""Recoveries made by hand, every default in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from builders import case

from perfgate.load.pulse import WELL_FOR_S
from perfgate.measurement.models import CallerCourse, Recovery, Upset, Validity

if TYPE_CHECKING:
    from perfgate.measurement.models import BuildRole
    from perfgate.verdict.case import Case

UPSET_FROM_S, UPSET_TO_S, LIMIT_S, STEP_S = 8, 13, 30, 8
DEMAND_RPS = 50.0
# First tries, attempts and answers in a second.
WELL = (50, 50, 50)
DOWN = (50, 150, 0)
SPIKE = (300, 500, 100)
Second = tuple[int, int, int]

UPSET = Upset(
    kind="spike",
    rate_rps=300.0,
    from_s=UPSET_FROM_S,
    to_s=UPSET_TO_S,
    limit_s=LIMIT_S,
    steps=((STEP_S, 25.0), (STEP_S, 12.5)),
    quiet_s=UPSET_TO_S + LIMIT_S + 2 * STEP_S,
)
VALIDITY = Validity(
    seconds=60.0,
    lag_p50_ms=0.1,
    lag_p99_ms=1.0,
    waited_ratio=0.0,
    unsent=0,
    generator_cpu_ratio=0.2,
    generator_wait_ratio=0.0,
    steal_ratio=0.0,
    pressure_ratio=0.0,
    faults=(),
)


def recovery(
    after: list[Second], *, build: BuildRole = "candidate", before: Second = WELL, **changes: Any
) -> Recovery:
    """Return how a build fared that was so each second before the upset, and in those after it."""
    seconds = [*[before] * UPSET_FROM_S, *[SPIKE] * (UPSET_TO_S - UPSET_FROM_S), *after]
    first_tries, attempts, answered = zip(*seconds, strict=True)
    made: dict[str, Any] = {
        "build": build,
        "seed": 1,
        "demand_rps": DEMAND_RPS,
        "upset": UPSET,
        "first_tries": first_tries,
        "attempts": attempts,
        "answered": answered,
        "waiting": (0,) * len(seconds),
        "mu_over_rps": 133.0,
        "failures": {},
        "unsent": 0,
        "rss_bytes": (2**26, 2**26),
        "validity": VALIDITY,
    }
    return Recovery(**made | changes)


def alone(name: str, after: list[int], *, calls: int = 10, before: int = 10) -> CallerCourse:
    """Return what a dependent got each second after the upset, of so many calls; and before it."""
    answered = (*[before] * UPSET_FROM_S, *[0] * (UPSET_TO_S - UPSET_FROM_S), *after)
    return CallerCourse(name=name, first_tries=(calls,) * len(answered), answered=answered)


def after(*recoveries: Recovery, restart: Recovery | None = None) -> Case:
    """Return a case whose builds went through an upset."""
    made = case()
    updates = {"recoveries": recoveries, "restart": restart}
    measured = made.measurement.model_copy(update=updates)
    return made.model_copy(update={"measurement": measured})


def stayed_down(**changes: Any) -> Recovery:
    """Return a recovery that never came, whatever was tried."""
    return recovery([DOWN] * (LIMIT_S + 3 * STEP_S), **changes)


def started_anew(down_s: int = 0, **changes: Any) -> Recovery:
    """Return how fresh processes fared that served callers after so many seconds."""
    upset = Upset(
        kind="restart",
        rate_rps=DEMAND_RPS,
        from_s=0.0,
        to_s=0.0,
        limit_s=STEP_S,
        steps=(),
        quiet_s=STEP_S + WELL_FOR_S,
    )
    first_tries, attempts, answered = zip(*[*[DOWN] * down_s, *[WELL] * 3], strict=True)
    made = recovery([], upset=upset, waiting=(0,) * len(answered), **changes)
    series = {"first_tries": first_tries, "attempts": attempts, "answered": answered}
    return made.model_copy(update=series)


def came_back(after_s: int = 3, **changes: Any) -> Recovery:
    """Return a recovery that took so long."""
    return recovery([*[DOWN] * after_s, *[WELL] * 3], **changes)
