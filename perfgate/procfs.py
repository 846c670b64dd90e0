"""Linux's own accounts pass through: CPU, run-queue wait and memory of a tree, and of the machine.

It does not start, stop or judge anything, and it imports nothing but the standard library.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Reading an open file again costs 1 us, opening it 5 us. Yet each open file takes a number below
# 1024 from whatever in this process still calls select(2), so a meter keeps only this many.
_MOST_FILES = 96
_LARGEST_READ_BYTES = 65_536
_DEAD_STATES = "ZXx"
# Above the largest number that the kernel gives (PID_MAX_LIMIT): all that is asked of it is that
# it is gone, and a signal to it reaches nobody.
NO_PROCESS = 2**22 + 1


@dataclass(frozen=True, slots=True)
class TreeUsage:
    """What a process tree has used since its root was born; take differences of two readings.

    ``cpu_s``: CPU seconds of all its processes, dead ones included. ``wait_s``: seconds that its
    threads were ready to run and did not. Neither ever goes down. ``rss_bytes``, ``processes`` and
    ``threads``: resident memory and numbers now, without zombies (memory that processes share
    counts for each of them).
    """

    cpu_s: float
    wait_s: float
    rss_bytes: int
    processes: int
    threads: int


@dataclass(frozen=True, slots=True)
class Contention:
    """What the machine has lost to others since it booted; None where the kernel does not say.

    ``steal_s``: CPU seconds the hypervisor gave away, summed over CPUs. ``pressure_s``: seconds in
    which some task, anyone's, waited for a CPU (PSI ``some``). Take differences over a run.
    """

    steal_s: float | None
    pressure_s: float | None


class ProcStat(NamedTuple):
    """The fields of ``/proc/<pid>/stat`` that perfgate uses, see proc_pid_stat(5)."""

    state: str
    parent: int
    session: int
    own_ns: int
    reaped_ns: int
    threads: int
    born_ticks: int
    rss_bytes: int

    @property
    def alive(self) -> bool:
        """Whether it still runs; the dead stay listed until their parent has waited for them.

        A process whose first thread has ended looks like a zombie while the other threads run.
        """
        return self.state not in _DEAD_STATES or self.threads > 1


def parse_stat(raw: bytes) -> ProcStat:
    """Return the fields of one ``/proc/<pid>/stat``; times in ns, in steps of a clock tick.

    ``own_ns`` is utime + stime, ``reaped_ns`` cutime + cstime.
    """
    # The second field is the command's name in brackets, which may hold spaces and brackets.
    fields = raw[raw.rindex(b")") + 2 :].split(None, 22)
    return ProcStat(
        state=fields[0].decode(),
        parent=int(fields[1]),
        session=int(fields[3]),
        own_ns=(int(fields[11]) + int(fields[12])) * _TICK_NS,
        reaped_ns=(int(fields[13]) + int(fields[14])) * _TICK_NS,
        threads=int(fields[17]),
        born_ticks=int(fields[19]),
        rss_bytes=int(fields[21]) * _PAGE_BYTES,
    )


def read_stat(pid: int) -> ProcStat | None:
    """Return the stat of a process (zombies have one), or None when there is no such process."""
    try:
        return parse_stat(Path(f"/proc/{pid}/stat").read_bytes())
    except OSError:
        return None


def all_pids() -> list[int]:
    """Return every process of the machine that ``/proc`` shows."""
    return _numbers_in("/proc")


def children_of(pid: int) -> list[int]:
    """Return the children of a process, of whichever thread; none when it is gone.

    Where the kernel has no ``children`` file (it is an option), every process is asked.
    """
    found: list[int] = []
    for tid in _thread_ids(pid):
        try:
            raw = Path(f"/proc/{pid}/task/{tid}/children").read_bytes()
        except OSError:
            if _has_children_files():
                continue  # this thread has just ended
            return _children_by_parent(pid)
        found.extend(int(child) for child in raw.split())
    return found


def descendants_of(pid: int) -> list[int]:
    """Return the children of a process, their children and so on: parents before children."""
    found = children_of(pid)
    for child in found:
        found.extend(grandchild for grandchild in children_of(child) if grandchild not in found)
    return found


def cpus_of(pid: int) -> set[int]:
    """Return the CPUs that any thread of a process may run on; none when it is gone."""
    found: set[int] = set()
    for tid in _thread_ids(pid):
        with suppress(OSError):  # ended since the listing
            found |= os.sched_getaffinity(tid)
    return found


def _has_children_files() -> bool:
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


def _children_by_parent(parent: int) -> list[int]:
    stats = ((pid, read_stat(pid)) for pid in all_pids())
    return [pid for pid, stat in stats if stat is not None and stat.parent == parent]


def _thread_ids(pid: int) -> list[int]:
    return _numbers_in(f"/proc/{pid}/task")


def _numbers_in(directory: str) -> list[int]:
    try:
        names = os.listdir(directory)  # noqa: PTH208  # Path objects would double the cost
    except OSError:
        return []
    return [int(name) for name in names if name.isdecimal()]


def read_contention() -> Contention:
    """Return the machine's steal and CPU pressure so far."""
    return Contention(
        steal_s=_steal_s(_text("/proc/stat")), pressure_s=_pressure_s(_text("/proc/pressure/cpu"))
    )


