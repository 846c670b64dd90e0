"""Measurements and cases made by hand for the tests of judgement, every default in one place.

They are consistent as a real one is; nothing is asserted here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from perfgate.baseline.anchor import Anchor, Concession
from perfgate.baseline.record import (
    BaselineRecord,
    OperationOfRecord,
    Past,
    Provenance,
    RateOfRecord,
)
from perfgate.config.models import Config
from perfgate.demand.ledger import Ledger
from perfgate.measurement.histogram import Histogram
from perfgate.measurement.models import (
    BuildFigures,
    BuildId,
    Conditions,
    DemandRun,
    Environment,
    Failures,
    Incident,
    Measurement,
    OpenLoop,
    OperationFigures,
    Run,
    Search,
    Validity,
    Windows,
    Yardstick,
)
from perfgate.verdict.case import Case, Terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.measurement.models import BuildRole

LOOKS = (4, 6, 8, 10)
TODAY = date(2026, 11, 24)
# Arrivals of each operation in an open loop, and the median of its service time.
ARRIVALS = {"introspect": 240, "login": 30}
SERVICE_MS = {"introspect": 5.0, "login": 60.0}
# CPU time of a request of each operation, sent alone, and how many are sent.
ALONE_S = {"introspect": 0.0013, "login": 0.036}
SOLO_PAIRS = 8
SOLO_REQUESTS = 4
OPEN_S = 5.0
MOMENTS = 16
PAIRS = 12
RATE_RPS = 400.0
COST_S = 0.002
RSS_BYTES = 100 * 2**20
# Later than any caller waits, even half of it.
LATE_S = 10.0
SPEED = 4000.0


@dataclass(frozen=True)
class Build:
    """How one build behaves: slowdowns (log, positive is worse) against the standard one.

    ``trend`` is the slowdown from the start to the end of the pairs, ``connects`` and
    ``redirects`` are counted in every run. ``busy`` is the share of a CPU that it uses saturated.

    ``operations`` are slowdowns of single ones sent alone, on top of that of the cost.

    ``shed`` is the share of its saturated answers that are refusals, given in no time, and ``late``
    the number of introspections per run that come after LATE_S.

    ``lost`` is the number of processes that ended in every run, ``unsent`` that of arrivals for
    which its backlog had no room.

    ``grows`` is how many bytes it keeps of each request, up to the ``full_at``-th, ``memory`` the
    log ratio of its peak, ``drift`` that of its service times from the first third of the open loop
    to the last.

    ``queue`` is how many requests more are in flight with each second at the required rate,
    ``behind`` the share of its saturated logins that others are answered in the stead of.

    ``failed`` and ``missing`` count wrong answers and arrivals without any, by operation and run.
    """

    cost: float = 0.0
    capacity: float = 0.0
    saturated: float = 0.0
    latency: float = 0.0
    operations: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    failure: str = "wrong body"
    connects: int = 4
    redirects: int = 0
    trend: float = 0.0
    busy: float = 0.9
    shed: float = 0.0
    late: int = 0
    lost: int = 0
    unsent: int = 0
    grows: float = 0.0
    full_at: float = math.inf
    memory: float = 0.0
    drift: float = 0.0
    queue: float = 0.0
    behind: float = 0.0


STANDARD = Build()


def windows(count: int, wall_s: float, cpu_s: float, good: int) -> Windows:
    """Return equal stretches of closed loop without any wait for a CPU."""
    return Windows(
        wall_s=(wall_s,) * count,
        cpu_s=(cpu_s,) * count,
        wait_s=(0.0,) * count,
        generator_wait_s=(0.0,) * count,
        answered=(good,) * count,
        good=(good,) * count,
    )


# A build that was not timed.
NOTHING = windows(0, 1.0, 0.0, 16)


def saturated(build: Build) -> Windows:
    """Return the saturation of a build: a standard slice's correct answers, and its refusals."""
    slice_s, good = math.exp(build.saturated), round(RATE_RPS)
    flat = windows(2, slice_s, slice_s * build.busy, good if build.shed < 1 else 0)
    refused = round(good * min(build.shed / (1 - build.shed), 1e6)) if build.shed < 1 else 10 * good
    changes = {"answered": (flat.good[0] + refused,) * 2, "failed": (refused,) * 2}
    return flat.model_copy(update=changes)


