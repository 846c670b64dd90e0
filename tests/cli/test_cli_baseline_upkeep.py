"""``perfgate baseline`` beside `accept`: proposals, differences, proofs, and what is cleared."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from builders import (
    Build,
    anchor,
    concession,
    config,
    environment,
    incident,
    measurement,
    record,
    terms,
)
from builders import sessions as sessions_of
from examinations import noise_record
from timed import runs as timed_runs

from cli.command_line import PERFGATE, save
from perfgate.baseline.micro import micro_path
from perfgate.baseline.noise import write_noise
from perfgate.baseline.record import BaselineRecord, parse_proposed, parse_record
from perfgate.baseline.store import held, write_record, write_text
from perfgate.cli.acceptance import accept_file
from perfgate.cli.renewal import TURN, proposed, refuse_unready, summary_of
from perfgate.cli.upkeep import faults_beside, pruned
from perfgate.config.load import load_config
from perfgate.errors import PerfgateError, StoreError, UsageError
from perfgate.measurement.models import BuildId
from perfgate.verdict.case import Case
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Finished

PLACE = f"baselines/default/{environment().slug}.json"
BRANCH = "perfgate/baseline"
SURE = ("--allow-regression", "--reason", "the audit is law")


@pytest.fixture(autouse=True)
def signed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let git know who commits, and nothing else of this machine."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.org")
    for scope in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{scope}", "/dev/null")


@pytest.fixture
def clone(project: Path) -> Path:
    """Return the project as a repository with a baseline on main."""
    shutil.rmtree(project / ".git")
    git(project, "init", "--quiet", "--initial-branch=main")
    write_record(of_day(0), project / "baselines")
    commit(project)
    return project


def git(root: Path, *words: str) -> str:
    """Run git there and return what it printed."""
    done = subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path, message: str = "Change") -> str:
    """Commit everything and return the commit."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", message)
    return git(root, "rev-parse", "HEAD")


def name_of(day: int) -> str:
    """Return the commit of a day."""
    return f"{day:040}"


def of_day(day: int, **changes: Any) -> BaselineRecord:
    """Return the record of a day's commit, its own anchor."""
    own = {
        "commit": name_of(day),
        "measured_at": f"2026-11-{day + 1:02}T10:00:00+00:00",
        "anchor": anchor(name=name_of(day)[:12], commit=name_of(day)),
    }
    return record(**(own | changes))


def measured_on(day: int, before: int, build: Build | None = None, **changes: Any) -> Case:
    """Return a measurement of a day's commit beside that of the day before, and its terms."""
    made = measurement(
        candidate=BuildId(name="candidate", commit=name_of(day)),
        base=BuildId(name="base", commit=name_of(before)),
        taken_at=f"2026-11-{day + 1:02}T10:00:00+00:00",
        sessions=sessions_of(4, build or Build()),
        **changes,
    )
    held_to = terms(baseline=of_day(before), baseline_comparable=True)
    return Case(measurement=made, terms=held_to)


# Proposals

FASTER = Build(cost=-0.05, capacity=-0.05)
SLOWER = Build(cost=0.08, capacity=0.08)


