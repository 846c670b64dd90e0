"""``perfgate bisect`` up to the first session: what it refuses, and what it goes on from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import TYPE_CHECKING

import pytest
from real_repository import Checkout, make_repository, shallow_clone
from searches import LOOKS, SESSION_S

from cli.command_line import CONFIG, LEDGER, Finished
from perfgate.blame import Range, begin, shaped
from perfgate.build.cache import locked
from perfgate.cli import bisect as verb
from perfgate.machine import read_environment
from perfgate.verdict import metric
from perfgate.verdict.blame import due
from perfgate.verdict.checks.latency import DECIDING
from perfgate.wish import read_wish

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.verdict.bisection import Bisection

DAY = date(2026, 11, 1)
# A build that fails tells which commit is asked for, and ends the search before any load.
FAILS = CONFIG.replace("[load]", """build = "sh -c 'cat version; exit 3'"\n\n[load]""")


Bisect = Callable[..., Finished]


@pytest.fixture
def checkout(
    project: Path,  # noqa: ARG001 - where perfgate runs unless it is moved
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Checkout:
    """Return a described service with five commits, whose builds fail; perfgate runs in it."""
    made = make_repository(tmp_path / "auth d\u00fcnst")
    for number in range(5):
        made.commit(
            f"Version {number}",
            version=f"this is {number}\n",
            **{"perfgate.toml": FAILS, "demand.toml": LEDGER, "callers.py": ""},
        )
    monkeypatch.chdir(made.path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return made


@pytest.fixture
def bisect(
    checkout: Checkout,  # noqa: ARG001 - perfgate runs in it
    perfgate: Callable[..., Finished],
) -> Bisect:
    """Return ``perfgate bisect`` as a function of its words."""
    return partial(perfgate, "bisect")


def begun() -> Bisection:
    """Return the search from the first commit to the last one as it begins."""
    wish = read_wish(None, "default", "HEAD", "HEAD~4", DAY)
    wish = shaped(wish, metric.PRIMARIES)
    return begin(wish, Range("HEAD~4", "HEAD", metric.PRIMARIES, None), read_environment())


def finished(bisection: Bisection, guilty: int) -> Bisection:
    """Return the search at its end, with sessions that leave no doubt."""
    bisection = bisection.model_copy(update={"looks": LOOKS, "rate_rps": 50.0})
    while (commit := due(bisection)) is not None:
        slower = 0.2 if bisection.place(commit) >= guilty else 0.0
        figures = dict.fromkeys(metric.PRIMARIES, slower + bisection.sessions % 3 * 1e-3)
        bisection = bisection.with_session(commit, figures, SESSION_S)
    return bisection


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--good", "HEAD"], 2, "are the same commit"),
        (["--good", "HEAD", "--bad", "HEAD~2"], 2, "'HEAD~2' is older than 'HEAD'"),
        (["--good", "gone"], 6, "'gone' names no commit"),
        (["--good=--output=x"], 6, "'--output=x' is not a git ref"),
        (["--good", "HEAD~2", "--check", "speed"], 2, "is none of cost, capacity"),
        (["--good", "HEAD~2", "--check", "regression:tokn:p95"], 2, "sends no 'tokn'"),
        (["--good", "HEAD~2", "--check", "regression:token:p99"], 2, "regression:OPERATION:p95"),
        (["--good", "HEAD~2", "--output", "."], 2, "is not empty"),
        ([], 2, "--good"),
    ],
)
def test_refusals(bisect: Bisect, words: list[str], code: int, told: str) -> None:
    """What is asked for wrongly is told before anything is built."""
    run = bisect(*words)
    assert (run.code, run.out) == (code, "")
    assert told in run.err
    assert "build " not in run.err


def test_branches_that_part_are_told(checkout: Checkout, bisect: Bisect) -> None:
    """A good commit that is no ancestor is refused, with the one where the two part."""
    checkout.git("checkout", "--quiet", "-b", "side", "HEAD~2")
    checkout.commit("Aside")
    fork = checkout.git("rev-parse", "main~2")
    run = bisect("--good", "side", "--bad", "main")
    assert run.code == 2
    assert "'side' is no ancestor of 'main': they part at" in run.err
    assert f"--good {fork[:12]}" in run.err


def test_a_shallow_clone_is_told_what_is_missing(
    checkout: Checkout, bisect: Bisect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where history is cut off, the hint is the command that brings it."""
    shallow = shallow_clone(checkout, tmp_path / "shallow")
    first = checkout.git("rev-parse", "HEAD~4")
    monkeypatch.chdir(shallow.path)
    run = bisect("--good", first)
    assert run.code == 6
    assert f"git fetch --depth=1 origin {first}" in run.err
    shallow.git("fetch", "--quiet", "--depth=1", "origin", first)
    run = bisect("--good", first)
    assert run.code == 6
    assert "share no history here" in run.err
    assert "git fetch --unshallow" in run.err


