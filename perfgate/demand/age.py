"""How old the figures of a ledger are on a day; whether that is too old is the caller's limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from perfgate.demand.ledger import Dependent


def stale_entries(
    dependents: Iterable[Dependent], on: date, limit_days: int
) -> list[tuple[Dependent, int]]:
    """Return the entries that were measured more than so many days before ``on``, with their ages.

    One that does not say when it was measured is not among them.
    """
    aged = [(one, (on - one.measured_on).days) for one in dependents if one.measured_on is not None]
    return [row for row in aged if row[1] > limit_days]
