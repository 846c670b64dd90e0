"""Sessions of two builds become slowdowns: one log ratio per session and metric, positive is worse.

What a slowdown means for a verdict is decided elsewhere.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perfgate.analysis.compare import theil_sen_slope, trimmed_log_ratio
from perfgate.measurement.histogram import TICKS_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from perfgate.measurement.models import BuildFigures, BuildRole, Run, Windows

COST = "cost"
CAPACITY = "capacity"
SATURATED = "saturated"
ROLES: tuple[BuildRole, BuildRole] = ("candidate", "base")
# One tick of a histogram; what is shorter is told as 0, which has no ratio.
SHORTEST_S = 1 / TICKS_PER_S
# Of the pairs, at either end of how much more CPU time the candidate took.
COST_TRIMMED = 0.1
# With fewer pairs of batches of an operation alone, what it costs is not told.
LEAST_SOLO = 3
# Fewer pairs in a third tell no trend.
LEAST_THIRD = 4
# Fewer readings of the memory tell no slope.
LEAST_READINGS = 8


def session_frame(sessions: Sequence[Run]) -> pd.DataFrame:
    """Return one row per session with both builds: its slowdowns, log ratios, positive is worse.

    Columns: ``cost``, ``capacity`` and ``saturated``. NaN where one was not measured; ``saturated``
    is infinite where only the candidate gave no correct answer.
    """
    return pd.DataFrame(
        [_session_row(run) for run in paired(sessions)], columns=[COST, CAPACITY, SATURATED]
    )


def paired(sessions: Iterable[Run]) -> list[Run]:
    """Return the sessions that have both builds."""
    return [run for run in sessions if len(run.builds) == len(ROLES)]


def primary_slowdowns(sessions: Sequence[Run]) -> dict[str, NDArray[np.float64]]:
    """Return the slowdowns that decide: ``cost`` and ``capacity``, one figure per session."""
    frame = session_frame(sessions)
    return {name: frame[name].to_numpy(dtype=float) for name in (COST, CAPACITY)}


def cost_s(run: Run, role: BuildRole) -> float:
    """Return a build's CPU-seconds per answered request, open loop and pairs together.

    Of a session, a tenth of the pairs at either end is left out, the same ones of both builds: by
    how much more CPU time the candidate took. A virtual machine that its host stops for some tenths
    of a second charges them to the process that ran then, and calls them neither steal nor wait.
    """
    own = run.builds[role]
    counted = _calm_pairs(run, role)
    opened = sum(operation.good + operation.failed for operation in own.open.operations.values())
    answered = opened + sum(own.pairs.answered[pair] for pair in counted)
    burnt_s = own.open_cpu_s + math.fsum(own.pairs.cpu_s[pair] for pair in counted)
    return burnt_s / max(answered, 1)


def operation_slowdowns(sessions: Sequence[Run]) -> dict[str, NDArray[np.float64]]:
    """Return by operation the log ratio of its CPU time per request, alone: one per session.

    20 % trimmed over the pairs of batches whose CPU time was seen. Operations of which some session
    has too few are left out.
    """
    runs = paired(sessions)
    named = [set(run.builds[role].solo) for run in runs for role in ROLES]
    found = {
        name: np.array([_solo_slowdown(run, name) for run in runs])
        for name in sorted(set.intersection(*named) if named else ())
    }
    return {name: values for name, values in found.items() if np.isfinite(values).all()}


def operation_cost_s(runs: Iterable[Run], role: BuildRole, operation: str) -> float | None:
    """Return the CPU-seconds per answered request of an operation alone, over all runs.

    None where there was no answer.
    """
    parts = [run.builds[role].solo[operation] for run in runs if operation in run.builds[role].solo]
    answered = sum(sum(own.answered) for own in parts)
    return sum(sum(own.cpu_s) for own in parts) / answered if answered else None


def memory_slopes(
    sessions: Iterable[Run], role: BuildRole, last_share: float = 1.0
) -> NDArray[np.float64]:
    """Return per session by how many bytes a build grew with each request that it answered.

    The median of the slopes between any two readings (Theil, 1950; Sen, JASA 63, 1968), so that
    neither a single step nor what the first slices allocated decides. A run saturates the build
    first, then come the open loop and the pairs: the readings at the end of each slice and of each
    batch stand in that order, and count the answers up to there; ``last_share`` of them count. NaN
    where there are too few.
    """
    builds = [run.builds[role] for run in sessions if role in run.builds]
    return np.array([_memory_slope(figures, last_share) for figures in builds])


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
            quantiles.append(max(figures.service_s.quantile(share) or 0.0, SHORTEST_S))
        ratios.append(math.log(quantiles[0] / quantiles[1]))
    return np.array(ratios)


def trends(sessions: Iterable[Run], role: BuildRole) -> NDArray[np.float64]:
    """Return per session by how much a build's work got slower as it ran, as a log ratio.

    The times of equal work in the last third of the pairs against those in the first third, 20 %
    trimmed; NaN where there are too few pairs.
    """
    return np.array([_trend(run, role) for run in sessions if role in run.builds])


def _trend(run: Run, role: BuildRole) -> float:
    own_s = pairs_time_s(run, role)
    third = len(own_s) // 3
    if third < LEAST_THIRD or own_s.min() <= 0:
        return math.nan
    return trimmed_log_ratio(own_s[-third:], own_s[:third])


def _solo_slowdown(run: Run, operation: str) -> float:
    """Return NaN where too few pairs have CPU times; the batches of a pair are of equal work."""
    candidate, base = (np.array(run.builds[role].solo[operation].cpu_s) for role in ROLES)
    seen = (candidate > 0) & (base > 0)
    if np.count_nonzero(seen) < LEAST_SOLO:
        return math.nan
    return trimmed_log_ratio(candidate[seen], base[seen])


def _memory_slope(figures: BuildFigures, last_share: float) -> float:
    saturation, pairs = figures.saturation, figures.pairs
    rss_bytes = (*saturation.rss_bytes, *pairs.rss_bytes)
    unread = len(rss_bytes) < len(saturation.answered) + len(pairs.answered)
    first = round(len(rss_bytes) * (1 - last_share))
    if unread or len(rss_bytes) - first < LEAST_READINGS:
        return math.nan
    opened = sum(own.good + own.failed for own in figures.open.operations.values())
    before_pairs = sum(saturation.answered) + opened
    answered = [*np.cumsum(saturation.answered), *(before_pairs + np.cumsum(pairs.answered))]
    counted, read = np.array(answered, dtype=float), np.array(rss_bytes, dtype=float)
    return theil_sen_slope(counted[first:], read[first:])


def _calm_pairs(run: Run, role: BuildRole) -> list[int]:
    """Return the pairs that a build's cost counts: all of them where the other has none."""
    count = len(run.builds[role].pairs.cpu_s)
    cpus_s = [np.array(run.builds[own].pairs.cpu_s) for own in ROLES if own in run.builds]
    if [own.size for own in cpus_s] != [count] * len(ROLES):
        return list(range(count))
    candidate_s, base_s = cpus_s
    cut = int(COST_TRIMMED * count)
    calm: list[int] = np.argsort(candidate_s - base_s, kind="stable")[cut : count - cut].tolist()
    return sorted(calm)


