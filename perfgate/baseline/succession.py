"""A new record takes its place in the line: with those before it as its past, and their anchor.

Whether it may become the baseline is judged elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.baseline.anchor import Anchor

if TYPE_CHECKING:
    from perfgate.baseline.anchor import Concession
    from perfgate.baseline.record import BaselineRecord
    from perfgate.baseline.store import Store


def in_line(record: BaselineRecord, store: Store) -> tuple[BaselineRecord, str]:
    """Return the record with its past and its anchor, and what keeps it from having one, or "".

    The anchor is that of the record in the same place, where there is none that of another
    machine's: ratios hold there too. Raises StoreError for a record of the store that cannot be
    read, or that is in the way and of another service.
    """
    older = store.replaced(record)
    before = [own for own in _latest_first(store) if own.profile == record.profile]
    if older is not None:
        record, before = record.replacing(older), [older]
    for own in before:
        if record.is_again(own) or record.follows(own):
            return record.drifting_from(own), ""
    anchored = next((own for own in before if own.anchor), None)
    return record, "" if anchored is None else _unlinked(record, anchored)


def anchored_at(
    record: BaselineRecord, released: BaselineRecord, name: str, at: str
) -> BaselineRecord | None:
    """Return the sealed record with drift counted from ``released``, its ancestor, by that name.

    Of what has come since the old anchor, all that had come by then is taken off. None where that
    is not known: ``released`` is not among the records before this one, or had another anchor.
    """
    anchor, then = record.anchor, released.anchor
    if record.is_again(released):
        moved = Anchor(name=name, commit=record.commit, set_at=at)
    elif anchor and anchor.commit == released.commit:
        # What was conceded of that build itself is behind the release, too.
        moved = anchor.model_copy(
            update={"name": name, "set_at": at, "concessions": _conceded_since(anchor, then)}
        )
    elif anchor and then and _same(anchor, then) and _knows(record, released):
        moved = Anchor(
            name=name,
            commit=released.commit,
            set_at=at,
            steps=anchor.steps - then.steps,
            slowdowns={
                metric: own.since(then.slowdowns[metric]).as_stored()
                if metric in then.slowdowns
                else own
                for metric, own in anchor.slowdowns.items()
            },
            concessions=_conceded_since(anchor, then),
        )
    else:
        return None
    return record.model_copy(update={"anchor": moved}).sealed()


def _latest_first(store: Store) -> list[BaselineRecord]:
    records = store.records().values()
    return sorted(records, key=lambda own: own.when, reverse=True)


def _unlinked(record: BaselineRecord, before: BaselineRecord) -> str:
    beside = f"beside {record.step.against[:12]}" if record.step else "alone"
    return (
        f"{record.commit[:12]} was measured {beside}, and the baseline is {before.commit[:12]}: "
        "how the two compare is not known"
    )


def _same(one: Anchor, other: Anchor) -> bool:
    return (one.commit, one.set_at) == (other.commit, other.set_at)


def _conceded_since(anchor: Anchor, then: Anchor | None) -> tuple[Concession, ...]:
    before = () if then is None else then.concessions
    return tuple(own for own in anchor.concessions if own not in before)


def _knows(record: BaselineRecord, older: BaselineRecord) -> bool:
    return any(
        (past.commit, past.measured_at) == (older.commit, older.measured_at)
        for past in record.history
    )
