"""What is asked becomes the ledger without it and the ledger with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import START, change, dependent, ledger, ledgers

from perfgate.demand.demand import demand_on
from perfgate.demand.ledger import Spread
from perfgate.demand.question import changed, planned, replaced
from perfgate.errors import UsageError

if TYPE_CHECKING:
    from perfgate.demand.ledger import Change, Ledger

FACTORS = st.floats(0, 3).map(lambda factor: Spread(factor, factor, factor))


def asked(**fields: Any) -> Change:
    """Return what a dependent asks for, from the start on."""
    return change(what="more", **fields)


@given(ledgers(), FACTORS)
def test_without_the_change_it_is_the_ledger(book: Ledger, scale: Spread) -> None:
    """Law: what is asked for changes nothing of what is there without it."""
    question = changed(book, "d0", asked(scale=scale))
    assert question.before == book
    assert question.on == START


@given(ledgers(), FACTORS)
def test_only_the_dependent_that_asks_changes(book: Ledger, scale: Spread) -> None:
    """Law: all others send what they send."""
    question = changed(book, "d0", asked(scale=scale))
    before, after = (demand_on(one, START) for one in (question.before, question.after))
    assert before.dependents[1:] == after.dependents[1:]
    assert [row.name for row in before.dependents] == [row.name for row in after.dependents]


def test_a_plan_in_the_same_words_is_the_same_change() -> None:
    """A change that the ledger plans gives way to one in the same words; others come on top."""
    plans = (change(5, what="migrate", add_rps=50.0), change(0, what="grow", add_rps=10.0))
    book = ledger([dependent(changes=plans)])
    question = changed(book, "gateway", change(0, what="migrate", add_rps=70.0))
    demands = [demand_on(one, START) for one in (question.before, question.after)]
    assert [demand.first_try_rps for demand in demands] == [110.0, 180.0]
    assert question.beside == ("grow",)


def test_of_plans_in_the_same_words_that_of_the_day_is_meant() -> None:
    """One of two plans in the same words gives way, not both; which is told by its day."""
    plans = (change(5, what="migrate", add_rps=50.0), change(9, what="migrate", add_rps=10.0))
    book = ledger([dependent(changes=plans)])
    question = changed(book, "gateway", change(5, what="migrate", add_rps=70.0))
    assert question.before.dependents[0].changes == plans[1:]
    with pytest.raises(UsageError, match="more than once, on 2026-07-06 and 2026-07-10") as caught:
        changed(book, "gateway", change(0, what="migrate", add_rps=70.0))
    assert "--from" in caught.value.hint


def test_what_is_planned_can_be_asked_for_by_its_day() -> None:
    """The question is the ledger as it stands, against the ledger without that day's plans."""
    plans = (change(5, what="migrate"), change(5, what="grow"), change(9, what="later"))
    book = ledger([dependent(changes=plans), dependent(name="mail")])
    question = planned(book, "gateway", plans[0].effective_from)
    assert (question.after, question.what) == (book, "migrate and grow")
    assert [each.what for each in question.before.dependents[0].changes] == ["later"]


def test_nothing_is_planned_for_that_day() -> None:
    """Where the ledger plans nothing then, it is said what it plans."""
    book = ledger([dependent(changes=(change(5, what="migrate"),))])
    with pytest.raises(UsageError, match="plans nothing for gateway on 2026-07-01") as caught:
        planned(book, "gateway", START)
    assert "2026-07-06 (migrate)" in caught.value.hint


@given(ledgers())
def test_a_new_dependent_comes_on_top(book: Ledger) -> None:
    """Law: without a dependent that is not there yet the demand is the ledger's."""
    entries = ledger([dependent(name="new", peak_rps=70.0)])
    question = replaced(book, entries, "new", START, "sign-in")
    before, after = (demand_on(one, START) for one in (question.before, question.after))
    assert before.first_try_rps == demand_on(book, START).first_try_rps
    assert after.first_try_rps == pytest.approx(before.first_try_rps + 70.0)
    assert (before.dependents[-1].first_try_rps, after.dependents[-1].name) == (0.0, "new")


def test_an_entry_takes_the_place_of_the_old_one() -> None:
    """The entry in the file counts in full, with the mix that its file gives it."""
    book = ledger([dependent(), dependent(name="mail")])
    entry = dependent(peak_rps=50.0, attempts=1, mix={})
    question = replaced(
        book, ledger([entry], default_mix={"verify": 1.0}), "gateway", START, "less"
    )
    assert question.before == book
    assert demand_on(question.after, START).first_try_rps == 150.0
    assert demand_on(question.after, START).mix == pytest.approx({"login": 2 / 3, "verify": 1 / 3})


@pytest.mark.parametrize(("name", "told"), [("gatewya", 'did you mean "gateway"?'), ("x", "mail")])
def test_names_that_are_not_there(name: str, told: str) -> None:
    """An unknown name gets its near match, or all there are."""
    book = ledger([dependent(), dependent(name="mail")])
    with pytest.raises(UsageError, match=f"no dependent '{name}'") as caught:
        changed(book, name, asked())
    assert told in caught.value.hint
