"""What was measured, as frozen values: sessions, the run at the required rate, incidents.

Only figures that were observed stand here; what they mean for a build is judged elsewhere.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, WithJsonSchema

from perfgate.demand.mix import other_share
from perfgate.measurement.histogram import Histogram

FORMAT: Final = "perfgate.measurement/1"
# History of the format:
#   1  sessions with split, micro and saturation; one run at the required rate; incidents.
#      Later, with defaults, so that older files are still read: failures and memory in windows,
#      solo, lost processes, how the warm-up went, what others had of the CPU (in saturation
#      too), yardsticks, thirds of open loops, the conditions, what broke off,
#      closed loops that the generator limited, requests in flight at the required rate, the
#      search for mu_slo, digests of builds, versions of tools, single callers through an upset,
#      retries that were due, processes that ended in it. From 0.1.0 on pairs and solo are timed
#      while a build has a request; before that each batch was, from its begin to its end.

BuildRole = Literal["base", "candidate"]


def _histogram(stored: object) -> Histogram:
    return stored if isinstance(stored, Histogram) else Histogram.from_json(stored)


_WHOLE_NUMBERS: dict[str, Any] = {"type": "array", "items": {"type": "integer", "minimum": 0}}
Durations = Annotated[
    Histogram,
    PlainValidator(_histogram),
    PlainSerializer(Histogram.to_json),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {"ticks": _WHOLE_NUMBERS, "counts": _WHOLE_NUMBERS},
            "required": ["ticks", "counts"],
            "additionalProperties": False,
        }
    ),
]


class Value(BaseModel):
    """A part of the file: frozen, and nothing unknown in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BuildId(Value):
    """Which build it was: how the user called it, and its commit where it has one.

    ``digest`` tells its sources and build command from any other; None where git does not know
    them, and in older files.
    """

    name: str
    commit: str | None = None
    dirty: bool = False
    digest: str | None = None


class Conditions(Value):
    """What the load was made from: hashes of profile and Locust file, share of each operation."""

    profile_hash: str
    locustfile_hash: str
    mix: dict[str, float]

    def differ(self, other: Conditions) -> str:
        """Return in words what makes rates under the other conditions another thing, "" if alike.

        Mixes are alike as :func:`perfgate.demand.mix.other_share` has it.
        """
        if self.profile_hash != other.profile_hash:
            return "another cut of its profile"
        if self.locustfile_hash != other.locustfile_hash:
            return "another Locust file"
        if name := other_share(self.mix, other.mix):
            then, now = self.mix.get(name, 0.0), other.mix.get(name, 0.0)
            return f"another mix of operations ({name} {then:.2%} then, {now:.2%} now)"
        return ""


class Windows(Value):
    """Stretches of closed loop, in columns of equal length.

    ``cpu_s`` and ``wait_s`` are the CPU time of the build's processes and the time they were
    ready to run but did not, within ``wall_s``; ``generator_wait_s`` is that time of the load
    generator. Where the builds take turns, ``wall_s`` is the time in which this one had a request;
    by the kernel's stamps of its answers, no wait of the generator is in that. ``answered`` counts
    all answers, ``good`` the correct ones that came in time, ``failed`` refusals and wrong ones;
    empty where they were not told apart from late ones. ``rss_bytes`` is the memory of the build's
    processes at each end; empty where it was not read.
    """

    wall_s: tuple[float, ...]
    cpu_s: tuple[float, ...]
    wait_s: tuple[float, ...]
    generator_wait_s: tuple[float, ...]
    answered: tuple[int, ...]
    good: tuple[int, ...]
    failed: tuple[int, ...] = ()
    rss_bytes: tuple[int, ...] = ()


class OperationFigures(Value):
    """One operation in an open loop: every arrival is good, failed or censored.

    ``thirds_s`` are the medians of the service time in each third of the loop; empty where one of
    them has too few good answers to tell.
    """

    arrivals: int
    good: int
    failed: int
    censored: int
    latency_s: Durations
    service_s: Durations
    thirds_s: tuple[float, ...] = ()


class OpenLoop(Value):
    """A stretch of open-loop arrivals to one build."""

    seconds: float
    operations: dict[str, OperationFigures]

    @property
    def service_s(self) -> Histogram:
        """Return the service times of all operations together."""
        return reduce(
            Histogram.merge, (own.service_s for own in self.operations.values()), Histogram()
        )

    @property
    def arrivals(self) -> int:
        """Return the number of arrivals of all operations."""
        return sum(figures.arrivals for figures in self.operations.values())

    @property
    def good(self) -> int:
        """Return the number of correct answers of all operations."""
        return sum(figures.good for figures in self.operations.values())


