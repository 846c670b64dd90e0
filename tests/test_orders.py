"""What is asked for becomes an order: the base is found in git's history, and builds are made."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import pytest
from builders import environment, record
from cli.command_line import CONFIG, make_project

from perfgate.baseline.store import write_record
from perfgate.build.provide import Ref
from perfgate.errors import RefError, StoreError, TargetError, UsageError
from perfgate.orders import (
    Found,
    found_alone,
    found_to_compare,
    order_for,
    stored_baseline,
    twin_order,
)
from perfgate.progress import Silence
from perfgate.wish import Wish, read_wish

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.baseline.record import BaselineRecord
    from perfgate.gate import Order
    from perfgate.measurement.models import Conditions, Environment
    from perfgate.progress import Progress

DAY = date(2026, 11, 24)
MACHINE = environment()
OTHER_MACHINE = environment(cpu_model="ARM")

IDENTITY = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
}


class Heard(Silence):
    """A progress that remembers the stages, and what they have shown."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.lessons: list[str] = []

    def stage(self, what: str, expected_s: float) -> None:  # noqa: ARG002 - of the protocol
        """Remember the stage."""
        self.stages.append(what)

    def learned(self, what: str) -> None:
        """Remember what was shown."""
        self.lessons.append(what)


class History:
    """A repository of a described service, in which commits and baselines are made."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *words: str) -> str:
        """Run git here and return what it prints."""
        return subprocess.run(
            ["git", *words],
            cwd=self.root,
            env={**os.environ, **IDENTITY},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def store(
        self,
        commit: str,
        machine: Environment = MACHINE,
        conditions: Conditions | None = None,
    ) -> BaselineRecord:
        """Commit a baseline for ``commit`` and return it."""
        stored = record(commit=commit, environment=machine, conditions=conditions)
        write_record(stored, self.root / "baselines")
        self.commit("Accept a baseline")
        return stored


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """Return a repository with one commit on its branch main, which is the current directory."""
    root = make_project(tmp_path / "service")
    (root / ".git").rmdir()
    monkeypatch.chdir(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = History(root)
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit("Serve tokens")
    return made


def wish(candidate: str = ".", base: str | None = None) -> Wish:
    """Return a wish as the command line would."""
    return read_wish(None, "default", candidate, base, DAY)


def comparing_order(asked: Wish, progress: Progress) -> Order:
    """Return the order of the check that is asked for."""
    return order_for(asked, found_to_compare(asked, MACHINE), MACHINE, progress)


def compared(candidate: str = ".", base: str | None = None) -> Order:
    """Return the order of a check."""
    return comparing_order(wish(candidate, base), Silence())


def base_commit(order: Order) -> str | None:
    """Return the commit of an order's base."""
    assert order.base is not None
    return order.base.commit


def test_a_named_base(history: History) -> None:
    """The base that is named is built; without a stored baseline the terms hold none."""
    first = history.git("rev-parse", "HEAD")
    second = history.commit("Sign tokens")
    order = compared(base="HEAD~1")
    assert (order.candidate.commit, base_commit(order)) == (second, first)
    assert (order.terms.baseline, order.terms.baseline_comparable) == (None, False)
    assert (order.profile, order.environment, order.terms.on) == ("default", MACHINE, DAY)
    assert [row.name for row in order.terms.ledger.dependents] == ["gateway", "mail"]


def test_the_stored_baseline_names_the_base(history: History) -> None:
    """Without a base, the commit of the stored baseline is built, and its record is a term."""
    first = history.git("rev-parse", "HEAD")
    stored = history.store(first)
    history.commit("Sign tokens")
    order = compared()
    assert base_commit(order) == first
    assert (order.terms.baseline, order.terms.baseline_comparable) == (stored, True)


def test_a_baseline_of_another_machine(history: History) -> None:
    """Another machine's baseline still names the commit, but its figures are not comparable."""
    first = history.git("rev-parse", "HEAD")
    stored = history.store(first, OTHER_MACHINE)
    order = compared()
    assert base_commit(order) == first
    assert (order.terms.baseline, order.terms.baseline_comparable) == (stored, False)