def test_a_change_is_proposed_with_its_figures(
    perfgate: Callable[..., Finished], clone: Path
) -> None:
    """Law: the proposal is one commit on main, on a branch of its own; nothing else changes."""
    head, status = git(clone, "rev-parse", "HEAD"), git(clone, "status", "--short")
    file = save(measured_on(1, 0, FASTER), clone.parent / "m.json")
    summary = clone.parent / "summary.md"
    run = perfgate("baseline", "update", "--from", file, "--summary", summary)
    assert run.code == 0
    assert f"Proposed on the branch {BRANCH} (" in run.err
    assert (
        "because CPU time per request changed -4.9 % and the time for equal work changed -4.9 %"
    ) in run.err
    assert (git(clone, "rev-parse", "HEAD"), git(clone, "status", "--short")) == (head, status)
    assert git(clone, "rev-parse", f"{BRANCH}^") == head
    assert git(clone, "diff", "--name-only", head, BRANCH) == PLACE
    message = git(clone, "log", "-1", "--format=%B", BRANCH)
    subject = "Renew the baseline of auth (cost -4.9 %, time for equal work -4.9 %)"
    assert message.startswith(f"{subject}\n\n")
    assert f"  {'CPU time per request':<34}{'2':>10}{'1.92':>10}{'-3.9 %':>10}  ms" in message
    assert "Side by side, in 4 sessions beside 000000000000: CPU time per request -4.9 %" in message
    assert message.endswith("Proposed-by: perfgate baseline update")
    assert all(line.isascii() and len(line) <= 100 for line in message.splitlines())
    text = git(clone, "show", f"{BRANCH}:{PLACE}") + "\n"
    own = parse_record(text, "x")
    assert (own.commit, own.history[-1].commit) == (name_of(1), name_of(0))
    assert own.anchor is not None
    assert (own.anchor.commit, own.anchor.steps) == (name_of(0), 1)
    marked = summary.read_text()
    assert marked.startswith("Proposed because CPU time per request changed -4.9 % and the time")
    assert "needs a reason" not in marked
    assert "| CPU time per request (ms) | 2 | 1.92 | -3.9 % |" in marked
    for title in ("Undisturbed rate", "CPU time per request"):
        assert f'xychart-beta\n  title "{title} of the last records' in marked
    assert perfgate("baseline", "diff", "HEAD", BRANCH).out.splitlines()[0] == (
        f"{PLACE}: 000000000000 -> 000000000000"
    )


def test_a_worse_one_needs_a_reason(perfgate: Callable[..., Finished], clone: Path) -> None:
    """Law: a build that failed is proposed, but no baseline until somebody has said why."""
    file = save(measured_on(1, 0, SLOWER), clone.parent / "m.json")
    summary = clone.parent / "summary.md"
    run = perfgate("baseline", "update", "--from", file, "--summary", summary)
    assert run.code == 0
    command = f'perfgate baseline accept {PLACE} --allow-regression --reason "..."'
    for told in (run.err, summary.read_text()):
        assert "It is worse, and needs a reason" in told
        assert command in told
    message = git(clone, "log", "-1", "--format=%B", BRANCH)
    assert message.startswith("Needs a reason: a worse baseline of auth (cost +8.3 %")
    git(clone, "checkout", "--quiet", BRANCH)
    for words in (["verify"], ["show"], ["accept", PLACE], ["anchor", "HEAD"]):
        refused = perfgate("baseline", *words)
        assert refused.code == 4
        assert '--allow-regression --reason "..."' in refused.out + refused.err
    assert "needs a reason" in perfgate("baseline", "diff", "main", ".").out
    assert perfgate("baseline", "accept", PLACE, *SURE).code == 0
    own = parse_record((clone / PLACE).read_text(), PLACE)
    assert own.anchor is not None
    assert own.anchor.concessions[0].because == "the audit is law"
    assert own.anchor.concessions[0].by == "Ann <ann@example.org>"
    assert own.anchor.concessions[0].worse_percent["cost"] == pytest.approx(8.3, abs=0.1)
    assert perfgate("baseline", "verify").code == 0
    assert perfgate("baseline", "accept", PLACE, *SURE).code == 2


def test_a_worse_one_with_a_reason(perfgate: Callable[..., Finished], clone: Path) -> None:
    """A reason that is given at once stands in the proposal."""
    file = save(measured_on(1, 0, SLOWER), clone.parent / "m.json")
    assert perfgate("baseline", "update", "--from", file, *SURE).code == 0
    assert "accepted all the same by Ann" in git(clone, "log", "-1", "--format=%B", BRANCH)
    assert parse_record(git(clone, "show", f"{BRANCH}:{PLACE}"), "x").accepted_because


@pytest.mark.parametrize(("loss", "needs"), [(0.019, True), (0.0095, False)])
def test_a_loss_that_a_check_lets_pass_needs_a_reason_too(
    clone: Path, loss: float, needs: bool
) -> None:
    """Law: what is surely worse than is tolerated becomes no baseline silently, be it no FAIL."""
    made = measured_on(1, 0, Build(cost=loss, capacity=loss))
    proposal = proposed(made, judge(made), load_config(None, clone), BRANCH, "")
    assert proposal is not None
    assert proposal.record.verdict != "FAIL"
    assert proposal.record.awaits_reason == needs
    assert ("It is worse, and needs a reason" in summary_of(proposal)) == needs
    assert proposal.record.anchor is not None
    assert [own.found for own in proposal.record.anchor.concessions] == (
        ["CPU time per request rose 1.9 % and the time for equal work rose 1.9 %"] if needs else []
    )


