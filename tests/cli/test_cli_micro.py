"""``perfgate micro``: benchmarks are held against the times of record, or become these."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from builders import Build, case
from timed import CPU, judged, save, timed
from timed import runs as timed_runs

from cli.command_line import save as save_case
from perfgate.baseline.micro import parse_micro
from perfgate.cli.micro import FORMAT_NAMES
from perfgate.cli.times import accept_times
from perfgate.config.load import load_config
from perfgate.report.micro import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Finished

PLACE = "baselines/micro/default/intel-r-xeon-r-2-20ghz.json"
SLOW = {"test_hash": 1.5}


def git(root: Path, *words: str) -> None:
    """Run git there."""
    own = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    subprocess.run(["git", *own, *words], cwd=root, check=True, capture_output=True)


def commit(root: Path) -> None:
    """Commit everything."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Change")


def runs(root: Path, slower: dict[str, float] | None = None, **changes: str) -> list[Path]:
    """Write three runs, and return their files."""
    first = 11 if slower else 1
    documents = [timed(slower, seed=seed, **changes) for seed in range(first, first + 3)]
    return [
        save(document, root.parent / f"{first + place}.json")
        for place, document in enumerate(documents)
    ]


@pytest.fixture
def store(perfgate: Callable[..., Finished], project: Path) -> Path:
    """Return the project with times of record, committed on main."""
    git(project, "init", "--quiet", "--initial-branch", "main")
    run = perfgate("micro", *runs(project), "--accept")
    assert (run.code, run.out) == (0, "")
    assert f"{PLACE}: times of record are now those of 333333333333" in run.err
    commit(project)
    return project


def test_formats_are_the_registry() -> None:
    """The formats that the command line offers are those there are."""
    assert list(FORMATS) == list(FORMAT_NAMES)


def test_the_verdict_has_the_exit_code(perfgate: Callable[..., Finished], store: Path) -> None:
    """Equal times pass, slower ones fail and are named, and one run alone decides little."""
    good = perfgate("micro", *runs(store))
    assert (good.code, good.err, good.out.splitlines()[0][:5]) == (0, "", "PASS:")
    bad = perfgate("micro", *runs(store, SLOW))
    assert bad.code == 1
    assert "test_hash: from 30.1 ms to 45.2 ms" in bad.out
    assert "medians of one build differ by" in bad.out
    unsure = save(timed(dict.fromkeys(SLOW, 1.16), seed=30), store.parent / "one.json")
    assert perfgate("micro", unsure).code == 3
    assert perfgate("micro", unsure, "--on-inconclusive", "pass").code == 0


def test_formats(perfgate: Callable[..., Finished], store: Path) -> None:
    """Programs and job summaries get the same verdict."""
    told = json.loads(perfgate("micro", *runs(store, SLOW), "--format", "json").out)
    assert (told["verdict"], told["format"]) == ("FAIL", "perfgate.micro-verdict/1")
    assert len(told["benchmarks"]) == 3
    page = perfgate("micro", *runs(store, SLOW), "--format", "markdown").out
    assert page.startswith("## \N{CROSS MARK} perfgate micro: FAIL\n")
    assert "test\\_hash: from" in page


def test_a_branch_does_not_move_its_own_bar(perfgate: Callable[..., Finished], store: Path) -> None:
    """Law: times accepted on the candidate's branch do not count before they are merged."""
    git(store, "checkout", "--quiet", "-b", "feature")
    slow = runs(store, SLOW)
    words = ("--allow-regression", "--reason", "safer hashes")
    assert perfgate("micro", *slow, "--accept", *words).code == 0
    commit(store)
    assert perfgate("micro", *slow).code == 1
    run = perfgate("micro", *slow, "--ref", "feature")
    assert run.code == 0
    assert "accepted although slower: safer hashes" in run.out


def test_worse_times_need_a_reason(perfgate: Callable[..., Finished], store: Path) -> None:
    """Law: what failed is not accepted without a reason, and the file stays as it was."""
    before = (store / PLACE).read_bytes()
    run = perfgate("micro", *runs(store, SLOW), "--accept")
    assert (run.code, (store / PLACE).read_bytes()) == (4, before)
    assert "these times are not accepted: test_hash: from" in run.err
    assert perfgate("micro", *runs(store), "--accept").code == 0


def test_why_worse_times_were_accepted_is_told(store: Path) -> None:
    """Law: a reason stands in the record, and in the report of whatever is held against it."""
    loaded, worse = load_config(None, store), timed_runs(SLOW)
    path, _ = accept_times(worse, loaded, "the audit is law")
    record = parse_micro(path.read_text(), str(path))
    assert record.accepted_because == "the audit is law"
    assert "although slower: the audit is law" in FORMATS["terminal"](judged(worse, record), None)


