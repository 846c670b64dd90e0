"""What may become of a demand that is carried: retries, doubtful figures, caches that get lost.

The sentences are the same whoever asks, a check or an admission.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from perfgate.demand.demand import rate_words, rates_told
from perfgate.demand.question import each_dependent
from perfgate.demand.retries import Regime
from perfgate.demand.risk import doubt_ratio
from perfgate.verdict.finding import Finding, Outcome
from perfgate.verdict.overload import cure_told, if_retried

if TYPE_CHECKING:
    from perfgate.demand.demand import Demand
    from perfgate.verdict.matter import State


def retries(state: State, unstable: Outcome, more: str = "") -> Finding:
    """Return what an overload would come to; ``more`` is said after that.

    PASS where it ends by itself, WARN where retries keep it, ``unstable`` where it never ends.
    """
    now = state.standing
    curable = now.outlook.regime is not Regime.STABLE and not now.outlook.too_much
    outcome = {
        Regime.STABLE: Outcome.PASS,
        Regime.METASTABLE: Outcome.WARN,
        Regime.UNSTABLE: unstable,
    }
    return Finding(
        check="retries",
        outcome=outcome[now.outlook.regime],
        reason=f"{if_retried(now)}{more}",
        observed=state.rate.lower_rps,
        limit=now.outlook.worst_rps,
        unit="requests/s",
        hint=cure_told(state.cure) if curable else "",
    )


def chance(state: State, refusal: Outcome, before: State | None = None) -> Finding:
    """Return the chance that the demand exceeds the rate; ``refusal`` where it is too much.

    ``before`` is the state to compare it with, if there is one.
    """
    much, limit = state.doubtful, state.capacity.overload_risk
    rate = "service rate" if state.scene.known.mu_slo is None else "highest rate within promises"
    was = "" if before is None else f" (before: {_percent(before.chance)})"
    doubted, cure = _most_doubtful(state)
    return Finding(
        check="chance",
        outcome=refusal if much else Outcome.PASS,
        reason=f"Allowing for what is uncertain about rate, peaks and plans, the demand of "
        f"{state.on} exceeds the {rate} with a chance of {_percent(state.chance)}{was}; "
        f"{100 * limit:g} % is the most.{doubted}",
        observed=state.chance,
        limit=limit,
        unit="ratio",
        hint=_certainty(state, cure) if much else "",
    )


def cold(state: State) -> list[Finding]:
    """Return what would be sent with all caches empty; nothing where there are none."""
    if all(one.cache is None for one in state.ledger.dependents):
        return []
    empty = each_dependent(state.ledger, lambda one: one.model_copy(update={"cache": None}))
    cold = replace(state, ledger=empty)
    rate = state.rate if state.capacity.at(cold.demand).why else cold.rate
    outcome = Outcome.WARN if cold.demand.first_try_rps > rate.lower_rps else Outcome.PASS
    reason, hint = _emptied(state.demand, cold.demand, rate.lower_rps)
    return [
        Finding(
            check="cold cache",
            outcome=outcome,
            reason=reason,
            observed=rate.lower_rps,
            limit=cold.demand.first_try_rps,
            unit="requests/s",
            hint=hint,
        )
    ]


def _most_doubtful(state: State) -> tuple[str, str]:
    """Return a sentence about whose rate is known worst, by what that comes to, and what to do.

    No sentence where all that is sent is taken to be known exactly.
    """
    rows = zip(state.ledger.dependents, state.demand.dependents, strict=True)
    doubts = ((doubt_ratio(one, state.on), one, row.first_try_rps) for one, row in rows)
    doubt, entry, rate_rps = max(doubts, key=lambda own: own[0] * own[2])
    if not doubt:
        return "", "Measure the service rate in more sessions"
    told = (
        f" Most doubtful is what {entry.name} sends: {rate_words(rate_rps)}, give or take "
        f"{100 * doubt:.0f} %."
    )
    # Half of the variance or more is that of the peak.
    if 2 * entry.peak_cv**2 >= doubt**2:
        return told, f"Measure again what {entry.name} sends, and set its peak_cv by that"
    return told, f"Say more exactly by how much {entry.name} is to change"


def _certainty(state: State, cure: str) -> str:
    """Return what to do: to know better helps only where the likely figures would do."""
    if state.chance < 1 / 2:
        return f"{cure}; or add instances."
    return "Add instances, or send less: even if all were known exactly, it would be too much."


def _percent(chance: float) -> str:
    return "under 0.1 %" if chance < 0.001 else f"{100 * chance:.1f} %"  # noqa: PLR2004 - as told


def _emptied(warm: Demand, cold: Demand, certain_rps: float) -> tuple[str, str]:
    """Return what empty caches make of a demand, and what to do where that is too much."""
    rates = (cold.first_try_rps, warm.first_try_rps, certain_rps)
    sent, usual, certain = rates_told(*rates)
    added = {
        new.name: new.first_try_rps - old.first_try_rps
        for new, old in zip(cold.dependents, warm.dependents, strict=True)
    }
    most = max(added, key=added.__getitem__)
    told = f"With empty caches the demand is {sent}/s instead of {usual}/s"
    named = f"{most} adds most: {rate_words(added[most])}."
    if cold.first_try_rps <= certain_rps:
        return f"{told}, within the {certain}/s that are certain. {named}", ""
    return (
        f"{told}, above the {certain}/s that are certain: a restart of the callers could overload "
        f"the service. {named}",
        f"Let {most} fill its cache slowly after a start, or add instances.",
    )
