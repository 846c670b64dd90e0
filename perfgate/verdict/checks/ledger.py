"""What the ledger itself gives reason to worry about: old figures.

Whether its demand is carried is judged in :mod:`perfgate.verdict.checks.demand`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.demand.age import stale_entries
from perfgate.demand.demand import LARGEST_NAMED, first_try_rps
from perfgate.verdict.finding import Finding, Outcome, counted, first_of

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

CHECK = "ledger"


def check(case: Case) -> list[Finding]:
    """Return a warning about entries that are stale, those first that send most."""
    terms = case.terms
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
