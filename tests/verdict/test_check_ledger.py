"""What the ledger gives reason to worry about: figures that are old."""

from __future__ import annotations

from datetime import timedelta

from builders import TODAY, case, config, dependent, ledger, terms
from hypothesis import given
from hypothesis import strategies as st

from perfgate.verdict.checks.ledger import check
from perfgate.verdict.finding import Finding, Outcome


def judged(*rows: dict[str, object], **settings: object) -> list[Finding]:
    """Return the findings for a candidate of 400 requests/s, held to this ledger."""
    return check(case(held_to=terms(ledger=ledger(*rows), config=config(**settings))))


def measured(days_ago: int) -> str:
    """Return a day so long before that of the check."""
    return str(TODAY - timedelta(days=days_ago))


@given(days=st.integers(-10, 400), limit=st.integers(1, 300))
def test_entries_beyond_the_limit_are_stale(days: int, limit: int) -> None:
    """Law: an entry is told exactly where it is older than is allowed; of no date, it never is."""
    found = judged(
        dependent(measured_on=measured(days)), dependent("mail"), demand={"stale_days": limit}
    )
    assert [own.check for own in found] == (["ledger:stale"] if days > limit else [])


def test_stale_entries_are_named_by_what_they_send() -> None:
    """Those that send most come first; the others are counted."""
    rows = [dependent(f"d{rate}", float(rate), measured_on=measured(100)) for rate in range(1, 6)]
    (own,) = judged(*rows, dependent("fresh", measured_on=measured(90)))
    assert own.outcome is Outcome.WARN
    assert own.reason == (
        "The demand rests on figures of long ago: d5 100 days, d4 100 days, d3 100 days and 2 "
        "more. Of 6 dependents, 5 were measured more than 90 days before 2026-11-24."
    )