def busy_s(pid: int) -> float | None:
    """Return for how long the CPUs that a process may use were busy with whatever, in CPU seconds.

    In steps of a clock tick (10 ms), from an unknown moment: take differences. None where the
    process is gone.
    """
    try:
        cpus = os.sched_getaffinity(pid)
    except OSError:
        return None
    idle_ns = sum(_idle_ns(line, cpus) for line in _text("/proc/stat").splitlines())
    return len(cpus) * time.monotonic() - idle_ns / 1e9


def _idle_ns(line: str, cpus: Iterable[int]) -> int:
    """Return the idle time and the wait for disks in a CPU's line of proc_stat(5), else 0."""
    name, *fields = line.split()
    idle = name in {f"cpu{cpu}" for cpu in cpus}
    return (int(fields[3]) + int(fields[4])) * _TICK_NS if idle else 0


def own_wait_s() -> float:
    """Return how long the calling thread was ready to run but did not, in seconds.

    0 where the kernel does not say.
    """
    fields = _text("/proc/thread-self/schedstat").split()
    return int(fields[1]) / 1e9 if len(fields) > 1 else 0.0


def _text(path: str) -> str:
    try:
        return Path(path).read_text("ascii")
    except OSError:  # PSI answers EOPNOTSUPP where it is compiled in but switched off
        return ""


def _steal_s(stat: str) -> float | None:
    fields = stat.partition("\n")[0].split()
    if len(fields) <= 8 or fields[0] != "cpu":  # noqa: PLR2004  # steal is the ninth word, proc_stat(5)
        return None
    return int(fields[8]) * _TICK_NS / 1e9


def _pressure_s(pressure: str) -> float | None:
    for line in pressure.splitlines():
        if line.startswith("some "):
            return int(line.rpartition("total=")[2]) / 1e6
    return None


class _ProcFile:
    """A file of one process: kept open, its reads fail for ever once that process is gone."""

    __slots__ = ("_fd", "_path")

    def __init__(self, path: str, *, keep: bool) -> None:
        self._path = path
        self._fd = os.open(path, os.O_RDONLY) if keep else None

    def read(self) -> bytes | None:
        """Return what the file says now, or None when its process is gone."""
        try:
            if self._fd is None:
                return Path(self._path).read_bytes()
            return os.pread(self._fd, _LARGEST_READ_BYTES, 0)
        except OSError:
            return None

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    @property
    def kept(self) -> bool:
        return self._fd is not None


