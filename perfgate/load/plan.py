"""What one load run is told to do: values that travel to Locust as one JSON file.

Both sides import this module, so it needs nothing but the standard library.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

BUILDS = ("base", "candidate")

# So long pairs may take, for they are fixed work.
PAIRS_LIMIT_S = 20.0

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
    RECOVERY = 6


# The phases in which the arrivals of a schedule are sent.
SCHEDULED = (Phase.RAMP, Phase.OPEN)


class Outcome(IntEnum):
    """How an arrival ended; every arrival has exactly one outcome.

    CENSORED: nobody knows, for the run ended first. ABANDONED: its caller waited no longer.
    """

    OK = 0
    FAILED = 1
    CENSORED = 2
    ABANDONED = 3


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
    """Closed loop of fixed work: equal batches for base and candidate, side by side.

    Each build in turn gets as many requests of a batch as are in flight at a time, ``concurrency``,
    the order balanced in fours. After ``limit_s`` no further batch is begun once the turns are
    balanced, so that a slow build still ends.
    """

    pairs: int
    requests: int
    concurrency: int
    limit_s: float = PAIRS_LIMIT_S


@dataclass(frozen=True, slots=True)
class Solo:
    """Closed loop of one operation at a time and one request in flight, builds in turn.

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
class RetryBudget:
    """What keeps a caller from retrying without limit, in the words of the ledger."""

    kind: str = "none"
    ratio: float = 0.0
    min_rps: float = 0.0
    clients: int = 1


@dataclass(frozen=True, slots=True)
class Caller:
    """A dependent that makes calls and tries again: ``rates_rps`` are its first tries by operation.

    It gives an attempt up after ``timeout_s`` and makes up to ``attempts``; before each retry it
    waits for something between the shortest and the longest of ``waits_s``. Its own callers call
    ``upstream_attempts`` times.
    """

    name: str
    rates_rps: dict[str, float]
    timeout_s: float
    attempts: int = 1
    upstream_attempts: int = 1
    waits_s: tuple[tuple[float, float], ...] = ()
    budget: RetryBudget = RetryBudget()

    @property
    def rate_rps(self) -> float:
        """Return the calls that it makes a second, of all operations."""
        return sum(self.rates_rps.values())


@dataclass(frozen=True, slots=True)
class Recovery:
    """Open loop with callers that retry, through an upset from ``upset_s`` to ``after_s``.

    The schedule holds the calls' first tries, the upset's included; with ``stalls`` the build is
    stopped and continued by signals meanwhile. Once callers are served again after the upset, the
    run ends. From ``quiet_s`` on nobody retries. No more than ``calls_limit`` calls are open at a
    time; what comes then is not sent.
    """

    schedule: str
    callers: tuple[Caller, ...]
    upset_s: float
    after_s: float
    quiet_s: float
    drain_s: float
    calls_limit: int
    stalls: bool = False


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
    recovery: Recovery | None = None
    timeouts_s: dict[str, float] = field(default_factory=dict)
    silence_s: float = 20.0
    warmup_limit_s: float = 0.0
    limit_s: float = 0.0
    workers: int = 1

    @property
    def operations(self) -> tuple[str, ...]:
        """Return the operations in the order of their codes in schedule and journal."""
        return tuple(sorted(self.mix))

    @property
    def schedule(self) -> str:
        """Return the name of the schedule's file, empty where nothing is scheduled."""
        return next((part.schedule for part in (self.open, self.recovery) if part), "")

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
            recovery=_recovery(stored["recovery"]) if stored["recovery"] else None,
            timeouts_s=stored["timeouts_s"],
            silence_s=stored["silence_s"],
            warmup_limit_s=stored["warmup_limit_s"],
            limit_s=stored["limit_s"],
            workers=stored["workers"],
        )


def _recovery(stored: dict[str, Any]) -> Recovery:
    callers = tuple(
        Caller(
            **made
            | {
                "waits_s": tuple((least, most) for least, most in made["waits_s"]),
                "budget": RetryBudget(**made["budget"]),
            }
        )
        for made in stored["callers"]
    )
    return Recovery(**stored | {"callers": callers})
