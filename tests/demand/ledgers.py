"""Builders of dependents and ledgers, with the defaults of all tests in one place."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from perfgate.demand.ledger import Budget, Cache, Change, Dependent, Ledger, Spread

if TYPE_CHECKING:
    from collections.abc import Sequence

START = date(2026, 7, 1)


def dependent(**fields: Any) -> Dependent:
    """Return a dependent that sends 100/s of one operation, with some fields set."""
    return Dependent.model_validate(
        {"name": "gateway", "peak_rps": 100.0, "timeout_s": 1.0, "mix": {"login": 1.0}} | fields,
        by_name=True,
    )


def change(days: int = 0, **fields: Any) -> Change:
    """Return a change some days after the start that adds 10/s, with some fields set."""
    how_much = {} if {"scale", "add_rps", "mix"} & fields.keys() else {"add_rps": 10.0}
    return Change.model_validate(
        {"effective_from": START + timedelta(days=days), "what": "growth"} | how_much | fields,
        by_name=True,
    )


def ledger(dependents: Sequence[Dependent], **fields: Any) -> Ledger:
    """Return the ledger of some dependents."""
    return Ledger(format="perfgate.demand/1", dependents=tuple(dependents), **fields)


def incident() -> Ledger:
    """Return three dependents with 225/s today, and a change that adds 66/s in December."""
    delegate = Change(
        effective_from=date(2026, 12, 1), what="delegate authentication", scale=Spread(2, 3.2, 4)
    )
    return ledger(
        [
            dependent(name="api-gateway", peak_rps=155.0, attempts=3),
            dependent(name="smtp-inbound", peak_rps=30.0, attempts=2, changes=(delegate,)),
            dependent(name="dashboard", peak_rps=40.0, mix={"login": 0.5, "verify": 0.5}),
        ]
    )


def budgets() -> st.SearchStrategy[Budget]:
    """Return retry budgets of every kind."""
    ratios = st.floats(0, 1)
    return st.one_of(
        st.just(Budget(kind="none")),
        st.builds(Budget, kind=st.just("per_success"), ratio=ratios),
        st.builds(Budget, kind=st.just("concurrency"), ratio=st.floats(0, 0.99)),
        st.builds(
            Budget,
            kind=st.just("per_request"),
            ratio=ratios,
            min_rps=st.floats(0, 100),
            clients=st.integers(1, 20),
        ),
    )


def changes() -> st.SearchStrategy[Change]:
    """Return changes around the start."""
    scales = st.lists(st.floats(0, 3), min_size=3, max_size=3).map(sorted)
    return st.builds(
        lambda days, scale, added: change(days, scale=scale, add_rps=added),
        st.integers(-30, 120),
        scales,
        st.floats(0, 50),
    )


def _place(change: Change) -> date:
    return change.effective_from


def dependents() -> st.SearchStrategy[Dependent]:
    """Return dependents with every feature that bears on the demand."""
    caches = st.none() | st.builds(
        Cache, ttl_s=st.floats(0, 600), active_tokens=st.integers(1, 999)
    )
    shares = st.floats(0, 1).map(lambda share: {"login": share, "verify": 1 - share})
    return st.builds(
        dependent,
        peak_rps=st.floats(0, 1e4),
        calls_per_request=st.floats(0, 10),
        attempts=st.integers(1, 6),
        upstream_attempts=st.integers(1, 3),
        budget=budgets(),
        cache=caches,
        changes=st.lists(changes(), max_size=4, unique_by=_place).map(tuple),
        mix=shares,
    )


def ledgers() -> st.SearchStrategy[Ledger]:
    """Return ledgers of a few dependents with names of their own."""
    return st.lists(dependents(), min_size=1, max_size=5).map(
        lambda rows: ledger(
            [row.model_copy(update={"name": f"d{number}"}) for number, row in enumerate(rows)]
        )
    )
