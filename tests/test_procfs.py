"""The accounts of process trees against real processes that say what they have used."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate import procfs
from perfgate.procfs import TreeMeter, children_of, descendants_of, parse_stat, read_stat

if TYPE_CHECKING:
    from collections.abc import Callable

# The kernel's clock of a running process may lack one scheduler tick; its account of the children
# that were waited for is cut to clock ticks, twice.
TICK_S = 0.01
# What an interpreter may spend on its own end; counting a child twice would add 0.2 s.
SLACK_S = 0.1

PRELUDE = """
import os, signal, sys, threading, time

def burn(cpu_s):
    end = time.thread_time() + cpu_s
    while time.thread_time() < end:
        pass

def tell(text="done"):
    print(text, flush=True)
    return sys.stdin.readline()

def forked(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid
"""


class Program:
    """A Python program in a process of its own, which goes on when it is told to."""

    def __init__(self, text: str, *, alone: bool = False) -> None:
        command = [sys.executable, "-I", "-S", "-c", PRELUDE + text]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.pid = self._process.pid
        if alone:
            os.sched_setaffinity(self.pid, {min(os.sched_getaffinity(0))})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def heard(self) -> str:
        """Wait for the program's next line."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def go_on(self) -> None:
        """Let the program out of its `tell`."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        """Kill the program with all it has forked."""
        if self._process.returncode is None:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.communicate()


def eventually(law: Callable[[], bool]) -> bool:
    """Look again and again until the law holds, for a few seconds."""
    deadline = time.monotonic() + 5
    while not law():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def open_files() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@given(name=st.binary(max_size=15), numbers=st.lists(st.integers(0, 10**12), min_size=40))
def test_a_stat_is_read_right_whatever_the_command_is_called(
    name: bytes, numbers: list[int]
) -> None:
    """Law: brackets, spaces and line ends in the command's name move no field."""
    rest = b" ".join(b"%d" % number for number in numbers)

    stat = parse_stat(b"17 (" + name + b") S " + rest + b"\n")

    assert stat.state == "S"
    assert stat.parent == numbers[0]
    assert stat.session == numbers[2]
    assert stat.threads == numbers[16]
    assert stat.born_ticks == numbers[18]
    assert stat.rss_bytes == numbers[20] * resource.getpagesize()


def test_the_stat_of_this_process_is_what_the_system_calls_say() -> None:
    """Law: parent and session are those of getppid and getsid."""
    stat = read_stat(os.getpid())

    assert stat is not None
    assert stat.parent == os.getppid()
    assert stat.session == os.getsid(0)


def test_a_process_that_is_gone_has_no_stat_and_no_children() -> None:
    """Law: asking about the dead raises nothing."""
    with Program("tell()") as program:
        program.heard()

    assert read_stat(program.pid) is None
    assert children_of(program.pid) == []


def test_descendants_come_parents_first() -> None:
    """Law: a grandchild is found, after the child that is its parent."""
    with Program(
        "forked(lambda: (print(forked(signal.pause), flush=True), tell()))\nos.wait()"
    ) as p:
        grandchild = int(p.heard())
        found = descendants_of(p.pid)

        assert len(found) == 2
        assert found[1] == grandchild


def test_children_of_any_thread_are_children() -> None:
    """Law: a process forked by a thread other than the first is found."""
    text = "threading.Thread(target=lambda: (forked(signal.pause), tell())).start()"
    with Program(text) as program:
        program.heard()
        found = children_of(program.pid)

        assert len(found) == 1


def test_children_are_the_same_where_the_kernel_lists_none() -> None:
    """Law: the scan by parent finds what the children file says."""
    with Program("pids = [forked(signal.pause) for _ in range(3)]\ntell()") as program:
        program.heard()
        listed = children_of(program.pid)

        assert sorted(procfs._children_by_parent(program.pid)) == sorted(listed)


def test_cpu_is_what_the_process_itself_says() -> None:
    """Law: the meter and the process's own clock agree within a tick."""
    text = "burn(0.15)\ntell(time.process_time())\ntell()"
    with Program(text) as program, TreeMeter(program.pid) as meter:
        own_s = float(program.heard())

        assert meter.read().cpu_s == pytest.approx(own_s, abs=TICK_S)


def test_a_small_amount_of_cpu_is_seen() -> None:
    """Law: two milliseconds are measured, which ticks would miss."""
    with Program("tell()\nburn(0.002)\ntell()") as program, TreeMeter(program.pid) as meter:
        program.heard()
        before_s = meter.read().cpu_s
        program.go_on()
        program.heard()

        assert 0.002 <= meter.read().cpu_s - before_s < 0.2


def test_cpu_of_ended_threads_stays() -> None:
    """Law: a thread that ended before the meter began is in the account."""
    text = "t = threading.Thread(target=burn, args=(0.1,))\nt.start()\nt.join()\ntell()"
    with Program(text) as program:
        program.heard()
        with TreeMeter(program.pid) as meter:
            assert meter.read().cpu_s >= 0.1


CHILD = "pid = forked(lambda: (burn(0.2), print('burnt', flush=True), signal.pause()))\n"


@pytest.mark.parametrize(
    "burial",
    ["os.waitpid(pid, 0); signal.pause()", "signal.pause()", "os.waitpid(pid, 0)"],
    ids=["waited for", "left a zombie", "parent gone too"],
)
def test_cpu_of_children_is_counted_once(burial: str) -> None:
    """Law: a child's CPU is in the account while it lives and, once only, after it has died."""
    with Program(CHILD + burial) as program, TreeMeter(program.pid) as meter:
        program.heard()
        alive_s = meter.read().cpu_s
        os.kill(children_of(program.pid)[0], signal.SIGTERM)
        assert eventually(lambda: meter.read().processes < 2)

        assert alive_s >= 0.2 - TICK_S
        assert alive_s <= meter.read().cpu_s <= alive_s + SLACK_S


def test_cpu_of_children_nobody_waits_for_stays() -> None:
    """Law: with SIGCHLD ignored the kernel forgets a child's account; the meter does not."""
    text = "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n" + CHILD + "while True: signal.pause()"
    with Program(text) as program, TreeMeter(program.pid) as meter:
        program.heard()
        alive_s = meter.read().cpu_s
        os.kill(children_of(program.pid)[0], signal.SIGTERM)
        assert eventually(lambda: meter.read().processes == 1)

        assert alive_s >= 0.2 - TICK_S
        assert alive_s <= meter.read().cpu_s <= alive_s + SLACK_S


def test_cpu_of_grandchildren_passed_on_is_counted_once() -> None:
    """Law: when a parent dies after its child, the account both left to the root is taken once."""
    text = """
def middle():
    pid = forked(lambda: (burn(0.2), print('burnt', flush=True), signal.pause()))
    os.waitpid(pid, 0)
os.waitpid(forked(middle), 0)
tell()
"""
    with Program(text) as program, TreeMeter(program.pid) as meter:
        assert program.heard() == "burnt"
        alive_s = meter.read().cpu_s
        os.kill(descendants_of(program.pid)[1], signal.SIGTERM)
        program.heard()

        assert alive_s <= meter.read().cpu_s <= alive_s + SLACK_S


def test_children_that_lived_between_two_scans_count_through_their_parent() -> None:
    """Law: a child that was never seen is in the account once it is waited for."""
    text = "tell()\nos.waitpid(forked(lambda: burn(0.2)), 0)\ntell()"
    with Program(text) as program, TreeMeter(program.pid, rescan_s=60) as meter:
        program.heard()
        before_s = meter.read().cpu_s
        program.go_on()
        program.heard()

        assert meter.read().cpu_s - before_s >= 0.2 - SLACK_S


def test_an_orphan_seen_once_goes_on_counting() -> None:
    """Law: the death of the parent between takes neither the orphan nor its CPU away."""
    text = """
def middle():
    forked(lambda: (tell(os.getpid()), burn(0.1), tell("burnt"), signal.pause()))
    signal.pause()
middle_pid = forked(middle)
time.sleep(60)
"""
    with Program(text) as program, TreeMeter(program.pid) as meter:
        orphan = int(program.heard())
        meter.rescan()
        middle = children_of(program.pid)[0]
        os.kill(middle, 9)
        before_s = meter.read().cpu_s
        program.go_on()
        assert program.heard() == "burnt"

        assert orphan in meter.pids
        assert meter.read().cpu_s - before_s >= 0.1 - TICK_S


def test_totals_never_go_down() -> None:
    """Law: while processes and threads come and go, every reading is at least the last one."""
    text = """
def busy():
    crew = [threading.Thread(target=burn, args=(0.002,)) for _ in range(3)]
    for thread in crew: thread.start()
    for thread in crew: thread.join()
for _ in range(25):
    pids = [forked(busy) for _ in range(3)]
    busy()
    for pid in pids: os.waitpid(pid, 0)
"""
    with Program(text) as program, TreeMeter(program.pid, rescan_s=0.005) as meter:
        readings = []
        while (stat := read_stat(program.pid)) is not None and stat.state != "Z":
            readings.append(meter.read())
            time.sleep(0.001)
        readings.append(meter.read())

    cpu_s = [reading.cpu_s for reading in readings]
    wait_s = [reading.wait_s for reading in readings]
    assert cpu_s == sorted(cpu_s)
    assert wait_s == sorted(wait_s)
    assert cpu_s[-1] >= 25 * 4 * 3 * 0.002 * 0.8


def test_the_totals_outlive_the_tree_and_the_meter() -> None:
    """Law: after the root is gone, and after close, a reading repeats the totals."""
    with Program("burn(0.05)\ntell()") as program:
        program.heard()
        meter = TreeMeter(program.pid)
        alive = meter.read()
    gone = meter.read()
    meter.close()

    assert gone.cpu_s >= alive.cpu_s >= 0.05 - TICK_S
    assert (gone.processes, gone.threads, gone.rss_bytes) == (0, 0, 0)
    assert meter.read() == gone


def test_a_process_that_never_was_has_used_nothing() -> None:
    """Law: the meter of a dead pid reads noughts."""
    with Program("") as program:
        pass
    with TreeMeter(program.pid) as meter:
        assert meter.read() == procfs.TreeUsage(0.0, 0.0, 0, 0, 0)


def test_waiting_for_a_cpu_is_counted_for_every_thread() -> None:
    """Law: threads and processes that share one CPU wait for about what the others use of it."""
    text = (
        "tell()\nfor _ in range(3): forked(lambda: burn(0.1))\nfor _ in range(3): os.wait()\ntell()"
    )
    with Program(text, alone=True) as program, TreeMeter(program.pid, rescan_s=0.01) as meter:
        program.heard()
        before = meter.read()
        program.go_on()
        assert eventually(lambda: meter.read().cpu_s - before.cpu_s >= 0.3 - SLACK_S)

        assert meter.read().wait_s - before.wait_s >= 0.1


def test_the_waits_of_ended_threads_stay() -> None:
    """Law: what a thread has waited is not lost with the thread."""
    text = """
crew = [threading.Thread(target=burn, args=(0.08,)) for _ in range(3)]
def other(): burn(0.2)
pid = forked(other)
for thread in crew: thread.start()
tell()
for thread in crew: thread.join()
tell()
"""
    with Program(text, alone=True) as program, TreeMeter(program.pid, rescan_s=0.005) as meter:
        program.heard()
        highest_s = 0.0
        while meter.read().threads > 2:
            highest_s = meter.read().wait_s
            time.sleep(0.005)

        assert meter.read().wait_s >= highest_s > 0


def test_threads_and_processes_are_those_alive() -> None:
    """Law: threads of all processes are counted, zombies are not."""
    text = """
for _ in range(3): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
living = forked(signal.pause)
zombie = forked(lambda: None)
tell()
"""
    with Program(text) as program, TreeMeter(program.pid) as meter:
        program.heard()
        assert eventually(lambda: meter.read().processes == 2)

        assert meter.read().threads == 4 + 1


def test_memory_now_falls_and_its_peak_stays() -> None:
    """Law: 60 MB that came and went are in the peak, and no longer in what is resident."""
    text = "tell()\nhoard = bytearray(60_000_000)\ntell()\ndel hoard\ntell()\ntell()"
    with Program(text) as program, TreeMeter(program.pid) as meter:
        program.heard()
        small = meter.read().rss_bytes
        program.go_on()
        program.heard()
        large = meter.read().rss_bytes
        program.go_on()
        program.heard()

        assert large - small >= 55_000_000
        assert meter.read().rss_bytes < large - 50_000_000
        assert meter.peak_rss_bytes() >= large * 0.95


def test_a_childs_peak_counts_from_its_second_look() -> None:
    """Law: a child seen once adds nothing, as it may still show its parent's memory."""
    text = "tell()\nforked(lambda: (bytearray(40_000_000), tell()))\ntime.sleep(60)"
    with Program(text) as program, TreeMeter(program.pid) as meter:
        program.heard()
        alone = meter.peak_rss_bytes()
        program.go_on()
        program.heard()
        meter.rescan()

        assert meter.peak_rss_bytes() < alone + 20_000_000
        assert meter.peak_rss_bytes() > alone + 40_000_000


def test_a_meter_keeps_few_files_open_and_closes_them() -> None:
    """Law: two hundred threads do not take the low file numbers from others."""
    text = """
for _ in range(200): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
tell()
"""
    with Program(text) as program:
        program.heard()
        before = open_files()
        with TreeMeter(program.pid) as meter:
            assert meter.read().threads == 201
            assert meter.read().wait_s > 0
            assert open_files() - before <= 100
        assert open_files() == before


def test_meters_of_two_trees_do_not_mix() -> None:
    """Law: each tree is charged with its own CPU."""
    with ExitStack() as stack:
        busy, idle = (
            stack.enter_context(Program(text)) for text in ("burn(0.2)\ntell()", "tell()")
        )
        meters = [stack.enter_context(TreeMeter(program.pid)) for program in (busy, idle)]
        busy.heard()
        idle.heard()

        assert meters[0].read().cpu_s - meters[1].read().cpu_s >= 0.1


def test_the_machines_losses_are_counters() -> None:
    """Law: steal and pressure, where the kernel tells them, never go down."""
    before, after = procfs.read_contention(), procfs.read_contention()

    assert before.steal_s is not None
    assert after.steal_s is not None
    assert after.steal_s >= before.steal_s
    if before.pressure_s is not None and after.pressure_s is not None:
        assert after.pressure_s >= before.pressure_s


def test_losses_are_read_in_seconds() -> None:
    """Law: steal is the first line's ninth word in ticks, pressure the "some" total in us."""
    stat = "cpu  1 2 3 4 5 6 7 800 9 0\ncpu0 1 2 3 4 5 6 7 400 9 0\n"
    pressure = "full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n"
    pressure += "some avg10=1.50 avg60=0.00 avg300=0.00 total=2500000\n"

    assert procfs._steal_s(stat) == pytest.approx(800 / os.sysconf("SC_CLK_TCK"))
    assert procfs._pressure_s(pressure) == pytest.approx(2.5)


@pytest.mark.parametrize("text", ["", "cpu 1 2 3\n", "intr 5\n"])
def test_losses_that_are_not_told_are_none(text: str) -> None:
    """Law: an absent file or an old kernel's gives None, not nought."""
    assert procfs._steal_s(text) is None
    assert procfs._pressure_s(text) is None


def test_files_that_cannot_be_read_say_nothing() -> None:
    """Law: a missing file of /proc is an empty text."""
    assert procfs._text("/proc/no-such-file") == ""


@pytest.mark.parametrize("ratio", [0.2, 0.8])
def test_a_cpu_is_busy_for_as_long_as_it_works(ratio: float) -> None:
    """Law: a CPU's busy time is at least what ran on it, and no more than the time that passed."""
    begin_s = time.monotonic()
    with Program(f"tell()\nburn({ratio * 0.5})\ntell()", alone=True) as program:
        program.heard()
        before_s = procfs.busy_s(program.pid)
        program.go_on()
        program.heard()
        after_s = procfs.busy_s(program.pid)
        seconds = time.monotonic() - begin_s

    assert before_s is not None
    assert after_s is not None
    assert ratio * 0.5 - 2 * TICK_S <= after_s - before_s <= seconds + 2 * TICK_S


def test_an_idle_cpu_is_not_busy() -> None:
    """Law: idle time and the wait for disks are read from the CPU's own line, in ticks."""
    line = "cpu1 1 2 3 400 50 6 7 8 9 0"
    ticks = os.sysconf("SC_CLK_TCK")

    assert procfs._idle_ns(line, {1}) == 450 * 1_000_000_000 // ticks
    assert [procfs._idle_ns(other, {1}) for other in ("cpu 1 2 3 4 5", "cpu10 1 2 3 4 5")] == [0, 0]
    assert procfs._idle_ns("ctxt 5", {1}) == 0


def test_the_cpus_of_a_process_that_is_gone_are_not_known() -> None:
    """Law: without a process there is no account of its CPUs."""
    with Program("tell()") as program:
        program.heard()
    assert procfs.busy_s(program.pid) is None
