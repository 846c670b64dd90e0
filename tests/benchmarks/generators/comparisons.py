"""The three comparisons: cost and lag at nginx, a server that stalls, and a known small change.

Rounds are made here and their figures lined up; how they look is the business of the tables.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.generators import rounds
from benchmarks.generators.rounds import (
    FAST,
    LEAN,
    PLAIN,
    Figures,
    Round,
    Usage,
    perfgate_frame,
)
from benchmarks.generators.servers import Server, clockwork, nginx
from benchmarks.generators.tables import ChangeRow, StallRow
from benchmarks.generators.truth import quantile_ms, true_latencies_s
from perfgate.load.plan import BUILDS, Outcome
from perfgate.measurement.histogram import Histogram

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

Generator = Callable[[Round], Figures]

RATES_RPS = (500.0, 1000.0)
ROUNDS = 5
ROUND_S = 4.0

STALL_S = 0.8
STALL_EVERY_S = 5.0
STALL_SERVICE_US = 1000
STALL_RATE_RPS = 200.0
STALL_ROUNDS = 3
STALL_ROUND_S = 15.0  # whole periods: each generator meets the same share of stalls

SERVICES_US = (400, 1200, 3400, 12_000, 104_000)
CHANGE_RATIO = 1.05
CHANGE_RPS = 100.0
CHANGE_ROUNDS = 3
CHANGE_ROUND_S = 6.0
CHANGE_SHARES = (0.5, 0.9)
# Four users: of many who are spawned together, all but the first wait for the others.
CHANGE_USER_RPS = 25.0

# What the others' CPU time is compared with: it sends as perfgate does, without bunches.
YARDSTICK = "Locust, FastHttpUser, users apart"

AT_A_RATE: dict[str, Generator] = {
    "Locust, HttpUser": partial(rounds.locust, PLAIN),
    "Locust, FastHttpUser": partial(rounds.locust, FAST),
    YARDSTICK: rounds.locust_apart,
    "perfgate, HttpUser": partial(rounds.perfgate, PLAIN),
    "perfgate, FastHttpUser": partial(rounds.perfgate, FAST),
    "perfgate, LeanHttpUser": partial(rounds.perfgate, LEAN),
    "autocannon": rounds.autocannon,
}
UNBOUND: dict[str, Generator] = {"wrk": rounds.wrk}
STALLED: dict[str, Generator] = {
    "Locust, 20 users x 10/s": partial(rounds.locust, FAST),
    "Locust, 4 users x 50/s": partial(rounds.locust, FAST, user_rps=50.0),
    "perfgate": partial(rounds.perfgate, FAST),
}


@dataclass(slots=True)
class Bench:
    """Two CPUs, and a directory in which each round gets one of its own."""

    directory: Path
    server_cpu: int
    generator_cpu: int
    rounds: int = 0

    def ask(self, what: str, server: Server, rate_rps: float, duration_s: float) -> Round:
        """Return the next round, with a seed of its own, and tell of it."""
        self.rounds += 1
        sys.stderr.write(f"{what}\n")
        return Round(
            server=server,
            rate_rps=rate_rps,
            duration_s=duration_s,
            cpu=self.generator_cpu,
            seed=self.rounds,
            directory=self.new_directory(),
        )

    def new_directory(self) -> Path:
        """Make an empty directory."""
        directory = self.directory / str(len(list(self.directory.iterdir())))
        directory.mkdir()
        return directory


def compare_costs(bench: Bench, missing: Collection[str]) -> dict[str, list[Figures]]:
    """Return the rounds of every generator at every rate, but for tools that are missing.

    The generators take turns, so that a slow minute of the machine hits all alike.
    """
    contestants = _contestants(missing)
    seen: dict[str, list[Figures]] = {name: [] for name, _, _ in contestants}
    with nginx(bench.new_directory(), bench.server_cpu) as server:
        for number in range(1, ROUNDS + 1):
            for name, generator, rate_rps in contestants:
                told = f"{name}: round {number} of {ROUNDS}"
                asked = bench.ask(told, server, rate_rps=rate_rps, duration_s=ROUND_S)
                seen[name].append(generator(asked))
    return seen


def _contestants(missing: Collection[str]) -> list[tuple[str, Generator, float]]:
    """Return the rows of the table: what it is, who sends, and how much."""
    at_a_rate = [
        (f"{name}, {rate_rps:.0f}/s", generator, rate_rps)
        for rate_rps in RATES_RPS
        for name, generator in AT_A_RATE.items()
        if name not in missing
    ]
    unbound = [(name, tool, max(RATES_RPS)) for name, tool in UNBOUND.items()]
    return at_a_rate + [row for row in unbound if row[0] not in missing]


def compare_stalls(bench: Bench) -> list[StallRow]:
    """Return what each generator makes of a server that stalls, beside what callers would see."""
    return [
        _middle([_stall_row(bench, name, generator) for _ in range(STALL_ROUNDS)])
        for name, generator in STALLED.items()
    ]


def _middle(rows: Sequence[StallRow]) -> StallRow:
    """Return the round that is in the middle by what was reported for what was true."""
    return sorted(rows, key=lambda row: row.reported_ms[0] / row.true_ms[0])[len(rows) // 2]


def _stall_row(bench: Bench, name: str, generator: Generator) -> StallRow:
    with clockwork(
        bench.server_cpu,
        service_us=STALL_SERVICE_US,
        stall_s=STALL_S,
        every_s=STALL_EVERY_S,
    ) as server:
        figures = generator(
            bench.ask(
                f"{name}: a server that stalls",
                server,
                rate_rps=STALL_RATE_RPS,
                duration_s=STALL_ROUND_S,
            )
        )
    true_s = true_latencies_s(figures.intended_s, STALL_SERVICE_US / 1e6, server.stalls)
    return StallRow(
        generator=name,
        offered_rps=figures.offered_rps or 0.0,
        achieved_rps=figures.achieved_rps,
        true_ms=(quantile_ms(true_s, 0.9), quantile_ms(true_s, 0.99)),
        reported_ms=(figures.reported_ms[0.9], figures.reported_ms[0.99]),
    )


def compare_changes(bench: Bench) -> list[ChangeRow]:
    """Return how a service time that grows by a known share looks in each generator's figures."""
    with clockwork(bench.server_cpu, awake=True) as server:
        return [row for us in SERVICES_US for row in _change_rows(bench, server, us)]


