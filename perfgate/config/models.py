"""The configuration as frozen values, with every default in its one home: the field.

Reading files and telling faults is :mod:`perfgate.config.load`'s work.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

Positive = Annotated[float, Field(gt=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Alpha = Annotated[float, Field(gt=0, lt=0.5)]

START_PLACEHOLDERS = ("port", "host", "python", "data_dir")
READY_PLACEHOLDERS = ("port",)
COMMIT = re.compile(r"[0-9a-f]{7,64}")

CONTAINER_PLACEHOLDERS = ("port", "host")
IMAGE_PLACEHOLDERS = ("commit",)

# What says how the service comes to be there, and which other keys that has no use for.
KINDS = ("start", "url", "container")
UNUSED_BY = {
    "start": {"allow_remote"},
    "url": {"host", "build", "stop_timeout_s", "build_timeout_s", "env", "pass_env"},
    "container": {"allow_remote", "build", "stop_timeout_s", "build_timeout_s"},
}


def _path_or_url(value: str) -> str:
    if not value.startswith(("/", "http://")):
        raise ValueError('must begin with "/" or "http://"')
    return value


def _ipv4(value: str) -> str:
    try:
        return str(IPv4Address(value))
    except ValueError:
        raise ValueError("must be an IPv4 address like 127.0.0.1") from None


def _service_url(value: str) -> str:
    parts = urlsplit(value)
    try:
        whole = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username:
        raise ValueError("must be like http://127.0.0.1:9000: host and port, no path")
    return value.rstrip("/")


def is_loopback(url: str) -> bool:
    """Tell whether a URL leads to this machine alone."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _ascending(value: tuple[int, ...]) -> tuple[int, ...]:
    if list(value) != sorted(set(value)):
        raise ValueError("must ascend, like [4, 6, 8, 10]")
    return value


class Section(BaseModel):
    """A table of the file: unknown keys are faults, values never change."""

    # TOML knows inf and nan; no setting here makes sense with either.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Container(Section):
    """The container that a build runs in: one of its image, afresh for each load run."""

    engine: Literal["podman", "docker"] = Field(description="Program that runs it.")
    image: Annotated[str, Field(min_length=1)] = Field(
        description="Image with digest (NAME@sha256:...) or tag; a tag is resolved to its digest "
        "before anything is measured. {commit} is filled in with the hash of the build's commit; "
        "without it, the image of a commit is the one that this file names there.",
    )
    command: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Command instead of the image's own, split like a shell would but run without "
        "one. {port} and {host} are filled in.",
    )
    network: Literal["publish", "host"] = Field(
        default="publish",
        description="A network of its own with `port` published on this machine, or the machine's: "
        "then `command` has to make the service listen on {host} and {port}.",
    )
    port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="Port that the service listens on in a network of its own."
    )
    cpus: Positive | None = Field(default=None, description="Most CPU time per second, in CPUs.")
    memory_mib: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="Most memory, in MiB; what takes more is ended by the kernel."
    )
    options: tuple[str, ...] = Field(
        default=(), description="More words for `ENGINE create`, like `--volume=/data:/data:ro`."
    )

    @model_validator(mode="after")
    def _can_be_reached(self) -> Self:
        if self.network == "publish" and self.port is None:
            raise ValueError("must have a port: the one that the service listens on in there")
        if self.network == "host" and self.port is not None:
            raise ValueError('has no use for port with network = "host": take it away')
        if self.network == "host" and "{port}" not in (self.command or ""):
            raise ValueError('must have {port} in its command with network = "host"')
        return self