def test_times_of_uncommitted_changes_are_none_of_record(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Law: what cannot be timed again is compared, but never the bar."""
    document = timed()
    document["commit_info"]["dirty"] = True
    run = perfgate("micro", save(document, project.parent / "now.json"), "--accept")
    assert run.code == 4
    assert "333333333333 had changes" in run.err
    assert not (project / "baselines").exists()


@pytest.mark.parametrize("content", [b"\xff", b"{}", b"<<<<<<< HEAD\n"])
def test_a_damaged_record_is_not_overwritten(
    perfgate: Callable[..., Finished], store: Path, content: bytes
) -> None:
    """Law: what cannot be read is neither compared with nor replaced."""
    (store / PLACE).write_bytes(content)
    run = perfgate("micro", *runs(store), "--accept")
    assert (run.code, (store / PLACE).read_bytes()) == (4, content)
    commit(store)
    assert perfgate("micro", *runs(store)).code == 4


def test_another_cpu_is_refused(perfgate: Callable[..., Finished], store: Path) -> None:
    """Law: times of another CPU, or another Python, are an error and no verdict."""
    run = perfgate("micro", *runs(store, cpu="AMD EPYC"))
    assert (run.code, run.out) == (4, "")
    assert "no times of AMD EPYC are of record, only of intel-r-xeon-r-2-20ghz" in run.err
    run = perfgate("micro", *runs(store, python="3.12.1"))
    assert (run.code, run.out) == (4, "")
    assert "another Python (CPython 3.12) than those of record (CPython 3.11)" in run.err
    copied = store / "baselines/micro/default/amd-epyc.json"
    copied.write_bytes((store / PLACE).read_bytes())
    commit(store)
    run = perfgate("micro", *runs(store, cpu="AMD EPYC"))
    assert (run.code, run.out) == (4, "")
    assert "it was copied there" in run.err


def test_another_python_begins_anew(perfgate: Callable[..., Finished], store: Path) -> None:
    """Times of a new Python take the place of the old ones, which they cannot be held against."""
    assert perfgate("micro", *runs(store, SLOW, python="3.12.1"), "--accept").code == 0
    stored = parse_micro((store / PLACE).read_text(), PLACE)
    assert (stored.python, stored.cpu_model) == ("CPython 3.12.1", CPU)


def test_files_side_by_side(perfgate: Callable[..., Finished], project: Path) -> None:
    """Two builds timed on one machine are compared without any store or repository."""
    words = [word for path in runs(project) for word in ("--against", path)]
    run = perfgate("micro", *runs(project, SLOW, commit="4" * 40), *words)
    assert run.code == 1
    assert "benchmarks of 444444444444 against 333333333333" in run.out


def test_nothing_in_common(perfgate: Callable[..., Finished], project: Path) -> None:
    """Where no benchmark is in both files there is nothing to show, and no pass."""
    one, other = timed(), timed()
    one["benchmarks"], other["benchmarks"] = one["benchmarks"][:1], other["benchmarks"][1:2]
    files = [save(own, project / f"{n}.json") for n, own in enumerate((one, other))]
    run = perfgate("micro", files[0], "--against", files[1])
    assert run.code == 3
    assert "interval" not in run.out
    assert "taken to be 5 %" in run.out


def test_runs_of_different_builds_are_no_runs_of_one(
    perfgate: Callable[..., Finished], project: Path
) -> None:
    """Files of two commits, or CPUs, are not averaged."""
    one = runs(project)[0]
    others = {"commits": timed(seed=20, commit="4" * 40), "CPUs": timed(seed=20, cpu="Other")}
    for told, document in others.items():
        other = save(document, project / "other.json")
        run = perfgate("micro", one, other, "--against", one)
        assert run.code == 2
        assert f"of different {told}" in run.err


def test_explains(perfgate: Callable[..., Finished], store: Path) -> None:
    """With a saved measurement it is told what of the dearer login the slower hash explains."""
    measured = save_case(case(Build(operations={"login": 0.35})), store.parent / "m.json")
    run = perfgate("micro", *runs(store, SLOW), "--explains", measured)
    assert run.code == 1
    lines = [line.split() for line in run.out.splitlines()]
    (login,) = [words for words in lines if words[:1] == ["login:"]]
    (part,) = [words for words in lines if words[:3] == ["1", "x", "test_hash"]]
    added_ms = [float(words[words.index("ms") - 1]) for words in (login[8:], part)]
    assert added_ms == pytest.approx([15, 15], rel=0.05)
    assert part[-1].endswith("%")
    assert "Not surely changed: introspect." in run.out


@pytest.mark.parametrize(
    "words",
    [
        ("--accept", "--ref", "HEAD"),
        ("--accept", "--allow-regression"),
        ("--accept", "--reason", "because"),
        ("--allow-regression", "--reason", "because"),
    ],
)
def test_options_that_do_not_go_together(
    perfgate: Callable[..., Finished], store: Path, words: tuple[str, ...]
) -> None:
    """Accepting compares with nothing that is named, and a reason belongs to a regression."""
    assert perfgate("micro", *runs(store), *words).code == 2


def test_without_the_branch_of_record(perfgate: Callable[..., Finished], store: Path) -> None:
    """Where the branch is missing, or shares no history, the way out is told."""
    git(store, "checkout", "--quiet", "--orphan", "other")
    git(store, "commit", "--quiet", "--message", "Begin anew")
    run = perfgate("micro", *runs(store))
    assert run.code == 6
    assert "shares no history here with 'main'" in run.err
    git(store, "branch", "--move", "main", "trunk")
    run = perfgate("micro", *runs(store))
    assert run.code == 6
    assert "--ref HEAD" in run.err