class Failures(Value):
    """How requests of one operation failed, in the open loop, the pairs and alone.

    Saturated, a build may well shed load: that costs it goodput, not this.
    """

    requests: int
    classes: dict[str, int]

    @property
    def failed(self) -> int:
        """Return the number of failed requests."""
        return sum(self.classes.values())


class BuildFigures(Value):
    """One build in one run: fresh processes from start to stop.

    ``connects`` and ``redirects`` count connections opened and redirects followed for the requests
    of open loop, pairs and solo. ``solo`` holds, by operation, batches of that operation alone.
    ``lost`` counts processes that were there when it got ready and ended under load, ``unsent``
    arrivals that were never sent as too many others were waiting for this build (0 in older files).
    ``saturation_others_ratio`` is how much of its CPUs others had while it was saturated, as
    :attr:`Run.others_ratio` is for the pairs. ``saturation_answered`` counts the answers then by
    operation (empty in older files).
    """

    saturation: Windows
    open: OpenLoop
    open_cpu_s: float
    pairs: Windows
    solo: dict[str, Windows] = {}
    failures: dict[str, Failures]
    connects: int
    redirects: int
    peak_rss_bytes: int
    lost: int = 0
    unsent: int = 0
    saturation_others_ratio: float | None = None
    saturation_answered: dict[str, int] = {}


class Yardstick(Value):
    """How fast the machine was: pieces of fixed work per CPU-second of the target's CPU."""

    hashing_per_s: float
    looping_per_s: float
    loopback_per_s: float

    @property
    def speed(self) -> float:
        """Return all three as one figure, their geometric mean: a faster machine has more."""
        return math.cbrt(self.hashing_per_s * self.looping_per_s * self.loopback_per_s)


# Of one CPU; above it, a run says more about the host than about the builds.
STEAL_LIMIT_RATIO = 0.2


class Validity(Value):
    """How far the run can be trusted: what the generator and the machine did meanwhile.

    ``lag`` is started - intended of arrivals that found an identity free; ``waited`` the share of
    arrivals that did not, ``unsent`` the number of those never sent as too many were waiting. The
    ratios of CPU used, waited for, stolen and fought over are shares of the run's time.

    ``warmup_s`` is how long the warm-up took, ``unsettled`` the builds that were still getting
    faster when its time was up; None and empty where there was no warm-up, and in older files.
    ``yardsticks`` were read just before the load and just after it.
    """

    seconds: float
    lag_p50_ms: float
    lag_p99_ms: float
    waited_ratio: float
    unsent: int
    generator_cpu_ratio: float
    generator_wait_ratio: float
    steal_ratio: float | None
    pressure_ratio: float | None
    warmup_s: float | None = None
    unsettled: tuple[BuildRole, ...] = ()
    limited: tuple[str, ...] = ()
    faults: tuple[str, ...]
    yardsticks: tuple[Yardstick, ...] = ()


class Run(Value):
    """One load run and both builds' figures, or only the candidate's.

    ``others_ratio`` is how much of the builds' CPUs others had while the pairs ran: 0.5 is half a
    CPU. None where it is not known, and in older files.
    """

    seed: int
    offered_rps: float
    builds: dict[BuildRole, BuildFigures]
    others_ratio: float | None = None
    validity: Validity


class DemandRun(Value):
    """The candidate alone at the rate it must carry, cut into trials of equal length.

    ``in_flight`` are, by operation, the requests that were due and not answered, at equal distances
    from the first moment of the open loop to its last; empty in older files.
    """

    run: Run
    trials: tuple[OpenLoop, ...]
    in_flight: dict[str, tuple[int, ...]] = {}


class Search(Value):
    """The candidate alone in open loops at rates between two, to find the highest that it bears.

    ``low_rps`` is what one instance must carry here, ``high_rps`` the service rate. ``discarded``
    are trials that cannot be trusted, ``ended`` says what cut the search short, "" if nothing did.
    """

    low_rps: float
    high_rps: float
    trials: tuple[Run, ...] = ()
    discarded: tuple[Run, ...] = ()
    ended: str = ""
    seconds: float = 0.0


UpsetKind = Literal["spike", "change", "stall", "restart"]


class Upset(Value):
    """What happens to a build, in seconds from the first call, and what follows if it stays down.

    A spike sends ``rate_rps`` calls a second, and so does a change, which is that of the planned
    demand, come and taken back; in a stall the build stands still. A restart is none of these: all
    that happened is that the build was started anew. If callers are not served again ``limit_s``
    after it, the demand is lowered in ``steps``, (seconds, calls per second) each, and at last,
    from ``quiet_s`` on, is what it was, but nobody retries; after a restart nothing is tried.
    """

    kind: UpsetKind
    rate_rps: float
    from_s: float
    to_s: float
    limit_s: float
    steps: tuple[tuple[float, float], ...]
    quiet_s: float


