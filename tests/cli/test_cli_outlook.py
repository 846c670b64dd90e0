"""What is told ahead of a check: its parts with their times, and how long it takes in all."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from cli.command_line import CONFIG, make_project
from perfgate.cli.check import command
from perfgate.cli.outlook import ahead
from perfgate.config.models import Budget
from perfgate.upheaval import longest_s
from perfgate.wish import fully, quickly, read_wish, searching, upsetting

if TYPE_CHECKING:
    from perfgate.wish import Wish

METHOD = Path(__file__).parents[2] / "docs" / "method.md"
PROMISE = '\n[slo."*"]\np95_ms = 100.0\n'
DAY = date(2026, 11, 24)
# The shortest time and, behind one of two words, the longest.
TIMES = re.compile(r"about (\d+)(?: to (\d+))? s\b(?:.*up to (\d+) s\b)?")


@pytest.fixture
def wish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Wish:
    """Return the wish for a standard check with the default configuration and a promise."""
    monkeypatch.chdir(make_project(tmp_path, CONFIG + PROMISE))
    return read_wish(None, "default", ".", None, DAY)


def times_s(told: str) -> tuple[int, int]:
    """Return the shortest and the longest time that a sentence tells."""
    found = TIMES.search(told)
    assert found is not None, told
    soon, *later = (int(one) for one in found.groups() if one is not None)
    return soon, later[-1] if later else soon


def minutes(told: str) -> str:
    """Return the longest time that a sentence tells, in whole minutes as --help has it."""
    return f"up to {ceil(times_s(told)[1] / 60)} minutes"


def help_of(name: str) -> str:
    """Return what --help says of an option of check."""
    (option,) = (own for own in command.params if own.name == name)
    assert isinstance(option, click.Option)
    return option.help or ""


@pytest.mark.parametrize("budget", ["quick", "standard", "stored"])
@pytest.mark.parametrize("recovery", [True, False])
@pytest.mark.parametrize("search", [True, False])
def test_the_whole_is_the_sum_of_its_parts(
    wish: Wish, budget: str, recovery: bool, search: bool
) -> None:
    """Law: of several parts the shortest times are summed up, and the longest; of one nothing is.

    Each time is told to ten seconds.
    """
    wish = {"quick": quickly(wish), "standard": wish, "stored": replace(wish, stored=True)}[budget]
    wish = upsetting(wish) if recovery else wish
    *parts, last = ahead(searching(wish) if search else wish)
    assert len(parts) == (recovery + search + 1 if recovery or search else 0)
    assert last.startswith("plan: in all about ") == bool(parts)
    summed_s = [sum(own) for own in zip(*map(times_s, parts or [last]), strict=True)]
    assert times_s(last) == pytest.approx(summed_s, abs=5 * len(parts) + 5)


def test_a_base_is_waited_for_where_there_is_one(wish: Wish) -> None:
    """With a base, recovery may take as long again; it needs none that is not measured."""
    alone, beside = ahead(upsetting(quickly(wish)))[1], ahead(upsetting(wish))[1]
    assert alone.endswith("if the candidate stays down")
    assert beside.endswith("if candidate and base stay down")
    test = wish.loaded.config.recovery
    longest = [times_s(told)[1] for told in (alone, beside)]
    assert longest == pytest.approx([longest_s(test, 1), longest_s(test, 2)], abs=0.5)


def test_the_stored_baseline_is_named(wish: Wish) -> None:
    """Where it alone decides, the plan says so, and how long the candidate alone takes."""
    quick, stored = ahead(quickly(wish)), ahead(replace(wish, stored=True))
    assert quick[0].endswith("whether it got worse than its base is not asked")
    assert stored[0].endswith("whether it got worse than its base is told by the stored baseline")
    assert times_s(stored[0]) == times_s(quick[0])


def test_a_profile_says_how_many_sessions_one_build_makes(wish: Wish) -> None:
    """Alone, a build is judged at the first look of its profile, if the budget affords that."""
    config = wish.loaded.config
    shape = config.profiles["default"].model_copy(update={"looks": (6, 8)})
    config = config.model_copy(update={"profiles": {"default": shape}})
    wish = replace(wish, loaded=replace(wish.loaded, config=config), stored=True)
    assert "then 6 sessions of the candidate alone" in ahead(wish)[0]
    config = config.model_copy(update={"budget": Budget(sessions_s=20.0)})
    wish = replace(wish, loaded=replace(wish.loaded, config=config))
    assert "then 2 sessions of the candidate alone" in ahead(wish)[0]


def test_the_help_tells_these_times(wish: Wish) -> None:
    """Law: minutes in --help and docs/method.md are those of the default configuration."""
    method = " ".join(METHOD.read_text().split())
    standard, recovery, search, whole = ahead(fully(wish))
    assert f"full, {minutes(whole)}:" in help_of("budget")
    assert "quick, a minute:" in help_of("budget")
    assert round(times_s(ahead(quickly(wish))[0])[1] / 60) == 1
    for text in (help_of("recovery"), method):
        assert f"half a minute more, and {minutes(recovery)} where" in text
    assert round(times_s(recovery)[0] / 30) == 1
    assert "it takes two and a half minutes more" in method
    assert round(times_s(search)[1] / 30) == 5
    assert "A check takes between one and three minutes" in method
    assert 60 <= times_s(standard)[0] < times_s(standard)[1] <= 180