def test_a_failure_that_is_not_proposed_is_told(
    perfgate: Callable[..., Finished], clone: Path
) -> None:
    """Law: where nothing is proposed, it is not said that all is well with a build that failed."""
    own = measured_on(1, 0, incidents=(incident("candidate"),))
    run = perfgate("baseline", "update", "--from", save(own, clone.parent / "m.json"))
    assert run.code == 0
    assert "nothing is proposed" in run.err
    assert "But the build failed" in run.err
    assert not git(clone, "branch", "--list", BRANCH)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, ""),
        ({"baseline_comparable": False}, "there is none of this kind of machine"),
        ({"baseline_differs": "another Locust file"}, "it was measured under another Locust file"),
        ({"baseline": None}, "there is none yet"),
        ({"config": config(baseline={"stale_days": 1})}, "it is 2 days old"),
        (
            {"baseline": of_day(0, format="perfgate.baseline/2", provenance=None, anchor=None)},
            "it is of the older format perfgate.baseline/2",
        ),
    ],
)
def test_what_is_as_it_was_is_not_proposed(
    perfgate: Callable[..., Finished], clone: Path, changes: dict[str, Any], why: str
) -> None:
    """Law: an equal build is proposed where the baseline is stale, and only there."""
    own = measured_on(2, 0)
    held_to = own.terms.model_copy(update=changes)
    file = save(own.model_copy(update={"terms": held_to}), clone.parent / "m.json")
    run = perfgate("baseline", "update", "--from", file)
    assert run.code == 0
    assert (f"because {why}" in run.err) if why else ("nothing is proposed" in run.err)
    assert bool(git(clone, "branch", "--list", BRANCH)) == bool(why)


def test_the_next_proposal_takes_the_place_of_the_last(
    perfgate: Callable[..., Finished], clone: Path
) -> None:
    """Law: there is one proposal, the latest; one that somebody has worked on is left alone."""
    for day in (1, 2):
        file = save(measured_on(day, 0, FASTER), clone.parent / "m.json")
        assert perfgate("baseline", "update", "--from", file).code == 0
    assert git(clone, "rev-list", "--count", f"main..{BRANCH}") == "1"
    git(clone, "checkout", "--quiet", BRANCH)
    run = perfgate("baseline", "update", "--from", file)
    assert run.code == 6
    assert "is checked out" in run.err
    (clone / "note.txt").write_text("why")
    theirs = commit(clone, "Say why")
    git(clone, "checkout", "--quiet", "main")
    run = perfgate("baseline", "update", "--from", file)
    assert run.code == 4
    assert "has commits that no update made" in run.err
    assert "Say why" in run.err
    assert git(clone, "rev-parse", BRANCH) == theirs


def test_proposals_of_other_machines_stay(clone: Path) -> None:
    """Law: what was proposed of another place stays proposed, until the branch of record has it."""
    loaded, elsewhere = load_config(None, clone), environment(cpu_model="AMD EPYC")
    slower = measured_on(1, 0, SLOWER)
    first = proposed(slower, judge(slower), loaded, BRANCH, "")
    assert first is not None
    own = measured_on(2, 0, FASTER, environment=elsewhere)
    held_to = own.terms.model_copy(update={"baseline_comparable": False})
    own = own.model_copy(update={"terms": held_to})
    second = proposed(own, judge(own), loaded, BRANCH, "")
    assert second is not None
    assert second.pending == (first.difference,)
    assert second.awaiting == [PLACE]
    assert PLACE in summary_of(second)
    assert git(clone, "rev-list", "--count", f"main..{BRANCH}") == "1"
    changed = git(clone, "diff", "--name-only", "main", BRANCH).splitlines()
    assert changed == sorted((PLACE, second.difference.path))

    write_record(of_day(1), clone / "baselines")
    commit(clone, "Another one was accepted there")
    third = proposed(own, judge(own), loaded, BRANCH, "")
    assert third is not None
    assert third.pending == ()
    assert git(clone, "diff", "--name-only", "main", BRANCH) == second.difference.path


