"""The repository of the story: real commits, each of which a real check could read."""

from __future__ import annotations

import subprocess
from datetime import date
from typing import TYPE_CHECKING

import pytest

from perfgate.config.load import load_config
from perfgate.demand.demand import demand_steps, peak_demand
from perfgate.demand.ledger import load_ledger
from perfgate.story.chapters import COMMITS, EVE, OUTAGE, Commit, Edit
from perfgate.story.repository import commit_all, make_repository, switch

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.demand.demand import Demand

HORIZON_DAYS = 90


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository that was made for the story."""
    made = tmp_path_factory.mktemp("story") / "auth"
    make_repository(made)
    return made


def git(root: Path, *words: str) -> str:
    """Run git there and return what it printed."""
    done = subprocess.run(("git", *words), cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def steps(root: Path, branch: str) -> list[Demand]:
    """Return the demand by the ledger of a branch, from the eve on."""
    switch(root, branch)
    eve = date.fromisoformat(EVE)
    ledger = load_ledger(root / "demand.toml")
    return demand_steps(ledger, eve, date.fromordinal(eve.toordinal() + HORIZON_DAYS))


def test_every_commit_is_there(root: Path) -> None:
    """Each branch ends at its commit, which follows the one before; the tree is clean."""
    told = git(root, "log", "--format=%s", "--reverse", COMMITS[-1].branch).splitlines()
    assert told == [commit.message for commit in COMMITS]
    assert [git(root, "log", "-1", "--format=%s", commit.branch) for commit in COMMITS] == told
    assert git(root, "status", "--porcelain") == ""


@pytest.mark.parametrize("commit", COMMITS[1:], ids=lambda commit: commit.branch)
def test_a_commit_changes_what_it_is_about(root: Path, commit: Commit) -> None:
    """A commit changes the files of its edits, and no other."""
    changed = git(root, "diff", "--name-only", f"{commit.branch}~", commit.branch).splitlines()
    assert changed == sorted({edit.path for edit in commit.edits})


@pytest.mark.parametrize("commit", COMMITS, ids=lambda commit: commit.branch)
def test_configuration_and_ledger_can_be_read(root: Path, commit: Commit) -> None:
    """On every branch there is a service to measure, and somebody who calls it."""
    switch(root, commit.branch)
    assert load_config(root / "perfgate.toml", root).config.service == "auth"
    assert (root / "authsvc" / "__main__.py").is_file()
    assert peak_demand(steps(root, commit.branch)).first_try_rps > 0


def test_the_migration_is_taken_back_in_the_test(root: Path) -> None:
    """The lower demand that is tried is that without the migration."""
    today, peak = steps(root, "both")
    (share,) = load_config(root / "perfgate.toml", root).config.recovery.steps
    assert share * peak.first_try_rps == pytest.approx(today.first_try_rps, rel=0.01)


def test_times_are_told_as_they_are(root: Path) -> None:
    """The seconds that the story speaks of are those of the configuration."""
    recovery = load_config(root / "perfgate.toml", root).config.recovery
    assert (recovery.upset_s, recovery.step_s) == (4, 5)
    assert "for four seconds" in OUTAGE.before
    assert "in five seconds" in OUTAGE.moral


def test_the_budget_is_the_only_difference(root: Path) -> None:
    """The fix leaves the demand as it is, and takes the retries out of an overload."""
    before, after = (peak_demand(steps(root, branch)) for branch in ("both", "fixed"))
    assert after.first_try_rps == before.first_try_rps
    assert before.worst_rps == 3 * before.first_try_rps
    assert after.worst_rps == after.first_try_rps


def test_what_is_written_is_committed(tmp_path: Path) -> None:
    """A commit takes in all that lies there, whatever git knows of its author."""
    made = tmp_path / "auth"
    make_repository(made)
    (made / "first.json").write_text("{}")
    commit_all(made, "Accept it")
    assert git(made, "show", "--name-only", "--format=%s %an", "HEAD").split() == [
        *("Accept", "it", "Story"),
        "first.json",
    ]


def test_an_edit_that_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is not there is told, not passed over."""
    stray = Commit("main", "Change nothing", (Edit("demand.toml", "no such text", ""),))
    monkeypatch.setattr("perfgate.story.repository.COMMITS", (stray,))
    with pytest.raises(ValueError, match="no such text"):
        make_repository(tmp_path / "auth")