def test_what_a_baseline_was_measured_with_is_compared(history: History) -> None:
    """A baseline of the same load counts; of another mix it is told what differs."""
    first = history.git("rev-parse", "HEAD")
    history.store(first, conditions=compared(base=first).conditions)
    assert compared().terms.baseline_counts

    ledger = history.root / "demand.toml"
    ledger.write_text(ledger.read_text().replace("peak_rps = 40.0", "peak_rps = 80.0"))
    terms = compared().terms
    assert terms.baseline_comparable
    assert not terms.baseline_counts
    assert terms.baseline_differs.startswith("another mix of operations (")


def test_a_named_base_beside_a_stored_baseline(history: History) -> None:
    """A base that is named is built instead, and the record is still shown."""
    first = history.git("rev-parse", "HEAD")
    stored = history.store(first)
    second = history.git("rev-parse", "HEAD")
    order = compared(base="HEAD")
    assert base_commit(order) == second
    assert order.terms.baseline == stored


def test_a_candidate_cannot_move_its_own_bar(history: History) -> None:
    """What the candidate's branch or working tree says in the store counts for nothing."""
    first = history.git("rev-parse", "HEAD")
    stored = history.store(first)
    history.git("checkout", "--quiet", "-b", "feature")
    lowered = history.store(history.commit("Slow down"))
    write_record(record(commit=first, cost_ms=99.0), history.root / "baselines")
    for candidate in (".", "feature"):
        order = compared(candidate)
        assert order.terms.baseline == stored != lowered
        assert base_commit(order) == first


def test_a_later_bar_does_not_count(history: History) -> None:
    """A baseline accepted on the branch after the candidate left it is not the candidate's."""
    first = history.git("rev-parse", "HEAD")
    stored = history.store(first)
    history.git("checkout", "--quiet", "-b", "feature")
    history.commit("Sign tokens")
    history.git("checkout", "--quiet", "main")
    history.store(history.commit("Cache keys"))
    assert compared("feature").terms.baseline == stored


