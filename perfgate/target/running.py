"""What all kinds of targets have in common: where they answer, and how they are.

How each kind is started, observed and ended stands in a module of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

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
