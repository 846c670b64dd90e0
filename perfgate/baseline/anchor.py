"""How far a baseline is from its anchor: ratios measured side by side, from record to record.

Figures of different hours cannot tell 3 %, and sessions of two builds can: so what is summed up
are the slowdowns between each record and the one it replaced. What a sum means is judged elsewhere.
"""

from __future__ import annotations

from typing import Self

from pydantic import Field

from perfgate.baseline.sealed import rounded
from perfgate.measurement.models import Value


class Slowdown(Value):
    """A log ratio of two builds, positive is worse, with its standard error.

    ``freedom`` are the degrees of freedom that the error was estimated with.
    """

    estimate: float
    error: float
    freedom: float

    def then(self, other: Slowdown) -> Slowdown:
        """Return the slowdown of one after the other, measured independently.

        Estimates and variances add; degrees of freedom as Welch and Satterthwaite have it
        (Biometrics Bulletin 2, 1946): variance squared over them is what adds.
        """
        return _sum(self, other, sign=1)

    def since(self, earlier: Slowdown) -> Slowdown:
        """Return what is left of it where ``earlier`` is what it began with."""
        return _sum(self, earlier, sign=-1)

    def reversed(self) -> Self:
        """Return it as it is seen from the other build."""
        return self.model_copy(update={"estimate": -self.estimate})

    def as_stored(self) -> Self:
        """Return it with as many digits as a record has."""
        figures = {name: rounded(own) for name, own in self.model_dump().items()}
        return self.model_copy(update=figures)


class Step(Value):
    """A record beside the build ``against``: cost and capacity, in so many sessions."""

    against: str
    sessions: int
    slowdowns: dict[str, Slowdown]


class Concession(Value):
    """A build that was accepted although it failed: who, why, and how much it lost.

    ``worse_percent`` are the changes that failed, by finding; ``found`` is the verdict's reason.
    """

    commit: str
    by: str
    at: str
    because: str
    found: str
    worse_percent: dict[str, float]


class Anchor(Value):
    """What drift is counted from, mostly the last release, and what has come since.

    ``name`` is what it is called; ``commit`` the build that was the bar then. ``slowdowns`` sum up
    ``steps`` of records; none are known where there are no steps.
    """

    name: str
    commit: str
    set_at: str
    steps: int = 0
    slowdowns: dict[str, Slowdown] = Field(default_factory=dict)
    concessions: tuple[Concession, ...] = ()

    @property
    def called(self) -> str:
        """Return its name, and the start of its commit where that says more."""
        short = self.commit[:12]
        return short if self.commit.startswith(self.name) else f"{self.name} ({short})"

    def after(self, step: Step) -> Self:
        """Return it with one more step; a step from the anchor's own build replaces the sum."""
        direct = step.against == self.commit
        sums = step.slowdowns if direct else self.joined(step.slowdowns)
        stored = {name: own.as_stored() for name, own in sums.items()}
        return self.model_copy(
            update={"steps": 1 if direct else self.steps + 1, "slowdowns": stored}
        )

    def joined(self, slowdowns: dict[str, Slowdown]) -> dict[str, Slowdown]:
        """Return the sums with one more slowdown each."""
        known = self.slowdowns
        return {
            name: known[name].then(own) if name in known else own for name, own in slowdowns.items()
        }

    def conceding(self, concession: Concession) -> Self:
        """Return it with one more concession; a build has no more than one."""
        others = (own for own in self.concessions if own.commit != concession.commit)
        return self.model_copy(update={"concessions": (*others, concession)})


def _sum(one: Slowdown, other: Slowdown, sign: int) -> Slowdown:
    variance = max(one.error**2 + sign * other.error**2, 0.0)
    weight = _weight(one) + sign * _weight(other)
    freedom = variance**2 / weight if variance > 0 and weight > 0 else one.freedom
    return Slowdown(
        estimate=one.estimate + sign * other.estimate,
        error=variance**0.5,
        freedom=max(freedom, 1.0),
    )


def _weight(slowdown: Slowdown) -> float:
    return slowdown.error**4 / slowdown.freedom
