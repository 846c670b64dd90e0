"""What the service rate is with the mix that is sent, in words, and where it has to be measured.

How it is recomputed from what operations cost is :mod:`perfgate.demand.mix`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.demand.demand import rate_words, rates_told, senders_told
from perfgate.demand.mix import most_shifted
from perfgate.verdict.finding import Finding, Outcome, told_apart

if TYPE_CHECKING:
    from perfgate.verdict.matter import State

ANEW = (
    "A new measurement is needed, beside a base and with this in the ledger, of whose highest "
    "demand the mix is sent: `perfgate check --output KEPT`, and `perfgate baseline accept "
    "KEPT/measurement.json`."
)


def rate_told(state: State) -> str:
    """Return what the rate is, after "The service rate", with the part of it that is certain."""
    measured, rate = state.capacity.rate.rate, state.rate
    rates = (measured.estimate_rps, rate.estimate_rps, rate.lower_rps)
    known, likely, least = map(rate_words, rates)
    if known == likely:
        return f"is {likely}, {least} of it certain"
    head = f"is {known} {_as_known(state)}"
    if state.capacity.at(state.demand).why:
        return f"{head}, and no less than {least} {with_mix(state)}"
    return f"{head}, and {likely} {with_mix(state)}, {least} of it certain"


def untold(state: State, check: str, outcome: Outcome, hint: str = ANEW) -> Finding:
    """Return that it cannot be told whether the demand is carried, and why."""
    rate = state.capacity.rate.rate
    sent, enough, whole = rates_told(state.demand.first_try_rps, state.limit_rps, rate.estimate_rps)
    only = f"; it is surely enough only for {enough}/s" if state.limit_rps else ""
    return Finding(
        check=check,
        outcome=outcome,
        reason=f"Whether the {sent}/s{senders_told(state.demand)} from {state.on} on are carried "
        f"cannot be told: the service rate is {whole}/s {_as_known(state)}, but "
        f"what it is {with_mix(state)} is not known, as {state.untold}{only}.",
        limit=state.demand.first_try_rps * state.capacity.headroom,
        unit="requests/s",
        hint=hint,
    )


def _as_known(state: State) -> str:
    return "with the mix of record" if state.capacity.declared else "as it was measured"


def with_mix(state: State) -> str:
    """Return "with the mix of a day" and which operation makes the difference."""
    work, mix = state.capacity.rate.work, state.demand.mix
    name = most_shifted(work, mix)
    shares = [100 * one.get(name, 0.0) for one in (mix, work.mix)]
    now, then = told_apart(shares, 1)
    return f"with the mix of {state.on} ({name} {now} % of requests instead of {then} %)"