def test_a_configuration_below_the_top(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a repository of many services, each has its store beside its configuration."""
    below = make_project(history.root / "services" / "auth")
    (below / ".git").rmdir()
    commit = history.commit("Add a service")
    stored = record(commit=commit)
    write_record(stored, below / "baselines")
    history.commit("Accept a baseline")
    monkeypatch.chdir(below)
    assert compared().terms.baseline == stored


def test_where_findings_are_to_be_shown(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terms know both files as seen from the repository's top, and the lines of their keys."""
    below = make_project(history.root / "services" / "auth")
    (below / ".git").rmdir()
    text = (below / "perfgate.toml").read_text()
    (below / "perfgate.toml").unlink()
    table = text.replace("[target]", "[tool.perfgate.target]").replace(
        "[load]", "[tool.perfgate.load]"
    )
    (below / "pyproject.toml").write_text(f'[project]\nname = "x"\n[tool.perfgate]\n{table}')
    history.commit("Add a service")
    monkeypatch.chdir(below)
    terms = compared(base="HEAD").terms
    assert terms.config_file is not None
    assert terms.ledger_file is not None
    assert terms.config_file.path == "services/auth/pyproject.toml"
    assert terms.config_file.line(("target", "start")) == 7
    assert terms.ledger_file.path == "services/auth/demand.toml"
    assert terms.ledger_file.line(("dependent", 1, "change", 0)) == 16


def test_no_baseline(history: History) -> None:
    """Without either, both ways out are shown; so it is before the first commit, too."""
    for start_over in (False, True):
        if start_over:
            history.git("checkout", "--quiet", "--orphan", "fresh")
        with pytest.raises(StoreError, match="no baseline in baselines/default/ on the branch"):
            compared()


def test_a_damaged_baseline_is_never_skipped(history: History) -> None:
    """A stored record that cannot be trusted is an error, even where a base is named."""
    history.store(history.git("rev-parse", "HEAD"))
    (path,) = (history.root / "baselines" / "default").iterdir()
    path.write_text(path.read_text().replace('"cost_ms": 2.0', '"cost_ms": 9.0'))
    history.commit("Tamper")
    for base in (None, "HEAD"):
        with pytest.raises(StoreError, match="checksum"):
            compared(base=base)


def test_the_branch_is_only_on_the_remote(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout that knows the branch of record from its remote alone will do."""
    first = history.git("rev-parse", "HEAD")
    stored = history.store(first)
    history.git("clone", "--quiet", str(history.root), str(tmp_path / "clone"))
    clone = History(tmp_path / "clone")
    clone.git("checkout", "--quiet", "-b", "feature")
    clone.git("branch", "--quiet", "--delete", "--force", "main")
    monkeypatch.chdir(clone.root)
    assert compared().terms.baseline == stored


def test_the_branch_is_not_here(history: History) -> None:
    """A branch of record that is not in the checkout is named, with what brings it."""
    history.git("branch", "--move", "trunk")
    with pytest.raises(RefError, match="the branch 'main'") as caught:
        compared()
    assert "git fetch origin main" in caught.value.hint


@pytest.mark.parametrize("base", [".", "HEAD", "./old"])
def test_a_named_base_needs_no_branch(history: History, base: str) -> None:
    """Whatever kind of base is named, the branch of record may be missing."""
    history.git("branch", "--move", "trunk")
    make_project(history.root / "old")
    order = compared(base=base)
    assert order.base is not None
    assert order.terms.baseline is None


def test_no_common_history(history: History) -> None:
    """A candidate that shares no history with the branch has no bar; shallow clones are named."""
    history.git("checkout", "--quiet", "--orphan", "fresh")
    history.commit("Start over")
    with pytest.raises(RefError, match="shares no history") as caught:
        compared()
    assert "git fetch --unshallow" in caught.value.hint
    assert compared(base="main").terms.baseline is None


def test_no_repository(history: History) -> None:
    """Outside a repository a directory can be compared with, and nothing else."""
    (history.root / ".git").rename(history.root / "git.away")
    make_project(history.root / "old")
    order = compared(base="./old")
    assert order.base is not None
    assert (order.base.directory, order.base.commit) == (history.root / "old", None)
    assert order.terms.config_file is not None
    assert order.terms.config_file.path == "perfgate.toml"
    with pytest.raises(UsageError, match="is not in a git repository"):
        compared()


@pytest.mark.parametrize(("candidate", "base"), [("gone", None), ("gone", "HEAD"), (".", "gone")])
def test_refs_that_are_not_there(history: History, candidate: str, base: str | None) -> None:
    """A candidate or a base that is no commit here is named."""
    history.store(history.git("rev-parse", "HEAD"))
    with pytest.raises(RefError, match="'gone'"):
        found_to_compare(wish(candidate, base), MACHINE)


@pytest.mark.usefixtures("history")
def test_what_is_measured_alone_must_be_there() -> None:
    """Law: a candidate alone that is no commit is refused before its build, as beside a base."""
    with pytest.raises(RefError, match="'gone'"):
        found_alone(wish("gone"))
    assert found_alone(wish("main")) == Found(Ref("main"))


def test_the_baselines_commit_is_gone(history: History) -> None:
    """A stored baseline whose commit is not here decides alone: no other base takes its place."""
    stored = history.store("f" * 40)
    heard = Heard()
    order = comparing_order(wish(), heard)
    assert (order.base, order.terms.baseline) == (None, stored)
    assert order.terms.stored_because.startswith("as its commit cannot be reached: ")
    assert "f" * 40 in order.terms.stored_because
    (told,) = heard.lessons
    assert told.startswith(f"the stored baseline decides alone, {order.terms.stored_because}. ")
    assert "git fetch" in told


def test_the_baselines_build_fails(history: History) -> None:
    """Law: a stored baseline that cannot be built is an error, and never a coarser check.

    The hint names the coarser check, which is there for whoever asks for it.
    """
    first = history.git("rev-parse", "HEAD")
    stored = history.store(first)
    (history.root / "new").touch()
    config = CONFIG.replace("[target]", '[target]\nbuild = "test -e new"')
    (history.root / "perfgate.toml").write_text(config)
    with pytest.raises(TargetError, match="test -e new") as caught:
        compared()
    assert caught.value.message.startswith("the stored baseline's commit cannot be built: ")
    assert "--stored" in caught.value.hint
    order = comparing_order(replace(wish(), stored=True), Silence())
    assert (order.base, order.terms.baseline) == (None, stored)
    with pytest.raises(TargetError):
        compared("HEAD")


def test_the_stored_baseline_alone_is_asked_for(history: History) -> None:
    """On request the baseline's commit is not even built; without a baseline it is an error."""
    asked = replace(wish(), stored=True)
    with pytest.raises(StoreError, match="no baseline in"):
        comparing_order(asked, Silence())
    stored = history.store(history.git("rev-parse", "HEAD"))
    heard = Heard()
    order = comparing_order(asked, heard)
    assert heard.stages == ["build working tree"]
    assert (order.base, order.terms.baseline) == (None, stored)
    assert order.terms.stored_because == "as --stored asks"


def test_alone(history: History) -> None:
    """A build measured alone has no base, and no stored baseline is looked for."""
    first = history.git("rev-parse", "HEAD")
    history.store(first)
    order = order_for(wish(first), found_alone(wish(first)), MACHINE, Silence())
    assert (order.candidate.commit, order.base, order.terms.baseline) == (first, None, None)


def test_stages_are_told(history: History) -> None:
    """Each build is a stage, named as the user knows it; a full hash is cut."""
    first = history.git("rev-parse", "HEAD")
    make_project(history.root / "old")
    heard = Heard()
    for candidate, base in ((".", first), ("HEAD", "./old")):
        comparing_order(wish(candidate, base), heard)
    assert heard.stages == [
        "build working tree",
        f"build {first[:12]}",
        "build HEAD",
        f"build {history.root / 'old'}",
    ]


def test_a_build_that_fails(history: History) -> None:
    """A candidate that cannot be built is reported as that, before the base is built."""
    config = CONFIG.replace("[target]", '[target]\nbuild = "false"')
    (history.root / "perfgate.toml").write_text(config)
    heard = Heard()
    with pytest.raises(TargetError):
        comparing_order(wish(base="HEAD"), heard)
    assert heard.stages == ["build working tree"]


def test_the_stored_baseline_is_found_without_a_build(history: History) -> None:
    """Law: it is what a check is held against, or that there is none; nothing is built for it."""
    assert stored_baseline(wish("HEAD"), MACHINE) is None
    stored = history.store(history.git("rev-parse", "HEAD"))
    found = stored_baseline(wish("main"), MACHINE)
    assert found is not None
    assert found.record == stored == compared().terms.baseline


AT_URL = CONFIG.replace('start = "{python} -m http.server {port}"', 'url = "http://127.0.0.1:9000"')


def test_what_runs_already_is_measured_alone(history: History) -> None:
    """At a URL no base is built, no commit claimed, and no stored baseline held against it."""
    history.store(history.git("rev-parse", "HEAD"))
    (history.root / "perfgate.toml").write_text(AT_URL)
    order = compared()
    assert (order.candidate.name, order.candidate.commit) == ("http://127.0.0.1:9000", None)
    assert (order.base, order.terms.baseline) == (None, None)
    assert order.terms.at_url


@pytest.mark.parametrize(("candidate", "base"), [(".", "HEAD"), ("HEAD", None), (".", "/")])
def test_no_build_is_started_at_a_url(history: History, candidate: str, base: str | None) -> None:
    """A build that is named there is refused, not ignored."""
    (history.root / "perfgate.toml").write_text(AT_URL)
    with pytest.raises(UsageError, match="cannot be started: target"):
        found_to_compare(wish(candidate, base), MACHINE)


def test_nor_is_one_alone_at_a_url(history: History) -> None:
    """Law: a build that is named is refused there too, whether or not there is such a commit."""
    (history.root / "perfgate.toml").write_text(AT_URL)
    for candidate in ("HEAD", "gone"):
        with pytest.raises(UsageError, match=f"'{candidate}' cannot be started: target"):
            found_alone(wish(candidate))


def test_what_needs_two_alike_is_refused_at_a_url(history: History) -> None:
    """Neither the stored baseline nor a twin can be had of one service of unknown CPUs."""
    (history.root / "perfgate.toml").write_text(AT_URL)
    with pytest.raises(UsageError, match="--stored"):
        comparing_order(replace(wish(), stored=True), Silence())
    with pytest.raises(UsageError, match="two that were started alike"):
        twin_order(wish(), 4, MACHINE, Silence())
