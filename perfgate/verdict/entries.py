"""What the entries of a ledger give reason to doubt: old figures, plans without any, odd names.

Whoever looks at a ledger is told in these sentences: a check, an admission, or who only looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.demand.age import stale_entries
from perfgate.demand.demand import LARGEST_NAMED, first_try_rps, rate_words
from perfgate.verdict.finding import Finding, Outcome, counted, first_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from perfgate.demand.ledger import Change, Dependent, Ledger
    from perfgate.faults import Fault

STALE = "ledger:stale"
AHEAD = "ledger:ahead"
OPERATIONS = "ledger:operations"
PLANS = "ledger:plans"


def entry_doubts(ledger: Ledger, on: date, end: date, stale_days: int) -> list[Finding]:
    """Return a warning about entries that are stale on a day, and one about plans without figures.

    Plans count up to ``end``, which is not before ``on``. Those that send most are named.
    """
    old = stale_entries(ledger.dependents, on, stale_days)
    bare = [row for row in _bare_plans(ledger.dependents) if row[1].effective_from <= end]
    return [
        *([_stale(ledger, old, on, stale_days)] if old else []),
        *_ahead(ledger.dependents, end),
        *([_without_figures(bare, on)] if bare else []),
    ]


def operation_doubts(faults: Iterable[Fault]) -> list[Finding]:
    """Return a warning for each operation that the Locust file lacks, from all that name it."""
    told: dict[tuple[str, str], list[str]] = {}
    for own in faults:
        place = own.where if own.line is None else f"line {own.line}"
        told.setdefault((f"{own.found} {own.problem}", own.hint), []).append(place)
    return [
        Finding(
            check=OPERATIONS,
            outcome=Outcome.WARN,
            reason=f"{what} ({first_of(places, LARGEST_NAMED)}), so checks refuse the ledger.",
            hint=f"{hint[:1].upper()}{hint[1:]}",
        )
        for (what, hint), places in told.items()
    ]


def _stale(ledger: Ledger, old: list[tuple[Dependent, int]], on: date, stale_days: int) -> Finding:
    sent_rps = {one.name: first_try_rps(one, on) for one, _ in old}
    old.sort(key=lambda row: -sent_rps[row[0].name])
    named = [
        f"{one.name} {rate_words(sent_rps[one.name])} ({counted(age, 'day')})" for one, age in old
    ]
    whole = counted(len(ledger.dependents), "dependent")
    together = f"; together they send {rate_words(sum(sent_rps.values()))}" if len(old) > 1 else ""
    return Finding(
        check=STALE,
        outcome=Outcome.WARN,
        reason=f"The figures of {len(old)} of {whole} are more than {stale_days} days old on {on}: "
        f"{first_of(named, LARGEST_NAMED)}{together}.",
        hint=f"Measure what they send now, and set measured_on{_owners(one for one, _ in old)}.",
    )


def _ahead(dependents: Iterable[Dependent], end: date) -> list[Finding]:
    """Return a warning about entries that say they were measured on a day that is far ahead."""
    named = [
        f"{one.name} ({one.measured_on})"
        for one in dependents
        if one.measured_on is not None and one.measured_on > end
    ]
    if not named:
        return []
    reason = f"Measured on a day to come: {first_of(named, LARGEST_NAMED)}."
    return [Finding(AHEAD, Outcome.WARN, reason, hint="Set measured_on to the day it was.")]


def _bare_plans(dependents: Iterable[Dependent]) -> Iterator[tuple[Dependent, Change]]:
    for one in dependents:
        yield from ((one, change) for change in one.changes if not change.has_figures)


def _without_figures(bare: list[tuple[Dependent, Change]], on: date) -> Finding:
    bare.sort(key=lambda row: (-first_try_rps(row[0], on), row[1].effective_from))
    named = [
        f'"{change.what}" of {one.name} ({rate_words(first_try_rps(one, on))} without it) from '
        f"{change.effective_from} on"
        for one, change in bare
    ]
    return Finding(
        check=PLANS,
        outcome=Outcome.WARN,
        reason=f"Planned without figures, so that nothing of it is in the demand: "
        f"{first_of(named, LARGEST_NAMED)}.",
        hint="Say how much by scale, add_rps or mix; a guess like scale = [1, 1.5, 3] counts for "
        f"what it is{_owners(one for one, _ in bare)}.",
    )


def _owners(dependents: Iterable[Dependent]) -> str:
    """Return who answers for the first of the entries, as far as it is said."""
    owners = dict.fromkeys(one.owner for one in dependents if one.owner)
    return f" (ask {first_of(list(owners), LARGEST_NAMED)})" if owners else ""
