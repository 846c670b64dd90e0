"""Whether it is known which build production's declared rate is of, and what was lost since."""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.verdict.case import since_declared
from perfgate.verdict.declaration import CHECK, declaration_doubts

if TYPE_CHECKING:
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Finding

__all__ = ["CHECK", "check"]


def check(case: Case) -> list[Finding]:
    """Return a warning where the declared rate cannot be carried over to the base."""
    production, known = case.terms.config.production, since_declared(case) is not None
    return declaration_doubts(production, "the base", known=known)