def test_the_plan_comes_first_and_the_good_build_is_made_first(
    checkout: Checkout, bisect: Bisect
) -> None:
    """It is said how long it takes; a good build that cannot be made ends the search: exit 5."""
    run = bisect("--good", "HEAD~4")
    assert run.code == 5
    assert run.err.startswith(
        "plan: 4 commits; the bad one beside the good one, then about 2 steps"
    )
    assert "this is 0" in run.err
    assert checkout.git("status", "--porcelain") == ""
    assert len(checkout.worktrees()) == 1


def test_a_bad_build_that_cannot_be_made_ends_it(checkout: Checkout, bisect: Bisect) -> None:
    """Where the bad commit cannot be built there is nothing to search for: exit 5."""
    build = "sh -c 'grep -q 4 version && cat version && exit 3 || exit 0'"
    described = FAILS.replace("sh -c 'cat version; exit 3'", build)
    checkout.write("perfgate.toml", described)
    run = bisect("--good", "HEAD~4")
    assert run.code == 5
    assert "the bad build cannot be measured" in run.err
    assert "this is 4" in run.err


def test_what_is_known_is_not_measured_again(bisect: Bisect, tmp_path: Path) -> None:
    """Law: a search whose file knows all ends at once, with the exit code of what it found."""
    kept = tmp_path / "kept"
    kept.mkdir()
    known = finished(begun(), 3)
    (kept / verb.FILE).write_text(known.to_text())
    run = bisect("--good", "HEAD~4", "--on", DAY.isoformat(), "--output", kept)
    assert run.code == 1, run.err
    assert run.out.startswith(f"FAIL: {known.line[2].told} made it slower")
    assert "going on with the search of" in run.err
    assert "build " not in run.err
    again = bisect("--good", "HEAD~4", "--on", DAY.isoformat(), "--output", kept, "--restart")
    assert again.code == 5  # it begins anew, and the good build fails


def test_a_search_that_came_to_nothing_goes_on(
    checkout: Checkout, bisect: Bisect, tmp_path: Path
) -> None:
    """Where it ended before anything was known, the same command begins where it did before."""
    kept = tmp_path / "kept"
    for _ in range(2):
        run = bisect("--good", "HEAD~4", "--output", kept)
        assert run.code == 5
        assert run.err.startswith("plan: 4 commits")
    assert [path.name for path in kept.iterdir()] == [verb.FILE]
    for _ in range(2):
        assert bisect("--good", "HEAD~4").code == 5
    assert len(list((checkout.path / ".git" / "perfgate").iterdir())) == 1


def test_another_search_is_not_mixed_in(bisect: Bisect, tmp_path: Path) -> None:
    """What another search has found is left alone, and so is one that another process is at."""
    kept = tmp_path / "kept"
    kept.mkdir()
    known = finished(begun(), 3)
    file = kept / verb.FILE
    file.write_text(known.to_text())
    words = ("--good", "HEAD~4", "--on", DAY.isoformat(), "--output", kept)
    other = bisect(*words, "--check", "cost")
    assert other.code == 2
    assert "is of another search" in other.err
    file.write_text(known.model_copy(update={"perfgate": "0.0.9"}).to_text())
    older = bisect(*words)
    assert older.code == 2
    assert "another configuration or perfgate" in older.err
    with locked(file.with_suffix(".lock")):
        busy = bisect(*words)
    assert busy.code == 2
    assert "another search is at work" in busy.err
    file.write_text("{")
    broken = bisect(*words)
    assert broken.code == 2
    assert "--restart" in broken.err
    assert file.read_text() == "{"


def test_names_are_those_of_the_metrics() -> None:
    """Law: what the command line takes are the metrics that there are, and no more."""
    assert set(verb.PRIMARIES) == set(metric.PRIMARIES)
    assert set(verb.FIGURES) == {"cost", *DECIDING}
    assert verb.OF_OPERATION == metric.OF_OPERATION
