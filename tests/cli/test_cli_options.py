"""Options that verbs share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from perfgate.cli import options
from perfgate.report.formats import FORMATS

if TYPE_CHECKING:
    from datetime import date


def test_format_names_are_the_registry() -> None:
    """The formats that the command line offers are those there are, in the same order."""
    assert list(FORMATS) == list(options.FORMAT_NAMES)


@given(st.dates())
def test_days_read_back(day: date) -> None:
    """A day is read as Python writes it."""
    assert options.Day().convert(str(day), None, None) == day


@pytest.mark.parametrize("word", ["", "tomorrow", "2026-02-30", "01.12.2026", "2026-12-01T00:00"])
def test_what_is_no_day(word: str) -> None:
    """Anything else is refused, saying what was found and what is wanted."""
    with pytest.raises(click.BadParameter, match="is not a date like 2026-12-01") as caught:
        options.Day().convert(word, None, None)
    assert repr(word) in caught.value.message


@given(st.integers(1, 9999))
def test_percentages_are_shares(hundredths: int) -> None:
    """A percentage above 0 and below 100 is that share, with and without a space."""
    for space in ("", " "):
        word = f"{hundredths / 100}{space}%"
        assert options.Share().convert(word, None, None) == pytest.approx(hundredths / 10_000)


@pytest.mark.parametrize("word", ["", "1", "0.01", "0%", "100%", "-1%", "one%", "1 %%", "1e0%"])
def test_what_is_no_percentage(word: str) -> None:
    """A number without its unit could mean two things; it is refused, like what is no number."""
    with pytest.raises(click.BadParameter, match="is not a percentage between 0% and 100%"):
        options.Share().convert(word, None, None)


@given(st.lists(st.floats(0, 100), min_size=3, max_size=3))
def test_factors_are_certain_or_not(factors: list[float]) -> None:
    """One factor is low, likely and high at once; three of them are these, if they ascend."""
    low, likely, high = sorted(factors)
    convert = options.Scale().convert
    assert convert(str(low), None, None) == (low, low, low)
    assert convert(f"{low},{likely},{high}", None, None) == (low, likely, high)
    if low < high:
        with pytest.raises(click.BadParameter, match="must not descend"):
            convert(f"{high},{likely},{low}", None, None)


@pytest.mark.parametrize("word", ["", "1,2", "x", "-1", "101", "nan", "inf", "1;2;3"])
def test_what_is_no_factor(word: str) -> None:
    """What is no factor is refused, with what was found."""
    with pytest.raises(click.BadParameter) as caught:
        options.Scale().convert(word, None, None)
    assert repr(word) in caught.value.message


@given(st.floats(0, 1, exclude_min=True))
def test_numbers_read_back(figure: float) -> None:
    """A number above 0 is that number."""
    assert options.Figure().convert(str(figure), None, None) == figure


@pytest.mark.parametrize(("word", "seconds"), [("2", 2.0), ("0.5s", 0.5), ("1m", 60.0)])
def test_a_timeout_may_lack_its_unit(word: str, seconds: float) -> None:
    """Timeouts are told in seconds everywhere: a number alone is of these."""
    assert options.Seconds().convert(word, None, None) == seconds


@pytest.mark.parametrize("word", ["", "0", "-1", "nan", "2h"])
def test_what_is_no_timeout(word: str) -> None:
    """Anything else is refused, with what was found."""
    with pytest.raises(click.BadParameter, match="is not a time like 60s") as caught:
        options.Seconds().convert(word, None, None)
    assert word in caught.value.message


@pytest.mark.parametrize("word", ["", "0", "-1", "nan", "inf", "2e9", "x"])
def test_what_is_no_number(word: str) -> None:
    """Anything else is refused, with what was found."""
    with pytest.raises(click.BadParameter, match="is not a number above 0") as caught:
        options.Figure().convert(word, None, None)
    assert repr(word) in caught.value.message


@pytest.mark.parametrize(
    ("word", "kind", "ratio"),
    [("per_success:0.1", "per_success", 0.1), ("concurrency:0.2", "concurrency", 0.2)],
)
def test_budgets_are_kind_and_ratio(word: str, kind: str, ratio: float) -> None:
    """A budget is read as the ledger has it."""
    budget = options.RetryBudget().convert(word, None, None)
    assert (budget.kind, budget.ratio) == (kind, ratio)
    assert options.RetryBudget().convert("none", None, None).kind == "none"


@pytest.mark.parametrize("word", ["", "per_success", "per_success:2", "x:0.1", "per_success:x"])
def test_what_is_no_budget(word: str) -> None:
    """What is no budget is refused, with an example of one."""
    with pytest.raises(click.BadParameter, match="is no budget like per_success") as caught:
        options.RetryBudget().convert(word, None, None)
    assert repr(word) in caught.value.message


@pytest.mark.parametrize(
    ("word", "seconds"), [("60s", 60.0), ("5m", 300.0), ("1.5 m", 90.0), ("0.5s", 0.5)]
)
def test_times_are_seconds(word: str, seconds: float) -> None:
    """A time in seconds or minutes is so many seconds."""
    assert options.Duration().convert(word, None, None) == seconds


@pytest.mark.parametrize("word", ["", "60", "0s", "-1m", "1h", "5 minutes", "inf s"])
def test_what_is_no_time(word: str) -> None:
    """A time without its unit could mean two things; it is refused, like what is no time."""
    with pytest.raises(click.BadParameter, match="is not a time like 60s or 5m"):
        options.Duration().convert(word, None, None)


def test_a_default_day_stays() -> None:
    """A day that is one already is left alone."""
    today = options.today()
    assert options.Day().convert(today, None, None) is today


def test_today_is_the_default_of_nothing() -> None:
    """Without --on the verb is told None, so that it is the verb that asks the clock."""

    @click.command()
    @options.on
    def verb(on: date | None) -> None:
        click.echo(repr(on))

    assert CliRunner().invoke(verb, []).output == "None\n"