def by_operation(answers: int, behind: float) -> dict[str, int]:
    """Return how many of all answers each operation had."""
    logins = round(answers * (1 - behind) * ARRIVALS["login"] / sum(ARRIVALS.values()))
    return {"introspect": answers - logins, "login": logins}


def keeping(flat: Windows, build: Build, before: int) -> Windows:
    """Return windows with the memory of a build that had answered so many requests before."""
    answered = np.minimum(before + np.cumsum(flat.answered), build.full_at)
    rss_bytes = RSS_BYTES // 2 + np.rint(answered * build.grows).astype(int)
    return flat.model_copy(update={"rss_bytes": tuple(rss_bytes.tolist())})


def rising(flat: Windows, trend: float) -> Windows:
    """Return windows whose times grow evenly by this log ratio from first to last."""
    count = len(flat.wall_s)
    growth = np.exp(trend * (np.arange(count) / max(count - 1, 1) - 0.5))
    return flat.model_copy(update={"wall_s": tuple((np.array(flat.wall_s) * growth).tolist())})


def durations(count: int, median_s: float) -> Histogram:
    """Return durations spread evenly from half the median to one and a half of it."""
    return Histogram.from_seconds(median_s * (0.5 + (np.arange(count) + 0.5) / max(count, 1)))


def operation(build: Build, name: str) -> OperationFigures:
    """Return the open loop of one operation."""
    arrivals = ARRIVALS[name]
    missing = min(build.missing.get(name, 0), arrivals)
    failed = min(build.failed.get(name, 0), arrivals - missing)
    good = arrivals - missing - failed
    service_s = SERVICE_MS[name] / 1000 * math.exp(build.latency)
    late = min(build.late, good) if name == "introspect" else 0
    latency_s = durations(good - late, service_s + 0.0002).merge(durations(late, LATE_S))
    return OperationFigures(
        arrivals=arrivals,
        good=good,
        failed=failed,
        censored=missing,
        latency_s=latency_s,
        service_s=durations(good, service_s),
        thirds_s=tuple(service_s * math.exp(build.drift * part) for part in (-0.5, 0.0, 0.5)),
    )


def open_loop(build: Build = STANDARD) -> OpenLoop:
    """Return the open loop of a build."""
    return OpenLoop(seconds=OPEN_S, operations={name: operation(build, name) for name in ARRIVALS})


def alone(build: Build, name: str) -> Windows:
    """Return batches of one operation alone."""
    cpu_s = SOLO_REQUESTS * ALONE_S[name] * math.exp(build.cost + build.operations.get(name, 0.0))
    return windows(SOLO_PAIRS, 1.2 * cpu_s, cpu_s, SOLO_REQUESTS)


def figures(build: Build = STANDARD, *, pairs: int = PAIRS) -> BuildFigures:
    """Return what one build did in one run."""
    opened = open_loop(build)
    cost_s = COST_S * math.exp(build.cost)
    answered = sum(own.good + own.failed for own in opened.operations.values())
    saturation = keeping(saturated(build), build, 0)
    paired = rising(windows(pairs, 1.0 * math.exp(build.capacity), 16 * cost_s, 16), build.trend)
    return BuildFigures(
        saturation=saturation,
        saturation_answered=by_operation(sum(saturation.answered), build.behind),
        open=opened,
        open_cpu_s=answered * cost_s,
        pairs=keeping(paired, build, sum(saturation.answered) + answered),
        solo={name: alone(build, name) for name in ALONE_S} if pairs else {},
        failures={
            name: Failures(
                requests=own.arrivals,
                classes={build.failure: own.failed} if own.failed else {},
            )
            for name, own in opened.operations.items()
        },
        connects=build.connects,
        redirects=build.redirects,
        peak_rss_bytes=round(RSS_BYTES * math.exp(build.memory)),
        lost=build.lost,
        unsent=build.unsent,
    )


