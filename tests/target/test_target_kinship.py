"""Who belongs to a target: by descent, session, marker and memory; and that all of them end."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from target_programs import DAEMON, SERVICE, eventually, lives, number_in

from perfgate.procfs import ProcStat, children_of, read_stat
from perfgate.target.kinship import MARKER_VARIABLE, Family, subreaper, with_descendants

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def is_subreaper() -> bool:
    """Return whether orphans below this process come to it."""
    flag = ctypes.c_int(0)
    ctypes.CDLL(None).prctl(37, ctypes.byref(flag), 0, 0, 0)
    return bool(flag.value)


def stat_of(parent: int) -> ProcStat:
    """Build the stat of a sleeping process with this parent."""
    return ProcStat("S", parent, 0, 0, 0, 1, 0, 0)


@contextmanager
def family(text: str, *args: str) -> Iterator[tuple[Family, subprocess.Popen[bytes]]]:
    """Run a program as a target would be run, without anything else of a target."""
    marker = uuid.uuid4().hex
    with subreaper():
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", SERVICE + DAEMON + text, *args],
            env={MARKER_VARIABLE: marker, "PATH": os.environ["PATH"]},
            start_new_session=True,
        )
        found = Family(marker, process.pid)
        try:
            yield found, process
        finally:
            assert found.kill() == []
            process.wait()


@st.composite
def forests(draw: st.DrawFn) -> dict[int, ProcStat]:
    """Draw a table of processes whose parents are older, or not in the table (0)."""
    size = draw(st.integers(0, 30))
    return {pid: stat_of(draw(st.integers(0, pid - 1))) for pid in range(1, size + 1)}


@given(table=forests(), seeds=st.sets(st.integers(1, 40)))
def test_descent_is_closed_and_nothing_more(table: dict[int, ProcStat], seeds: set[int]) -> None:
    """Law: found = seeds there are + every process whose parent is found."""
    found = with_descendants(table, seeds)

    assert found == {pid for pid, stat in table.items() if pid in seeds or stat.parent in found}


@given(table=forests(), seeds=st.sets(st.integers(1, 40)))
def test_descent_of_the_found_is_the_found(table: dict[int, ProcStat], seeds: set[int]) -> None:
    """Law: looking again from what was found finds nothing new."""
    found = with_descendants(table, seeds)

    assert with_descendants(table, found) == found


def test_a_circle_of_parents_ends() -> None:
    """Law: a table read while pids were given anew, whose parents form a circle, is no trap."""
    assert with_descendants({1: stat_of(2), 2: stat_of(1)}, [1]) == {1, 2}


def test_orphans_come_to_a_subreaper_for_as_long_as_the_block(tmp_path: Path) -> None:
    """Law: inside the block a double fork leads here; afterwards all is as it was."""
    before = is_subreaper()
    pid_file = tmp_path / "pid"
    with family("daemon(sys.argv[1])\ntime.sleep(60)", str(pid_file)):
        assert is_subreaper()
        pid = number_in(pid_file)
        assert eventually(lambda: pid in children_of(os.getpid()))

    assert is_subreaper() == before


def test_subreapers_nest() -> None:
    """Law: the end of an inner block does not end the outer one."""
    with subreaper():
        with subreaper():
            pass
        assert is_subreaper()


def test_a_daemon_in_its_own_session_belongs(tmp_path: Path) -> None:
    """Law: a double fork with setsid is found by its marker, cheaply and thoroughly alike."""
    pid_file = tmp_path / "pid"
    with family("daemon(sys.argv[1])\ntime.sleep(60)", str(pid_file)) as (kin, root):
        pid = number_in(pid_file)
        assert eventually(lambda: pid in kin.at_hand())

        assert {pid, root.pid} <= set(kin.members())
    assert not lives(pid)


def test_a_process_without_the_marker_belongs_by_session(tmp_path: Path) -> None:
    """Law: an orphan with an emptied environment that stayed in the session is found and ends."""
    pid_file = tmp_path / "pid"
    text = """
