"""What a dependent means to change becomes two ledgers: one without it, one with it.

Whether the service carries the second is judged elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.demand.ledger import Change
from perfgate.errors import UsageError
from perfgate.tomlfile import near_or_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from perfgate.demand.ledger import Dependent, Ledger


@dataclass(frozen=True, slots=True)
class Question:
    """Whether the dependent may do so from that day on.

    ``before`` and ``after`` have the same dependents in the same order. ``beside`` are words of
    changes of the same dependent that the ledger plans for that day too, and that come on top.
    """

    dependent: str
    on: date
    what: str
    before: Ledger
    after: Ledger
    beside: tuple[str, ...] = ()


def changed(ledger: Ledger, name: str, change: Change) -> Question:
    """Return the question whether ``name`` may make this change, given in the ledger or not.

    A change that the ledger plans in the same words is the same one, that of the same day if there
    are several: it gives way to this. Raises UsageError for a name that is not in the ledger, and
    for words that several changes have, none of them planned for that day.
    """
    own = dependent_of(ledger, name)
    same = _same_changes(own, change)
    others = tuple(each for each in own.changes if each not in same)
    before = _with(ledger, own.model_copy(update={"changes": others}))
    after = _with(ledger, own.model_copy(update={"changes": (*others, change)}))
    beside = tuple(each.what for each in others if each.effective_from == change.effective_from)
    return Question(name, change.effective_from, change.what, before, after, beside)


def _same_changes(own: Dependent, change: Change) -> list[Change]:
    alike = [each for each in own.changes if each.what == change.what]
    there = [each for each in alike if each.effective_from == change.effective_from]
    days = list(dict.fromkeys(each.effective_from for each in alike))
    if len(days) > 1 and not there:
        told = " and ".join(map(str, days))
        raise UsageError(
            f'the ledger plans "{change.what}" of {own.name} more than once, on {told}',
            hint="Say which of them by its day, --from, or give them words of their own there.",
        )
    return there or alike


def planned(ledger: Ledger, name: str, on: date) -> Question:
    """Return the question whether ``name`` may do what the ledger plans for it on the day ``on``.

    Raises UsageError where that is nothing, or the name is not in the ledger.
    """
    own = dependent_of(ledger, name)
    plans = [each for each in own.changes if each.effective_from == on]
    if not plans:
        days = ", ".join(f"{each.effective_from} ({each.what})" for each in own.changes)
        raise UsageError(
            f"the ledger plans nothing for {name} on {on}",
            hint=f"Say what changes: --scale, --add or --file; it plans: {days or 'nothing'}.",
        )
    others = tuple(each for each in own.changes if each.effective_from != on)
    before = _with(ledger, own.model_copy(update={"changes": others}))
    return Question(name, on, " and ".join(each.what for each in plans), before, ledger)


def replaced(ledger: Ledger, entries: Ledger, name: str, on: date, what: str) -> Question:
    """Return the question whether ``name`` may be from that day on as ``entries`` has it.

    That takes the place of all that ``ledger`` plans for it from that day on, and of what it plans
    in the same words for another day; it need not be there yet. Raises UsageError where it is not
    in ``entries``.
    """
    entry = dependent_of(entries, name)
    mix = entries.mix_of(entry)
    change = Change(effective_from=on, what=what, scale=(1, 1, 1))
    new = entry.model_copy(update={"mix": mix, "changes": (*entry.changes, change)})
    if name in (each.name for each in ledger.dependents):
        own = dependent_of(ledger, name)
        moved = {each.what for each in entry.changes if each not in own.changes}
        so_far = tuple(
            each for each in own.changes if each.effective_from < on and each.what not in moved
        )
        before = _with(ledger, own.model_copy(update={"changes": so_far}))
        return Question(name, on, what, before, _with(ledger, new))
    nothing = entry.model_copy(update={"mix": mix, "peak_rps": 0.0, "changes": ()})
    before = _with_dependents(ledger, (*ledger.dependents, nothing))
    return Question(name, on, what, before, _with(before, new))


def dependent_of(ledger: Ledger, name: str) -> Dependent:
    """Return the entry of that name; raises UsageError with the near match where there is none."""
    for each in ledger.dependents:
        if each.name == name:
            return each
    hint = near_or_all(name, [each.name for each in ledger.dependents])
    raise UsageError(f"the ledger has no dependent {name!r}", hint=hint)


def each_dependent(ledger: Ledger, turn: Callable[[Dependent], Dependent]) -> Ledger:
    """Return the ledger with every dependent turned into another one."""
    return _with_dependents(ledger, map(turn, ledger.dependents))


def _with_dependents(ledger: Ledger, dependents: Iterable[Dependent]) -> Ledger:
    return ledger.model_copy(update={"dependents": tuple(dependents)})


def _with(ledger: Ledger, entry: Dependent) -> Ledger:
    return each_dependent(ledger, lambda each: entry if each.name == entry.name else each)
