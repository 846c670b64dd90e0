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
