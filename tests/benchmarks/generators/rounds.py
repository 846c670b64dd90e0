"""One round of one generator: started, watched and read, so that all give the same figures.

What is measured here is printed elsewhere. CPU time is that of a generator's whole process tree in
the steady part of the round: what it needs for its own start is not charged to its requests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.generators.truth import from_intended_s, paced_s, phase_s, quantile_ms
from perfgate.config.models import Load
from perfgate.load.engine import Engine, run_load
from perfgate.load.plan import Host, Open, Outcome, Phase, Plan
from perfgate.load.schedule import Stage, draw_schedule
from perfgate.measurement.histogram import Histogram
from perfgate.measurement.summarise import frame_of
from perfgate.procfs import TreeMeter, children_of
from perfgate.scrub import scrubbed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from benchmarks.generators.servers import Server

LOCUSTFILES = Path(__file__).parent / "locustfiles"
FAST, PLAIN = LOCUSTFILES / "fast_caller.py", LOCUSTFILES / "plain_caller.py"
LEAN, APART = LOCUSTFILES / "lean_caller.py", LOCUSTFILES / "apart_caller.py"
STAMPS = LOCUSTFILES / "stamps.py"
SHARES = (0.5, 0.9, 0.99)

POLL_S = 0.1
SETTLE_S = 0.5
LIMIT_S = 60.0
DRAIN_S = 3.0
BACKLOG_LIMIT = 2000
WARMUP_REQUESTS = 200
IDENTITIES: int = Load.model_fields["identities"].default
CONNECTIONS = 16
USER_RPS = 10.0
_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Round:
    """What is asked of a generator, and an empty directory for what it leaves behind.

    ``twin`` is asked as much beside ``server``, by perfgate alone.
    """

    server: Server
    rate_rps: float
    duration_s: float
    cpu: int
    seed: int
    directory: Path
    twin: Server | None = None

    @property
    def url(self) -> str:
        """The address of the server."""
        return self.server.url


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a round; what a generator does not tell is missing."""

    achieved_rps: float
    cpu_us: float
    offered_rps: float | None = None
    lag_ms: Mapping[float, float] = field(default_factory=dict)
    reported_ms: Mapping[float, float] = field(default_factory=dict)
    from_intended_ms: Mapping[float, float] = field(default_factory=dict)
    intended_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))


class Usage:
    """The CPU time of the child that is started next, sampled while it runs."""

    def __init__(self) -> None:
        self._others = set(children_of(os.getpid()))
        self._meter: TreeMeter | None = None
        self._samples: list[tuple[float, float]] = []

    def tick(self) -> bool:
        """Take a sample; always True, for no run is ended early."""
        if self._meter is None:
            newcomers = set(children_of(os.getpid())) - self._others
            self._meter = TreeMeter(newcomers.pop()) if newcomers else None
        if self._meter:
            self._samples.append((time.monotonic(), self._meter.read().cpu_s))
        return True

    def within(self, from_s: float, to_s: float) -> tuple[float, float, float]:
        """Return the CPU seconds between the first and the last sample within, and their times."""
        inside = [sample for sample in self._samples if from_s <= sample[0] <= to_s]
        (first_s, before_s), (last_s, after_s) = inside[0], inside[-1]
        return after_s - before_s, first_s, last_s

    def us_per_answer(self, ended_s: NDArray[np.float64], until_s: float) -> float:
        """Return CPU microseconds per answer, once settled and before ``until_s``."""
        cpu_s, from_s, to_s = self.within(float(ended_s.min()) + SETTLE_S, until_s)
        return cpu_s / np.count_nonzero((ended_s > from_s) & (ended_s <= to_s)) * 1e6


