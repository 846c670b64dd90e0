"""A service that retries endanger becomes a list of levers to pull: the best first, or the least.

What a lever does is worked out in :mod:`perfgate.demand.levers`; what it costs is not known here.
"""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING

from perfgate.demand.ledger import Budget
from perfgate.demand.levers import Lever
from perfgate.demand.question import dependent_of
from perfgate.demand.retries import Regime

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from perfgate.demand.demand import DependentDemand
    from perfgate.demand.levers import Scene

# A retry for ten answers, which is what most clients with such a budget allow.
USUAL_BUDGET = Budget(kind="per_success", ratio=0.1)
CALLERS_TRIED = 3
MOST_SUGGESTED = 6
MOST_INSTANCES = 1000


def suggestions(scene: Scene, dependent: str | None = None) -> list[Lever]:
    """Return the levers that raise the retry-safe headroom most, the best first.

    Of a dependent only those that are its own; raises UsageError where it is not in the ledger.
    """
    tried = _candidates(scene) if dependent is None else _own(scene, dependent)
    now = scene.standing.outlook.retry_safe_headroom
    raised = {lever: scene.after(lever).standing.outlook.retry_safe_headroom for lever in tried}
    better = [lever for lever, headroom in raised.items() if headroom > now * (1 + 1e-9)]
    return sorted(better, key=lambda lever: -raised[lever])[:MOST_SUGGESTED]


def healing(scene: Scene) -> Lever | None:
    """Return the least that makes the service stable, None where nothing that is tried does.

    One dependent's attempts or budget are less than everybody's, these than an even load on the
    instances, and that than more of them.
    """
    likely = (lever for lever in _gentle(scene) if _may_do(scene, lever))
    return next((lever for lever in likely if _stable(scene.after(lever))), None)


def instances_for(scene: Scene, load_rps: float, rate_rps: float) -> int:
    """Return how many more instances would carry a load, where those that there are carry a rate.

    0 where it is endless.
    """
    each = rate_rps / scene.instances
    return 0 if load_rps == inf else ceil(load_rps / each) - scene.instances


def _may_do(scene: Scene, lever: Lever) -> bool:
    """Tell whether it can be enough: one dependent alone ends no retries but its own."""
    now = scene.standing
    own = [row for row in now.demand.dependents if row.name == lever.dependent]
    ended = sum(row.worst_rps - row.first_try_rps for row in own)
    return not own or now.outlook.worst_rps - ended <= now.over_rps * (1 + 1e-9)


def _stable(scene: Scene) -> bool:
    return scene.standing.outlook.regime is Regime.STABLE


def _candidates(scene: Scene) -> Iterator[Lever]:
    yield from _gentler(scene)
    yield Lever(instances=1)
    needed = _needed(scene)
    if 1 < needed <= MOST_INSTANCES:
        yield Lever(instances=needed)


def _gentle(scene: Scene) -> Iterator[Lever]:
    yield from _gentler(scene)
    needed = _needed(scene)
    if 0 < needed <= MOST_INSTANCES:
        yield Lever(instances=needed)


def _needed(scene: Scene) -> int:
    """Return how many more instances would serve off any backlog."""
    return instances_for(scene, scene.standing.outlook.worst_rps, scene.standing.over_rps)


def _gentler(scene: Scene) -> Iterator[Lever]:
    """Return what takes no further instance."""
    yield from _by_retries(scene)
    if scene.imbalance > 1:
        yield Lever(imbalance=1.0)


def _by_retries(scene: Scene) -> Iterator[Lever]:
    worst = _worst(scene)
    for row in worst:
        yield from _own(scene, row.name)
    if len(worst) > 1:
        yield Lever(budget=USUAL_BUDGET)
        most = max(dependent_of(scene.ledger, row.name).attempts for row in worst)
        yield from (Lever(attempts=n) for n in _fewer(most))


def _own(scene: Scene, name: str) -> Iterator[Lever]:
    yield Lever(budget=USUAL_BUDGET, dependent=name)
    attempts = dependent_of(scene.ledger, name).attempts
    yield from (Lever(attempts=fewer, dependent=name) for fewer in _fewer(attempts))


def _fewer(attempts: int) -> Iterable[int]:
    return range(min(attempts - 1, 4), 0, -1)


def _worst(scene: Scene) -> list[DependentDemand]:
    """Return those whose retries would add most."""
    rows = scene.standing.demand.dependents
    adding = [row for row in rows if row.worst_rps > row.first_try_rps]
    adding.sort(key=lambda row: row.first_try_rps - row.worst_rps)
    return adding[:CALLERS_TRIED]
