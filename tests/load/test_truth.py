"""What is told of a server's times is true, for servers whose times are known beforehand."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from benchmarks.generators.servers import clockwork
from benchmarks.generators.truth import quantile_ms, true_latencies_s

from load.runs import PLAIN, open_plan, write_locustfile
from perfgate.load.engine import run_load
from perfgate.load.plan import Host, Open, Outcome, Phase
from perfgate.load.schedule import Stage, draw_schedule
from perfgate.measurement.summarise import frame_of, trials

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.load.journal import Journal
    from perfgate.load.plan import Plan
    from perfgate.load.schedule import Schedule

pytestmark = pytest.mark.slow

SERVICES_US = (400, 1200, 3400, 12_000, 104_000)
FACTORS = ("1.0", "1.05")
EVERY_SERVICE = "class Caller(FastHttpUser):" + "".join(
    f"""
    @task
    def after_{us}_{number}(self):
        self.client.get("/{factor}/{us}", name="{us}")
"""
    for us in SERVICES_US
    for number, factor in enumerate(FACTORS)
)
STREAM_S = 8.0
# A run in which others had the CPUs for longer is tried again.
QUIET_RATIO = 0.05
ATTEMPTS = 4
SERVER_CPU = min(os.sched_getaffinity(0))
OTHER_CPUS = tuple(sorted(os.sched_getaffinity(0) - {SERVER_CPU}))


def asked(directory: Path, text: str, plan: Plan, schedule: Schedule) -> Journal:
    """Return the journal of a run whose generator is kept away from the server."""
    engine = replace(write_locustfile(directory, text), cpus=OTHER_CPUS)
    run_dir = directory / f"run-{len(list(directory.iterdir()))}"
    run_dir.mkdir()
    journal = run_load(engine, plan, schedule, run_dir, limit_s=60.0, tick=lambda: True)
    assert journal is not None
    return journal


def robbed_ratio(journal: Journal) -> float:
    """Return the share of the open loop in which server or generator waited for a CPU.

    A server that is kept from its CPU takes longer than is known of it.
    """
    windows = journal.windows
    (own,) = np.flatnonzero(windows["phase"] == Phase.OPEN)
    waited_s = windows["wait_s"][own] + windows["generator_wait_s"][own]
    return float(waited_s / (windows["to_s"][own] - windows["from_s"][own]))


def test_a_change_of_five_percent_is_told_as_such(tmp_path: Path) -> None:
    """Law: whatever the service time, 5 % more of it is told as 5 % more of it, to a point.

    Both stand in one stream, so what waking up costs is in both alike and not in their difference.
    The shorter a time, the larger is what that varies beside it, so the more often it is asked for.
    """
    weights = zip(SERVICES_US, (32.0, 8.0, 2.0, 1.0, 1.0), strict=True)
    mix = {f"after_{us}_{number}": own for us, own in weights for number in range(len(FACTORS))}
    schedule = draw_schedule([Stage(400.0, STREAM_S)], mix=mix, seed=4)
    for _ in range(ATTEMPTS):
        with clockwork(SERVER_CPU, awake=True) as server:
            host = Host("candidate", server.url, server.pid)
            plan = open_plan(host, mix=mix, identities=80, warmup_requests=80)
            journal = asked(tmp_path, EVERY_SERVICE, plan, schedule)
        if robbed_ratio(journal) < QUIET_RATIO:
            break
    (told,) = trials(journal, "candidate", STREAM_S, 1)
    for us in SERVICES_US:
        before_s, after_s = (
            told.operations[f"after_{us}_{number}"].service_s.quantile(0.5) or 0.0
            for number in range(len(FACTORS))
        )
        assert (after_s - before_s) / (us * 1e-6) == pytest.approx(0.05, abs=0.01), us


def test_a_server_that_stalls(tmp_path: Path) -> None:
    """Law: p90 and p99 of latency are those that the schedule and the stalls make, within 10 %."""
    stalling = clockwork(SERVER_CPU, service_us=1000, stall_s=0.8, every_s=5.0)
    with stalling as server:
        plan = open_plan(
            Host("candidate", server.url, server.pid),
            identities=200,
            open=Open("schedule.npz", drain_s=3.0, backlog_limit=2000),
        )
        schedule = draw_schedule([Stage(200.0, 10.0)], mix={"fetch": 1.0}, seed=9)
        journal = asked(tmp_path, PLAIN, plan, schedule)
    frame = frame_of(journal).sort_values("intended_s")

    assert set(frame["outcome"]) == {Outcome.OK}
    true_s = true_latencies_s(frame["intended_s"].to_numpy(), 0.001, server.stalls)
    for share in (0.9, 0.99):
        told_ms = quantile_ms(frame["latency_s"].to_numpy(), share)
        assert told_ms == pytest.approx(quantile_ms(true_s, share), rel=0.1)
