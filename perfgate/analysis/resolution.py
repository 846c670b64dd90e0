"""The noise of a build beside itself becomes what a check can find here, and how soon.

It does not measure, and does not say whether that is good enough.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from scipy.special import chdtri, stdtrit

from perfgate.analysis.compare import mean_and_sd
from perfgate.analysis.sequential import room

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from perfgate.analysis.sequential import Plan

# Of the interval in which the true noise lies.
SPREAD_LEVEL = 0.8
# More sessions than these take longer than anybody waits for a check.
MOST_SESSIONS = 40
# Fewer say too little of their own spread: a bound lies 11 standard errors off at 3, 6.5 at 4.
FIRST_LOOK = 4
# From look to look by a quarter: nearer ones cost alpha and save next to nothing.
LOOK_GROWTH = 1.25
# Of the budget: the last session that it affords is made though sessions take a little longer.
OVERRUN = 1.1
# The last look but one saves at least a tenth of the sessions.
WORTH_RATIO = 0.9


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a check takes here, in seconds; ``first_s`` is what comes ahead of the sessions.

    Sessions are begun as long as they fit ``budget_s``: see :func:`fits`.
    """

    first_s: float
    session_s: float
    budget_s: float

    def needed_s(self, sessions: int) -> float:
        """Return the budget of which so many sessions leave nothing over."""
        return sessions * self.session_s

    def affords(self, sessions: int) -> bool:
        """Tell whether the budget lets so many sessions be made."""
        before = sessions - 1
        return fits(before * self.session_s, before, self.budget_s)

    def span(self, looks: Sequence[int]) -> tuple[int, int]:
        """Return the fewest and the most sessions of a check with these looks.

        Undecided, it goes on while the budget affords a session, whether or not a look is near.
        """
        most = max(takewhile(self.affords, range(1, looks[-1] + 1)))
        return min(looks[0], most), most

    def looks(self) -> tuple[int, ...]:
        """Return the looks that the budget affords."""
        return looks_for(self.budget_s, self.session_s)

    def check_s(self, sessions: int) -> float:
        """Return how long a check takes that ends after so many sessions."""
        return self.first_s + sessions * self.session_s


@dataclass(frozen=True, slots=True)
class Noise:
    """One metric of a build beside itself; log ratios, positive is worse.

    ``lower`` and ``upper`` enclose the true standard deviation between sessions with chance
    SPREAD_LEVEL; ``biased``: the build surely differs from itself by more than is tolerated.
    """

    mean: float
    sd: float
    lower: float
    upper: float
    biased: bool


@dataclass(frozen=True, slots=True)
class Look:
    """What a look finds: the smallest slowdown of each metric (log), after so many seconds."""

    sessions: int
    seconds: float
    affordable: bool
    detectable: Mapping[str, float]

    @property
    def worst(self) -> float:
        """Return what is found whichever of the metrics shows it."""
        return max(self.detectable.values())


@dataclass(frozen=True, slots=True)
class Resolution:
    """What checks with this plan can find at this noise and pace."""

    noise: Mapping[str, Noise]
    looks: tuple[Look, ...]
    pace: Pace
    plan: Plan

    @property
    def best(self) -> Look | None:
        """Return the look that finds most within the budget; None where it affords no look."""
        affordable = [look for look in self.looks if look.affordable]
        return min(affordable, key=lambda look: look.worst) if affordable else None

    @property
    def resolves(self) -> bool:
        """Tell whether a slowdown as large as the margin is found within the budget."""
        return self.best is not None and self.best.worst <= self.plan.margin

    @property
    def best_range(self) -> tuple[float, float]:
        """Return what the best look finds at the ends of what the true noise may be.

        Raises ValueError where the budget affords no look.
        """
        if self.best is None:
            raise ValueError("the budget affords no look")
        found = [
            [detectable(self.plan, self.best.sessions, sd, len(self.noise)) for sd in sds]
            for sds in ((own.lower, own.upper) for own in self.noise.values())
        ]
        return max(lower for lower, _ in found), max(upper for _, upper in found)

    def first_to_find(self, slowdown: float) -> Look | None:
        """Return the first look within the budget that finds it, or None."""
        found = (look for look in self.looks if look.affordable and look.worst <= slowdown)
        return next(found, None)