script = f"echo $$ > {sys.argv[1]}.new; mv {sys.argv[1]}.new {sys.argv[1]}; sleep 300"
if os.fork() == 0:
    if os.fork() == 0:
        os.execve("/bin/sh", ["sh", "-c", script], {"PATH": os.environ["PATH"]})
    os._exit(0)
os.wait()
time.sleep(60)
"""
    with family(text, str(pid_file)) as (kin, _):
        pid = number_in(pid_file)

        assert pid in kin.members()
    assert not lives(pid)


def test_a_process_seen_once_belongs_for_good(tmp_path: Path) -> None:
    """Law: one that sheds marker, session and at last its parent is remembered from before."""
    pid_file = tmp_path / "pid"
    text = """
script = f"echo $$ > {sys.argv[1]}.new; mv {sys.argv[1]}.new {sys.argv[1]}; exec sleep 300"
if os.fork() == 0:
    os.setsid()
    os.execve("/bin/sh", ["sh", "-c", script], {"PATH": os.environ["PATH"]})
time.sleep(60)
"""
    with family(text, str(pid_file)) as (kin, root):
        pid = number_in(pid_file)
        assert pid in kin.at_hand()
        os.kill(root.pid, signal.SIGKILL)
        assert eventually(lambda: pid in children_of(os.getpid()))

        assert pid in kin.members()
    assert not lives(pid)


def test_strangers_do_not_belong() -> None:
    """Law: neither this process, nor its parent, nor its other children are ever found."""
    stranger = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=-1)
    with family("time.sleep(60)") as (kin, root):
        assert set(kin.members()) == {root.pid}
        assert kin.at_hand() == [root.pid]

    assert stranger.poll() is None
    stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_families_do_not_mix(tmp_path: Path) -> None:
    """Law: of two targets at once, the end of one leaves the other's daemon alone."""
    text = "daemon(sys.argv[1])\ntime.sleep(60)"
    with family(text, str(tmp_path / "one")) as (_, root):
        survivor = number_in(tmp_path / "one")
        with family(text, str(tmp_path / "two")):
            victim = number_in(tmp_path / "two")

        assert not lives(victim)
        assert lives(survivor)
        assert lives(root.pid)
    assert not lives(survivor)


@pytest.mark.parametrize(
    ("pause_s", "own_session"), [(0.0, ""), (0.002, ""), (0.002, "os.setsid()")]
)
def test_a_family_that_forks_while_it_is_killed_ends(pause_s: float, own_session: str) -> None:
    """Law: processes that replace themselves faster than they are listed all end."""
    text = f"""
for _ in range(3):
    if os.fork() == 0:
        {own_session or "pass"}
        break
for _ in range(1500):
    if os.fork() > 0:
        os._exit(0)
    time.sleep({pause_s})
"""
    with family(text) as (kin, _):
        assert eventually(lambda: len(kin.members()) > 1)

        assert kin.kill() == []
        for _ in range(5):
            assert not any(stat.alive for stat in kin.members().values())


def test_the_dead_are_waited_for_except_the_root(tmp_path: Path) -> None:
    """Law: no zombie daemon is left, and the root's exit code is still there to be read."""
    pid_file = tmp_path / "pid"
    with family("daemon(sys.argv[1])\nos._exit(7)", str(pid_file)) as (kin, root):
        pid = number_in(pid_file)

        assert kin.kill() == []
        assert eventually(lambda: kin.kill() == [] and read_stat(pid) is None)
        assert root.wait() == 7


def test_exit_codes_of_others_are_left_alone() -> None:
    """Law: a child of ours that is not the target's keeps its exit code for whoever asks."""
    with family("time.sleep(60)") as (kin, _):
        other = subprocess.Popen([sys.executable, "-I", "-S", "-c", "raise SystemExit(5)"])
        assert eventually(lambda: not lives(other.pid))
        kin.kill()

        assert other.wait() == 5
