"""Runs a plan: sign-in, warm-up, saturation, open loop, pairs, each arrival on one identity.

Everything is written by the recorder; this module only decides what happens when.
"""

from __future__ import annotations

import random
import time
from itertools import islice
from typing import TYPE_CHECKING

import gevent
from gevent.pool import Group
from gevent.queue import Queue

from perfgate.load.inside.crew import Crew
from perfgate.load.inside.identities import sign_in
from perfgate.load.inside.recorder import Arrival, Reading
from perfgate.load.inside.timer import Timer
from perfgate.load.plan import BUILDS, Phase
from perfgate.load.schedule import Schedule, balanced_order, even_mix
from perfgate.procfs import TreeMeter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from locust import User
    from locust.env import Environment

    from perfgate.load.inside.identities import Identity
    from perfgate.load.inside.recorder import Recorder
    from perfgate.load.plan import Host, Open, Pairs, Plan, Saturation

WARMUP_CONCURRENCY = 8
HEAD_START_S = 0.1
BALANCED_IN = 4
SIGN_IN_STAGE = "sign-in"
# Each seed has numbers of its own, as long as they fit the journal's 64 bits.
NUMBERS_PER_SEED = 1_000_000
SEED_LIMIT = 2**40


class SilenceError(Exception):
    """A build stopped answering where the run cannot go on without it."""

    def __init__(self, build: str, stage: str, silence_s: float) -> None:
        super().__init__(f"no answer for {silence_s:g} s in the {stage} phase")
        self.build = build


class Lane:
    """One build as the driver sees it: its identities, its meter, its work list."""

    def __init__(self, host: Host, identities: Queue[Identity]) -> None:
        self.host = host
        self.code = BUILDS.index(host.build)
        self.identities = identities
        self.meter = TreeMeter(host.pid)

    def read(self) -> Reading:
        """Read what the build's processes have used so far."""
        return Reading(self.meter.read())


