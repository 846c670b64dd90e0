"""The words of the command line are read, together with the files they name."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from cli.command_line import CONFIG, LEDGER, make_project
from hypothesis import given
from hypothesis import strategies as st

from perfgate.errors import FileFaultsError, UsageError
from perfgate.wish import fully, held_to, last_day, read_wish, searching, upsetting

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 24)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a described project, which is also the current directory."""
    monkeypatch.chdir(make_project(tmp_path))
    return tmp_path


def test_words_are_kept(project: Path) -> None:
    """Builds stay as they were named; both files have been read."""
    wish = read_wish(None, "default", "HEAD~1", "./old", DAY)
    assert (wish.profile, wish.candidate, wish.base) == ("default", "HEAD~1", "./old")
    assert wish.on == DAY
    assert wish.loaded.path == project / "perfgate.toml"
    assert [row.name for row in wish.ledger.dependents] == ["gateway", "mail"]


def test_the_ledger_lies_beside_the_configuration(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From another directory, the configuration that is named finds its own ledger."""
    elsewhere = project / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    wish = read_wish(project / "perfgate.toml", "default", ".", None, DAY)
    assert wish.ledger_path == project / "demand.toml"


def test_another_margin_and_budget(project: Path) -> None:
    """Law: what is held to is part of the configuration, as if its file said so.

    A margin brings its tolerance along, a quarter at most; a budget brings its own looks.
    """
    path = project / "perfgate.toml"
    path.write_text(path.read_text() + "\n[profiles.default]\n[profiles.fixed]\nlooks = [4, 8]\n")
    wish = read_wish(None, "fixed", ".", None, DAY)
    own = held_to(wish, margin=0.02, budget_s=60.0).loaded.config
    assert (own.margins.slowdown, own.margins.tolerance) == (0.02, 0.005)
    assert (own.budget.sessions_s, own.profiles["fixed"].looks) == (60.0, None)
    assert wish.loaded.config.profiles["fixed"].looks == (4, 8)
    assert held_to(wish, margin=0.1, budget_s=None).loaded.config.margins.tolerance == 0.01
    assert held_to(wish, margin=None, budget_s=None) == wish


def test_another_profile(project: Path) -> None:
    """A profile of the configuration may be asked for by name, and only one of those."""
    more = "[profiles.default]\n[profiles.nightly]\n"
    (project / "perfgate.toml").write_text(CONFIG + more)
    assert read_wish(None, "nightly", ".", None, DAY).profile == "nightly"
    with pytest.raises(UsageError, match="no profile 'weekly'") as caught:
        read_wish(None, "weekly", ".", None, DAY)
    assert caught.value.hint == "There are: default, nightly."


@pytest.mark.parametrize("file", ["perfgate.toml", "demand.toml"])
def test_faults(project: Path, file: str) -> None:
    """Faults in either file are told with the file's name."""
    (project / file).write_text({"perfgate.toml": CONFIG, "demand.toml": LEDGER}[file] + "x = 1\n")
    with pytest.raises(FileFaultsError) as caught:
        read_wish(None, "default", ".", None, DAY)
    assert caught.value.path.endswith(file)


def test_what_is_replayed_is_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of the profile that is asked for lies beside the configuration; no other is read."""
    more = '[profiles.default]\n[profiles.nightly]\narrivals = "replayed"\nrecorded = "log"\n'
    (project / "perfgate.toml").write_text(CONFIG + more)
    assert list(read_wish(None, "default", ".", None, DAY).recorded_s) == []
    with pytest.raises(UsageError, match="log: there is no such file"):
        read_wish(None, "nightly", ".", None, DAY)
    (project / "log").write_text("0.5\n2\n")
    monkeypatch.chdir(project / ".git")
    config = project / "perfgate.toml"
    assert list(read_wish(config, "nightly", ".", None, DAY).recorded_s) == [0.5, 2.0]


def test_a_seed_of_the_command_line(project: Path) -> None:
    """A seed takes the place of the configuration's, and of nothing else."""
    (project / "perfgate.toml").write_text(CONFIG.replace("[load]\n", "[load]\nseed = 7\n"))
    own = read_wish(None, "default", ".", None, DAY).loaded.config
    other = read_wish(None, "default", ".", None, DAY, seed=0).loaded.config
    assert (own.load.seed, other.load.seed) == (7, 0)
    same = own.load.model_copy(update={"seed": 0})
    assert other == own.model_copy(update={"load": same})


def test_a_horizon_beyond_the_calendar(project: Path) -> None:
    """A horizon that no date can be given to is refused before anything else is done."""
    more = "[demand]\nhorizon_days = 4000000\n"
    (project / "perfgate.toml").write_text(CONFIG + more)
    with pytest.raises(UsageError, match="4000000 days after 2026-11-24"):
        read_wish(None, "default", ".", None, DAY)


@given(st.dates(), st.integers(0, 10**12))
def test_last_day(on: date, days: int) -> None:
    """The last day is so many days later, or refused where the calendar has no such day."""
    if on.toordinal() + days <= date.max.toordinal():
        assert last_day(on, days) - on == timedelta(days=days)
    else:
        with pytest.raises(UsageError):
            last_day(on, days)


@pytest.mark.parametrize(
    "slo", ["", '[slo."*"]\nerror_ratio = 0.1\n', "[slo.login]\np95_ms = 100.0\n"]
)
def test_without_a_promise_there_is_no_rate_to_find(project: Path, slo: str) -> None:
    """Law: where no latency of what is sent is promised, what to set is told."""
    path = project / "perfgate.toml"
    path.write_text(f"{path.read_text()}\n{slo}")
    with pytest.raises(UsageError, match="no latency is promised") as caught:
        searching(read_wish(None, "default", ".", None, DAY))
    assert "(introspect, token)" in caught.value.message
    assert "p95_ms = 250.0" in caught.value.hint


@pytest.mark.parametrize("slo", ['[slo."*"]\np50_ms = 9.0\n', "[slo.token]\np99_ms = 9.0\n"])
def test_one_promise_is_enough(project: Path, slo: str) -> None:
    """Law: one promise, for all or for one that is sent, has a highest rate that keeps it."""
    path = project / "perfgate.toml"
    path.write_text(f"{path.read_text()}\n{slo}")
    wish = read_wish(None, "default", ".", None, DAY)
    assert (wish.find_capacity, searching(wish).find_capacity) == (False, True)


def test_what_runs_already_is_not_left_dead(project: Path) -> None:
    """At a URL recovery is refused where it is asked for, and no part of all that can be asked."""
    started = read_wish(None, "default", ".", None, DAY)
    assert upsetting(started).recovery
    assert fully(started).recovery
    path = project / "perfgate.toml"
    start = 'start = "{python} -m http.server {port}"'
    path.write_text(path.read_text().replace(start, 'url = "http://127.0.0.1:9000"'))
    reached = read_wish(None, "default", ".", None, DAY)
    assert not fully(reached).recovery
    with pytest.raises(UsageError, match="cannot be started anew"):
        upsetting(reached)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("[load]\nexpect_workers = 1", "sends its calls from one process here"),
        ('[recovery]\nupset = "stall"', "which those of a container may refuse"),
    ],
)
def test_an_upset_that_cannot_be_made_is_refused(project: Path, words: str, told: str) -> None:
    """Neither other machines nor processes of others get calls or signals that miss their mark."""
    path = project / "perfgate.toml"
    text = path.read_text()
    head, _, _ = words.partition("\n")
    text = text.replace(head, words) if head in text else f"{text}\n{words}\n"
    if "stall" in words:
        start = 'start = "{python} -m http.server {port}"'
        contained = '[target.container]\nengine = "podman"\nimage = "auth:{commit}"\nport = 8000'
        text = text.replace(start, contained).replace("[target]\n", "")
    path.write_text(text)
    wish = read_wish(None, "default", ".", None, DAY)
    assert not fully(wish).recovery
    with pytest.raises(UsageError, match=told):
        upsetting(wish)
