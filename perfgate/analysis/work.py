"""Operations that were sent alone, and a build that was saturated, become what requests cost.

What that makes of a service rate with another mix is worked out in :mod:`perfgate.demand.mix`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from perfgate.analysis.change import own_time_s
from perfgate.analysis.compare import t_interval
from perfgate.demand.ledger import Spread
from perfgate.demand.mix import Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from perfgate.measurement.models import BuildFigures, BuildRole, Run, Windows

# The level of every interval, two-sided.
LEVEL = 0.95
# An interval needs two.
LEAST_RUNS = 2
# A build that uses less of its CPU while it is saturated waits for something else.
CPU_BOUND = 0.9


@dataclass(frozen=True, slots=True)
class _Request:
    """What a request takes: CPU time, and time without what others had of it."""

    cpu_s: float
    own_s: float


@dataclass(frozen=True, slots=True)
class _Costs:
    """What requests took in one run: in the saturated build, and of each operation alone."""

    saturated: _Request
    alone: dict[str, _Request]


def work_of(runs: Iterable[Run], role: BuildRole, mix: Mapping[str, float]) -> Work:
    """Return what requests of a build cost, measured with a mix; runs are the samples.

    It is the CPU time that counts where the build, saturated, used up its CPU. Where it waited for
    something else its own time counts, and an interval then holds what either says. Without weights
    where fewer than two runs timed every operation of the mix.
    """
    builds = [run.builds[role] for run in runs if role in run.builds]
    costs = [found for own in builds if (found := _costs(own, mix)) is not None]
    if len(costs) < LEAST_RUNS:
        return Work(mix)
    by_cpu, by_time = (_weighed(costs, mix, reading) for reading in ("cpu_s", "own_s"))
    if _cpu_bound(costs):
        return by_cpu
    both = {name: _hull(own, by_cpu.weights[name]) for name, own in by_time.weights.items()}
    return Work(mix, both, by_time.alone)


def _costs(figures: BuildFigures, mix: Mapping[str, float]) -> _Costs | None:
    """Return None where an operation was not timed, or its CPU time not seen."""
    windows = {name: figures.solo.get(name) for name in mix}
    alone = {name: _request(own, None) for name, own in windows.items() if own is not None}
    saturated = _request(figures.saturation, figures.saturation_others_ratio)
    seen = [cost for cost in (saturated, *alone.values()) if cost is not None and cost.cpu_s > 0]
    if saturated is None or len(seen) <= len(mix):
        return None
    return _Costs(saturated, {name: cost for name, cost in alone.items() if cost is not None})


def _request(windows: Windows, others_ratio: float | None) -> _Request | None:
    answered = sum(windows.answered)
    if not answered:
        return None
    own_s = float(own_time_s(windows, others_ratio).sum())
    return _Request(sum(windows.cpu_s) / answered, own_s / answered)


def _cpu_bound(costs: Sequence[_Costs]) -> bool:
    used = [own.saturated.cpu_s / own.saturated.own_s for own in costs]
    return float(np.mean(used)) >= CPU_BOUND


def _weighed(
    costs: Sequence[_Costs], mix: Mapping[str, float], reading: Literal["cpu_s", "own_s"]
) -> Work:
    """Return the work by one reading of the time: in each run in units of its own mixed request."""
    alone = [{name: getattr(cost, reading) for name, cost in own.alone.items()} for own in costs]
    mixed = [math.fsum(share * own[name] for name, share in mix.items()) for own in alone]
    weights = {
        name: _spread([own[name] / unit for own, unit in zip(alone, mixed, strict=True)])
        for name in mix
    }
    dearer = [unit / own.saturated.own_s for own, unit in zip(costs, mixed, strict=True)]
    return Work(mix, weights, _spread(dearer))


def _spread(ratios: Sequence[float]) -> Spread:
    """Return the geometric mean with its t interval."""
    logs = t_interval(np.log(ratios), LEVEL)
    return Spread(*(math.exp(end) for end in (logs.lower, logs.estimate, logs.upper)))


def _hull(own: Spread, other: Spread) -> Spread:
    return Spread(min(own.low, other.low), own.likely, max(own.high, other.high))