class Driver:
    """One load run inside Locust."""

    def __init__(self, plan: Plan, recorder: Recorder, run_dir: Path) -> None:
        self.plan = plan
        self.recorder = recorder
        self.run_dir = run_dir
        self.operations = plan.operations
        self.lanes: list[Lane] = []
        # Which build comes first, by chance, so that neither always gets the colder start.
        self._coin = random.Random(plan.seed).random() < 0.5  # noqa: PLR2004 - a coin

    def run(self, user_classes: list[type[User]], environment: Environment) -> None:
        """Run every phase of the plan; a build nobody could sign in to ends the run."""
        plan = self.plan
        for host in plan.hosts:
            identities = Queue()
            newcomers = sign_in(host, plan, user_classes, environment, self.recorder, identities)
            self._finish(newcomers, host.build, SIGN_IN_STAGE)
            self.lanes.append(Lane(host, identities))
        if not all(lane.identities.qsize() for lane in self.lanes):
            return
        for lane in self.lanes if self._coin else self.lanes[::-1]:
            work = islice(self._requests(plan.seed), plan.warmup_requests)
            self._batch(lane, Phase.WARMUP, work, WARMUP_CONCURRENCY)
        if plan.saturation:
            self._saturate(plan.saturation)
        if plan.open:
            self._open(plan.open)
        if plan.pairs and len(self.lanes) == len(BUILDS):
            self._pairs(plan.pairs)

    def _requests(self, seed: int) -> Iterator[tuple[int, int]]:
        """Yield requests as (number, operation); the same seed gives every build the same ones."""
        shares = [self.plan.mix[name] for name in self.operations]
        first = seed % SEED_LIMIT * NUMBERS_PER_SEED
        return enumerate(even_mix(shares, seed), start=first)

    def _execute(
        self, lane: Lane, phase: Phase, number: int, operation: int, intended_s: float | None = None
    ) -> None:
        """Run one operation on a free identity of the build, with draws that depend on number."""
        waited = lane.identities.empty()
        identity = lane.identities.get()
        arrival = Arrival(number, phase, lane.code, operation, intended_s, waited)
        try:
            random.seed(self.plan.seed * 1_000_003 + number)
            self.recorder.run(lambda: identity.run(self.operations[operation]), arrival)
        finally:
            lane.identities.put(identity)

    def _batch(
        self, lane: Lane, phase: Phase, work: Iterable[tuple[int, int]], concurrency: int
    ) -> None:
        """Do the work in closed loop, ``concurrency`` in flight, and wait for the last answer."""
        queue = iter(work)

        def worker() -> None:
            for number, operation in queue:
                self._execute(lane, phase, number, operation)

        self._finish(Crew(concurrency, worker), lane.host.build, phase.name.lower())

    def _finish(self, crew: Crew, build: str, stage: str) -> None:
        """Wait for the crew's last answer; a build that gives none for long ends the run."""
        if not crew.finish(self.recorder.ended, self.plan.silence_s):
            raise SilenceError(build, stage, self.plan.silence_s)

    def _saturate(self, saturation: Saturation) -> None:
        """Keep every build saturated in slices of equal requests, the builds in turn."""
        for turn in range(saturation.slices):
            forward = (turn % 2 == 0) == self._coin
            for lane in self.lanes if forward else self.lanes[::-1]:
                self._slice(lane, saturation, turn)

    def _slice(self, lane: Lane, saturation: Saturation, turn: int) -> None:
        end_s = time.monotonic() + saturation.slice_s
        queue = self._requests(self.plan.seed + 1 + turn)

        def worker() -> None:
            while time.monotonic() < end_s:
                self._execute(lane, Phase.SATURATION, *next(queue))

        crew = Crew(saturation.concurrency, worker)
        gevent.sleep(saturation.ramp_s)
        before = lane.read()
        gevent.sleep(max(0.0, end_s - time.monotonic()))
        self.recorder.window(Phase.SATURATION, lane.code, turn, before, lane.read())
        self._finish(crew, lane.host.build, Phase.SATURATION.name.lower())

    def _pairs(self, pairs: Pairs) -> None:
        """Time batches of equal work, candidate and base in turn."""
        base, candidate = self.lanes
        requests = self._requests(self.plan.seed)
        deadline_s = time.monotonic() + pairs.limit_s
        for index, candidate_first in enumerate(balanced_order(pairs.pairs, self.plan.seed)):
            if index % BALANCED_IN == 0 and time.monotonic() > deadline_s:
                break
            work = list(islice(requests, pairs.requests))
            for lane in (candidate, base) if candidate_first else (base, candidate):
                before = lane.read()
                self._batch(lane, Phase.PAIRS, work, pairs.concurrency)
                self.recorder.window(Phase.PAIRS, lane.code, index, before, lane.read())

    def _open(self, spec: Open) -> None:
        """Send the schedule to every build at once, then wait for what is outstanding."""
        schedule = Schedule.read(self.run_dir / spec.schedule)
        before = [lane.read() for lane in self.lanes]
        arrivals = Group()
        start_s = time.monotonic() + HEAD_START_S
        self._dispatch(schedule, start_s, spec.backlog_limit, arrivals)
        arrivals.join(timeout=spec.drain_s)
        arrivals.kill()
        self.recorder.censor_missing(
            (lane.code for lane in self.lanes),
            (start_s + schedule.intended_s).tolist(),
            schedule.operation.tolist(),
        )
        for lane, reading in zip(self.lanes, before, strict=True):
            self.recorder.window(Phase.OPEN, lane.code, 0, reading, lane.read())

    def _dispatch(
        self, schedule: Schedule, start_s: float, backlog_limit: int, arrivals: Group
    ) -> None:
        """Start each arrival at its time, twins in random order; past the limit none is sent."""
        rng = random.Random(self.plan.seed)
        planned = zip(schedule.intended_s.tolist(), schedule.operation.tolist(), strict=True)
        with Timer() as timer:
            for number, (offset_s, operation) in enumerate(planned):
                intended_s = start_s + offset_s
                timer.wait_until(intended_s)
                if len(arrivals) >= backlog_limit:
                    continue
                for lane in rng.sample(self.lanes, len(self.lanes)):
                    arrivals.spawn(self._execute, lane, Phase.OPEN, number, operation, intended_s)