def perfgate(locustfile: Path, asked: Round) -> Figures:
    """Let perfgate send an open loop to the first server."""
    usage = Usage()
    frame = perfgate_frame(locustfile, asked, usage)
    intended_s = np.sort(frame["intended_s"].to_numpy())
    until_s = float(intended_s[0]) + asked.duration_s
    good = frame[frame["outcome"] == Outcome.OK]
    ended_s = good["ended_s"].to_numpy()
    reported = Histogram.from_seconds(good["latency_s"].to_numpy())
    return Figures(
        achieved_rps=np.count_nonzero(ended_s <= until_s) / asked.duration_s,
        cpu_us=usage.us_per_answer(ended_s, until_s),
        offered_rps=len(intended_s) / asked.duration_s,
        lag_ms=_quantiles_ms((frame["started_s"] - frame["intended_s"]).dropna().to_numpy()),
        reported_ms={share: (reported.quantile(share) or 0.0) * 1000 for share in SHARES},
        from_intended_ms=_quantiles_ms((good["ended_s"] - good["intended_s"]).to_numpy()),
        intended_s=intended_s,
    )


def perfgate_frame(locustfile: Path, asked: Round, usage: Usage) -> pd.DataFrame:
    """Let perfgate send an open loop; return the arrivals."""
    servers = [("candidate", asked.server), *([("base", asked.twin)] if asked.twin else [])]
    plan = Plan(
        seed=asked.seed,
        hosts=tuple(Host(build, server.url, server.pid) for build, server in servers),
        mix={"fetch": 1.0},
        identities=IDENTITIES,
        warmup_requests=WARMUP_REQUESTS,
        saturation=None,
        open=Open("schedule.npz", DRAIN_S, BACKLOG_LIMIT),
        pairs=None,
    )
    stage = Stage(asked.rate_rps * len(servers), asked.duration_s)
    schedule = draw_schedule([stage], mix=plan.mix, seed=asked.seed)
    engine = Engine(locustfile, (asked.cpu,))
    journal = run_load(engine, plan, schedule, asked.directory, limit_s=LIMIT_S, tick=usage.tick)
    assert journal is not None
    frame = frame_of(journal)
    return frame[frame["phase"] == Phase.OPEN]


def locust(locustfile: Path, asked: Round, user_rps: float = USER_RPS) -> Figures:
    """Let plain Locust send at the rate, by users with ``constant_throughput(user_rps)``."""
    return _locust_figures(*_run_locust(locustfile, asked, user_rps), 1 / user_rps)


def locust_apart(asked: Round) -> Figures:
    """Let plain Locust send at the rate, by users with ``poisson(USER_RPS)``.

    When a request should have started nobody can say: each wait is drawn after an answer.
    """
    noted, usage = _run_locust(APART, asked, USER_RPS)
    ended_s = np.array([ended_s for _, _, ended_s in noted["stamps"]])
    begun_s = min(started_s for _, started_s, _ in noted["stamps"])
    until_s = noted["stopped_s"]
    return Figures(
        achieved_rps=np.count_nonzero(ended_s <= until_s) / (until_s - begun_s),
        cpu_us=usage.us_per_answer(ended_s, until_s),
        offered_rps=asked.rate_rps,
        reported_ms=_reported_ms(noted),
    )


def _run_locust(locustfile: Path, asked: Round, user_rps: float) -> tuple[dict[str, Any], Usage]:
    """Run plain Locust; return what ``stamps.py`` wrote, and what was used."""
    users = round(asked.rate_rps / user_rps)
    command = (
        *(sys.executable, "-m", "locust", "-f", f"{locustfile},{STAMPS}", "--headless"),
        *("--users", str(users), "--spawn-rate", str(users), "-H", asked.url),
        *("--run-time", f"{asked.duration_s:g}s", "--only-summary", "--exit-code-on-error", "0"),
    )
    noted = asked.directory / "stamps.json"
    usage = Usage()
    _run(command, asked, usage, {"STAMPS_FILE": str(noted), "USER_RPS": str(user_rps)})
    return json.loads(noted.read_text()), usage


def _reported_ms(noted: dict[str, Any]) -> dict[float, float]:
    return {float(share): ms for share, ms in noted["reported_ms"].items()}


