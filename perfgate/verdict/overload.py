"""What an overload would come to where callers retry, in words, and what would end that.

Where it would go is worked out in :mod:`perfgate.demand.retries`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.demand.demand import rate_words, rates_told, senders_told
from perfgate.demand.levers import Lever
from perfgate.demand.picture import picture_of
from perfgate.demand.remedies import instances_for
from perfgate.demand.retries import Regime
from perfgate.verdict.finding import number, possessive

if TYPE_CHECKING:
    from perfgate.demand.picture import Picture
    from perfgate.demand.standing import Standing
    from perfgate.verdict.matter import State

# Retries that add a smaller share to a demand are not worth a sentence.
TOLD = 0.001


def if_retried(now: Standing) -> str:
    """Return in a sentence what would come of retries."""
    outlook = now.outlook
    if outlook.regime is Regime.METASTABLE:
        return _feeding(now) if outlook.retry_safe_headroom < 1 else _tipping(now)
    if outlook.regime is Regime.UNSTABLE:
        return _growing(now)
    if outlook.worst_rps == outlook.first_try_rps:
        limited = bool((now.callers.attempts > 1).any())
        none = "Budgets let no caller retry while nothing is answered"
        return (
            f"{none if limited else 'No caller retries'}, so that an overload does not feed itself."
        )
    most = max(now.demand.dependents, key=lambda row: row.worst_rps)
    worst, own = rates_told(outlook.worst_rps, most.worst_rps)
    return (
        f"Even if every caller retried, the {worst}/s would be carried, {possessive(most.name)} "
        f"{own}/s among them.{_settled(now)}"
    )


def _growing(now: Standing) -> str:
    """Return how a demand is never carried: it is too much, or so many of its attempts fail."""
    outlook, senders = now.outlook, senders_told(now.demand)
    first, worst, limit = rates_told(outlook.first_try_rps, outlook.worst_rps, outlook.overload_rps)
    if not outlook.too_much:
        return (
            f"So many attempts fail at {first}/s{senders} already that retries make ever more of "
            f"it, up to {worst}/s; {limit}/s could be served."
        )
    grown = f", and retries would make {worst}/s of it" if worst != first else ""
    return (
        f"The first tries alone{senders} are more than the {limit}/s that are certain: the queue "
        f"would grow at every peak{grown}."
    )


def _tipping(now: Standing) -> str:
    """Return how retries of what fails at a high load keep that load."""
    outlook = now.outlook
    first, tipping, high = rates_told(
        outlook.first_try_rps, outlook.tipping_rps or 0.0, outlook.high_rps or 0.0
    )
    return (
        f"Once more than {tipping}/s came, so many attempts would fail that retries kept it at "
        f"{high}/s, though the first tries are only {first}/s{senders_told(now.demand)}."
    )


def _feeding(now: Standing) -> str:
    """Return how a metastable service would be kept down, and by whom most."""
    worst, served = rates_told(now.outlook.worst_rps, now.over_rps)
    sure = "that are certain" if now.known.mu_over is None else "that are completed under overload"
    stall_s = now.outlook.critical_stall_s
    stall = f"A stall of {number(stall_s)} s" if stall_s else "The shortest stall"
    row = max(now.demand.dependents, key=lambda row: row.worst_rps - row.first_try_rps)
    return (
        f"If callers retried, the demand would grow to {worst}/s, above the {served}/s {sure}: an "
        f"overload would feed itself, until the demand fell below "
        f"{100 * now.outlook.retry_safe_headroom:.0f} % of this peak. {stall} would do. {row.name} "
        f"adds most: {rate_words(row.worst_rps - row.first_try_rps)}, by {row.amplification:.1f} "
        f"attempts per call.{_settled(now)}"
    )


def _settled(now: Standing) -> str:
    """Return what retries make of the demand while all is well, where that was measured."""
    low_rps, first_rps = now.outlook.low_rps, now.outlook.first_try_rps
    if low_rps is None or low_rps < first_rps * (1 + TOLD):
        return ""
    first, settled = rates_told(first_rps, low_rps)
    return (
        f" Even while all is well, retries of what fails or is late make {settled}/s of {first}/s."
    )


def cure_told(lever: Lever | None) -> str:
    """Return the least that would make the service stable; ``lever`` is None where nothing does."""
    if lever is None:
        return "A retry budget and fewer attempts for those who send most would lessen that."
    return f"This would end that: {in_words(lever)}."


def pictured(state: State) -> Picture | None:
    """Return the course of a service that is not stable, with the cure that is named.

    One that is unstable needs more instances, until the first tries leave that headroom. None where
    it is stable, or where it is what fails at a load that it could serve that makes it unstable.
    """
    scene, own = state.scene, state.standing.outlook
    if own.regime is Regime.STABLE:
        return None
    if own.regime is Regime.METASTABLE:
        return picture_of(scene, state.cure)
    required = own.first_try_rps * state.capacity.headroom
    more = instances_for(scene, required, scene.rate.lower_rps)
    return picture_of(scene, Lever(instances=more)) if more > 0 else None


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
        return f"no retries{whose}" if lever.dependent else "no retries at all"
    return f"at most {lever.attempts} attempts{whose}"