class Target(Section):
    """How a build becomes a running service, and how it is known to be ready.

    One of `start`, `url` and [target.container] says what is measured.
    """

    start: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description="Command that starts the service in the foreground, split like a shell would "
        "but run without one. {port}, {host}, {python} and {data_dir} are filled in.",
    )
    url: Annotated[str, AfterValidator(_service_url)] | None = Field(
        default=None,
        description="A service that runs already, like http://127.0.0.1:9000: nothing is started, "
        "stopped or compared with a base.",
    )
    container: Container | None = Field(
        default=None, description="Runs builds as containers, in the place of `start`."
    )
    allow_remote: bool = Field(
        default=False,
        description="Send load to a `url` on another machine: only to one that you may overload.",
    )
    host: Annotated[str, AfterValidator(_ipv4)] = Field(
        default="127.0.0.1",
        description="IPv4 address the service listens on: one of this machine's. Only with workers "
        "on other machines does it need to be one that they reach.",
    )
    build: str | None = Field(
        default=None,
        description="Command run once in a build's directory before it is first started.",
    )
    ready: Annotated[str, AfterValidator(_path_or_url)] = Field(
        default="/healthz",
        json_schema_extra={"pattern": "^(/|http://)"},
        description="Path or URL ({port} is filled in) that answers 2xx once requests are served.",
    )
    ready_timeout_s: Positive = Field(default=20.0, description="Longest wait for `ready`.")
    stop_timeout_s: Positive = Field(default=5.0, description="Wait after SIGTERM before SIGKILL.")
    build_timeout_s: Positive = Field(default=600.0, description="Longest time a build may take.")
    env: dict[str, str] = Field(
        default_factory=dict, description="Environment given to build and start."
    )
    pass_env: tuple[str, ...] = Field(
        default=(),
        description="Variables passed on from perfgate's own environment; all others are dropped.",
    )

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        kinds = [name for name in KINDS if getattr(self, name) is not None]
        if len(kinds) != 1:
            given = " and ".join(kinds) or "none"
            raise ValueError(f"must have one of {', '.join(KINDS)}, and has {given}")
        unused = sorted(self._set() & UNUSED_BY[kinds[0]])
        if unused:
            raise ValueError(f"{kinds[0]} has no use for {', '.join(unused)}: take it away")
        if self.url is not None and not (self.allow_remote or is_loopback(self.url)):
            raise ValueError(
                f"url = {self.url} is not on this machine, and load goes nowhere else: it is meant "
                "to saturate what it is sent to. allow_remote = true sends it all the same"
            )
        return self

    @property
    def kind(self) -> str:
        """Return the key that says what is measured, of those in KINDS."""
        return next(name for name in KINDS if getattr(self, name) is not None)

    def _set(self) -> set[str]:
        """Return the keys that say anything: a saved configuration has all of them."""
        fields = type(self).model_fields.items()
        return {
            name
            for name, field in fields
            if getattr(self, name) != field.get_default(call_default_factory=True)
        }


class Load(Section):
    """Which requests are sent, and by how many users."""

    locustfile: str = Field(description="Ordinary Locust file; its tasks are the operations.")
    identities: Annotated[int, Field(ge=1, le=400)] = Field(
        default=48, description="Users per build; also the most requests in flight per build."
    )
    seed: Annotated[int, Field(ge=0)] = Field(
        default=20180713,
        description="Seed of the arrivals and of all else that is drawn: the same one sends the "
        "same load again, in the same order; `--seed` takes its place.",
    )
    workers: Annotated[int, Field(ge=1, le=32)] = Field(
        default=1, description="Processes of this machine that share the load."
    )
    expect_workers: Annotated[int, Field(ge=0, le=256)] = Field(
        default=0,
        description="Processes on other machines that send the load instead: each runs `perfgate "
        "worker`. None: this machine sends it.",
    )
    bind: Annotated[str, AfterValidator(_ipv4)] = Field(
        default="127.0.0.1", description="Address on which workers of other machines are awaited."
    )
    port: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=5557, description="Port on which they are awaited."
    )

    @property
    def processes(self) -> int:
        """Return how many processes share the load."""
        return self.expect_workers or self.workers


