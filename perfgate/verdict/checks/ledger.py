"""What the ledger itself gives reason to worry about: old figures, and caches that get lost.

Whether its demand is carried is judged in :mod:`perfgate.verdict.checks.demand`.
"""

from __future__ import annotations

from math import fsum
from typing import TYPE_CHECKING

from perfgate.demand.age import stale_entries
from perfgate.demand.demand import LARGEST_NAMED, cold_rps, first_try_rps, peak_demand
from perfgate.verdict.case import capacity_of, steps_of
from perfgate.verdict.finding import Finding, Outcome, counted, first_of, told_apart

if TYPE_CHECKING:
    from perfgate.verdict.case import Case, Terms

CHECK = "ledger"


def check(case: Case) -> list[Finding]:
    """Return warnings about entries that are stale, and a demand that caches alone keep low."""
    return [*_stale(case.terms), *_cold(case)]


def _stale(terms: Terms) -> list[Finding]:
    """Tell of old entries, those first that send most."""
    limit = terms.config.demand.stale_days
    dependents = terms.ledger.dependents
    old = stale_entries(dependents, terms.on, limit)
    if not old:
        return []
    old.sort(key=lambda row: -first_try_rps(row[0], terms.on))
    named = first_of([f"{one.name} {age} days" for one, age in old], LARGEST_NAMED)
    words = (
        f"The demand rests on figures of long ago: {named}. Of "
        f"{counted(len(dependents), 'dependent')}, {len(old)} "
        f"{'was' if len(old) == 1 else 'were'} measured more than {limit} days before "
        f"{terms.on}."
    )
    hint = "Measure what they send now, and set measured_on."
    return [Finding(f"{CHECK}:stale", Outcome.WARN, words, hint=hint)]


def _cold(case: Case) -> list[Finding]:
    """Tell of a demand that is carried only as long as callers remember what they were told."""
    capacity = capacity_of(case, "candidate")
    on = peak_demand(steps_of(case.terms)).on
    dependents = case.terms.ledger.dependents
    more_rps = {one.name: cold_rps(one, on) - first_try_rps(one, on) for one in dependents}
    warm = fsum(first_try_rps(one, on) for one in dependents)
    cold = warm + fsum(more_rps.values())
    if capacity is None or not warm <= capacity.lower < cold:
        return []
    told = told_apart([cold, warm, capacity.lower], 0)
    most = max(more_rps, key=more_rps.__getitem__)
    words = (
        f"With empty caches the demand is {told[0]}/s instead of {told[1]}/s, above the "
        f"{told[2]}/s that are certain: a restart of the callers could overload the service. "
        f"{most} adds most: {more_rps[most]:.0f}/s."
    )
    hint = f"Let {most} fill its cache slowly after a start, or add instances."
    return [
        Finding(
            check=f"{CHECK}:cold cache",
            outcome=Outcome.WARN,
            reason=words,
            observed=capacity.lower,
            limit=cold,
            unit="requests/s",
            hint=hint,
        )
    ]
