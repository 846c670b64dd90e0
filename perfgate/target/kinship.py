"""A target's processes pass through: found wherever they hide, and ended for certain.

It starts no process, and never signals one that it cannot prove to be the target's.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.procfs import ProcStat, all_pids, children_of, descendants_of, read_stat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MARKER_VARIABLE = "PERFGATE_TARGET"
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37
_PAUSE_S = 0.005
_PATIENCE_S = 5.0


@contextmanager
def subreaper() -> Iterator[None]:
    """Make this process the new parent of all orphans among its descendants, see prctl(2).

    A double fork then leads back here instead of to process 1. Where the kernel refuses, orphans
    are still found by their marker.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    before = ctypes.c_int(0)
    prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


def with_descendants(table: Mapping[int, ProcStat], seeds: Iterable[int]) -> set[int]:
    """Return those seeds that are in the table of processes, and all that descends from them."""
    children: dict[int, list[int]] = {}
    for pid, stat in table.items():
        children.setdefault(stat.parent, []).append(pid)
    found: set[int] = set()
    queue = [pid for pid in seeds if pid in table]
    while queue:
        pid = queue.pop()
        if pid not in found:
            found.add(pid)
            queue.extend(children.get(pid, ()))
    return found


class Family:
    """The processes of one target, known by descent, session, marker or earlier sight.

    A process belongs when it descends from one that belongs; is in a session of the target's;
    carries the marker in its environment; or belonged when it was last looked at (descent is lost
    with a parent, the marker with an environment that is overwritten). Only a process that sheds
    session, marker and parent, all between two looks, is not recognised.

    The root must not be waited for before the family has ended: while it is a zombie, its number
    cannot be given to a stranger.
    """

    def __init__(self, marker: str, root_pid: int) -> None:
        self._needle = f"{MARKER_VARIABLE}={marker}".encode()
        self._root_pid = root_pid
        self._sessions = {root_pid}
        self._born_ticks: dict[int, int] = {}

    def remember(self, pids: Iterable[int]) -> None:
        """Take note that these processes belong."""
        for pid in pids:
            stat = read_stat(pid)
            if stat is not None:
                self._born_ticks[pid] = stat.born_ticks

    def at_hand(self) -> list[int]:
        """Return the members that descend from this process: all, where it is a subreaper.

        Looks at this process's descendants only, which is cheap enough to do while measuring.
        """
        found: list[int] = []
        for pid in children_of(os.getpid()):
            stat = read_stat(pid)
            if stat is not None and self._belongs(pid, stat):
                found += [pid, *descendants_of(pid)]
        self.remember(found)
        return found

    def members(self) -> dict[int, ProcStat]:
        """Return every member on the machine, zombies included, and remember them."""
        return self._look_at_all()[0]

    def _look_at_all(self) -> tuple[dict[int, ProcStat], dict[int, ProcStat]]:
        """Return the members and, the members included, all processes but this one."""
        everybody: dict[int, ProcStat] = {}
        seeds: list[int] = []
        # The youngest first, and each asked at once: they are the likeliest to be gone soon.
        for pid in reversed(all_pids()):
            stat = read_stat(pid)
            if stat is not None and pid != os.getpid():
                everybody[pid] = stat
                if self._belongs(pid, stat):
                    seeds.append(pid)
        members = {pid: everybody[pid] for pid in with_descendants(everybody, seeds)}
        self._born_ticks.update((pid, stat.born_ticks) for pid, stat in members.items())
        # Sessions that members opened, for as long as some member is in them: they tell a zombie,
        # which has no environment any more.
        strange = {os.getsid(0), 0}
        self._sessions = {self._root_pid} | {stat.session for stat in members.values()} - strange
        return members, everybody

    def _belongs(self, pid: int, stat: ProcStat) -> bool:
        if stat.session in self._sessions or self._born_ticks.get(pid) == stat.born_ticks:
            return True
        try:
            return self._needle in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:  # gone, or another user's
            return False

    def kill(self, patience_s: float = _PATIENCE_S) -> list[int]:
        """Kill all members, and those they start meanwhile; return those still there at the end.

        The dead that this process is the parent of are waited for, the root excepted.

        A look at all processes takes time, and one that forks and exits meanwhile can slip through:
        the child is too young to be listed, the parent is dead when its turn comes. But then there
        is one more dead process than before. So the end is a look that finds nobody alive *and* no
        new dead: whoever lived when the look began was found alive, or was found dead, or had been
        waited for by a parent of which the same is true; the last of those parents is this process.
        """
        deadline_s = time.monotonic() + patience_s
        noted = {self._root_pid}
        while True:
            living, dead = self._strike()
            if (not living and dead <= noted) or time.monotonic() > deadline_s:
                return living or sorted(dead - noted)
            noted |= dead
            time.sleep(_PAUSE_S)

    def _strike(self) -> tuple[list[int], set[int]]:
        """Kill once whoever is found; return them, and the dead there were already.

        Any dead child of this process counts, as not every zombie can be told to be a member.
        """
        members, everybody = self._look_at_all()
        living = [pid for pid, stat in members.items() if stat.alive]
        dead = {pid for pid, stat in everybody.items() if not stat.alive}
        for pid in living:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        # A group dies at one blow, with children younger than this look. The first group of a
        # member's session holds the target's processes only: no other session can join it.
        for session in self._sessions:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(session, signal.SIGKILL)
        self._bury(members)
        return living, {p for p in dead if p in members or everybody[p].parent == os.getpid()}

    def _bury(self, members: Mapping[int, ProcStat]) -> None:
        # One by one: waiting for "any child" would take the exit codes of others from subprocess.
        for pid, stat in members.items():
            if stat.parent == os.getpid() and pid != self._root_pid:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