def yardstick(speed: float = SPEED) -> Yardstick:
    """Return a reading of a machine of this speed."""
    return Yardstick(hashing_per_s=speed * 2, looping_per_s=speed / 2, loopback_per_s=speed)


def validity(*faults: str) -> Validity:
    """Return how far a run can be trusted: entirely, without faults."""
    return Validity(
        seconds=15.0,
        lag_p50_ms=0.1,
        lag_p99_ms=1.5,
        waited_ratio=0.0,
        unsent=0,
        generator_cpu_ratio=0.3,
        generator_wait_ratio=0.02,
        steal_ratio=0.0,
        pressure_ratio=None,
        faults=faults,
        yardsticks=(yardstick(), yardstick()),
    )


def session(candidate: Build = STANDARD, base: Build | None = STANDARD) -> Run:
    """Return one session; without a base the candidate alone."""
    pairs = PAIRS if base else 0
    builds: dict[BuildRole, BuildFigures] = {"candidate": figures(candidate, pairs=pairs)}
    if base is not None:
        builds["base"] = figures(base)
    return Run(seed=1, offered_rps=54.0, builds=builds, validity=validity())


def with_figures(run: Run, role: str, **changes: object) -> Run:
    """Return the run with other figures of one build."""
    builds_ = {
        name: own.model_copy(update=changes) if name == role else own
        for name, own in run.builds.items()
    }
    return run.model_copy(update={"builds": builds_})


def sessions(
    count: int = 4,
    candidate: Build = STANDARD,
    base: Build | None = STANDARD,
    noise: float = 0.002,
) -> tuple[Run, ...]:
    """Return sessions whose slowdowns go up and down by ``noise`` around the candidate's."""
    return tuple(
        session(_shaken(candidate, noise if number % 2 else -noise), base)
        for number in range(count)
    )


def _shaken(build: Build, by: float) -> Build:
    return replace(
        build,
        cost=build.cost + by,
        capacity=build.capacity + by,
        saturated=build.saturated + by,
        latency=build.latency + by,
        trend=build.trend + by,
        drift=build.drift + by,
    )


def demand_run(candidate: Build = STANDARD, *trials: Build) -> DemandRun:
    """Return the run at the required rate; every trial is like the whole unless it is given."""
    run = Run(
        seed=1,
        offered_rps=125.0,
        builds={"candidate": figures(candidate, pairs=0)},
        validity=validity(),
    )
    cut = trials or (candidate,) * 3
    return DemandRun(
        run=run, trials=tuple(open_loop(build) for build in cut), in_flight=in_flight(candidate)
    )


def in_flight(build: Build = STANDARD) -> dict[str, tuple[int, ...]]:
    """Return how many requests were in flight: one or two more now and then, and the growth."""
    grown = np.round(build.queue * np.linspace(0.0, OPEN_S, MOMENTS))
    swing = np.arange(MOMENTS) % 2
    return {
        "introspect": tuple((grown + swing).astype(int).tolist()),
        "login": tuple(swing.tolist()),
    }


def search(*trials: tuple[float, int], **changes: object) -> Search:
    """Return trials at these rates, in each of which so many of 240 introspections were late."""
    made = Search(
        low_rps=100.0,
        high_rps=400.0,
        trials=tuple(trial(rate_rps, Build(late=late)) for rate_rps, late in trials),
        seconds=19.0 * len(trials),
    )
    return made.model_copy(update=changes)


def trial(rate_rps: float, build: Build = STANDARD) -> Run:
    """Return one trial of the search for mu_slo."""
    return session(build, base=None).model_copy(update={"offered_rps": rate_rps})


def discarded(count: int = 1, fault: str = "the load generator was late") -> tuple[Run, ...]:
    """Return runs that cannot be trusted."""
    return tuple(session().model_copy(update={"validity": validity(fault)}) for _ in range(count))


