"""What the ledger itself gives reason to worry about: old figures, and plans without any.

Whether its demand is carried is judged in :mod:`perfgate.verdict.checks.demand`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.verdict.case import horizon_end
from perfgate.verdict.entries import entry_doubts

if TYPE_CHECKING:
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Finding

CHECK = "ledger"


def check(case: Case) -> list[Finding]:
    """Return a warning about entries that are stale, and one about plans without figures."""
    terms = case.terms
    limit_days = terms.config.demand.stale_days
    return entry_doubts(terms.ledger, terms.on, horizon_end(terms), limit_days)