def _session_row(run: Run) -> dict[str, float]:
    base, candidate = run.builds["base"], run.builds["candidate"]
    costs_s = [cost_s(run, role) for role in ROLES]
    return {
        COST: math.log(costs_s[0] / costs_s[1]) if min(costs_s) > 0 else math.nan,
        CAPACITY: _pairs_slowdown(run),
        SATURATED: _saturated_slowdown(candidate.saturation, base.saturation),
    }


def _pairs_slowdown(run: Run) -> float:
    own_s = pairs_time_s(run, "candidate"), pairs_time_s(run, "base")
    if min(own.min(initial=math.inf) for own in own_s) <= 0 or not own_s[0].size:
        return math.nan
    return trimmed_log_ratio(*own_s)


def pairs_time_s(run: Run, role: BuildRole) -> NDArray[np.float64]:
    """Return the time of each of a build's batches less what others had of it."""
    return own_time_s(run.builds[role].pairs, run.others_ratio)


def own_time_s(windows: Windows, others_ratio: float | None) -> NDArray[np.float64]:
    """Return the time of each window less what others had of it: that ratio of a CPU, if known.

    That is max(wall - generator_wait - k wait, cpu). ``wait`` is the time that the build's threads
    were ready to run and did not, summed over threads. Of one thread all of it is the neighbours'
    doing: k = 1. But threads of one build also wait for each other, which is part of its work; with
    sixteen on one CPU that sum is many times the clock's time, and taking it off whole would leave
    the CPU time alone and hide every lock. So no more is taken off, over all batches, than others
    had of the CPU: k = min(1, others / wait), both summed. Locks, sleeps and I/O remain.
    """
    wall, wait, cpu = map(np.array, (windows.wall_s, windows.wait_s, windows.cpu_s))
    share = 1.0
    if others_ratio is not None and wait.sum() > 0:
        share = min(wait.sum(), others_ratio * wall.sum()) / wait.sum()
    own: NDArray[np.float64] = np.maximum(
        wall - np.array(windows.generator_wait_s) - share * wait, cpu
    )
    return own


def rate_rps(windows: Windows) -> float:
    """Return the correct answers in time per second of the clock."""
    return sum(windows.good) / sum(windows.wall_s)


def _saturated_slowdown(candidate: Windows, base: Windows) -> float:
    """Return the log ratio of the saturated goodputs.

    Infinite where only the candidate has none, NaN where the base has none or nothing was timed.

    On the clock's time: saturated, a build's own threads wait for each other most of the time, so
    that their wait for a CPU says nothing of the neighbours.
    """
    if not candidate.wall_s or not any(base.good):
        return math.nan
    rates = rate_rps(base), rate_rps(candidate)
    return math.log(rates[0] / rates[1]) if rates[1] else math.inf
