"""A few seconds on this machine become its footing: timer, load generator, clock and neighbours.

The load goes to a server of ours. Nothing is judged here, and no service is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

import perfgate
from perfgate.config.models import Target
from perfgate.errors import LoadError
from perfgate.load.engine import SCHEDULE_FILE, Engine, pin, run_load
from perfgate.load.plan import Host, Open, Plan
from perfgate.load.schedule import Stage, draw_schedule
from perfgate.measurement.summarise import Surroundings, summarise
from perfgate.procfs import read_contention
from perfgate.scrub import scrubbed
from perfgate.target.process import start_target
from perfgate.verdict.fitness import Footing, Lateness

if TYPE_CHECKING:
    from perfgate.load.journal import Journal
    from perfgate.measurement.models import Environment, Validity
    from perfgate.procfs import Contention
    from perfgate.progress import Progress

PACKAGE = Path(perfgate.__file__).parent
CALLERS = PACKAGE / "load" / "inside" / "trial_callers.py"
WAKEUPS_PROGRAM = "perfgate.load.inside.wakeups"
START = "{python} -m perfgate.probe.server --host {host} --port {port}"
RATE_RPS, OPEN_S, DRAIN_S = 300.0, 3.0, 3.0
MIX = {"fetch": 1.0}
IDENTITIES = 8
BACKLOG_LIMIT = 2000
SEED = 1
WAKEUPS_S, WAKEUPS_LIMIT_S = 3.0, 60.0
LOAD_S, LOAD_LIMIT_S = 7.0, 60.0
GOVERNOR = "/sys/devices/system/cpu/cpu{}/cpufreq/scaling_governor"


def try_machine(environment: Environment, progress: Progress) -> Footing:
    """Try the CPUs that the environment gives to target and load generator, for about 10 s.

    What others do is read while only the timer is tried, which takes next to nothing itself; what a
    hypervisor takes under load, too: it takes little from a machine that wants little.
    Raises LoadError where the timer or the load generator cannot be run, TargetError where the
    trial's own server does not start.
    """
    apart = not environment.shared
    cpus = environment.generator_cpus if apart else ()
    progress.stage("timer", WAKEUPS_S)
    before, start_s = read_contention(), time.monotonic()
    timer, sleep = _wakeups(cpus)
    steal_ratio, pressure_ratio = _shares(before, time.monotonic() - start_s)
    progress.stage("load generator", LOAD_S)
    target_cpu = environment.target_cpus[0] if apart else None
    journal, validity = _generator(Engine(CALLERS, cpus), target_cpu, progress)
    own = journal.generators[0]
    return Footing(
        timer=timer,
        sleep=sleep,
        offered_rps=RATE_RPS,
        generator_cost_s=own.cpu_s / len(journal.rows["number"]),
        lag_p99_ms=validity.lag_p99_ms,
        clock_step_ms=own.clock_step_s * 1000,
        clock_s=own.seconds,
        steal_ratio=steal_ratio,
        loaded_steal_ratio=validity.steal_ratio,
        pressure_ratio=pressure_ratio,
        governors=_governors(environment),
        faults=validity.faults,
    )


def _wakeups(cpus: tuple[int, ...]) -> tuple[Lateness, Lateness]:
    """Return how late the generator's timer is, and gevent's sleep."""
    with subprocess.Popen(
        [sys.executable, "-m", WAKEUPS_PROGRAM],
        env=scrubbed(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            pin(process.pid, cpus)
            out, err = process.communicate(timeout=WAKEUPS_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise LoadError(
                f"the timer did not end within {WAKEUPS_LIMIT_S:.0f} s",
                hint="This machine has far too much else to do, or stood still: try again.",
            ) from error
        finally:
            process.kill()
    if process.returncode:
        raise LoadError(
            f"the load generator's timer cannot be used:\n{err}",
            hint="perfgate needs Linux, and gevent as it was installed with it: install it anew.",
        )
    found = json.loads(out)
    return _lateness(found["timer_s"]), _lateness(found["sleep_s"])


def _lateness(late_s: list[float]) -> Lateness:
    p50_ms, p99_ms = np.quantile(np.array(late_s) * 1000, [0.5, 0.99])
    return Lateness(float(p50_ms), float(p99_ms))


def _shares(before: Contention, seconds: float) -> tuple[float | None, float | None]:
    """Return the steal and the CPU pressure since ``before``, as shares of the time on one CPU."""
    after = read_contention()
    pairs = (before.steal_s, after.steal_s), (before.pressure_s, after.pressure_s)
    steal, pressure = (
        None if first is None or last is None else (last - first) / seconds for first, last in pairs
    )
    return steal, pressure


def _generator(
    engine: Engine, target_cpu: int | None, progress: Progress
) -> tuple[Journal, Validity]:
    """Send some load to the server and return the journal, and how far it is to be trusted."""
    target = Target(start=START, ready="/")
    schedule = draw_schedule([Stage(RATE_RPS, OPEN_S)], mix=MIX, seed=SEED)
    with TemporaryDirectory(prefix="perfgate-doctor-") as directory:
        run_dir = Path(directory)
        log = run_dir / "server.log"
        with start_target(PACKAGE, "the trial's server", target, log=log, cpu=target_cpu) as server:
            server.wait_until_ready()
            plan = _plan(Host("candidate", server.url, server.pid))
            before, start_s = read_contention(), time.monotonic()

            def tick() -> bool:
                progress.tick()
                return server.observe().alive

            journal = run_load(engine, plan, schedule, run_dir, limit_s=LOAD_LIMIT_S, tick=tick)
            seconds = time.monotonic() - start_s
            if journal is None:
                raise LoadError(
                    "the trial's own server has died",
                    hint="Something else has ended it, or memory has run out: try again.",
                )
            surroundings = Surroundings(seconds, *_shares(before, seconds), peak_rss_bytes={})
            return journal, summarise(journal, plan, RATE_RPS, OPEN_S, surroundings).validity


def _plan(host: Host) -> Plan:
    return Plan(
        seed=SEED,
        hosts=(host,),
        mix=MIX,
        identities=IDENTITIES,
        warmup_requests=0,
        saturation=None,
        open=Open(SCHEDULE_FILE, DRAIN_S, BACKLOG_LIMIT),
        pairs=None,
    )


def _governors(environment: Environment) -> tuple[str, ...]:
    """Return which governors set the pace of the CPUs used; none where the kernel does not say."""
    found = set()
    for cpu in {*environment.target_cpus, *environment.generator_cpus}:
        path = Path(GOVERNOR.format(cpu))
        if path.exists():
            found.add(path.read_text("ascii").strip())
    return tuple(sorted(found))
