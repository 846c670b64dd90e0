"""Sessions of two builds become slowdowns: one log ratio per session and metric, positive is worse.

What a slowdown means for a verdict is decided elsewhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perfgate.analysis.compare import trimmed_log_ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from perfgate.measurement.models import BuildFigures, BuildRole, Run, Windows

COST = "cost"
CAPACITY = "capacity"
SATURATED = "saturated"
ROLES: tuple[BuildRole, BuildRole] = ("candidate", "base")


def session_frame(sessions: Sequence[Run]) -> pd.DataFrame:
    """Return one row per session with both builds: the two primary slowdowns and the rates.

    Columns: ``cost``, ``capacity`` and ``saturated`` are log ratios, positive is worse;
    ``base_rps`` and ``candidate_rps`` are the service rates of the session.
    """
    return pd.DataFrame(
        [_session_row(run) for run in sessions if len(run.builds) > 1],
        columns=[COST, CAPACITY, SATURATED, "base_rps", "candidate_rps"],
    )


def primary_slowdowns(sessions: Sequence[Run]) -> dict[str, NDArray[np.float64]]:
    """Return the slowdowns that decide: ``cost`` and ``capacity``, one figure per session."""
    frame = session_frame(sessions)
    return {name: frame[name].to_numpy(dtype=float) for name in (COST, CAPACITY)}


def service_rates(runs: Iterable[Run], role: BuildRole) -> NDArray[np.float64]:
    """Return the saturated goodput of a build per second, one figure per run that has it."""
    figures = [run.builds[role] for run in runs if role in run.builds]
    return np.array([_rate_rps(own.saturation) for own in figures if own.saturation.wall_s])


def cost_s(figures: BuildFigures) -> float:
    """Return the CPU-seconds per answered request, open loop and pairs together."""
    answered = sum(figures.pairs.answered) + sum(
        operation.good + operation.failed for operation in figures.open.operations.values()
    )
    return (figures.open_cpu_s + sum(figures.pairs.cpu_s)) / max(answered, 1)


def quantile_slowdowns(
    sessions: Sequence[Run], operation: str, share: float, least: int
) -> NDArray[np.float64] | None:
    """Return per session the log ratio of a quantile of an operation's service time.

    None where a session has fewer than ``least`` answers of either build: too few for that
    quantile to mean anything.
    """
    ratios = []
    for run in sessions:
        quantiles = []
        for role in ROLES:
            figures = run.builds[role].open.operations.get(operation)
            if figures is None or figures.good < least:
                return None
            quantiles.append(figures.service_s.quantile(share) or 0.0)
        ratios.append(math.log(quantiles[0] / quantiles[1]))
    return np.array(ratios)


def _session_row(run: Run) -> dict[str, float]:
    base, candidate = run.builds["base"], run.builds["candidate"]
    return {
        COST: math.log(cost_s(candidate) / cost_s(base)),
        CAPACITY: trimmed_log_ratio(_own_time_s(candidate.pairs), _own_time_s(base.pairs)),
        SATURATED: _saturated_slowdown(candidate.saturation, base.saturation),
        "base_rps": _rate_rps(base.saturation),
        "candidate_rps": _rate_rps(candidate.saturation),
    }


def _own_time_s(windows: Windows) -> NDArray[np.float64]:
    """Return each window's time less the wait for a CPU that others had, at least its CPU time.

    Time runnable but not running is the neighbours' doing; locks, sleeps and I/O remain.
    """
    wall, wait, cpu = map(np.array, (windows.wall_s, windows.wait_s, windows.cpu_s))
    own: NDArray[np.float64] = np.maximum(wall - wait, cpu)
    return own


def _rate_rps(windows: Windows) -> float:
    return sum(windows.good) / sum(windows.wall_s)


def _saturated_slowdown(candidate: Windows, base: Windows) -> float:
    """Return the log ratio of the saturated goodputs; infinite where one has none.

    On the clock's time: saturated, a build's own threads wait for each other most of the time, so
    that their wait for a CPU says nothing of the neighbours.
    """
    rates = _rate_rps(base), _rate_rps(candidate)
    if not all(rates):
        return math.inf if rates[0] else -math.inf
    return math.log(rates[0] / rates[1])