def incident(build: BuildRole = "candidate", **changes: object) -> Incident:
    """Return a build that died."""
    made = Incident(
        build=build,
        kind="died",
        stage="session 1",
        text="exited with code 7 under load",
        log=("starting", "out of file descriptors"),
    )
    return made.model_copy(update=changes)


def environment(**changes: object) -> Environment:
    """Return a machine with a CPU for the builds and one for the generator."""
    made = Environment(
        cpu_model="Intel(R) Xeon(R) @ 2.20GHz",
        cpus=2,
        machine="x86_64",
        kernel="6.1.0",
        python="3.11.9",
        virtual="kvm",
        target_cpus=(0,),
        generator_cpus=(1,),
    )
    return made.model_copy(update=changes)


def conditions(**changes: object) -> Conditions:
    """Return what the load is made from."""
    mix = {"introspect": 0.9, "login": 0.1}
    made = Conditions(profile_hash="a" * 16, locustfile_hash="b" * 16, mix=mix)
    return made.model_copy(update=changes)


def measurement(**changes: object) -> Measurement:
    """Return a measurement of two equal builds, as far as the first look."""
    made = Measurement(
        perfgate="0.1.0",
        taken_at="2026-11-24T10:00:00+00:00",
        profile="default",
        seed=1,
        candidate=BuildId(name="feature (1111111111 Cache keys)", commit="1" * 40),
        base=BuildId(name="main (2222222222 Serve tokens)", commit="2" * 40),
        environment=environment(),
        conditions=conditions(),
        demand_run=demand_run(),
        sessions=sessions(),
        discarded=(),
        incidents=(),
    )
    return made.model_copy(update=changes)


def dependent(name: str = "gateway", peak_rps: float = 100.0, **rest: object) -> dict[str, object]:
    """Return a row of the ledger."""
    return {"name": name, "peak_rps": peak_rps, "timeout_s": 1.0, **rest}


def ledger(*rows: dict[str, object]) -> Ledger:
    """Return a ledger; without rows, of one gateway that never retries."""
    document = {
        "format": "perfgate.demand/1",
        "default_mix": {"introspect": 0.9, "login": 0.1},
        "dependent": list(rows or (dependent(),)),
    }
    return Ledger.model_validate(document)


def config(**sections: object) -> Config:
    """Return a configuration with these tables of the file."""
    document: dict[str, Any] = {
        "service": "auth",
        "target": {"start": "serve --port {port}"},
        "load": {"locustfile": "locustfiles/auth.py"},
        "profiles": {"default": {"looks": LOOKS}},
    }
    return Config.model_validate(document | sections)


def terms(**changes: object) -> Terms:
    """Return what a case is held to: 100 requests/s with headroom 1.25, and no stored baseline."""
    made = Terms(config=config(), ledger=ledger(), on=TODAY)
    return made.model_copy(update=changes)


def case(
    candidate: Build = STANDARD,
    base: Build | None = STANDARD,
    *,
    count: int = 4,
    noise: float = 0.002,
    held_to: Terms | None = None,
    **measured: object,
) -> Case:
    """Return a case with ``count`` sessions of these builds and a run at the required rate.

    ``measured`` replaces parts of the measurement.
    """
    made = {
        "demand_run": demand_run(candidate),
        "sessions": sessions(count, candidate, base, noise),
        **({} if base else {"base": None}),
        **measured,
    }
    return Case(measurement=measurement(**made), terms=held_to or terms())


