"""The pure parts of the calibration: what is missing, what is drawn, and how the page reads."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from builders import Build, case, session
from scenarios.auth_repository import ServiceRepository

from calibration.builds import BUILDS, MADE, commit_of
from calibration.cases import CASE, FAILED, RUN, Kept, Run, condition, keep, kept, seed_of
from calibration.collect import HUNG, Wanted, missing
from calibration.groups import groups_in
from calibration.page import alarms, render
from calibration.resample import Policy, pool_of, resampled, slowed
from perfgate.analysis.change import primary_slowdowns
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.verdict.case import Case

SPREAD = 0.006
DRAWS = 100


def noisy_case(seed: int, loss: float = 0.0, count: int = 4) -> Case:
    """Return a case whose sessions differ as real ones do, around a loss (log)."""
    rng = np.random.default_rng(seed)
    rows = loss + SPREAD * rng.standard_normal((count, 2))
    made = tuple(
        session(Build(cost=cost, capacity=capacity, saturated=capacity)) for cost, capacity in rows
    )
    return case(sessions=made)


def kept_case(number: int, variant: str = "same", loss: float = 0.0) -> Kept:
    """Return a kept check."""
    made = noisy_case(number, loss)
    verdict = judge(made)
    run = Run(
        variant=variant,
        number=number,
        seed=number,
        burn=0.0,
        budget_s=240.0,
        seconds=100.0,
        code=int(verdict.exit_code()),
        verdict=str(verdict.outcome),
    )
    return Kept(run, made)


def store(directory: Path, *checks: Kept) -> None:
    """Keep the checks below a directory."""
    for one in checks:
        place = directory / condition(one.run.variant, one.run.burn) / f"{one.run.number:03}"
        place.mkdir(parents=True)
        (place / CASE).write_text(one.case.to_text())
        keep(one.run, place)


EQUAL = pool_of([kept_case(number) for number in range(12)])


def test_equal_builds_do_not_fail() -> None:
    """Law: drawn from equal sessions, no more checks fail than the chance of error allows."""
    drawn = resampled(EQUAL, DRAWS)
    failed = sum(one.verdict == "FAIL" for one in drawn)
    assert failed <= 4  # of 100 at 1 %: more in one of 300 tries, and the draws are always the same
    assert sum(one.verdict in ("PASS", "WARN") for one in drawn) > 0.9 * DRAWS


def test_a_large_loss_fails_at_once() -> None:
    """Law: shifted by 10 %, every check fails at the first look, by cost or capacity."""
    drawn = resampled(EQUAL, DRAWS, loss=math.log(1.1))
    assert {(one.verdict, one.sessions) for one in drawn} == {("FAIL", 4)}
    assert {one.first for one in drawn} <= {"cost", "capacity"}


def test_draws_are_the_same_again() -> None:
    """Law: the same sessions give the same draws."""
    assert resampled(EQUAL, 7) == resampled(EQUAL, 7)


def test_a_policy_is_kept_to() -> None:
    """Looks and budget are those of the policy: so are the sessions, and the time they may take."""
    one_look = resampled(EQUAL, 10, policy=Policy(looks=(3,)))
    assert {one.sessions for one in one_look} == {3}
    short = resampled(EQUAL, 10, policy=Policy(budget_s=30.0))
    assert {(one.verdict, one.sessions) for one in short} == {("INCONCLUSIVE", 1)}


def test_a_shift_is_a_shift() -> None:
    """Law: a session that is slowed shows just that loss more, in cost and in capacity."""
    run = EQUAL.sessions[0]
    before, after = (primary_slowdowns([one]) for one in (run, slowed(run, 0.07)))
    for name in before:
        assert after[name] == pytest.approx(before[name] + 0.07)


def test_what_is_missing_comes_in_turn(tmp_path: Path) -> None:
    """Checks that are kept are not made again; the others come in turn, each variant to its own."""
    store(tmp_path, kept_case(1), kept_case(2, "loss-5"))
    wanted = Wanted({"same": 3, "loss-5": 2}, tmp_path)
    assert list(missing(wanted)) == [(1, "loss-5"), (2, "same"), (3, "same")]
    beside = replace(wanted, burn=0.8)
    assert len(list(missing(beside))) == 5


def test_each_check_has_a_seed_of_its_own() -> None:
    """Seeds differ from check to check, and are the same in every collection."""
    seeds = {seed_of(name, number) for name in BUILDS for number in range(100)}
    assert len(seeds) == 100 * len(BUILDS)
    assert seed_of("same", 1) == 677127356


def test_what_is_kept_is_read(tmp_path: Path) -> None:
    """A check is read as it was kept; a draft without its last file is none."""
    one = kept_case(3)
    store(tmp_path, one, kept_case(2))
    (tmp_path / "same" / "004").mkdir()
    (tmp_path / "same" / "004" / CASE).write_text(one.case.to_text())
    assert [found.run.number for found in kept(tmp_path / "same")] == [2, 3]
    assert kept(tmp_path / "same")[1] == one
    assert json.loads((tmp_path / "same" / "003" / RUN).read_text())["variant"] == "same"


def test_the_page_counts_what_was_kept(tmp_path: Path) -> None:
    """Each build has its row, with verdicts, interval, loss and spread; all parts are there."""
    checks = [kept_case(number) for number in range(4)]
    dear = [kept_case(number, "loss-10", math.log(1.1)) for number in range(2)]
    store(tmp_path, *checks, *dear)
    page = render(groups_in(tmp_path), draws=8)
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ")]
    equal = next(row for row in rows if row[0] == f"| {BUILDS['same'].what}")
    lossy = next(row for row in rows if row[0] == f"| {BUILDS['loss-10'].what}")
    assert equal[1] == "4"
    assert sum(map(int, equal[2:4])) == 4  # PASS and WARN
    assert lossy[4] == "2"
    assert lossy[7] == "0"
    assert lossy[8].startswith("100.0 % (34.2 to 100.0)")  # Wilson, 2 of 2
    assert re.match(r"(\+(9|10)\.\d( / )?){3} %", lossy[9])
    for part in ("## Real checks", "## Resampled", "## Shifted", "## A margin of 1 %"):
        assert part in page


def test_a_hung_check_is_counted_and_is_not_right(tmp_path: Path) -> None:
    """A check that was given up has no figures, but its row counts it."""
    one = kept_case(1, "loss-10", math.log(1.1))
    store(tmp_path, one)
    (tmp_path / "loss-10" / "002").mkdir()
    keep(replace(one.run, number=2, verdict=HUNG), tmp_path / "loss-10" / "002", FAILED)
    page = render(groups_in(tmp_path), draws=2)
    row = next(line for line in page.splitlines() if BUILDS["loss-10"].what in line).split(" | ")
    assert (row[1], row[7]) == ("2", "1")
    assert row[8].startswith("50.0 %")


def test_a_page_without_equal_builds(tmp_path: Path) -> None:
    """Without checks of equal builds, nothing is shifted."""
    store(tmp_path, kept_case(1, "loss-5", math.log(1.05)))
    page = render(groups_in(tmp_path), draws=2)
    assert "## Resampled" in page
    assert "## Shifted" not in page


def test_growth_of_memory_is_told_once_for_all_equal_builds(tmp_path: Path) -> None:
    """However many builds deserve a PASS, one sentence tells by how much their memory differed."""
    store(tmp_path, kept_case(1), kept_case(1, "threads-same"))
    sentence = "With builds that deserve a PASS, the candidate's memory grew by at most"
    assert render(groups_in(tmp_path), draws=2).count(sentence) == 1


def test_alarms_are_for_what_chance_does_not_explain(tmp_path: Path) -> None:
    """One equal build of many that fails is chance, two of four are not; so is a loss passed."""
    failed = [kept_case(number, loss=math.log(1.2)) for number in (1, 2)]
    store(tmp_path / "two", *failed, kept_case(3), kept_case(4))
    store(tmp_path / "one", failed[0], kept_case(3), kept_case(4))
    store(tmp_path / "missed", kept_case(1, "loss-10"), kept_case(2, "loss-10"))
    assert alarms(groups_in(tmp_path / "one")) == []
    assert "2 of 4 checks got it wrong" in alarms(groups_in(tmp_path / "two"))[0]
    assert "2 of 2 checks got it wrong" in alarms(groups_in(tmp_path / "missed"))[0]


@pytest.mark.parametrize("service", MADE)
def test_builds_are_commits_right_on_the_base(service: str, tmp_path: Path) -> None:
    """Each build is a commit of its own whose parent is the base, and its Python compiles."""
    repository = MADE[service](tmp_path / "repository")
    assert isinstance(repository, ServiceRepository)
    own = {name: build for name, build in BUILDS.items() if build.service == service}
    commits = {name: commit_of(repository, build) for name, build in own.items()}
    assert len(set(commits.values())) == len(own)
    for name, commit in commits.items():
        assert repository.git("rev-parse", f"{commit}^") == repository.base
        for edit in own[name].edits:
            text = repository.git("show", f"{commit}:{edit.path}")
            assert edit.new.strip() in text
            compile(text, edit.path, "exec")