def test_a_proposal_that_was_squashed_is_no_obstacle(
    perfgate: Callable[..., Finished], clone: Path
) -> None:
    """Law: a proposal with a reason that was merged in another commit makes room for the next."""
    slower = save(measured_on(1, 0, SLOWER), clone.parent / "m.json")
    assert perfgate("baseline", "update", "--from", slower).code == 0
    git(clone, "checkout", "--quiet", BRANCH)
    assert perfgate("baseline", "accept", PLACE, *SURE).code == 0
    commit(clone, "Say why")
    git(clone, "checkout", "--quiet", "main")
    faster = save(measured_on(2, 1, FASTER), clone.parent / "m.json")
    assert perfgate("baseline", "update", "--from", faster).code == 4
    git(clone, "merge", "--quiet", "--squash", BRANCH)
    commit(clone, "Take what costs more (#7)")
    (clone / "note.txt").write_text("and something else")
    commit(clone)
    assert perfgate("baseline", "update", "--from", faster).code == 0
    assert git(clone, "rev-list", "--count", f"main..{BRANCH}") == "1"


def test_an_invalid_measurement_is_not_proposed(
    perfgate: Callable[..., Finished], clone: Path
) -> None:
    """What cannot be trusted changes nothing."""
    own = measured_on(1, 0, FASTER, incidents=(incident("base"),))
    file = save(own, clone.parent / "m.json")
    run = perfgate("baseline", "update", "--from", file)
    assert run.code == 4
    assert "the measurement is invalid" in run.err
    assert not git(clone, "branch", "--list", BRANCH)


def test_what_keeps_a_proposal_from_being_made_is_told_first(
    perfgate: Callable[..., Finished], clone: Path
) -> None:
    """Law: nothing is built or measured for a proposal that could not be made."""
    for words, code, told in (
        (("--branch", "main"), 6, "the branch 'main' is checked out"),
        ((), 6, f"the stored baseline's commit {name_of(0)[:12]} is not in this clone"),
    ):
        run = perfgate("baseline", "update", *words)
        assert run.code == code
        assert told in run.err
        assert "hint: " in run.err
        assert "build" not in run.err
    git(clone, "branch", "taken")
    git(clone, "branch", "theirs", git(clone, "commit-tree", "-m", "Aside", "HEAD^{tree}"))
    loaded = load_config(None, clone)
    for branch, told in (
        ("taken/baseline", "there is one called 'taken'"),
        ("theirs", "has commits that no update made"),
        ("x y", "cannot be the name of a branch"),
    ):
        with pytest.raises(PerfgateError, match=told):
            refuse_unready(loaded, branch)


