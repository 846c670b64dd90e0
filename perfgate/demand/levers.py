"""What could be done about retries or capacity becomes how the service would stand then.

Which of it to do is said by :mod:`perfgate.demand.remedies`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from perfgate.demand.demand import amplification, demand_on, first_try_rps
from perfgate.demand.question import dependent_of, each_dependent
from perfgate.demand.standing import NOTHING, standing

if TYPE_CHECKING:
    from datetime import date

    from perfgate.demand.demand import Demand
    from perfgate.demand.ledger import Budget, Dependent, Ledger
    from perfgate.demand.risk import UncertainRate
    from perfgate.demand.standing import Known, Standing


@dataclass(frozen=True, slots=True)
class Lever:
    """Something to do; what is None or 0 stays as it is.

    ``dependent`` does it alone; where that is None, everybody does whose retries become no more by
    it. A timeout is everybody's then. ``instances`` is how many more there are, ``imbalance`` what
    the busiest of them gets of the load then, over the mean.
    """

    attempts: int | None = None
    budget: Budget | None = None
    timeout_s: float | None = None
    instances: int = 0
    imbalance: float | None = None
    dependent: str | None = None

    @property
    def text(self) -> str:
        """Return it as the command line says it."""
        parts = [
            "" if self.attempts is None else f"attempts {self.attempts}",
            "" if self.budget is None else f"budget {budget_text(self.budget)}",
            "" if self.timeout_s is None else f"timeout {self.timeout_s:g} s",
            f"instances {self.instances:+d}" if self.instances else "",
            "" if self.imbalance is None else f"imbalance {self.imbalance:g}",
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
            Lever(imbalance=self.imbalance),
        ]
        return [part for part in parts if part not in (nothing, Lever())]


@dataclass(frozen=True)
class Scene:
    """The ledger, the day, and the service rate of so many instances together.

    ``imbalance`` is what the busiest of them gets of the load, over the mean; ``known`` is what has
    been measured of them beside the service rate; ``told`` is the demand, where that is known.
    """

    ledger: Ledger
    on: date
    rate: UncertainRate
    instances: int
    imbalance: float = 1.0
    known: Known = NOTHING
    told: Demand | None = None

    @cached_property
    def standing(self) -> Standing:
        """How the service stands."""
        demand = self.told or demand_on(self.ledger, self.on)
        return standing(self.ledger, demand, self.rate, self.known)

    def after(self, lever: Lever) -> Scene:
        """Return the scene once the lever is pulled.

        Raises UsageError for a dependent that is not in the ledger, ValueError where no instance
        would be left, or the busiest would get less than the mean. None gets more than all of the
        load.
        """
        count = self.instances + lever.instances
        if count < 1:
            raise ValueError(f"{count} instances are left of {self.instances}")
        imbalance = self.imbalance if lever.imbalance is None else lever.imbalance
        if not imbalance >= 1:
            raise ValueError(f"an imbalance is at least 1, not {imbalance}")
        imbalance = min(imbalance, count)
        grown = count / self.instances * (self.imbalance / imbalance)
        known = self.known.grown(grown)
        if lever.timeout_s is not None:
            known = replace(known, curve=None)  # it tells of the timeouts that there were
        ledger = _pulled(self.ledger, lever, self.on)
        return Scene(ledger, self.on, self.rate.times(grown), count, imbalance, known)


def budget_text(budget: Budget) -> str:
    """Return the budget as the command line says it."""
    return budget.kind if budget.kind == "none" else f"{budget.kind}:{budget.ratio:g}"


def _pulled(ledger: Ledger, lever: Lever, on: date) -> Ledger:
    if lever.dependent is not None:
        own = _set(dependent_of(ledger, lever.dependent), lever)
        return each_dependent(ledger, lambda one: own if one.name == own.name else one)
    if lever.timeout_s is not None:
        ledger = each_dependent(ledger, lambda one: _set(one, Lever(timeout_s=lever.timeout_s)))
    for part in (Lever(attempts=lever.attempts), Lever(budget=lever.budget)):
        ledger = ledger if part == Lever() else _milder(ledger, part, on)
    return ledger


def _milder(ledger: Ledger, lever: Lever, on: date) -> Ledger:
    """Return the ledger with the lever pulled by all who then make fewer attempts."""

    def milder(one: Dependent) -> Dependent:
        if one.attempts == 1:
            return one  # its own callers may call again, which is not its own to change
        return min(one, _set(one, lever), key=partial(_made, on))

    return each_dependent(ledger, milder)


def _made(on: date, one: Dependent) -> float:
    """Return the attempts per first try while all fail."""
    return amplification(one, first_try_rps(one, on))


def _set(one: Dependent, lever: Lever) -> Dependent:
    given = {
        "attempts": lever.attempts,
        "budget": lever.budget,
        "timeout_s": lever.timeout_s,
    }
    return one.model_copy(update={name: to for name, to in given.items() if to is not None})
