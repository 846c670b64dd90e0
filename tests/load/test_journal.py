"""Only a journal that proves to be whole is read; everything else is no evidence at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from load.journals import BASE, CANDIDATE, OPERATIONS, both_hosts, plan, row, window, write_run
from perfgate.errors import LoadError
from perfgate.exitcodes import ExitCode
from perfgate.load.journal import (
    Busy,
    Charge,
    WarmUp,
    known_operations,
    reached_open,
    read_journal,
    shut_out,
)
from perfgate.load.plan import Phase
from perfgate.load.rows import ROW

if TYPE_CHECKING:
    from pathlib import Path

    from load.journals import Row


def arrivals(numbers: list[int], build: int = CANDIDATE) -> list[Row]:
    """Return open-loop rows of one build with these numbers."""
    return [row(number=number, build=build) for number in numbers]


def refusal(run_dir: Path, expected: int) -> str:
    """Return why the journal of a candidate alone is refused."""
    with pytest.raises(LoadError) as caught:
        read_journal(run_dir, plan(), expected)
    assert caught.value.exit_code is ExitCode.UNDECIDED
    return caught.value.message


@given(order=st.permutations(range(8)), warmup=st.integers(0, 3), ramp=st.integers(0, 8))
def test_a_whole_journal_reads_back(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], warmup: int, ramp: int
) -> None:
    """Law: with every arrival once, in whatever order and beside other phases, it is read.

    The arrivals of the ramp are part of the schedule.
    """
    run_dir = tmp_path_factory.mktemp("run")
    other = [row(number=number, phase=Phase.WARMUP) for number in range(warmup)]
    scheduled = [
        made | {"phase": Phase.RAMP if made["number"] < ramp else Phase.OPEN}
        for made in arrivals(order)
    ]
    write_run(run_dir, other + scheduled)
    journal = read_journal(run_dir, plan(), 8)

    assert journal.operations == OPERATIONS
    assert journal.rows["number"].tolist() == [*range(warmup), *order]
    assert journal.windows["cpu_s"].tolist() == []
    assert {len(column) for column in journal.rows.values()} == {8 + warmup}


@pytest.mark.parametrize(
    ("told", "warmup"),
    [
        ({"seconds": 2.5, "unsettled": ["base"]}, WarmUp(2.5, ("base",))),
        ({"seconds": 1.0, "unsettled": []}, WarmUp(1.0, ())),
        (None, None),
    ],
)
def test_the_warm_up_is_told_by_the_first_worker(
    tmp_path: Path, told: object, warmup: WarmUp | None
) -> None:
    """Law: how the warm-up went stands in the first worker's manifest, if there was one."""
    write_run(tmp_path, arrivals([0]), {"warmup": told})
    write_run(tmp_path, arrivals([1]), {"warmup": None}, worker=1)

    assert read_journal(tmp_path, plan(workers=2), 2).warmup == warmup


def test_how_busy_the_cpus_were_is_told_if_it_is_known(tmp_path: Path) -> None:
    """Law: the account of the CPUs stands in the first worker's manifest, if there is one."""
    write_run(tmp_path, arrivals([0]), {"pairs_busy": {"seconds": 2.0, "busy_s": 1.5}})
    assert read_journal(tmp_path, plan(), 1).pairs_busy == Busy(2.0, 1.5)
    slices = [{"seconds": 1.0, "busy_s": 0.5}, {"seconds": 2.0, "busy_s": 1.0}]
    write_run(tmp_path, arrivals([0]), {"saturation_busy": {"candidate": slices}})
    assert read_journal(tmp_path, plan(), 1).saturation_busy == {"candidate": Busy(3.0, 1.5)}
    write_run(tmp_path, arrivals([0]), {"pairs_busy": None})
    assert read_journal(tmp_path, plan(), 1).pairs_busy is None


@given(numbers=st.lists(st.integers(-2, 11) | st.sampled_from([2**62, -(2**62)]), max_size=14))
def test_missing_and_doubled_arrivals_are_counted(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int]
) -> None:
    """Law: whatever is not each of ten arrivals exactly once is refused, with both counts.

    What was never planned counts as doubled.
    """
    run_dir = tmp_path_factory.mktemp("run")
    write_run(run_dir, arrivals(numbers))
    if sorted(numbers) == list(range(10)):
        read_journal(run_dir, plan(), 10)
        return
    missing = 10 - len(set(numbers) & set(range(10)))
    doubled = len(numbers) - (10 - missing)

    assert f"candidate: of 10 arrivals, {missing} are missing" in refusal(run_dir, 10)
    assert f"{doubled} are doubled" in refusal(run_dir, 10)