class Profile(Section):
    """The shape and length of one kind of check."""

    arrivals: Literal["poisson", "uniform", "replayed"] = Field(
        default="poisson",
        description="Spacing of the open-loop arrivals; replayed ones have the bursts and gaps of "
        "`recorded`, at the rate that is wanted here.",
    )
    recorded: Annotated[str, Field(min_length=1)] | None = Field(
        default=None,
        description='Log to replay, with arrivals = "replayed"; only its times are used. An access '
        "log of nginx or Apache, JSON lines with a time, or a time on each line.",
    )
    warmup_requests: Annotated[int, Field(ge=0)] = Field(
        default=200,
        description="Fewest requests sent to each fresh process before anything is measured, as "
        "far as `warmup_limit_s` allows.",
    )
    warmup_limit_s: Annotated[float, Field(ge=0)] = Field(
        default=15.0,
        description="Longest warm-up: it goes on until no build gets any faster. With 0 it ends "
        "with `warmup_requests`.",
    )
    demand_s: Positive = Field(
        default=12.0, description="Length of the run at the required rate, judged in three trials."
    )
    ramp_s: Annotated[float, Field(ge=0)] = Field(
        default=0.0,
        description="Rise of the rate from 0, ahead of that run: its requests are sent, but not "
        "judged.",
    )
    split_s: Positive = Field(default=3.0, description="Length of a session's open-loop part.")
    split_load_ratio: Fraction = Field(
        default=0.5,
        description="Most load in the open-loop part, as a share of the service rate.",
    )
    pairs: Annotated[int, Field(ge=4, multiple_of=4)] = Field(
        default=48, description="Pairs of equal batches, one for each build, in a session."
    )
    batch_requests: Annotated[int, Field(ge=1)] = Field(
        default=16, description="Requests in one batch of a pair."
    )
    batch_concurrency: Annotated[int, Field(ge=1)] = Field(
        default=4,
        description="Requests of a batch in flight at a time: after as many it is the other "
        "build's turn.",
    )
    solo_s: Annotated[float, Field(ge=0)] = Field(
        default=1.8,
        description="Time in a session for the operations alone, one after the other, to learn "
        "what each costs; shared by all. 0 leaves it out.",
    )
    solo_pairs: Annotated[int, Field(ge=4, multiple_of=4)] = Field(
        default=16, description="Most pairs of batches of one operation alone, balanced in fours."
    )
    solo_requests: Annotated[int, Field(ge=1)] = Field(
        default=8, description="Most requests in one batch of an operation alone."
    )
    saturation_s: Positive = Field(
        default=2.0, description="Length of one build's saturation in a session."
    )
    saturation_concurrency: Annotated[int, Field(ge=1)] = Field(
        default=48, description="Requests in flight while saturated."
    )
    drain_s: Positive = Field(
        default=5.0, description="Wait for outstanding answers after the last arrival."
    )
    looks: (
        Annotated[
            tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1), AfterValidator(_ascending)
        ]
        | None
    ) = Field(
        default=None,
        description="Numbers of sessions after which a decision is tried. Absent, as many as "
        "`sessions_s` in [budget] affords, fixed before the first session.",
    )


class Slo(Section):
    """What callers of one operation were promised, at the required rate."""

    p50_ms: Positive | None = Field(default=None, description="Median latency.")
    p95_ms: Positive | None = Field(default=None, description="95th percentile of latency.")
    p99_ms: Positive | None = Field(default=None, description="99th percentile of latency.")
    error_ratio: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.001, description="Share of requests that may fail."
    )

    @property
    def promises_latency(self) -> bool:
        """Tell whether any latency is promised."""
        return any((self.p50_ms, self.p95_ms, self.p99_ms))

    @field_validator("p95_ms", "p99_ms")
    @classmethod
    def _quantiles_ascend(cls, value: float | None, info: ValidationInfo) -> float | None:
        for lower in ("p50_ms", "p95_ms"):
            bound = info.data.get(lower)
            if value is not None and bound is not None and value < bound:
                raise ValueError(f"must not be less than {lower} = {bound:g}")
        return value


