"""What all kinds of targets have in common: where they answer, and how they are.

How each kind is started, observed and ended stands in a module of its own.
"""

from __future__ import annotations

import shlex
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from perfgate.procfs import cpus_of, read_stat
from perfgate.tail import escaped, tail

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from perfgate.config.models import Target
    from perfgate.target.ports import Holder


@dataclass(frozen=True, slots=True)
class TargetHealth:
    """How a target was when it was last observed.

    ``exit_code`` is the root process's (None while it lives, -n when signal n ended it).
    ``peak_rss_bytes``: highest resident memory so far, summed over its processes. ``processes``:
    living ones. ``cpu_s``: CPU seconds of all so far, dead ones included. ``lost``: how many of
    those that were there when it got ready have ended since: more than none is a restart, or a
    part that died. ``strayed``: CPUs that it has ever let itself run on but was not given.
    """

    alive: bool
    exit_code: int | None
    peak_rss_bytes: int
    processes: int
    cpu_s: float
    lost: int
    strayed: tuple[int, ...]


def ready_url_of(target: Target, url: str, port: int) -> str:
    """Return what answers 2xx once requests are served: a path of ``url``, or a URL of its own."""
    ready = target.ready.replace("{port}", str(port))
    return url + ready if ready.startswith("/") else ready


def unready_text(head: str, facts: Mapping[str, str], log: Path) -> str:
    """Return what to tell of a target that does not get ready, with the end of its log."""
    lines = [head, *(f"  {name}: {fact}" for name, fact in facts.items()), "  end of its log:"]
    return "\n".join([*lines, *([f"  | {line}" for line in tail(log)] or ["  | (nothing)"])])


def shown_words(words: Iterable[str]) -> str:
    """Return a command as it can be shown, and be run again."""
    return escaped(shlex.join(words))


def births_of(pids: Iterable[int]) -> dict[int, int]:
    """Return the ticks at which processes were born, by number, of those that are there."""
    stats = ((pid, read_stat(pid)) for pid in pids)
    return {pid: stat.born_ticks for pid, stat in stats if stat is not None}


def lost_of(founders: Mapping[int, int]) -> int:
    """Return how many of these processes, as :func:`births_of` told of them, live no more."""
    return sum(not _lives(pid, born) for pid, born in founders.items())


def strayed_to(pids: Iterable[int], cpu: int | None) -> set[int]:
    """Return the CPUs that processes may run on but were not given; all are given without ``cpu``.

    To be asked as often as they are looked at: a process may come back from where it strayed to.
    """
    return set() if cpu is None else set().union(*map(cpus_of, pids)) - {cpu}


def _lives(pid: int, born_ticks: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and stat.born_ticks == born_ticks and stat.alive


def ending(code: int) -> str:
    """Return "exited with code 1" or "was ended by SIGKILL"."""
    if code >= 0:
        return f"exited with code {code}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-code).name}"
    return f"was ended by signal {-code}"


class Running(Protocol):
    """A target from its start to its end; whoever starts it ends it, too."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def url(self) -> str:
        """Where it answers, without a path."""

    @property
    def port(self) -> int:
        """The port of that."""

    @property
    def pid(self) -> int:
        """Its first process."""

    @property
    def log(self) -> Path:
        """The file with its output; there may be none."""

    def wait_until_ready(self) -> float:
        """Wait until it serves requests; return for how many seconds. Raises TargetError."""

    def listener(self) -> Holder:
        """Return who listens on its port now."""

    def members(self) -> tuple[int, ...]:
        """Return all the processes it has now, parents before children."""

    def exit_code(self) -> int | None:
        """Return its first process's exit code (-n: ended by signal n), None while it lives."""

    def observe(self) -> TargetHealth:
        """Look after it; to be called a few times a second."""

    def ask_to_end(self) -> None:
        """Ask it to end, without waiting, where its kind is asked."""