def test_each_build_must_be_whole(tmp_path: Path) -> None:
    """Law: one build's arrivals do not stand in for those of the other."""
    write_run(tmp_path, arrivals([0, 1], BASE) + arrivals([0, 0, 1, 1], CANDIDATE))
    with pytest.raises(
        LoadError, match=r"candidate: of 2 arrivals, 0 are missing .* 2 are doubled"
    ):
        read_journal(tmp_path, plan(hosts=both_hosts()), 2)


def test_only_the_open_loop_counts(tmp_path: Path) -> None:
    """Law: arrivals of other phases cannot fill a gap in the open loop."""
    write_run(tmp_path, [row(number=0), row(number=1, phase=Phase.PAIRS)])

    assert "1 are missing" in refusal(tmp_path, 2)


def test_arrivals_of_no_schedule_are_refused(tmp_path: Path) -> None:
    """Law: more arrivals than were planned are no journal of that plan."""
    write_run(tmp_path, arrivals([0, 1, 2]))

    assert "of 2 arrivals" in refusal(tmp_path, 2)


@given(
    ended_s=st.lists(st.sampled_from([*range(8), float("nan")]), max_size=12),
    phase=st.sampled_from([Phase.PAIRS, Phase.SOLO]),
    requests=st.integers(-1, 4),
)
def test_a_batch_must_be_whole(
    tmp_path_factory: pytest.TempPathFactory, ended_s: list[float], phase: Phase, requests: int
) -> None:
    """Law: a batch of fixed work has as many answers as requests, its own build's and phase's."""
    run_dir = tmp_path_factory.mktemp("run")
    strange = [row(phase=Phase.WARMUP, ended_s=3.0), row(phase=phase, build=BASE, ended_s=3.0)]
    own = [row(phase=phase, ended_s=moment_s) for moment_s in ended_s]
    batch = window(phase=int(phase), from_s=2.0, to_s=5.0, requests=requests)
    write_run(run_dir, strange + own, {"windows": [batch]})
    inside = sum(2.0 <= moment_s <= 5.0 for moment_s in ended_s)
    if requests in (-1, inside):
        assert read_journal(run_dir, plan(), 0).windows["requests"].tolist() == [requests]
        return

    told = f"candidate: of {requests} requests of a batch in the {phase.name.lower()} phase"
    assert f"{told}, {inside} are in the journal" in refusal(run_dir, 0)