class Margins(Section):
    """How much worse is too much, and how sure a decision must be."""

    slowdown: Fraction = Field(
        default=0.03, description="Loss of capacity or rise of cost that must be excluded to pass."
    )
    tolerance: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.01,
        # The default too can lie above a `slowdown` that the file sets.
        validate_default=True,
        description="Loss that is never called a failure.",
    )
    latency: Positive = Field(
        default=0.5, description="Rise of a latency quantile that fails: wide, for it is noisy."
    )
    operation: Positive = Field(
        default=0.15,
        description="Rise of one operation's CPU time per request, sent alone, that fails: an "
        "operation that is rare hardly shows in the cost of all together.",
    )
    micro: Positive = Field(
        default=0.15, description="Rise of a benchmark's time that fails, in `perfgate micro`."
    )
    latency_floor_ms: Annotated[float, Field(ge=0)] = Field(
        default=1.0, description="Rise of a latency quantile that is never called a failure."
    )
    speedup: Fraction = Field(
        default=0.3,
        description="Fall of cost, or of the time for equal work, that is told: work may have been "
        "skipped.",
    )
    memory: Positive = Field(default=0.2, description="Rise of peak memory that is told.")
    growth_kib: Positive = Field(
        default=256.0,
        description="Growth of memory in 1000 requests, beyond the base's, that is told, in KiB.",
    )
    stored: Fraction = Field(
        default=0.3,
        description="Loss of service rate against the stored baseline that is told; where that "
        "decides alone, the loss that must be excluded to pass.",
    )
    drift: Positive = Field(
        default=0.1,
        description="Rise of cost, or of the time for equal work, since the anchor (the last "
        "release) that fails: many small ones, each accepted, add up.",
    )
    headroom: Annotated[float, Field(ge=1)] = Field(
        default=1.25, description="Service rate required, as a multiple of the demand."
    )
    overload_risk: Fraction = Field(
        default=0.05,
        description="Chance that the demand exceeds the service rate, from which on a build fails: "
        "with all that is uncertain of both.",
    )
    fail_alpha: Alpha = Field(default=0.01, description="Chance of failing an equal build.")
    pass_alpha: Alpha = Field(
        default=0.05, description="Chance of passing a loss as large as the margin, per metric."
    )

    @field_validator("tolerance")
    @classmethod
    def _tolerance_below_slowdown(cls, value: float, info: ValidationInfo) -> float:
        slowdown = info.data.get("slowdown")
        if slowdown is not None and value >= slowdown:
            raise ValueError(f"must be less than slowdown = {slowdown:g}")
        return value


class Budget(Section):
    """How long a check may take."""

    sessions_s: Positive = Field(
        default=120.0,
        description="Time for sessions. It sets how many there are at most, and a tenth more of it "
        "may be used; undecided by then, the check is inconclusive.",
    )


class Search(Section):
    """How the highest rate that keeps every promise is searched, with `--find-capacity`."""

    trials: Annotated[int, Field(ge=4, le=50)] = Field(
        default=8, description="Most open-loop trials; there are fewer where the rate is known."
    )
    settle_s: Annotated[float, Field(ge=0)] = Field(
        default=5.0,
        description="Start of each trial, which is sent but not judged: a queue that starts empty "
        "takes a while to get as long as it will be.",
    )
    trial_s: Positive = Field(default=10.0, description="Length of the rest of each trial.")
    budget_s: Positive = Field(
        default=180.0, description="Time for trials: none is begun that would take longer."
    )


class RecoveryTest(Section):
    """An overload made on purpose, and how soon callers must be served again."""

    limit_s: Annotated[float, Field(ge=4)] = Field(
        default=90.0, description="Longest time after it until callers are served again."
    )
    upset: Literal["spike", "stall"] = Field(
        default="spike",
        description="What happens: more calls than are served, or a stop of the build by signal.",
    )
    upset_s: Annotated[float, Field(ge=2)] = Field(default=5.0, description="How long that lasts.")
    spike_ratio: Annotated[float, Field(gt=1, le=10)] = Field(
        default=1.5, description="Calls in the spike, as a multiple of the service rate."
    )
    before_s: Annotated[float, Field(ge=6)] = Field(
        default=8.0, description="Time at the demand before it."
    )
    steps: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        default=(0.5, 0.25),
        description="Where a build stays down, the demand is lowered to these shares of it, one "
        "after the other, to find where it gets well again; at last nobody retries.",
    )
    step_s: Annotated[float, Field(ge=4)] = Field(
        default=20.0, description="How long each of these, and the time without retries, lasts."
    )


