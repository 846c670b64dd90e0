"""What an overload would come to where callers retry, in words, and what would end that.

Where it would go is worked out in :mod:`perfgate.demand.retries`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.demand.levers import Lever
from perfgate.demand.picture import picture_of
from perfgate.demand.remedies import healing, instances_for
from perfgate.demand.retries import Regime
from perfgate.verdict.finding import number, told_apart

if TYPE_CHECKING:
    from perfgate.demand.levers import Scene
    from perfgate.demand.picture import Picture
    from perfgate.demand.standing import Standing


def if_retried(now: Standing) -> str:
    """Return in a sentence what would come of retries."""
    outlook = now.outlook
    worst, certain = told_apart([outlook.worst_rps, now.rate.lower_rps], 0)
    if outlook.regime is Regime.METASTABLE:
        return _feeding(now, worst, certain)
    if outlook.regime is Regime.UNSTABLE:
        return (
            f"The first tries alone are more than the {certain}/s that are certain: the queue "
            f"would grow at every peak, and retries would make {worst}/s of it."
        )
    if outlook.worst_rps == outlook.first_try_rps:
        return "No caller retries, so that an overload does not feed itself."
    return f"Even if every caller retried, the {worst}/s would be carried."


def _feeding(now: Standing, worst: str, certain: str) -> str:
    """Return how a metastable service would be kept down, and by whom most."""
    row = max(now.demand.dependents, key=lambda row: row.worst_rps - row.first_try_rps)
    return (
        f"If callers retried, the demand would grow to {worst}/s, above the {certain}/s that are "
        f"certain: an overload would feed itself, until the demand fell below "
        f"{100 * now.outlook.retry_safe_headroom:.0f} % of this peak. A stall of "
        f"{number(now.outlook.critical_stall_s)} s would do. {row.name} adds most: "
        f"{row.worst_rps - row.first_try_rps:.0f}/s, by {row.amplification:.1f} attempts per call."
    )


def cure(scene: Scene) -> str:
    """Return the least that would make the service stable."""
    lever = healing(scene)
    if lever is None:
        return "A retry budget and fewer attempts for those who send most would lessen that."
    return f"This would end that: {in_words(lever)}."


def pictured(scene: Scene, headroom: float) -> Picture | None:
    """Return the course of a service that is not stable, with the cure that is named.

    One that is unstable needs more instances, until the first tries leave that headroom. None where
    it is stable.
    """
    own = scene.standing.outlook
    if own.regime is Regime.STABLE:
        return None
    if own.regime is Regime.METASTABLE:
        return picture_of(scene, healing(scene))
    more = instances_for(scene, own.first_try_rps * headroom)
    return picture_of(scene, Lever(instances=more))


def more_of(instances: int) -> str:
    """Return "1 more instance", "2 more instances"."""
    return f"{instances} more instance{'' if instances == 1 else 's'}"


def in_words(lever: Lever) -> str:
    """Return a lever in the words of whoever is to pull it."""
    if len(lever.each) > 1 or lever.timeout_s is not None:
        return lever.text
    whose = f" for {lever.dependent}" if lever.dependent else " for all who retry"
    if lever.instances:
        return more_of(lever.instances)
    if lever.imbalance is not None:
        return "the load spread evenly over the instances"
    if lever.budget is not None:
        return f"a retry budget of {100 * lever.budget.ratio:g} % of successes{whose}"
    if lever.attempts == 1:
        return f"no retries{whose}"
    return f"at most {lever.attempts} attempts{whose}"