def _locust_figures(noted: dict[str, Any], usage: Usage, period_s: float) -> Figures:
    """Return the figures from what ``stamps.py`` wrote."""
    users = defaultdict(list)
    for user, started_s, ended_s in noted["stamps"]:
        users[user].append((started_s, ended_s))
    lag_s, latency_s = from_intended_s(users.values(), period_s)
    ended_s = np.array([ended_s for _, _, ended_s in noted["stamps"]])
    until_s = noted["stopped_s"]
    firsts_s = [phase_s([begun_s for begun_s, _ in own], period_s) for own in users.values()]
    intended_s = np.concatenate([paced_s(first_s, period_s, until_s) for first_s in firsts_s])
    lasted_s = until_s - min(firsts_s)
    return Figures(
        achieved_rps=np.count_nonzero(ended_s <= until_s) / lasted_s,
        cpu_us=usage.us_per_answer(ended_s, until_s),
        offered_rps=len(intended_s) / lasted_s,
        lag_ms=_quantiles_ms(lag_s),
        reported_ms=_reported_ms(noted),
        from_intended_ms=_quantiles_ms(latency_s),
        intended_s=np.sort(intended_s),
    )


def wrk(asked: Round) -> Figures:
    """Let wrk send as fast as it can."""
    told, cpu_ratio = _run_tool(
        ("wrk", "-t1", f"-c{CONNECTIONS}", f"-d{asked.duration_s:g}s", "--latency", asked.url),
        asked,
    )
    reported_ms = {
        int(share) / 100: float(value) * _MS[unit]
        for share, value, unit in re.findall(r"^ +(50|90|99)% +([\d.]+)(us|ms|s)$", told, re.M)
    }
    (rate,) = re.findall(r"^Requests/sec: +([\d.]+)$", told, re.M)
    return Figures(float(rate), cpu_ratio / float(rate) * 1e6, reported_ms=reported_ms)


def autocannon(asked: Round) -> Figures:
    """Let autocannon send at the rate; it counts latency from its own idea of when to send."""
    told, cpu_ratio = _run_tool(
        (
            *("autocannon", "--json", "--no-progress", "-c", str(CONNECTIONS)),
            *("-R", f"{asked.rate_rps:g}", "-d", f"{asked.duration_s:g}", asked.url),
        ),
        asked,
    )
    summary = json.loads(told)
    achieved_rps = summary["requests"]["total"] / summary["duration"]
    return Figures(
        achieved_rps,
        cpu_ratio / achieved_rps * 1e6,
        offered_rps=asked.rate_rps,
        reported_ms={share: summary["latency"][f"p{share * 100:g}"] for share in SHARES},
    )


def _run_tool(command: tuple[str, ...], asked: Round) -> tuple[str, float]:
    """Return what a tool printed, and the share of a CPU that it used once it had settled."""
    usage = Usage()
    told = _run(command, asked, usage, {})
    end_s = time.monotonic()
    cpu_s, from_s, to_s = usage.within(end_s - asked.duration_s + SETTLE_S, end_s - SETTLE_S)
    return told, cpu_s / (to_s - from_s)


def _run(command: tuple[str, ...], asked: Round, usage: Usage, extra: Mapping[str, str]) -> str:
    """Run a generator on its CPU to its end, and return what it printed."""
    printed = asked.directory / "printed.txt"
    with printed.open("wb") as out, (asked.directory / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            ("taskset", "--cpu-list", str(asked.cpu), *command),
            cwd=asked.directory,
            env=scrubbed(os.environ, extra={"HOME": str(asked.directory), **extra}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=log,
        )
        try:
            _wait(process, usage)
        finally:
            process.kill()
            process.wait()
    if process.returncode:
        told = (asked.directory / "log.txt").read_text()
        raise RuntimeError(f"{command} ended with exit code {process.returncode}:\n{told}")
    return printed.read_text()


def _wait(process: subprocess.Popen[bytes], usage: Usage) -> None:
    """Wait for the end, and sample meanwhile."""
    deadline_s = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline_s:
        try:
            process.wait(POLL_S)
        except subprocess.TimeoutExpired:
            usage.tick()
        else:
            return
    raise TimeoutError(f"a generator did not end within {LIMIT_S:g} s")


def _quantiles_ms(seconds: NDArray[np.float64]) -> dict[float, float]:
    return {share: quantile_ms(seconds, share) for share in SHARES}