class _Process:
    """One process of the tree, with the last seen value of everything that may vanish."""

    def __init__(self, pid: int, *, keep: bool) -> None:
        self.pid = pid
        self._stat_file = _ProcFile(f"/proc/{pid}/stat", keep=keep)
        self._threads: dict[int, _ProcFile] = {}
        self._wait_ns: dict[int, int] = {}
        self._ended_wait_ns = 0
        self.parent = 0
        self.alive = True
        self.own_ns = 0
        self.reaped_ns = 0
        self.departed_ns = 0
        self.rss_bytes = 0
        self.threads = 0
        self.peaks_read = 0

    def refresh(self) -> bool:
        """Read the process's own accounts; False, and nothing changed, when it is gone."""
        raw = self._stat_file.read()
        if raw is None:
            return False
        stat = parse_stat(raw)
        self.own_ns = max(self.own_ns, _cpu_clock_ns(self.pid, stat.own_ns))
        self.parent, self.reaped_ns = stat.parent, stat.reaped_ns
        self.alive = stat.alive
        self.rss_bytes, self.threads = stat.rss_bytes, stat.threads if stat.alive else 0
        for tid, schedstat in tuple(self._threads.items()):
            self._read_wait(tid, schedstat)
        return True

    def _read_wait(self, tid: int, schedstat: _ProcFile) -> None:
        raw = schedstat.read()
        seen = self._wait_ns.pop(tid, 0)
        if raw is None:
            self._threads.pop(tid).close()
            self._ended_wait_ns += seen
            return
        now = int(raw.split()[1])
        if now < seen:  # the number of an ended thread is another thread's now
            self._ended_wait_ns += seen
        self._wait_ns[tid] = now

    def find_threads(self, budget: int) -> None:
        """Look for threads not known yet; at most ``budget`` more files stay open."""
        for tid in _thread_ids(self.pid):
            if tid not in self._threads:
                try:
                    found = _ProcFile(f"/proc/{self.pid}/task/{tid}/schedstat", keep=budget > 0)
                except OSError:
                    continue  # ended since the listing, or a kernel without these accounts
                budget -= 1
                self._threads[tid] = found
                self._read_wait(tid, found)

    @property
    def unseen_threads(self) -> bool:
        """Whether there are more or fewer threads than files to read their waits from."""
        return self.alive and self.threads != len(self._threads)

    @property
    def wait_ns(self) -> int:
        return self._ended_wait_ns + sum(self._wait_ns.values())

    @property
    def total_ns(self) -> int:
        """Own CPU and that of children no longer there.

        Those that were waited for are in the kernel's account, which knows them to the end but only
        in ticks; those that the meter saw are in its own, which also knows children that nobody
        waits for (SIGCHLD ignored). Both tell of the same children, so the larger is right.
        """
        return self.own_ns + max(self.reaped_ns, self.departed_ns)

    def kept_files(self) -> int:
        return self._stat_file.kept + sum(file.kept for file in self._threads.values())

    def close(self) -> None:
        self._stat_file.close()
        for schedstat in self._threads.values():
            schedstat.close()