class Production(Section):
    """How the service runs where the demand meets it."""

    instances: Annotated[int, Field(ge=1)] = Field(
        default=1, description="Instances that share the demand."
    )
    imbalance: Annotated[float, Field(ge=1)] = Field(
        default=1.0,
        description="Load of the busiest instance over the mean of all, as it is full first: the "
        "largest of their requests per second over the average, at the peak.",
    )
    service_rate_rps: Positive | None = Field(
        default=None,
        description="Measured service rate of one production instance; absent, an instance is "
        "taken to be as fast as this machine.",
    )
    service_rate_cv: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.05, description="Relative standard deviation of that figure."
    )
    service_rate_commit: str | None = Field(
        default=None,
        description="Commit of the build that has that rate, its first seven digits or more. What "
        "later builds lost is told by the stored baseline; absent, it would be forgotten.",
    )

    @property
    def full_instances(self) -> float:
        """Return how many instances' rate is served when the busiest one is full."""
        return self.instances / self.imbalance

    @field_validator("service_rate_commit")
    @classmethod
    def _of_a_rate(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("service_rate_rps", 1) is None:
            raise ValueError("needs service_rate_rps: it says which build that rate is of")
        if value is not None and not COMMIT.fullmatch(value):
            raise ValueError(
                "must be a commit: seven hexadecimal digits of it or more, in lower case"
            )
        return value

    @field_validator("imbalance")
    @classmethod
    def _no_more_than_all_the_load(cls, value: float, info: ValidationInfo) -> float:
        instances = info.data.get("instances")
        if instances is not None and value > instances:
            raise ValueError(f"must not exceed instances = {instances}: one of them has all then")
        return value


class DemandSource(Section):
    """Where the demand is written down, and how far ahead planned changes count."""

    ledger: str = Field(default="demand.toml", description="The file of dependents.")
    horizon_days: Annotated[int, Field(ge=0)] = Field(
        default=90, description="Planned changes up to this many days ahead are part of the demand."
    )
    stale_days: Annotated[int, Field(ge=1)] = Field(
        default=90, description="Entries that were measured longer ago than this are told."
    )


class Store(Section):
    """Where accepted measurements live."""

    directory: str = Field(default="baselines", description="Directory of the stored baselines.")
    branch: str = Field(
        default="main", description="Baselines are read where the candidate left this branch."
    )
    stale_days: Annotated[int, Field(ge=1)] = Field(
        default=30,
        description="`perfgate baseline update` renews a baseline that is older, changed or not.",
    )


class Config(Section):
    """Everything perfgate is told about a service."""

    service: Annotated[str, Field(min_length=1)] = Field(description="Name of the service.")
    target: Target
    load: Load
    profiles: dict[str, Profile] = Field(
        default_factory=lambda: {"default": Profile()},
        description="Kinds of check by name; `default` is used unless --profile says otherwise.",
    )
    slo: dict[str, Slo] = Field(
        default_factory=dict,
        description='Promises by operation; "*" holds for every operation without its own.',
    )
    margins: Margins = Margins()
    budget: Budget = Budget()
    search: Search = Search()
    recovery: RecoveryTest = RecoveryTest()
    production: Production = Production()
    demand: DemandSource = DemandSource()
    baseline: Store = Store()

    @property
    def no_upset(self) -> str:
        """Return why no overload can be tried, after "--recovery", "" where one can."""
        if self.load.expect_workers:
            return "sends its calls from one process here, not from workers on other machines"
        if self.recovery.upset == "stall" and self.target.container is not None:
            return (
                "with a standstill stops processes by signal, which those of a container may refuse"
            )
        return ""
