"""What one load run is told to do: values that travel to Locust as one JSON file.

Both sides import this module, so it needs nothing but the standard library.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

BUILDS = ("base", "candidate")

PLAN_FILE = "plan.json"
# Where a worker leaves why its master gave the run up.
END_FILE = "end.txt"

# How Locust's processes are told where the plan is, and the key they seal their messages with.
PLAN_VARIABLE = "PERFGATE_PLAN"
KEY_VARIABLE = "PERFGATE_KEY"


class Phase(IntEnum):
    """The parts of a load run, in the order in which they run."""

    WARMUP = 0
    SATURATION = 1
    RAMP = 2
    OPEN = 3
    PAIRS = 4
    SOLO = 5


# The phases in which the arrivals of a schedule are sent.
SCHEDULED = (Phase.RAMP, Phase.OPEN)


class Outcome(IntEnum):
    """How an arrival ended; every arrival has exactly one outcome."""

    OK = 0
    FAILED = 1
    CENSORED = 2


@dataclass(frozen=True, slots=True)
class Host:
    """Where one build answers, and the processes whose CPU time is its cost.

    ``pid`` is the first; ``members`` are all that it had when it got ready, parents before their
    children: those of them that it does not descend to are counted too, and what they start.
    """

    build: str
    url: str
    pid: int
    members: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Saturation:
    """Closed loop: ``concurrency`` requests in flight, in slices that alternate between builds.

    Within a slice, answers count once ``ramp_s`` has passed, so that a build that waits long
    without using the CPU is not charged for its first round.
    """

    slices: int
    slice_s: float
    ramp_s: float
    concurrency: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """Closed loop of fixed work: batches for base and candidate, order balanced in fours.

    After ``limit_s`` no further four are begun, so that a slow build still ends.
    """

    pairs: int
    requests: int
    concurrency: int
    limit_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Solo:
    """Closed loop of one operation at a time and one request in flight, for both builds in turn.

    Each operation gets up to ``pairs`` batches per build, a multiple of four, of up to ``requests``
    each: what fits into its part of ``seconds``, which is for all operations together.
    """

    pairs: int
    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Open:
    """Open loop: the arrivals of the schedule, at their intended times, to every build.

    Those of the first ``ramp_s`` make up a phase of their own, the ramp.
    """

    schedule: str
    drain_s: float
    backlog_limit: int
    ramp_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One load run; a phase that is None does not happen.

    ``timeouts_s`` says per operation how long its callers wait; saturated, what comes later is no
    use to them. A build that lets ``silence_s`` pass without any answer, outside the open loop,
    ends the run, and so does one that is why the run takes more than ``limit_s`` (0: no limit).
    ``workers`` processes share the run.

    A warm-up ends after ``warmup_limit_s``, or when ``warmup_requests`` have been sent to each
    build and none gets any cheaper; without a limit it goes by the requests alone.
    """

    seed: int
    hosts: tuple[Host, ...]
    mix: dict[str, float]
    identities: int
    warmup_requests: int
    saturation: Saturation | None
    open: Open | None
    pairs: Pairs | None
    solo: Solo | None = None
    timeouts_s: dict[str, float] = field(default_factory=dict)
    silence_s: float = 20.0
    warmup_limit_s: float = 0.0
    limit_s: float = 0.0
    workers: int = 1

    @property
    def operations(self) -> tuple[str, ...]:
        """Return the operations in the order of their codes in schedule and journal."""
        return tuple(sorted(self.mix))

    def write(self, path: Path) -> None:
        """Write the plan as JSON; whoever waits for the file finds it whole."""
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(dataclasses.asdict(self), indent=1))
        draft.replace(path)

    @classmethod
    def read(cls, path: Path) -> Plan:
        """Read a plan that :meth:`write` wrote."""
        stored = json.loads(path.read_text())
        return cls(
            seed=stored["seed"],
            hosts=tuple(
                Host(**host | {"members": tuple(host["members"])}) for host in stored["hosts"]
            ),
            mix=stored["mix"],
            identities=stored["identities"],
            warmup_requests=stored["warmup_requests"],
            saturation=Saturation(**stored["saturation"]) if stored["saturation"] else None,
            open=Open(**stored["open"]) if stored["open"] else None,
            pairs=Pairs(**stored["pairs"]) if stored["pairs"] else None,
            solo=Solo(**stored["solo"]) if stored["solo"] else None,
            timeouts_s=stored["timeouts_s"],
            silence_s=stored["silence_s"],
            warmup_limit_s=stored["warmup_limit_s"],
            limit_s=stored["limit_s"],
            workers=stored["workers"],
        )
