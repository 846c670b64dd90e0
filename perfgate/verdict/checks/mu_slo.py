"""The highest rate that keeps every promise, where it was searched, against the required one.

How trials tell is :mod:`perfgate.verdict.limit`'s business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.verdict.case import capacity_of, measured_rate, required_rps, sent_by
from perfgate.verdict.finding import Finding, Outcome, counted, promised, told_apart
from perfgate.verdict.limit import FEWEST_TRIALS, headroom_of, limit_of

if TYPE_CHECKING:
    from perfgate.measurement.models import Search
    from perfgate.verdict.case import Case
    from perfgate.verdict.limit import Limit

CHECK = "mu_slo"


def check(case: Case) -> list[Finding]:
    """Return the highest rate that keeps every promise, held against the required rate.

    Nothing where it was not searched.
    """
    search = case.measurement.search
    if search is None:
        return []
    limit = limit_of(case)
    if limit is None:
        return [_unfound(search)]
    required = _required_here_rps(case)
    rate, outcome = limit.rate_rps, _outcome(limit, required)
    kept = outcome is Outcome.PASS
    senders = "" if kept else sent_by(case.terms, limit.promise.operation)
    return [
        Finding(
            check=CHECK,
            outcome=outcome,
            reason=f"{_where(limit)} {_cost(search)}{_headroom(case)}{senders}",
            observed=rate.estimate,
            limit=required,
            interval=(rate.lower, rate.upper),
            unit="requests/s",
            hint=_hint(limit, required),
        )
    ]


def _required_here_rps(case: Case) -> float | None:
    """Return what one machine like this one must carry; None where that is not known."""
    here, there = measured_rate(case, "candidate"), capacity_of(case, "candidate")
    if here is None or there is None or not there.estimate:
        return None
    return required_rps(case.terms) * here.estimate / there.estimate


def _outcome(limit: Limit, required_rps: float | None) -> Outcome:
    if required_rps is None:
        return Outcome.PASS
    return promised(limit.rate_rps.lower, limit.rate_rps.upper, required_rps)


def _where(limit: Limit) -> str:
    rate, span, promise = limit.rate_rps, limit.span, limit.promise
    if limit.beyond:
        return f"Every promise is kept even at {span.high_rps:.0f}/s, the service rate here."
    if limit.below:
        return (
            f"{promise.words}: {promise.limit_ms:g} ms are missed even at {span.low_rps:.0f}/s "
            "here, the lowest rate that was tried."
        )
    low, at, high = told_apart([rate.lower, rate.estimate, rate.upper], 0)
    return (
        f"Every promise is kept up to {at}/s here ({low} to {high}/s with a chance of 90 %); "
        f"beyond, {promise.words} is missed first."
    )


def _cost(search: Search) -> str:
    cut = f", then {search.ended}" if search.ended else ""
    return f"{counted(len(search.trials), 'open-loop trial')} in {search.seconds:.0f} s{cut}."


def _headroom(case: Case) -> str:
    headroom = headroom_of(case)
    return "" if headroom is None else f" Headroom by {headroom.by}: {headroom.ratio:.2f}."


def _hint(limit: Limit, required_rps: float | None) -> str:
    if required_rps is None or limit.rate_rps.lower >= required_rps:
        return ""
    if limit.rate_rps.upper >= required_rps:
        return "More or longer trials in [search] would tell it better."
    return f"{required_rps:.0f}/s is required here: make the build faster, or add instances."


def _unfound(search: Search) -> Finding:
    faults = sorted({fault for run in search.discarded for fault in run.validity.faults})
    why = "; ".join([*([search.ended] if search.ended else []), *faults])
    return Finding(
        check=CHECK,
        outcome=Outcome.WARN,
        reason=f"Up to which rate promises are kept was not found: "
        f"{counted(len(search.trials), 'trial')} can be trusted, and {FEWEST_TRIALS} are the "
        f"least{': ' if why else ''}{why}.",
        hint="A larger budget_s in [search] has room for more trials.",
    )
