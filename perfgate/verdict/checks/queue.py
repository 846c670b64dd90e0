"""Does the queue grow at the required rate? Then more comes than is served, and every wait grows.

A run that ends says too little of that by its latencies: they would have grown further.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.analysis.backlog import emptied, growth_rps
from perfgate.demand.demand import largest_told, peak_demand
from perfgate.verdict.case import sent_by, steps_of
from perfgate.verdict.checks.conduct import BUSY_LIMIT_RATIO
from perfgate.verdict.finding import Finding, Outcome, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.analysis.interval import Interval
    from perfgate.measurement.models import DemandRun
    from perfgate.verdict.case import Case

CHECK = "queue"
# More of the arrivals than this found every user busy: the wait may be Locust's, not the build's.
WAITED_LIMIT_RATIO = 0.01
# Of the required rate. The headroom in it is more than that, as a rule.
GROWTH_LIMIT_RATIO = 0.1


def check(case: Case) -> list[Finding]:
    """Return whether the queue surely grows or surely does not; nothing for files without it.

    Where all operations together do not tell, a single one may.
    """
    run = case.measurement.demand_run
    if run is None or not run.in_flight:
        return []
    if grows := _growing(case, run):
        return [_grown(case, name, grown, run) for name, grown in grows.items()]
    return [_still(case, run)]


def overloaded(case: Case) -> bool:
    """Tell whether the queue surely grows by the candidate's doing."""
    return any(finding.outcome is Outcome.FAIL for finding in check(case))


def _growing(case: Case, run: DemandRun) -> Mapping[str, Interval]:
    """Return what surely grows: everything ("") or, where that does not, single operations.

    Everything has half of the chance to err, and all operations share the other half.
    """
    alpha = case.terms.config.margins.fail_alpha / 2
    whole = _growth(run, "", alpha)
    if whole.lower > 0:
        return {"": whole}
    each = {name: _growth(run, name, alpha / len(run.in_flight)) for name in sorted(run.in_flight)}
    return {name: grown for name, grown in each.items() if grown.lower > 0}


def _growth(run: DemandRun, operation: str, alpha: float) -> Interval:
    """Return the growth of an operation's queue, of all for "", each bound with this chance off."""
    counts = run.in_flight[operation] if operation else _all_in_flight(run)
    return growth_rps(counts, run.run.builds["candidate"].open.seconds, 1 - 2 * alpha)


def _all_in_flight(run: DemandRun) -> list[int]:
    return [sum(moment) for moment in zip(*run.in_flight.values(), strict=True)]


def _grown(case: Case, operation: str, grown: Interval, run: DemandRun) -> Finding:
    whose = f"the queue of {operation}" if operation else "the queue"
    users = _for_users(run)
    return Finding(
        check=f"{CHECK}:{operation}" if operation else CHECK,
        outcome=Outcome.INCONCLUSIVE if users else Outcome.FAIL,
        reason=f"At the required rate, {run.run.offered_rps:.0f}/s here, {whose} grows by "
        f"{number(grown.estimate)} requests a second, surely by {number(grown.lower)}: more is "
        f"asked for than is served{_most(run, operation)}.{_senders(case, operation)}",
        observed=grown.estimate,
        limit=0.0,
        interval=(grown.lower, grown.upper),
        unit="requests/s",
        hint="Every user was busy while the candidate was not: raise identities in [load] and "
        "measure again."
        if users
        else "",
    )


def _senders(case: Case, operation: str) -> str:
    """Say who sends most of an operation, or of everything."""
    if operation:
        return sent_by(case.terms, operation)
    return f" Most is sent by {largest_told(peak_demand(steps_of(case.terms)).dependents)}."


def _most(run: DemandRun, operation: str) -> str:
    """Say which operation adds most, where there are several."""
    if operation or len(run.in_flight) == 1:
        return ""
    risen = {name: counts[-1] - counts[0] for name, counts in run.in_flight.items()}
    name = max(sorted(risen), key=risen.__getitem__)
    return f", most of all of {name}"


def _for_users(run: DemandRun) -> bool:
    """Tell whether requests may have waited for users of Locust's, not for the candidate."""
    own = run.run.builds["candidate"]
    busy = own.open_cpu_s / own.open.seconds
    return run.run.validity.waited_ratio > WAITED_LIMIT_RATIO and busy < BUSY_LIMIT_RATIO


def _still(case: Case, run: DemandRun) -> Finding:
    """Return that the queue does not grow, or that it is not known."""
    grown = _growth(run, "", case.terms.config.margins.pass_alpha)
    where, limit = f"at {run.run.offered_rps:.0f}/s here", GROWTH_LIMIT_RATIO * run.run.offered_rps
    how = _how_still(run, grown, limit)
    span = f"{number(grown.lower)} to {number(grown.upper)}"
    return Finding(
        check=CHECK,
        outcome=Outcome.INCONCLUSIVE if how is None else Outcome.PASS,
        reason=f"The queue does not grow {where}{how and f': {how}'}."
        if how is not None
        else f"Whether the queue grows {where} is not known: by {span} requests a second.",
        observed=grown.estimate,
        limit=limit,
        interval=(grown.lower, grown.upper),
        unit="requests/s",
        hint="A longer demand_s in the profile would tell." if how is None else "",
    )


def _how_still(run: DemandRun, grown: Interval, limit_rps: float) -> str | None:
    """Return in words how it is known that the queue does not grow, None where it is not."""
    if grown.upper <= 0:
        return ""
    if grown.upper < limit_rps:
        return f"by less than {number(grown.upper)} requests a second"
    return "near the end it was empty" if emptied(_all_in_flight(run)) else None
