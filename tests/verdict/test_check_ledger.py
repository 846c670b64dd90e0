"""What the ledger gives reason to worry about: figures that are old, plans without any."""

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
        "The figures of 5 of 6 dependents are more than 90 days old on 2026-11-24: d5 5/s (100 "
        "days), d4 4/s (100 days), d3 3/s (100 days) and 2 more; together they send 15/s."
    )


def test_owners_are_asked() -> None:
    """Who answers for a stale entry is named with what to do, once each."""
    rows = [
        dependent(name, owner=owner, measured_on=measured(100))
        for name, owner in (("a", "edge"), ("b", "edge"), ("c", ""), ("d", "mail"))
    ]
    (own,) = judged(*rows)
    assert own.hint == "Measure what they send now, and set measured_on (ask edge, mail)."


def test_plans_without_figures_are_told() -> None:
    """A plan that says no figure is a warning within the horizon, and no part of the demand."""
    plans = [{"from": "2026-12-01", "what": "a second site"}, {"from": "2027-06-01", "what": "x"}]
    (own,) = judged(dependent(change=plans))
    assert (own.check, own.outcome) == ("ledger:plans", Outcome.WARN)
    assert own.reason == (
        "Planned without figures, so that nothing of it is in the demand: "
        '"a second site" of gateway (100/s without it) from 2026-12-01 on.'
    )


@given(
    st.dictionaries(
        st.sampled_from(["scale", "add_rps", "mix"]), st.just(1.0), min_size=1, max_size=3
    )
)
def test_any_figure_is_one(figures: dict[str, object]) -> None:
    """Law: a plan with a factor, a rate, a mix or several of them is not without figures."""
    given_figures = {**figures, **({"mix": {"login": 1.0}} if "mix" in figures else {})}
    assert judged(dependent(change=[{"from": "2026-12-01", "what": "x", **given_figures}])) == []