def fits(spent_s: float, made: int, budget_s: float) -> bool:
    """Tell whether a session more is begun after ``made`` ones that took ``spent_s`` in all.

    It is taken to last as long as they did on average, and may overrun the budget a little. The
    first is always begun: without it nothing is known.
    """
    each_s = spent_s / made if made else 0.0
    return spent_s + each_s <= OVERRUN * budget_s


def looks_up_to(sessions: int) -> tuple[int, ...]:
    """Return the looks of a check that makes so many sessions at most: 4, 5, 6, 8, 10, ...

    The last is the number given, so that the whole chance of error is spent when the check ends,
    but at least FIRST_LOOK and at most MOST_SESSIONS.
    """
    last = min(max(sessions, FIRST_LOOK), MOST_SESSIONS)
    looks, look = [], FIRST_LOOK
    while look <= WORTH_RATIO * last:
        looks.append(look)
        look = math.floor(look * LOOK_GROWTH + 0.5)
    return (*looks, last)


def looks_for(budget_s: float, session_s: float) -> tuple[int, ...]:
    """Return the looks for sessions of ``session_s`` within ``budget_s``, both in seconds.

    They are fixed before the first session: looks that follow what the sessions show would void
    the chance of error.
    """
    affordable = min(budget_s / session_s, MOST_SESSIONS)
    # A hair more, for five times 12.0 s are 60 s whatever a float says.
    return looks_up_to(math.floor(affordable + 1e-9))


def resolution_of(
    slowdowns: Mapping[str, NDArray[np.float64]], plan: Plan, pace: Pace
) -> Resolution:
    """Return what can be found, from the slowdowns of a build beside itself, shape (n,) each.

    Raises ValueError for fewer than two sessions or values that are not finite.
    """
    return resolution_at(
        {name: noise_of(*mean_and_sd(own), len(own), plan) for name, own in slowdowns.items()},
        plan,
        pace,
    )


def resolution_at(noise: Mapping[str, Noise], plan: Plan, pace: Pace) -> Resolution:
    """Return what can be found at a noise that is known by its metrics' names."""
    return Resolution(noise, tuple(_look(noise, plan, pace, n) for n in plan.looks), pace, plan)


def detectable(plan: Plan, sessions: int, session_sd: float, metrics: int) -> float:
    """Return the smallest true slowdown of one metric that a look fails with chance POWER.

    It lies beyond the tolerance by :func:`perfgate.analysis.sequential.room`. Earlier looks find a
    little more: a point or two of 100. Raises ValueError for a number of sessions that is not a
    look.
    """
    return plan.tolerance + room(plan, sessions, session_sd, metrics)


def wanted(resolution: Resolution) -> tuple[tuple[int, ...], float] | None:
    """Return looks and a budget in seconds with which the margin would be found; None: with none.

    The looks of the plan where they do, else those of a longer check.
    """
    plan, pace = resolution.plan, resolution.pace
    largest = max(own.sd for own in resolution.noise.values())
    for longer, sessions in _longer(plan):
        if detectable(longer, sessions, largest, len(resolution.noise)) <= plan.margin:
            return longer.looks, pace.needed_s(sessions)
    return None


def _longer(plan: Plan) -> Iterator[tuple[Plan, int]]:
    """Yield plans with a look each of theirs that may find more than the one before."""
    yield from ((plan, look) for look in plan.looks)
    for sessions in range(plan.looks[-1] + 1, MOST_SESSIONS + 1):
        yield dataclasses.replace(plan, looks=looks_up_to(sessions)), sessions


def noise_of(mean: float, sd: float, sessions: int, plan: Plan) -> Noise:
    """Return the noise that so many sessions have shown, at least two.

    The interval is that of a normal sample's spread, by chi-squared; biased is told by Student's t
    at the plan's chance of failing.
    """
    free, tail = sessions - 1, (1 - SPREAD_LEVEL) / 2
    half = -float(stdtrit(free, plan.fail_alpha / 2)) * sd / math.sqrt(sessions)
    return Noise(
        mean=mean,
        sd=sd,
        lower=sd * math.sqrt(free / float(chdtri(free, tail))),
        upper=sd * math.sqrt(free / float(chdtri(free, 1 - tail))),
        biased=abs(mean) - half > plan.tolerance,
    )


def _look(noise: Mapping[str, Noise], plan: Plan, pace: Pace, sessions: int) -> Look:
    found = {name: detectable(plan, sessions, own.sd, len(noise)) for name, own in noise.items()}
    return Look(sessions, pace.check_s(sessions), pace.affords(sessions), found)