def record(**changes: object) -> BaselineRecord:
    """Return a sealed record of the standard build on the standard machine."""
    made = BaselineRecord(
        service="auth",
        profile="default",
        commit="3" * 40,
        measured_at="2026-11-01T10:00:00+00:00",
        verdict="PASS",
        perfgate="0.1.0",
        environment=environment(),
        service_rate_rps=RateOfRecord(estimate=400.0, lower=392.0, upper=408.0, runs=5),
        cost_ms=2.0,
        peak_rss_mib=100.0,
        operations={
            "introspect": OperationOfRecord(answers=720, p50_ms=5.2, p95_ms=7.5, p99_ms=7.7),
            "login": OperationOfRecord(answers=0, p50_ms=None, p95_ms=None, p99_ms=None),
        },
        session_sd={"capacity": 0.002, "cost": 0.002},
        undisturbed_rps=RateOfRecord(estimate=400.0, lower=396.0, upper=404.0, runs=5),
        yardstick_per_s=SPEED,
        conditions=conditions(),
        provenance=provenance(),
        anchor=anchor(),
    )
    return made.model_copy(update=changes).sealed()


def past(undisturbed_rps: float | None, **changes: object) -> Past:
    """Return what a record keeps of an older one, of another build."""
    made = Past(
        commit="1" * 40,
        measured_at="2026-10-01T10:00:00+00:00",
        service_rate_rps=300.0,
        undisturbed_rps=undisturbed_rps,
        cost_ms=1.0,
    )
    return made.model_copy(update=changes)


def provenance(**changes: object) -> Provenance:
    """Return what the standard record was made from."""
    made = Provenance(
        build_digest="d" * 16,
        config_hash="c" * 16,
        ledger_hash="e" * 16,
        tools={"locust": "2.37.0"},
        seed=1,
        accepted_by="Ann <ann@example.org>",
        accepted_at="2026-11-01T11:00:00+00:00",
    )
    return made.model_copy(update=changes)


def anchor(**changes: object) -> Anchor:
    """Return the standard build itself as anchor, or another."""
    made = Anchor(name="v1.0", commit="3" * 40, set_at="2026-11-01T10:00:00+00:00")
    return made.model_copy(update=changes)


def concession(**changes: object) -> Concession:
    """Return why a build that lost 8 % was accepted."""
    made = Concession(
        commit="1" * 40,
        by="Ann <ann@example.org>",
        at="2026-11-24T11:00:00+00:00",
        because="audit",
        found="CPU time per request rose 8.0 %.",
        worse_percent={"cost": 8.0},
    )
    return made.model_copy(update=changes)


def slowdowns() -> st.SearchStrategy[float]:
    """Draw slowdowns from a build a hundred times as fast to one a hundred times as slow."""
    return st.floats(-4.6, 4.6)


def builds() -> st.SearchStrategy[Build]:
    """Draw how a build behaves, also very badly."""
    counts = st.dictionaries(st.sampled_from(sorted(ARRIVALS)), st.integers(0, 240))
    return st.builds(
        Build,
        cost=slowdowns(),
        capacity=slowdowns(),
        saturated=slowdowns(),
        latency=slowdowns(),
        operations=st.dictionaries(st.sampled_from(sorted(ALONE_S)), slowdowns()),
        failed=counts,
        missing=counts,
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw cases of any sessions: none to more than the last look, with and without a base."""
    base = draw(st.none() | builds())
    count = draw(st.integers(0, 11))
    roles: list[BuildRole] = ["base", "candidate"]
    measured = measurement(
        sessions=tuple(session(draw(builds()), base and draw(builds())) for _ in range(count)),
        demand_run=draw(st.none() | builds().map(demand_run)),
        discarded=discarded(draw(st.integers(0, 5))),
        incidents=tuple(draw(st.lists(st.sampled_from(roles).map(incident), max_size=2))),
        **({} if base else {"base": None}),
    )
    declared = draw(st.none() | st.floats(1.0, 1e5))
    production = {"instances": draw(st.integers(1, 50))}
    own = terms(
        config=config(
            production=production | ({"service_rate_rps": declared} if declared else {}),
            slo=draw(st.sampled_from(({}, {"*": {"p50_ms": 20.0, "p95_ms": 40.0}}))),
        ),
        baseline=draw(st.none() | st.just(record())),
        baseline_comparable=draw(st.booleans()),
    )
    return Case(measurement=measured, terms=own)