def test_a_tampered_journal_is_refused(tmp_path: Path) -> None:
    """Law: one byte that has changed breaks the seal."""
    write_run(tmp_path, arrivals([0]))
    path = tmp_path / "journal-0.bin"
    stored = bytearray(path.read_bytes())
    stored[len(stored) // 2] ^= 1
    path.write_bytes(stored)

    assert refusal(tmp_path, 1) == "journal-0.bin does not match the checksum in its manifest"


@pytest.mark.parametrize("keep", [0, 50])
def test_a_truncated_journal_is_refused(tmp_path: Path, keep: int) -> None:
    """Law: a journal cut short, or empty, does not match its seal."""
    write_run(tmp_path, arrivals([0]))
    path = tmp_path / "journal-0.bin"
    path.write_bytes(path.read_bytes()[:keep])

    assert "checksum" in refusal(tmp_path, 1)


def test_a_missing_journal_is_refused(tmp_path: Path) -> None:
    """Law: a manifest without its journal proves nothing."""
    write_run(tmp_path, arrivals([0]))
    (tmp_path / "journal-0.bin").unlink()

    assert "checksum" in refusal(tmp_path, 1)


@pytest.mark.parametrize("text", [None, "", "{", "\x00"])
def test_an_unreadable_manifest_is_refused(tmp_path: Path, text: str | None) -> None:
    """Law: without a readable manifest there is no evidence, only a hint where to look."""
    write_run(tmp_path, arrivals([0]))
    if text is None:
        (tmp_path / "manifest-0.json").unlink()
    else:
        (tmp_path / "manifest-0.json").write_text(text)

    assert "no readable manifest" in refusal(tmp_path, 1)


def test_a_wrong_number_of_rows_is_refused(tmp_path: Path) -> None:
    """Law: manifest and journal must count alike."""
    write_run(tmp_path, arrivals([0, 1]), manifest={"rows": 3})

    assert refusal(tmp_path, 2) == f"journal-0.bin holds {2 * ROW.size} bytes, not 3 rows"


def test_a_broken_run_says_what_broke_it(tmp_path: Path) -> None:
    """Law: an exception inside Locust is the message, whatever the journal holds."""
    write_run(tmp_path, arrivals([0]), manifest={"broken": "Traceback: ZeroDivisionError"})

    assert refusal(tmp_path, 1) == "the load run broke off: Traceback: ZeroDivisionError"
    with pytest.raises(LoadError, match="ZeroDivisionError"):
        known_operations(tmp_path)


def test_what_broke_a_run_is_in_the_first_line(tmp_path: Path) -> None:
    """Law: of a traceback its last line comes first, and then all of it; the hint goes along."""
    broken = "Traceback:\n  in line 3\nZeroDivisionError: by 0\n"
    write_run(tmp_path, arrivals([0]), manifest={"broken": broken, "hint": "Divide less."})

    with pytest.raises(LoadError) as caught:
        known_operations(tmp_path)
    first, rest = caught.value.message.split("\n", 1)
    assert first == "the load run broke off: ZeroDivisionError: by 0"
    assert rest == broken.rstrip()
    assert caught.value.hint == "Divide less."


def test_operations_are_known_from_the_manifest(tmp_path: Path) -> None:
    """Law: what the Locust file defines, and where, is read from the manifest alone."""
    operations = {"login": ["Caller"], "spare": ["Caller", "Other.Room"]}
    write_run(tmp_path, [], manifest={"operations": operations})

    assert known_operations(tmp_path) == operations


def test_silence_excuses_missing_arrivals(tmp_path: Path) -> None:
    """Law: a run that a silent build has ended early is read, and says whose silence it was."""
    write_run(tmp_path, [], manifest={"silent": {"candidate": "no answer"}})
    journal = read_journal(tmp_path, plan(), 5)

    assert journal.silent == {"candidate": "no answer"}
    assert not reached_open(journal, plan())


def test_charges_are_by_the_clock_of_the_run(tmp_path: Path) -> None:
    """Law: what a worker charged a build for stands at the times of this machine's clock."""
    told = {"candidate": {"from_s": 1.0, "to_s": 3.0, "cpu_s": 0.5}}
    write_run(tmp_path, arrivals([0]), manifest={"charged": told, "ahead_s": 10.0})

    assert read_journal(tmp_path, plan(), 1).charged == {"candidate": Charge(11.0, 13.0, 0.5)}


def test_slowness_excuses_missing_arrivals(tmp_path: Path) -> None:
    """Law: a run that a slow build has ended early is read, and says whose slowness it was."""
    write_run(tmp_path, [], manifest={"slow": {"base": "took 90 s"}})

    assert read_journal(tmp_path, plan(), 5).slow == {"base": "took 90 s"}


@pytest.mark.parametrize("locked_out", [(), ("base",)])
def test_a_build_is_shut_out_if_nobody_signs_in(
    tmp_path: Path, locked_out: tuple[str, ...]
) -> None:
    """Law: where one worker signs in nobody, the build is named and no open loop is asked for."""
    both = plan(hosts=both_hosts(), workers=2)
    rows = [] if locked_out else arrivals([0], BASE) + arrivals([0], CANDIDATE)
    write_run(tmp_path, rows)
    write_run(tmp_path, [], manifest={"locked_out": locked_out}, worker=1)
    journal = read_journal(tmp_path, both, 1)

    assert shut_out(journal, both) == locked_out
    assert reached_open(journal, both) == (not locked_out)


def test_columns_are_numbers(tmp_path: Path) -> None:
    """Law: nothing is unpickled from a journal."""
    write_run(tmp_path, arrivals([0]))
    journal = read_journal(tmp_path, plan(), 1)

    assert not any(column.dtype == np.dtype(object) for column in journal.rows.values())
