"""What could be done about retries or capacity becomes how the service would stand then.

Nothing here says what a lever costs, or whose it is to pull.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil, inf
from typing import TYPE_CHECKING

from perfgate.demand.attempts import callers_of
from perfgate.demand.demand import first_try_rps
from perfgate.demand.ledger import Budget
from perfgate.demand.question import dependent_of, each_dependent
from perfgate.demand.retries import Regime
from perfgate.demand.standing import standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from perfgate.demand.demand import DependentDemand
    from perfgate.demand.ledger import Dependent, Ledger
    from perfgate.demand.risk import UncertainRate
    from perfgate.demand.standing import Standing

# A retry for ten answers, which is what most clients with such a budget allow.
USUAL_BUDGET = Budget(kind="per_success", ratio=0.1)
CALLERS_TRIED = 3
MOST_SUGGESTED = 6
MOST_INSTANCES = 1000


@dataclass(frozen=True, slots=True)
class Lever:
    """Something to do; what is None or 0 stays as it is.

    ``dependent`` does it alone; where that is None, everybody does whose retries become no more by
    it. A timeout is everybody's then. ``instances`` is how many more there are.
    """

    attempts: int | None = None
    budget: Budget | None = None
    timeout_s: float | None = None
    instances: int = 0
    dependent: str | None = None

    @property
    def text(self) -> str:
        """Return it as the command line says it."""
        parts = [
            "" if self.attempts is None else f"attempts {self.attempts}",
            "" if self.budget is None else f"budget {budget_text(self.budget)}",
            "" if self.timeout_s is None else f"timeout {self.timeout_s:g} s",
            f"instances {self.instances:+d}" if self.instances else "",
        ]
        whose = f"{self.dependent}: " if self.dependent else ""
        return whose + ", ".join(filter(None, parts))

    @property
    def each(self) -> list[Lever]:
        """Return its parts, each alone."""
        nothing = Lever(dependent=self.dependent)
        parts = [
            replace(nothing, attempts=self.attempts),
            replace(nothing, budget=self.budget),
            replace(nothing, timeout_s=self.timeout_s),
            Lever(instances=self.instances),
        ]
        return [part for part in parts if part not in (nothing, Lever())]


@dataclass(frozen=True)
class Scene:
    """The ledger, the day, and the service rate of so many instances together."""

    ledger: Ledger
    on: date
    rate: UncertainRate
    instances: int

    @cached_property
    def standing(self) -> Standing:
        """How the service stands."""
        return standing(self.ledger, self.on, self.rate)

    def after(self, lever: Lever) -> Scene:
        """Return the scene once the lever is pulled.

        Raises UsageError for a dependent that is not in the ledger, ValueError where no instance
        would be left.
        """
        count = self.instances + lever.instances
        if count < 1:
            raise ValueError(f"{count} instances are left of {self.instances}")
        if lever.dependent is not None:
            dependent_of(self.ledger, lever.dependent)
        grown = count / self.instances
        rate = replace(
            self.rate,
            estimate_rps=self.rate.estimate_rps * grown,
            lower_rps=self.rate.lower_rps * grown,
            upper_rps=self.rate.upper_rps * grown,
        )
        ledger = each_dependent(self.ledger, lambda one: _pulled(one, lever, self.on))
        return Scene(ledger, self.on, rate, count)


def budget_text(budget: Budget) -> str:
    """Return the budget as the command line says it."""
    return budget.kind if budget.kind == "none" else f"{budget.kind}:{budget.ratio:g}"


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

    One dependent's attempts or budget are less than everybody's, and these than more instances.
    """
    return next((lever for lever in _gentle(scene) if _stable(scene.after(lever))), None)


def _stable(scene: Scene) -> bool:
    return scene.standing.outlook.regime is Regime.STABLE


def _candidates(scene: Scene) -> Iterator[Lever]:
    yield from _by_retries(scene)
    yield Lever(instances=1)
    needed = _instances_needed(scene)
    if 1 < needed <= MOST_INSTANCES:
        yield Lever(instances=needed)


def _gentle(scene: Scene) -> Iterator[Lever]:
    yield from _by_retries(scene)
    needed = _instances_needed(scene)
    if 0 < needed <= MOST_INSTANCES:
        yield Lever(instances=needed)


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


def _instances_needed(scene: Scene) -> int:
    """Return how many more would carry everything though all is retried."""
    each = scene.rate.lower_rps / scene.instances
    worst = scene.standing.outlook.worst_rps / each
    return 0 if worst == inf else ceil(worst) - scene.instances


def _pulled(one: Dependent, lever: Lever, on: date) -> Dependent:
    if lever.dependent is not None:
        return _set(one, lever) if one.name == lever.dependent else one
    patient = _set(one, Lever(timeout_s=lever.timeout_s))
    tries = [Lever(attempts=lever.attempts), Lever(budget=lever.budget)]
    for part in tries:
        changed = _set(patient, part)
        patient = changed if _made(changed, on) < _made(patient, on) else patient
    return patient


def _set(one: Dependent, lever: Lever) -> Dependent:
    given = {
        "attempts": lever.attempts,
        "budget": lever.budget,
        "timeout_s": lever.timeout_s,
    }
    return one.model_copy(update={name: to for name, to in given.items() if to is not None})


def _made(one: Dependent, on: date) -> float:
    """Return the attempts per first try while all fail."""
    return float(callers_of([one], [first_try_rps(one, on)]).amplification[0])
