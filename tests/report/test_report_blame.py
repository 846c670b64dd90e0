"""What people read of a search for a commit: each way it can end, and what lies ahead."""

from __future__ import annotations

import math

import numpy as np
import pytest
from searches import LOOKS, SESSION_S, bisection, commit, pursued, suspect

from perfgate.analysis.resolution import Pace
from perfgate.report.blame import known_lines, plan_of_search, progress_line, render
from perfgate.report.lines import WIDTH

LOST = -math.log(1 - 0.15)


def told(last: int = 32, sd: float = 0.008, broken: tuple[int, ...] = (), **slower: float) -> str:
    """Return the report of a search in which commits got slower, by their places: c3=0.1."""
    slowdowns = {int(name[1:]): own for name, own in slower.items()}
    begun = bisection(last)
    return render(pursued(begun, slowdowns, np.random.default_rng(1), sd, broken))


def joined(text: str) -> str:
    """Return the text in one line, as sentences are read."""
    return " ".join(text.split())


def test_the_commit_comes_first() -> None:
    """Law: the first line names the commit, the second says by how much, with its interval."""
    report = told(c19=LOST)
    first, second, *_ = report.splitlines()
    assert first == f"FAIL: {suspect(19).told} made it slower"
    assert second.startswith(("  CPU time per request rose 1", "  The time for equal work rose 1"))
    assert " there; from good (" in joined(report)


def test_every_step_is_shown() -> None:
    """Law: each commit that was tried has a line: what it was found to be, and how slow it was."""
    report = told(c19=LOST)
    rows = [line for line in report.splitlines() if "Change" in line and " % (" in line]
    found = [line.split()[3] for line in rows if line.split()[3] in {"good", "bad"}]
    assert found == ["bad", "good", "bad", "bad", "good", "bad"]
    assert "6 commits of 32 measured beside" in joined(report)


def test_those_left_are_listed() -> None:
    """What had to be skipped is told, with the commits of which one is to blame."""
    report = told(8, broken=(4, 5), c5=LOST)
    assert report.startswith("FAIL: one of 3 commits made it slower\n")
    assert "2 could not be measured" in joined(report)
    assert joined(report).count("skipped build command ended ...") == 2
    for place in (4, 5, 6):
        assert f"\n    {suspect(place).told}\n" in report


def test_nothing_to_blame_is_said() -> None:
    """Where the bad build is no slower, that is the answer, with what is excluded."""
    report = joined(told())
    assert report.startswith(f"PASS: no commit up to {suspect(32).told} made it slower")
    assert "the limit is +3.0 %." in report
    assert "--margin 1%" in report


def test_what_cannot_be_told_is_said() -> None:
    """Where the sessions differ too much, it is said what it may be, and what would tell."""
    report = joined(told(8, sd=0.05))
    assert report.startswith("INCONCLUSIVE: it cannot be told whether")
    assert "it may be anything from -" in report
    assert "A quieter machine, or a larger --budget, would tell." in report


def test_the_rest_is_a_search_of_its_own() -> None:
    """What other commits added is told, with the command that finds them."""
    report = joined(told(32, 0.004, c9=0.10, c20=0.04))
    commands = f"perfgate bisect --good {commit(9)[:12]} --bad {commit(32)[:12]}"
    assert "Commits after it added" in report
    assert commands in report


def test_a_merge_can_be_looked_into() -> None:
    """Where the commit is a merge, the command is told that searches what was merged."""
    begun = bisection(4)
    parents = (commit(1), commit(99))
    line = (*begun.line[:1], suspect(2, parents), *begun.line[2:])
    merged = begun.model_copy(update={"line": line})
    report = joined(render(pursued(merged, {2: LOST}, np.random.default_rng(1))))
    into, side = (parent[:12] for parent in parents)
    assert f'perfgate bisect --good "$(git merge-base {into} {side})" --bad {side}' in report
    assert "along first parents" in report


@pytest.mark.parametrize("sd", [0.004, 0.03, 0.2])
def test_no_line_is_too_long(sd: float) -> None:
    """Law: whatever is told, it fits the width of a report."""
    report = told(16, sd, (5, 8), c7=0.1)
    assert max(map(len, report.splitlines())) <= WIDTH


def test_the_plan_counts_steps_and_builds() -> None:
    """Ahead of 32 commits five steps and seven builds are told, and how long they take."""
    plan = plan_of_search(32, LOOKS, Pace(20.0, 11.0, 120.0))
    assert "about 5 steps, 7 builds in all; 4 to 12 minutes" in plan
    assert "0 steps, 2 builds in all" in plan_of_search(1, LOOKS, Pace(20.0, 11.0, 120.0))


def test_progress_tells_what_is_left() -> None:
    """After each commit it is said how many are left, and how long that takes."""
    begun = bisection(32)
    assert progress_line(begun) == ""
    for number in range(4):
        slower = dict.fromkeys(begun.question.metrics, 0.15 + number * 1e-4)
        begun = begun.with_session(commit(32), slower, SESSION_S)
    assert progress_line(begun) == "32 commits left, about 5 steps and 3 to 10 minutes"


def test_an_interrupted_search_says_what_it_knows() -> None:
    """Going on, the commits known are listed; of a search that knows nothing there is nothing."""
    assert known_lines(bisection(32)) == []
    begun = bisection(32)
    for number in range(2):
        slower = dict.fromkeys(begun.question.metrics, 0.15 + number * 1e-4)
        begun = begun.with_session(commit(32), slower, SESSION_S)
    first, _, row = known_lines(begun)
    assert first == (
        "going on with the search of 2026-11-20T10:00:00+00:00: 2 sessions of 1 commit are known"
    )
    assert row.split()[:3] == [commit(32)[-10:], "Change", "32"]