def _cpu_clock_ns(pid: int, ticks_ns: int) -> int:
    """Return the kernel's CPU clock of a process, exited threads included.

    The clock's number is what clock_getcpuclockid(3) makes of a pid (MAKE_PROCESS_CPUCLOCK of the
    kernel's posix-timers.h with CPUCLOCK_SCHED = 2). It is exact while the process sleeps; of a
    running one it may lack what ran since the last scheduler tick (4 ms at 250 Hz). A sandboxed
    kernel without it leaves us ``ticks_ns``.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2)
    except OSError:
        return ticks_ns


class TreeMeter:
    """Accounts of a process and everything that descends from it, cheap enough for every batch.

    A reading of one process with one thread costs about 10 us, each further thread 1 us. New
    processes are looked for every ``rescan_s`` seconds or by :meth:`rescan`, new threads as soon
    as their number changes. What was seen once stays in the accounts: a process that dies or is
    orphaned takes nothing away. A child that is born and waited for between two scans is counted
    through its parent, in ticks (10 ms), but its wait is lost.

    Close it, or use it in ``with``: it keeps files open (at most about a hundred).
    """

    def __init__(self, root_pid: int, *, rescan_s: float = 0.05) -> None:
        self._rescan_s = rescan_s
        self._members: dict[int, _Process] = {}
        self._departed_cpu_ns = 0
        self._departed_wait_ns = 0
        self._cpu_ns = 0
        self._wait_ns = 0
        self._peak_bytes = 0
        self._next_scan_s = 0.0
        self._root_pid = root_pid
        self.adopt([root_pid])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files; the meter reads nothing more, its totals stay."""
        for pid in tuple(self._members):
            self._bury(pid)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes counted now, zombies included; the root first while it is there."""
        return tuple(self._members)

    def adopt(self, pids: Iterable[int]) -> None:
        """Count these processes too, as orphans found by other means; gone ones are ignored."""
        for pid in pids:
            if pid not in self._members:
                try:
                    process = _Process(pid, keep=self._spare_files() > 0)
                except OSError:
                    continue
                self._members[pid] = process

    def rescan(self) -> None:
        """Look for new processes and threads now."""
        self._next_scan_s = time.monotonic() + self._rescan_s
        for pid in self._walk():
            self.adopt([pid])
            if pid in self._members:
                self._members[pid].find_threads(self._spare_files())

    def _walk(self) -> Iterator[int]:
        queue = list(self._members)
        for pid in queue:
            yield pid
            queue.extend(child for child in children_of(pid) if child not in queue)

    def _spare_files(self) -> int:
        return _MOST_FILES - sum(process.kept_files() for process in self._members.values())

    def read(self) -> TreeUsage:
        """Return what the tree has used so far; a tree that is gone keeps its totals."""
        if time.monotonic() >= self._next_scan_s:
            self.rescan()
        self._refresh()
        members = self._members.values()
        cpu_ns = self._departed_cpu_ns + sum(process.total_ns for process in members)
        wait_ns = self._departed_wait_ns + sum(process.wait_ns for process in members)
        # A dead child's last ticks may be rounded away when its parent takes over its account.
        self._cpu_ns, self._wait_ns = max(self._cpu_ns, cpu_ns), max(self._wait_ns, wait_ns)
        return TreeUsage(
            cpu_s=self._cpu_ns / 1e9,
            wait_s=self._wait_ns / 1e9,
            rss_bytes=sum(process.rss_bytes for process in members),
            processes=sum(process.alive for process in members),
            threads=sum(process.threads for process in members),
        )

    def _refresh(self) -> None:
        # Parents come before their children: a child that is waited for in between is then missed
        # by this reading of its parent and kept by _bury, never counted twice.
        for pid, process in tuple(self._members.items()):
            if not process.refresh():
                self._bury(pid)
            elif process.unseen_threads:
                process.find_threads(self._spare_files())

    def _bury(self, pid: int) -> None:
        process = self._members.pop(pid)
        process.close()
        # Its children's accounts go where its own goes, unless they turn out to be orphans.
        for other in self._members.values():
            if other.parent == pid:
                other.parent = process.parent
        self._departed_wait_ns += process.wait_ns
        heir = self._members.get(process.parent)
        if heir is None:
            self._departed_cpu_ns += process.total_ns
        else:
            heir.departed_ns += process.total_ns

    def peak_rss_bytes(self) -> int:
        """Return the highest sum, over all calls so far, of the living processes' VmHWM.

        VmHWM is each process's own peak of resident memory, so peaks between two calls are seen;
        processes that peaked one after the other are summed all the same. A child counts from its
        second call on: between vfork and exec it shows its parent's memory as its own.
        """
        total = 0
        for pid, process in self._members.items():
            peak = _peak_bytes(pid)
            process.peaks_read += 1
            total += peak if process.peaks_read > 1 or pid == self._root_pid else 0
        self._peak_bytes = max(self._peak_bytes, total)
        return self._peak_bytes


def _peak_bytes(pid: int) -> int:
    for line in _text_of_status(pid):
        if line.startswith(b"VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0  # a zombie has no memory


def _text_of_status(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/status").read_bytes().splitlines()
    except OSError:
        return []
