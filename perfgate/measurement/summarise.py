"""A journal becomes the figures of a run: counts, histograms, windows and validity.

Everything is computed from the raw rows; nothing is judged and no file is read.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from perfgate.load.plan import BUILDS, SCHEDULED, Outcome, Phase
from perfgate.measurement.histogram import Histogram
from perfgate.measurement.models import (
    STEAL_LIMIT_RATIO,
    BuildFigures,
    Failures,
    OpenLoop,
    OperationFigures,
    Run,
    Validity,
    Windows,
)
from perfgate.measurement.trust import build_faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pandas.core.groupby import SeriesGroupBy

    from perfgate.load.journal import Busy, Generator, Journal
    from perfgate.load.plan import Plan
    from perfgate.measurement.models import BuildRole, Yardstick

# Above these a run says more about the generator or the machine than about the builds.
LAG_P99_LIMIT_MS = 50.0
GENERATOR_CPU_LIMIT_RATIO = 0.9
GENERATOR_WAIT_LIMIT_RATIO = 0.5
CLOCK_STEP_LIMIT_MS = 5.0
# Near the most that a process may open, its clients may get no socket for a request.
OPEN_FILES_LIMIT_RATIO = 0.9
# Where the next request is sent as soon as there is an answer.
CLOSED = {Phase.SATURATION: "while it saturated the builds", Phase.PAIRS: "in the pairs"}
# Where the builds take turns.
TURNS = (Phase.PAIRS, Phase.SOLO)
# Saturated, a build may shed load; in these phases a wrong answer is a fault of the build.
JUDGED = (Phase.OPEN, Phase.PAIRS, Phase.SOLO)
# The open loop is cut so, to see whether a build slows down; with fewer answers in a part, it is
# chance that decides.
THIRDS = 3
LEAST_IN_THIRD = 10
# No task can be named so.
SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the parent saw while the run lasted; ratios are shares of ``seconds`` on one CPU.

    ``apart``: the load generator had CPUs of its own. ``lost`` counts processes that ended.
    ``used_s``: CPU seconds of each build, as far as seen, while the load generator charged it.
    ``strayed``: CPUs that a build has let itself run on but was not given.
    """

    seconds: float
    steal_ratio: float | None
    pressure_ratio: float | None
    peak_rss_bytes: Mapping[BuildRole, int]
    apart: bool = False
    lost: Mapping[BuildRole, int] = field(default_factory=dict)
    yardsticks: tuple[Yardstick, ...] = ()
    used_s: Mapping[BuildRole, float] = field(default_factory=dict)
    strayed: Mapping[BuildRole, tuple[int, ...]] = field(default_factory=dict)


def frame_of(journal: Journal) -> pd.DataFrame:
    """Return the journal's rows with operation and failure as categories, times in seconds.

    An answer counts from when the kernel had it, where that is known, and its service time from
    when the kernel was given the request: what the generator took to make the one, and to wake up
    and read the other, is not the build's time.
    """
    frame = pd.DataFrame(journal.rows, copy=False)
    for name, names in (("operation", journal.operations), ("failure", journal.failures)):
        codes = journal.rows[name].astype(np.int32)
        frame[name] = pd.Categorical.from_codes(codes, pd.Index(names))
    sent_s = frame["sent_s"].fillna(frame["started_s"])
    # Stamps from before are of earlier answers on the same connection; and where the system's clock
    # is set, which they go by and nothing else does, no answer may take less time than none.
    fresh = (frame["received_s"] >= sent_s) & (frame["received_s"] <= frame["ended_s"])
    answered_s = frame["received_s"].where(fresh, frame["ended_s"])
    frame["stamped"] = fresh
    frame["sent_s"], frame["answered_s"] = sent_s, answered_s
    frame["latency_s"] = answered_s - frame["intended_s"]
    frame["service_s"] = answered_s - sent_s
    return frame


def summarise(
    journal: Journal, plan: Plan, offered_rps: float, open_s: float, surroundings: Surroundings
) -> Run:
    """Return the figures of a run whose open loop lasted ``open_s`` at ``offered_rps``."""
    frame = frame_of(journal)
    windows = pd.DataFrame(journal.windows)
    if not surroundings.apart:
        # On a CPU that they share, the generator waits for the builds themselves.
        windows["generator_wait_s"] = 0.0
    builds: dict[BuildRole, BuildFigures] = {}
    for role in (host.build for host in plan.hosts):
        code = BUILDS.index(role)
        own = frame[frame["build"] == code]
        figures = _build_figures(
            own,
            windows[windows["build"] == code],
            open_s,
            surroundings.peak_rss_bytes.get(_role(role), 0),
            plan,
        )
        failures = figures.failures | _sign_ins(journal, plan, role)
        lost = surroundings.lost.get(_role(role), 0)
        busy = journal.saturation_busy.get(role)
        others = _others_ratio(busy, figures.saturation.cpu_s)
        builds[_role(role)] = figures.model_copy(
            update={
                "failures": failures,
                "lost": lost,
                "unsent": sum(own.unsent.get(role, 0) for own in journal.generators),
                "saturation_others_ratio": others,
            }
        )
    pairs_cpu_s = windows.loc[windows["phase"] == Phase.PAIRS, "cpu_s"]
    return Run(
        seed=plan.seed,
        offered_rps=offered_rps,
        builds=builds,
        others_ratio=_others_ratio(journal.pairs_busy, pairs_cpu_s),
        validity=validity_of(frame, windows, journal, surroundings),
    )


