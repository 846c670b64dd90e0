"""``perfgate bisect`` up to the first session: what it refuses, and what it goes on from."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from real_repository import Checkout, make_repository, shallow_clone
from searches import LOOKS, SESSION_S

from cli.command_line import CONFIG, LEDGER, PERFGATE, Finished, run_process
from perfgate.blame import Range, begin, shaped
from perfgate.build.cache import locked
from perfgate.cli import bisect as verb
from perfgate.machine import read_environment
from perfgate.verdict import metric
from perfgate.verdict.blame import Bisection, due
from perfgate.verdict.checks.latency import DECIDING
from perfgate.wish import read_wish

if TYPE_CHECKING:
    from pathlib import Path

DAY = date(2026, 11, 1)
# A build that fails tells which commit is asked for, and ends the search before any load.
FAILS = CONFIG.replace("[load]", """build = "sh -c 'cat version; exit 3'"\n\n[load]""")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a repository of a described service with five commits, whose builds fail."""
    made = make_repository(tmp_path / "auth d\u00fcnst")
    for number in range(5):
        made.commit(
            f"Version {number}",
            version=f"this is {number}\n",
            **{"perfgate.toml": FAILS, "demand.toml": LEDGER, "callers.py": ""},
        )
    return made


def bisect(checkout: Checkout, *words: str | Path) -> Finished:
    """Run ``perfgate bisect`` in the checkout, with a cache beside it."""
    environ = {"XDG_CACHE_HOME": str(checkout.path.parent / "cache")}
    return run_process([PERFGATE, "bisect", *words], checkout.path, environ)


def begun(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Bisection:
    """Return the search from the first commit to the last one as it begins."""
    monkeypatch.chdir(checkout.path)
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
def test_refusals(checkout: Checkout, words: list[str], code: int, told: str) -> None:
    """What is asked for wrongly is told before anything is built."""
    run = bisect(checkout, *words)
    assert (run.code, run.out) == (code, "")
    assert told in run.err
    assert "build " not in run.err


def test_branches_that_part_are_told(checkout: Checkout) -> None:
    """A good commit that is no ancestor is refused, with the one where the two part."""
    checkout.git("checkout", "--quiet", "-b", "side", "HEAD~2")
    checkout.commit("Aside")
    fork = checkout.git("rev-parse", "main~2")
    run = bisect(checkout, "--good", "side", "--bad", "main")
    assert run.code == 2
    assert "'side' is no ancestor of 'main': they part at" in run.err
    assert f"--good {fork[:12]}" in run.err


def test_a_shallow_clone_is_told_what_is_missing(checkout: Checkout, tmp_path: Path) -> None:
    """Where history is cut off, the hint is the command that brings it."""
    shallow = shallow_clone(checkout, tmp_path / "shallow")
    first = checkout.git("rev-parse", "HEAD~4")
    run = bisect(shallow, "--good", first)
    assert run.code == 6
    assert f"git fetch --depth=1 origin {first}" in run.err
    shallow.git("fetch", "--quiet", "--depth=1", "origin", first)
    run = bisect(shallow, "--good", first)
    assert run.code == 6
    assert "share no history here" in run.err
    assert "git fetch --unshallow" in run.err


def test_the_plan_comes_first_and_the_good_build_is_made_first(checkout: Checkout) -> None:
    """It is said how long it takes; a good build that cannot be made ends the search: exit 5."""
    run = bisect(checkout, "--good", "HEAD~4")
    assert run.code == 5
    assert run.err.startswith(
        "plan: 4 commits; the bad one beside the good one, then about 2 steps"
    )
    assert "this is 0" in run.err
    assert checkout.git("status", "--porcelain") == ""
    assert len(checkout.worktrees()) == 1


def test_a_bad_build_that_cannot_be_made_ends_it(checkout: Checkout) -> None:
    """Where the bad commit cannot be built there is nothing to search for: exit 5."""
    build = "sh -c 'grep -q 4 version && cat version && exit 3 || exit 0'"
    described = FAILS.replace("sh -c 'cat version; exit 3'", build)
    checkout.write("perfgate.toml", described)
    run = bisect(checkout, "--good", "HEAD~4")
    assert run.code == 5
    assert "the bad build cannot be measured" in run.err
    assert "this is 4" in run.err


def test_what_is_known_is_not_measured_again(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Law: a search whose file knows all ends at once, with the exit code of what it found."""
    kept = tmp_path / "kept"
    kept.mkdir()
    known = finished(begun(checkout, monkeypatch), 3)
    (kept / verb.FILE).write_text(known.to_text())
    run = bisect(checkout, "--good", "HEAD~4", "--on", DAY.isoformat(), "--output", kept)
    assert run.code == 1, run.err
    assert run.out.startswith(f"FAIL: {known.line[2].told} made it slower")
    assert "going on with the search of" in run.err
    assert "build " not in run.err
    again = bisect(
        checkout, "--good", "HEAD~4", "--on", DAY.isoformat(), "--output", kept, "--restart"
    )
    assert again.code == 5  # it begins anew, and the good build fails


def test_another_search_is_not_mixed_in(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What another search has found is left alone, and so is one that another process is at."""
    kept = tmp_path / "kept"
    kept.mkdir()
    known = finished(begun(checkout, monkeypatch), 3)
    file = kept / verb.FILE
    file.write_text(known.to_text())
    words = ("--good", "HEAD~4", "--on", DAY.isoformat(), "--output", kept)
    other = bisect(checkout, *words, "--check", "cost")
    assert other.code == 2
    assert "is of another search" in other.err
    with locked(file.with_suffix(".lock")):
        busy = bisect(checkout, *words)
    assert busy.code == 2
    assert "another search is at work" in busy.err
    file.write_text("{")
    broken = bisect(checkout, *words)
    assert broken.code == 2
    assert "--restart" in broken.err
    assert file.read_text() == "{"


def test_names_are_those_of_the_metrics() -> None:
    """Law: what the command line takes are the metrics that there are, and no more."""
    assert set(verb.PRIMARIES) == set(metric.PRIMARIES)
    assert set(verb.FIGURES) == {"cost", *DECIDING}
    assert verb.OF_OPERATION == metric.OF_OPERATION
