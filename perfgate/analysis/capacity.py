"""The service rate measured here, carried over to where the demand is met.

It knows rates and intervals only; who sends the demand and what follows from it is judged
elsewhere.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from perfgate.analysis.interval import Interval

if TYPE_CHECKING:
    from perfgate.config.models import Production

# One-sided 95 %: the chance that the true rate lies below the lower bound is 5 %.
BOUNDS_LEVEL = 0.9
# Below so many times the rate that is required, what is left is thin.
THIN = 1.1
NO_CHANGE = Interval(0.0, 0.0, 0.0)


def scaled_rate(here: Interval, instances: float) -> Interval:
    """Return the rate of ``instances`` that are each as fast as this machine.

    Where one of them is full before the others, it is of so many as are full together
    (:attr:`perfgate.config.models.Production.full_instances`).
    """
    return Interval(here.estimate * instances, here.lower * instances, here.upper * instances)


def production_rate(production: Production, slowdown: Interval) -> Interval:
    """Return production's rate with the candidate: the declared rate times the ratio measured.

    Rates multiply, so their logarithms add: the declared rate's relative standard deviation and
    the slowdown's half-width at :data:`BOUNDS_LEVEL` combine in quadrature. Raises ValueError where
    no rate is declared.
    """
    if production.service_rate_rps is None:
        raise ValueError("no production service rate is declared")
    centre = math.log(production.service_rate_rps * production.full_instances) - slowdown.estimate
    z = NormalDist().inv_cdf((1 + BOUNDS_LEVEL) / 2)
    half = math.hypot(z * production.service_rate_cv, (slowdown.upper - slowdown.lower) / 2)
    return Interval(math.exp(centre), math.exp(centre - half), math.exp(centre + half))


def chained(first: Interval, then: Interval) -> Interval:
    """Return the slowdown (log) of one change after the other, measured independently.

    Estimates add, half-widths combine in quadrature; both are of the same level.
    """
    centre = first.estimate + then.estimate
    half = math.hypot((first.upper - first.lower) / 2, (then.upper - then.lower) / 2)
    return Interval(centre, centre - half, centre + half)


def margin_in_force(policy: float, tolerance: float, base_rps: float, required_rps: float) -> float:
    """Return the slowdown (log) that fails: the policy's, or less where the headroom is thinner.

    min(policy, ln(base / required)), but never so little that it meets the tolerance, which must
    be less than the policy's. A base without any service rate has no room to lose.
    """
    if required_rps <= 0:
        return policy
    room = math.log(base_rps) - math.log(required_rps) if base_rps > 0 else 0.0
    return min(policy, max(room, tolerance * 1.0001 + 1e-9))