def test_a_proposal_needs_an_author(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who commits is asked for before anything is measured."""
    loaded = load_config(None, clone)
    refuse_unready(loaded, BRANCH)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    git(clone, "config", "user.useConfigOnly", "true")
    with pytest.raises(UsageError, match="git does not know who commits") as caught:
        refuse_unready(loaded, BRANCH)
    assert "user.email" in caught.value.hint


def test_a_record_that_is_too_large_is_not_written(clone: Path) -> None:
    """Law: a record stays within 64 KiB, accepted or proposed; the way to a shorter one is told."""
    long = concession(commit="5" * 40, because="x" * 60_000)
    write_record(of_day(0, anchor=anchor(commit=name_of(0)).conceding(long)), clone / "baselines")
    commit(clone)
    made, loaded, because = measured_on(1, 0, SLOWER), load_config(None, clone), "y" * 6000
    file = save(made, clone.parent / "m.json")
    for attempt in (
        partial(accept_file, file, loaded, because),
        partial(proposed, made, judge(made), loaded, BRANCH, because),
    ):
        with pytest.raises(StoreError, match="would be larger than 64 KiB") as caught:
            attempt()
        assert "perfgate baseline anchor TAG" in caught.value.hint
    assert not git(clone, "status", "--short")
    assert not git(clone, "branch", "--list", BRANCH)


@pytest.mark.parametrize("words", [("--reason", "x"), ("--allow-regression",)])
def test_options_that_go_together(
    perfgate: Callable[..., Finished], clone: Path, words: tuple[str, ...]
) -> None:
    """A reason without a regression, or the other way round, is a usage error."""
    assert perfgate("baseline", "update", "--from", clone / "m.json", *words).code == 2


# A bar that moves itself


def test_a_change_within_the_branch_of_a_candidate_moves_no_bar(
    perfgate: Callable[..., Finished], clone: Path
) -> None:
    """Law: what a candidate's branch says of baselines is not what it is held against."""
    from perfgate.baseline.store import find_baseline  # noqa: PLC0415 - as orders do
    from perfgate.build.gitio import open_repository  # noqa: PLC0415 - as above

    git(clone, "checkout", "--quiet", "-b", "feature")
    easy = of_day(1, cost_ms=99.0, anchor=anchor(commit=name_of(1)))
    write_record(easy, clone / "baselines")
    commit(clone, "Lower the bar")
    (clone / PLACE).write_text(of_day(2).to_text())
    with open_repository(clone) as repository:
        bar = repository.merge_base("feature", "main")
        assert bar is not None
        found = find_baseline(repository, bar, "baselines/default", environment())
    assert found is not None
    assert found.record == of_day(0)
    file = save(measured_on(3, 0, FASTER), clone.parent / "m.json")
    assert perfgate("baseline", "update", "--from", file).code == 0
    own = parse_record(git(clone, "show", f"{BRANCH}:{PLACE}"), "x")
    assert [past.commit for past in own.history] == [name_of(0)]


# Files that cannot be trusted

SPOILT: dict[str, Callable[[str], str]] = {
    "tampered": lambda text: text.replace('"cost_ms": 2.0', '"cost_ms": 3.0'),
    "truncated": lambda text: text[: len(text) // 2],
    "foreign": lambda _: '{"format": "pyperf/1", "benchmarks": []}',
    "future": lambda text: text.replace("perfgate.baseline/3", "perfgate.baseline/4"),
    "conflict": lambda text: f"<<<<<<< HEAD\n{text}=======\n{text}>>>>>>> other\n",
    "empty": lambda _: "",
}


@pytest.mark.parametrize("spoilt", SPOILT)
def test_a_spoilt_file_is_told_and_left(
    perfgate: Callable[..., Finished], clone: Path, spoilt: str
) -> None:
    """Law: what meets a file that cannot be trusted ends with 4, names it, and leaves it."""
    good = (clone / PLACE).read_text()
    bad = SPOILT[spoilt](good)
    assert bad != good
    (clone / PLACE).write_text(bad)
    head = commit(clone, "Spoil")
    file = save(measured_on(1, 0, FASTER), clone.parent / "m.json")
    for words in (
        ["accept", file],
        ["update", "--from", file],
        ["show"],
        ["verify"],
        ["anchor", "HEAD"],
        ["diff", "HEAD~1", "HEAD"],
        ["prune"],
    ):
        run = perfgate("baseline", *words)
        assert run.code == 4, words
        assert PLACE in run.out + run.err
        assert "hint: " in run.err or "-> " in run.out
    with pytest.raises(StoreError, match=PLACE) as caught:
        accept_file(clone / PLACE, load_config(None, clone), "the audit is law")
    assert "not a measurement" not in caught.value.message
    assert (clone / PLACE).read_text() == bad
    assert git(clone, "rev-parse", "HEAD") == head
    assert not git(clone, "status", "--short")
    assert not git(clone, "branch", "--list", BRANCH)


def test_verify_tells_all_at_once(perfgate: Callable[..., Finished], clone: Path) -> None:
    """Law: every file is proved, in its own line, whatever is wrong with the others."""
    assert perfgate("baseline", "verify").out == f"ok   {PLACE}\n"
    write_record(of_day(0, profile="nightly"), clone / "baselines")
    nightly = clone / PLACE.replace("default", "nightly")
    (clone / "baselines" / "copied").mkdir()
    shutil.copy(nightly, clone / "baselines" / "copied")
    write_record(of_day(0, profile="other", service="mail"), clone / "baselines")
    nightly.write_text("{")
    run = perfgate("baseline", "verify")
    assert run.code == 4
    lines = [line for line in run.out.splitlines() if not line.startswith("     ->")]
    assert [line[:4].strip() for line in lines] == ["BAD", "ok", "BAD", "BAD"]
    assert "is the record of another place" in lines[0]
    assert "Invalid JSON" in lines[2]
    assert "is a baseline of 'mail', not of 'auth'" in lines[3]


def test_records_of_times_and_of_noise_are_verified_too(
    perfgate: Callable[..., Finished], clone: Path
) -> None:
    """Law: whatever is sealed below the store is proved, not only what a check is held against."""
    store = clone / "baselines"
    times = timed_runs()
    write_text(micro_path(store, "default", times.cpu_model), times.to_text())
    copied = write_noise(noise_record(), store).with_name("copied.json")
    assert set(faults_beside(load_config(None, clone)).values()) == {None}
    copied.write_text(noise_record().to_text())
    edited = store / "micro" / "default" / "edited.json"
    edited.write_text(times.to_text().replace("test_hash", "test_cash"))
    (store / "micro" / "default" / "odd.json").mkdir()
    run = perfgate("baseline", "verify")
    assert run.code == 4
    told = [line for line in run.out.splitlines() if not line.startswith("     ->")]
    assert [line[:4].strip() for line in told] == ["ok", "BAD", "ok", "BAD", "BAD", "ok"]
    assert "edited.json does not match its checksum" in told[1]
    assert "odd.json is no file" in told[3]
    assert "copied.json is the record of another place" in told[4]


@pytest.mark.usefixtures("clone")
def test_verify_tells_of_commits_that_are_not_here(perfgate: Callable[..., Finished]) -> None:
    """A baseline whose build is not in the clone is whole, but it is told how to get that."""
    run = perfgate("baseline", "verify")
    assert run.code == 0
    assert f"'{name_of(0)}' names no commit" in run.err


def test_verify_without_any(perfgate: Callable[..., Finished], project: Path) -> None:
    """No baseline at all is not a proof that all is well."""
    run = perfgate("baseline", "verify")
    assert (run.code, run.out) == (4, "BAD  baselines: no baseline is stored\n")
    assert project.is_dir()


# What is old


def test_what_is_outdated_is_removed(perfgate: Callable[..., Finished], clone: Path) -> None:
    """Law: records of profiles that are gone, and of machines long unseen, go; the latest stay."""
    kept = [clone / PLACE]
    elsewhere = environment(cpu_model="AMD EPYC")
    gone = [
        write_record(of_day(0, profile="nightly"), clone / "baselines"),
        write_record(
            of_day(0, environment=elsewhere, measured_at="2026-01-01T10:00:00+00:00"),
            clone / "baselines",
        ),
    ]
    dry = perfgate("baseline", "prune", "--dry-run", "--older-than", "200")
    assert "would be removed: there is no profile 'nightly' any more" in dry.err
    assert all(path.is_file() for path in (*kept, *gone))
    run = perfgate("baseline", "prune", "--older-than", "200")
    assert run.code == 0
    assert "removed: measured 2026-01-01, and others of its profile since" in run.err
    assert [path.is_file() for path in (*kept, *gone)] == [True, False, False]
    assert "Nothing is outdated" in perfgate("baseline", "prune").err


def test_what_is_accepted_meanwhile_is_not_removed(clone: Path) -> None:
    """Law: what is outdated is asked once nobody else writes: a record just accepted stays."""
    elsewhere = environment(cpu_model="AMD EPYC")
    old, new = (
        of_day(day, environment=elsewhere, measured_at=f"2026-{month}-01T10:00:00+00:00")
        for day, month in ((0, "01"), (1, "11"))
    )
    write_record(old, clone / "baselines")
    loaded = load_config(None, clone)
    with ThreadPoolExecutor() as pool:
        with held(clone / "baselines") as store:
            waiting = pool.submit(pruned, loaded, 180, date(2026, 11, 20))
            assert wait([waiting], timeout=0.2).not_done
            write_record(new, store)
        assert waiting.result(timeout=10) == {}


def test_the_latest_record_is_never_outdated(
    perfgate: Callable[..., Finished], clone: Path
) -> None:
    """Law: however old the only record of a profile is, it is the bar."""
    assert "Nothing is outdated" in perfgate("baseline", "prune", "--older-than", "1").err
    assert (clone / PLACE).is_file()


# Anchors


def test_an_anchor_moves_to_a_release(perfgate: Callable[..., Finished], clone: Path) -> None:
    """Law: what had come by the release is taken off, in steps, figures and concessions."""
    for day in (1, 2, 3):
        build = Build(cost=0.02, capacity=0.02) if day == 2 else SLOWER
        own = measured_on(day, day - 1, build)
        held_to = own.terms.model_copy(update={"baseline": None})
        file = save(own.model_copy(update={"terms": held_to}), clone.parent / "m.json")
        assert perfgate("baseline", "accept", file, *SURE).code == 0
        commit(clone, f"Accept {day}")
        git(clone, "tag", f"v{day}")
    before = parse_record((clone / PLACE).read_text(), PLACE).anchor
    assert before is not None
    assert (before.steps, [own.commit for own in before.concessions]) == (
        3,
        [name_of(1), name_of(3)],
    )
    run = perfgate("baseline", "anchor", "v2")
    assert run.code == 0
    assert f"drift counts from v2 ({name_of(2)[:12]})" in run.err
    moved = parse_record((clone / PLACE).read_text(), PLACE).anchor
    assert moved is not None
    assert (moved.name, moved.commit, moved.steps) == ("v2", name_of(2), 1)
    assert moved.slowdowns["cost"].estimate == pytest.approx(0.08, abs=1e-4)
    assert [own.commit for own in moved.concessions] == [name_of(3)]
    assert perfgate("baseline", "anchor", "v3").code == 0
    newest = parse_record((clone / PLACE).read_text(), PLACE).anchor
    assert newest is not None
    assert (newest.name, newest.steps, newest.slowdowns, newest.concessions) == ("v3", 0, {}, ())


def test_the_anchor_gets_the_name_of_its_release(
    perfgate: Callable[..., Finished], clone: Path
) -> None:
    """A tag on the record that is the anchor already names it, and takes nothing off."""
    git(clone, "tag", "v1")
    file = save(measured_on(1, 0, FASTER), clone.parent / "m.json")
    assert perfgate("baseline", "accept", file).code == 0
    assert perfgate("baseline", "anchor", "v1").code == 0
    own = parse_record((clone / PLACE).read_text(), PLACE).anchor
    assert own is not None
    assert (own.name, own.commit, own.steps) == ("v1", name_of(0), 1)


@pytest.mark.parametrize(("tag", "code"), [("v9", 6), ("empty", 4), ("other", 4)])
def test_what_cannot_be_the_anchor(
    perfgate: Callable[..., Finished], clone: Path, tag: str, code: int
) -> None:
    """A tag that is not there, has no record, or has one that did not lead here is refused."""
    before = (clone / PLACE).read_text()
    git(clone, "checkout", "--quiet", "--orphan", "aside")
    git(clone, "rm", "--quiet", "-r", "--cached", "baselines")
    (clone / PLACE).unlink()
    commit(clone, "Without")
    git(clone, "tag", "empty")
    write_record(of_day(7), clone / "baselines")
    commit(clone, "Another")
    git(clone, "tag", "other")
    git(clone, "checkout", "--quiet", "main")
    run = perfgate("baseline", "anchor", tag)
    assert run.code == code
    assert (clone / PLACE).read_text() == before


# Differences


def test_differences_of_everything(perfgate: Callable[..., Finished], clone: Path) -> None:
    """Law: what was added, removed or changed is told, what is equal is not."""
    assert perfgate("baseline", "diff", "HEAD").out == "No record differs.\n"
    (clone / PLACE).unlink()
    write_record(of_day(1, profile="nightly"), clone / "baselines")
    out = perfgate("baseline", "diff", "HEAD").out
    assert f"{PLACE}: 000000000000 -> nothing" in out
    assert "There is no record any more." in out
    assert "nightly" in out
    file = clone.parent / "one.json"
    file.write_text(of_day(2, cost_ms=4.0).to_text())
    out = perfgate("baseline", "diff", "main", file, "--format", "markdown").out
    assert "| CPU time per request (ms) | 2 | 4 | +100.0 % |" in out


# Two at once, and killed in the middle


def started(project: Path, *words: object) -> subprocess.Popen[bytes]:
    """Start perfgate in the project."""
    return subprocess.Popen(
        [PERFGATE, "baseline", *map(str, words)],
        cwd=project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(("of_anchor", "codes"), [("9" * 40, [0, 4]), (name_of(0), [0, 0])])
def test_two_acceptances_at_once(clone: Path, of_anchor: str, codes: list[int]) -> None:
    """Law: of two records for one place none is lost: the later knows the other, or is refused.

    It is refused where it was measured beside what is the baseline no more, unless that is the
    anchor.
    """
    write_record(of_day(0, anchor=anchor(commit=of_anchor)), clone / "baselines")
    rivals = [save(measured_on(day, 0, FASTER), clone.parent / f"{day}.json") for day in (1, 2)]
    running = [started(clone, "accept", file) for file in rivals]
    told = [process.communicate(timeout=100)[1].decode() for process in running]
    ended = [process.returncode for process in running]
    assert sorted(ended) == codes
    own = parse_record((clone / PLACE).read_text(), PLACE)
    known = {past.commit for past in own.history} | {own.commit}
    assert known == {name_of(0)} | {
        name_of(day) for day, code in zip((1, 2), ended, strict=True) if not code
    }
    for words, code in zip(told, ended, strict=True):
        assert not code or f"and the baseline is {own.commit[:12]}" in words


def test_two_proposals_at_once(clone: Path) -> None:
    """Law: two proposals at once take turns: the branch has the later one, whole."""
    rivals = [save(measured_on(day, 0, FASTER), clone.parent / f"{day}.json") for day in (1, 2)]
    running = [started(clone, "update", "--from", file) for file in rivals]
    told = [process.communicate(timeout=100)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    own = parse_record(git(clone, "show", f"{BRANCH}:{PLACE}"), "x")
    assert own.commit in {name_of(1), name_of(2)}
    assert not (clone / ".git" / TURN).exists()
    assert git(clone, "rev-list", "--count", f"main..{BRANCH}") == "1"


# For each line it reads, a process that writes without end: its number, once it has begun, and what
# ended it.
WRITERS = """\
import os
import sys
from pathlib import Path
from perfgate.baseline.record import parse_record
from perfgate.baseline.store import held, write_record
old, new, store = (Path(word) for word in sys.argv[1:])
records = [parse_record(path.read_text(), str(path)) for path in (old, new)]
for _ in sys.stdin:
    if number := os.fork():
        print(os.waitpid(number, 0)[1], flush=True)
    else:
        begun = False
        while True:
            for record in records:
                with held(store):
                    write_record(record, store)
            if not begun:
                print(os.getpid(), flush=True)
                begun = True
"""


def test_killed_in_the_middle_of_writing(tmp_path: Path) -> None:
    """Law: SIGKILL at any of 50 moments leaves the old record or the new one, never half of one."""
    both = [of_day(0), of_day(1, operations={})]
    files = [tmp_path / f"{number}.json" for number in (0, 1)]
    for file, own in zip(files, both, strict=True):
        file.write_text(own.to_text())
    path = write_record(both[0], tmp_path / "store")
    moments, seen = random.Random(7), set[str]()  # noqa: S311 - moments
    with subprocess.Popen(
        [sys.executable, "-c", WRITERS, *files, tmp_path / "store"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(50):
            process.stdin.write("\n")
            number = int(process.stdout.readline())
            time.sleep(moments.uniform(0.0, 0.02))
            os.kill(number, signal.SIGKILL)
            assert int(process.stdout.readline()) == signal.SIGKILL
            own = parse_record(path.read_text(), str(path))
            assert own in both
            seen.add(own.commit)
    assert len(seen) == 2
    # What the killed ones left is no record, and nobody takes it for one.
    write_record(both[1], tmp_path / "store")
    assert parse_record(path.read_text(), str(path)) == both[1]


def test_a_proposal_is_no_record(clone: Path) -> None:
    """Law: a record that awaits a reason reads as a proposal, and as nothing else."""
    own = of_day(1).conceding(concession(because=""))
    assert parse_proposed(own.to_text(), "x") == own
    assert own.awaits_reason
    (clone / PLACE).write_text(own.to_text())