def _others_ratio(busy: Busy | None, own_cpu_s: Iterable[float]) -> float | None:
    """Return how much of the builds' CPUs was busy, but not for a build."""
    return None if busy is None else max(busy.busy_s - sum(own_cpu_s), 0.0) / busy.seconds


def open_loop(rows: pd.DataFrame, seconds: float) -> OpenLoop:
    """Return the figures of open-loop rows of one build."""
    from_s = rows["intended_s"].min()
    third = ((rows["intended_s"] - from_s) // (seconds / THIRDS)).clip(upper=THIRDS - 1)
    operations = {
        str(name): _operation_figures(own, third[own.index])
        for name, own in rows.groupby("operation", observed=True)
    }
    return OpenLoop(seconds=seconds, operations=operations)


def trials(journal: Journal, role: BuildRole, open_s: float, count: int) -> tuple[OpenLoop, ...]:
    """Cut the open loop of one build into ``count`` stretches of equal length, by intention."""
    frame = frame_of(journal)
    rows = frame[(frame["phase"] == Phase.OPEN) & (frame["build"] == BUILDS.index(role))]
    length_s = open_s / count
    trial = ((rows["intended_s"] - rows["intended_s"].min()) // length_s).clip(upper=count - 1)
    return tuple(open_loop(rows[trial == number], length_s) for number in range(count))


def in_flight(
    journal: Journal, role: BuildRole, open_s: float, count: int
) -> dict[str, tuple[int, ...]]:
    """Return by operation how many requests of one build were in flight, at ``count`` + 1 moments.

    They lie at equal distances over the open loop. In flight is what was due, of the ramp too, and
    not answered: what was never sent as well. Nothing where nothing came in the open loop.
    """
    frame = frame_of(journal)
    rows = frame[frame["phase"].isin(SCHEDULED) & (frame["build"] == BUILDS.index(role))]
    from_s = rows.loc[rows["phase"] == Phase.OPEN, "intended_s"].min()
    if np.isnan(from_s):
        return {}
    moments_s = from_s + np.linspace(0.0, open_s, count + 1)
    return {
        str(name): _in_flight(own, moments_s)
        for name, own in rows.groupby("operation", observed=True)
    }


def _in_flight(rows: pd.DataFrame, moments_s: np.typing.NDArray[np.float64]) -> tuple[int, ...]:
    due, answered = (
        np.searchsorted(np.sort(rows[name].dropna().to_numpy()), moments_s, side="right")
        for name in ("intended_s", "ended_s")
    )
    return tuple((due - answered).tolist())


def _role(build: str) -> BuildRole:
    return "base" if build == "base" else "candidate"


def _build_figures(
    rows: pd.DataFrame,
    windows: pd.DataFrame,
    open_s: float,
    peak_rss_bytes: int,
    plan: Plan,
) -> BuildFigures:
    judged = rows[rows["phase"].isin(JUDGED)]
    saturated = rows[rows["phase"] == Phase.SATURATION]
    return BuildFigures(
        saturation=_windows(rows, windows, Phase.SATURATION, plan.timeouts_s),
        saturation_answered={
            str(name): sum(_windows(own, windows, Phase.SATURATION, {}).answered)
            for name, own in saturated.groupby("operation", observed=True)
        },
        open=open_loop(rows[rows["phase"] == Phase.OPEN], open_s),
        open_cpu_s=float(windows.loc[windows["phase"] == Phase.OPEN, "cpu_s"].sum()),
        pairs=_windows(rows, windows, Phase.PAIRS, {}),
        solo={
            name: _windows(rows, windows[windows["operation"] == code], Phase.SOLO, {})
            for code, name in enumerate(plan.operations)
            if (windows["operation"] == code).any()
        },
        failures=failures_of(judged),
        connects=int(judged["connects"].sum()),
        redirects=int(judged["redirects"].sum()),
        peak_rss_bytes=peak_rss_bytes,
    )


def _sign_ins(journal: Journal, plan: Plan, build: str) -> dict[str, Failures]:
    """Return how users failed to sign in, as an operation of its own; nothing where none did."""
    failed = Counter(journal.sign_in_failures[build])
    sign_ins = Failures(requests=plan.identities, classes=dict(sorted(failed.items())))
    return {SIGN_IN: sign_ins} if failed else {}


def _operation_figures(rows: pd.DataFrame, third: pd.Series[float]) -> OperationFigures:
    outcomes = rows["outcome"].value_counts()
    answered = rows[rows["outcome"] == Outcome.OK]
    return OperationFigures(
        arrivals=len(rows),
        good=int(outcomes.get(Outcome.OK, 0)),
        failed=int(outcomes.get(Outcome.FAILED, 0)),
        censored=int(outcomes.get(Outcome.CENSORED, 0)),
        latency_s=Histogram.from_seconds(answered["latency_s"].to_numpy()),
        service_s=Histogram.from_seconds(answered["service_s"].to_numpy()),
        thirds_s=_thirds_s(answered["service_s"].groupby(third[answered.index])),
    )


def _thirds_s(service_s: SeriesGroupBy[float, float]) -> tuple[float, ...]:
    counts = service_s.count()
    enough = len(counts) == THIRDS and counts.min() >= LEAST_IN_THIRD
    return tuple(float(median) for median in service_s.median()) if enough else ()


def failures_of(rows: pd.DataFrame) -> dict[str, Failures]:
    """Return per operation how many requests were made and how they failed."""
    found = {}
    for name, own in rows.groupby("operation", observed=True):
        classes = own.loc[own["outcome"] == Outcome.FAILED, "failure"].value_counts()
        found[str(name)] = Failures(
            requests=len(own), classes={str(k): int(v) for k, v in sorted(classes.items()) if v}
        )
    return found


def _windows(
    rows: pd.DataFrame, windows: pd.DataFrame, phase: Phase, timeouts_s: Mapping[str, float]
) -> Windows:
    """Count the answers of a phase that fell into each of its windows.

    A good one is correct and came within its callers' timeout: later it is of no use to them.
    """
    own = windows[windows["phase"] == phase].sort_values("index")
    in_phase = rows[rows["phase"] == phase]
    ended_s = in_phase["ended_s"].to_numpy()
    patience_s = in_phase["operation"].astype(object).map(timeouts_s).astype(float)
    in_time = ~(in_phase["latency_s"] > patience_s)
    good_s = in_phase.loc[(in_phase["outcome"] == Outcome.OK) & in_time, "ended_s"].to_numpy()
    failed_s = in_phase.loc[in_phase["outcome"] == Outcome.FAILED, "ended_s"].to_numpy()
    spans = list(zip(own["from_s"], own["to_s"], strict=True))
    wall_s = tuple(to_s - from_s for from_s, to_s in spans)
    generator_wait_s = tuple(own["generator_wait_s"].tolist())
    if phase in TURNS:
        wall_s = _at_work_s(in_phase, spans)
        # By the kernel's stamps it is no part of that.
        if in_phase["stamped"].all():
            generator_wait_s = (0.0,) * len(spans)
    return Windows(
        wall_s=wall_s,
        cpu_s=tuple(own["cpu_s"].tolist()),
        wait_s=tuple(own["wait_s"].tolist()),
        generator_wait_s=generator_wait_s,
        answered=tuple(_within(ended_s, *span) for span in spans),
        good=tuple(_within(good_s, *span) for span in spans),
        rss_bytes=tuple(own["rss_bytes"].tolist()),
        failed=tuple(_within(failed_s, *span) for span in spans),
    )


def _at_work_s(rows: pd.DataFrame, spans: Iterable[tuple[float, float]]) -> tuple[float, ...]:
    """Return for how long within each span some request had been sent and was not answered.

    Of the requests that ended within it: the union of their service times.
    """
    ordered = rows.sort_values("ended_s")
    ended_s, answered_s, sent_s = (
        ordered[name].to_numpy() for name in ("ended_s", "answered_s", "sent_s")
    )
    found = []
    for from_s, to_s in spans:
        first, past = np.searchsorted(ended_s, [from_s, to_s], side="right")
        part = np.argsort(sent_s[first:past]) + first
        until_s = np.maximum.accumulate(answered_s[part])
        idle_s = np.maximum(sent_s[part][1:] - until_s[:-1], 0.0).sum()
        found.append(float(until_s[-1] - sent_s[part][0] - idle_s) if len(part) else 0.0)
    return tuple(found)


def _within(times_s: np.typing.NDArray[np.float64], from_s: float, to_s: float) -> int:
    return int(np.count_nonzero((times_s >= from_s) & (times_s <= to_s)))


def validity_of(
    rows: pd.DataFrame, windows: pd.DataFrame, journal: Journal, surroundings: Surroundings
) -> Validity:
    """Return how far a run can be trusted, by its rows, of which the open loop's tell of lag."""
    is_open = rows[rows["phase"] == Phase.OPEN]
    prompt = is_open[(is_open["waited"] == 0) & is_open["started_s"].notna()]
    lag_ms = (prompt["started_s"] - prompt["intended_s"]).to_numpy() * 1000.0
    lag_p50_ms, lag_p99_ms = np.quantile(lag_ms, [0.5, 0.99]) if len(lag_ms) else (0.0, 0.0)
    return Validity(
        seconds=surroundings.seconds,
        lag_p50_ms=float(lag_p50_ms),
        lag_p99_ms=float(lag_p99_ms),
        waited_ratio=float((is_open["waited"] != 0).mean()) if len(is_open) else 0.0,
        unsent=sum(sum(generator.unsent.values()) for generator in journal.generators),
        generator_cpu_ratio=max(own.cpu_s / own.seconds for own in journal.generators),
        generator_wait_ratio=max(own.wait_s / own.seconds for own in journal.generators),
        steal_ratio=_most_stolen(journal, surroundings),
        pressure_ratio=surroundings.pressure_ratio,
        warmup_s=journal.warmup.seconds if journal.warmup else None,
        unsettled=tuple(_role(name) for name in journal.warmup.unsettled) if journal.warmup else (),
        limited=tuple(_limited(rows, windows)) if surroundings.apart else (),
        faults=tuple(_faults(float(lag_p99_ms), journal, surroundings)),
        yardsticks=surroundings.yardsticks,
    )


def _most_stolen(journal: Journal, surroundings: Surroundings) -> float | None:
    """Return the most that a hypervisor took, here or of a worker's machine; None: unknown."""
    told = [own.steal_s / own.seconds for own in journal.generators if own.steal_s is not None]
    here = surroundings.steal_ratio
    return max(told if here is None else [here, *told], default=None)


def _faults(lag_p99_ms: float, journal: Journal, surroundings: Surroundings) -> list[str]:
    """Say in words why the run cannot be trusted; nothing to say means it can."""
    steal_ratio = _most_stolen(journal, surroundings) or 0.0
    found = {
        f"the load generator was late: 1 % of arrivals started over {lag_p99_ms:.0f} ms after "
        f"their time (limit {LAG_P99_LIMIT_MS:g} ms)": lag_p99_ms > LAG_P99_LIMIT_MS,
        f"the hypervisor took {steal_ratio:.0%} of a CPU away "
        f"(limit {STEAL_LIMIT_RATIO:.0%})": steal_ratio > STEAL_LIMIT_RATIO,
    }
    for own in journal.generators:
        found |= _generator_faults(own)
    return [
        *(words for words, holds in found.items() if holds),
        *build_faults(journal, surroundings),
    ]


def _limited(rows: pd.DataFrame, windows: pd.DataFrame) -> list[str]:
    """Say in which closed loops the generator had no CPU time left: they show its own pace.

    Not the pairs, unless some of their answers have no stamp of the kernel.
    """
    sums = windows.assign(wall_s=windows["to_s"] - windows["from_s"]).groupby("phase").sum()
    ratios = sums["generator_cpu_s"] / sums["wall_s"]
    return [
        where
        for phase, where in CLOSED.items()
        if ratios.get(phase, 0.0) > GENERATOR_CPU_LIMIT_RATIO
        and not (phase in TURNS and rows.loc[rows["phase"] == phase, "stamped"].all())
    ]


def _generator_faults(own: Generator) -> dict[str, bool]:
    """Return what may be wrong with one process of the generator, and whether it is."""
    busy_ratio, wait_ratio = own.cpu_s / own.seconds, own.wait_s / own.seconds
    step_ms = own.clock_step_s * 1000
    return {
        f"the load generator needed {busy_ratio:.0%} of a CPU, so that it, not the builds, may "
        f"have been the limit (limit {GENERATOR_CPU_LIMIT_RATIO:.0%})": busy_ratio
        > GENERATOR_CPU_LIMIT_RATIO,
        f"the load generator waited {wait_ratio:.0%} of the time for a CPU that others had "
        f"(limit {GENERATOR_WAIT_LIMIT_RATIO:.0%})": wait_ratio > GENERATOR_WAIT_LIMIT_RATIO,
        f"the system's clock was set by {step_ms:+.0f} ms during the run": abs(step_ms)
        > CLOCK_STEP_LIMIT_MS,
        f"the load generator had {own.open_files} files open of {own.files_limit} that it may "
        f"open, so that connections may have failed (limit {OPEN_FILES_LIMIT_RATIO:.0%}): fewer "
        "identities need fewer, and `ulimit -n` allows more": own.open_files
        > OPEN_FILES_LIMIT_RATIO * own.files_limit,
    }