class CallerCourse(Value):
    """First tries of one dependent, and its calls answered in time: a figure for each second."""

    name: str
    first_tries: tuple[int, ...]
    answered: tuple[int, ...]


class Recovery(Value):
    """How one build fared through an upset, with callers that retry.

    A figure for each second from the first call: first tries sent, attempts sent, calls answered in
    time, and, at its end, attempts that waited, given up or not, as far as is known (None else),
    and retries that were ``due``: their callers waited before they sent them (none in older files).
    ``mu_over_rps`` is how many attempts a second it completed while callers gave up, None where
    too few were seen. ``rss_bytes`` is its memory before the upset, and at the end. ``callers`` are
    the dependents that make enough calls to be judged each alone; ``lost`` processes of the build
    ended meanwhile.
    """

    build: BuildRole
    seed: int
    demand_rps: float
    upset: Upset
    first_tries: tuple[int, ...]
    attempts: tuple[int, ...]
    answered: tuple[int, ...]
    waiting: tuple[int | None, ...]
    mu_over_rps: float | None
    failures: dict[str, Failures]
    unsent: int
    rss_bytes: tuple[int, int]
    validity: Validity
    callers: tuple[CallerCourse, ...] = ()
    due: tuple[int, ...] = ()
    lost: int = 0


class Incident(Value):
    """A build that did not come through: what happened, when, and the end of its log."""

    build: BuildRole
    kind: Literal["died", "silent", "slow", "locked out", "unready"]
    stage: str
    text: str
    log: tuple[str, ...] = ()


class Spoil(Value):
    """Why a load run cannot be believed, where to repeat it would hide that; and what to do."""

    text: str
    hint: str = ""


class Environment(Value):
    """The machine: what must be equal before absolute figures are compared."""

    cpu_model: str
    cpus: int
    machine: str
    kernel: str
    python: str
    virtual: str
    target_cpus: tuple[int, ...]
    generator_cpus: tuple[int, ...]

    def differs(self, other: Environment) -> str:
        """Return in words what makes figures of the other, of the same class, another thing.

        That is another release series of the kernel or of Python; "" if they are alike.
        """
        for what, then, now in (
            ("kernel", self.kernel, other.kernel),
            ("Python", self.python, other.python),
        ):
            if _series(then) != _series(now):
                return f"another {what} ({then} then, {now} now)"
        return ""

    @property
    def shared(self) -> bool:
        """Tell whether builds and load generator share the CPUs."""
        return self.target_cpus == self.generator_cpus

    @property
    def slug(self) -> str:
        """Return the environment class as a file name."""
        return slug_of(f"{self.machine}-{self.cpus}cpu-{self.cpu_model}-{self.virtual}")


def slug_of(words: str) -> str:
    """Return words as a file name: small letters and digits, with hyphens between."""
    kept = "".join(letter if letter.isalnum() else "-" for letter in words.lower())
    return "-".join(part for part in kept.split("-") if part)


def _series(release: str) -> list[str]:
    """Return the first two numbers of a release: "6.1.0-13-amd64" is of the series 6.1."""
    return release.split(".")[:2]


class Measurement(Value):
    """Everything one check measured.

    ``restart`` is how the candidate fared, started anew, where an upset had left it down. ``tools``
    are versions of what made and read the load (empty in older files).
    ``discarded`` are runs that cannot be trusted; ``broken_off`` says what ended sessions whose
    load cannot even be proved complete, and ``spoilt`` what ended the whole measurement.
    """

    format: Literal["perfgate.measurement/1"] = FORMAT
    perfgate: str
    taken_at: str
    profile: str
    seed: int
    candidate: BuildId
    base: BuildId | None
    environment: Environment
    conditions: Conditions | None = None
    demand_run: DemandRun | None
    sessions: tuple[Run, ...]
    recoveries: tuple[Recovery, ...] = ()
    restart: Recovery | None = None
    discarded: tuple[Run, ...]
    broken_off: tuple[str, ...] = ()
    spoilt: Spoil | None = None
    incidents: tuple[Incident, ...]
    search: Search | None = None
    tools: dict[str, str] = {}

    @property
    def set_aside(self) -> int:
        """Return how many runs count for nothing."""
        return len(self.discarded) + len(self.broken_off)

    @property
    def runs(self) -> tuple[Run, ...]:
        """Return every valid run of the candidate: the one at the required rate, then sessions."""
        first = (self.demand_run.run,) if self.demand_run else ()
        return (*first, *self.sessions)