def _change_rows(bench: Bench, server: Server, service_us: int) -> list[ChangeRow]:
    before, after = (
        replace(server, url=f"{server.url}/{us}") for us in (service_us, service_us * CHANGE_RATIO)
    )
    perfgate, locust = [], []
    for _ in range(CHANGE_ROUNDS):
        twins = replace(_ask_change(bench, "perfgate", service_us, after), twin=before)
        frame = perfgate_frame(FAST, twins, Usage())
        perfgate.append([_perfgate_quantiles(frame, build) for build in BUILDS])
        alone = [_ask_change(bench, "Locust", service_us, one) for one in (before, after)]
        locust.append([rounds.locust(FAST, one, CHANGE_USER_RPS).reported_ms for one in alone])
    return [
        ChangeRow(service_us / 1000, share, _medians(perfgate, share), _medians(locust, share))
        for share in CHANGE_SHARES
    ]


def _medians(seen: Sequence[Sequence[Mapping[float, float]]], share: float) -> tuple[float, float]:
    """Return a quantile before and after, each the median over the rounds."""
    before, after = (median(told[share] for told in own) for own in zip(*seen, strict=True))
    return before, after


def _ask_change(bench: Bench, name: str, service_us: int, server: Server) -> Round:
    told = f"{name}: a service time of {service_us / 1000:g} ms"
    return bench.ask(told, server, rate_rps=CHANGE_RPS, duration_s=CHANGE_ROUND_S)


def _perfgate_quantiles(frame: pd.DataFrame, build: str) -> dict[float, float]:
    """Return quantiles of a build's service time in ms."""
    own = (frame["outcome"] == Outcome.OK) & (frame["build"] == BUILDS.index(build))
    times = Histogram.from_seconds(frame.loc[own, "service_s"].to_numpy())
    return {share: _ms(times.quantile(share)) for share in CHANGE_SHARES}


def _ms(seconds: float | None) -> float:
    assert seconds is not None, "nothing was answered"
    return seconds * 1000
