"""Runs a plan: sign-in, warm-up, saturation, open loop, closed, each arrival on one identity.

Everything is written by the recorder; this module only decides what happens when.
"""

from __future__ import annotations

import gc
import random
import time
from itertools import islice, pairwise, repeat
from typing import TYPE_CHECKING, Any, TypeVar

import gevent

from perfgate.load.calls import whose
from perfgate.load.inside.closed import Bench
from perfgate.load.inside.crew import Crew, raise_faults
from perfgate.load.inside.identities import bound_to, sign_in
from perfgate.load.inside.lane import Lane
from perfgate.load.inside.patience import Patience
from perfgate.load.inside.recorder import Arrival, Reading
from perfgate.load.inside.timer import Timer, sleep_until
from perfgate.load.inside.upset import Upset
from perfgate.load.plan import BUILDS, SCHEDULED, Phase
from perfgate.load.schedule import balanced_turns, coin, derived_seed, even_mix
from perfgate.load.warmup import Rounds, round_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from locust import User
    from locust.env import Environment

    from perfgate.load.inside.conductor import Conductor
    from perfgate.load.inside.draws import Draws
    from perfgate.load.inside.identities import Identity
    from perfgate.load.inside.recorder import Recorder
    from perfgate.load.plan import Open, Outcome, Plan, Recovery, Saturation
    from perfgate.load.schedule import Schedule

_Item = TypeVar("_Item")

WARMUP_CONCURRENCY = 8
HEAD_START_S = 0.1
AT_ONCE = 1024
SIGN_IN_STAGE = "sign-in"
# So many more objects than before; by itself, Python collects after 700.
COLLECT_AFTER = 20_000
# Longer than any run lasts.
PATIENCE_S = 3600.0
# Each seed has numbers of its own, as long as they fit the journal's 64 bits.
NUMBERS_PER_SEED = 1_000_000
SEED_LIMIT = 2**40
# Between the seeds of saturation, just above a run's own, and that of the next run.
SOLO_SEED = 500


class SilenceError(Exception):
    """A build stopped answering where the run cannot go on without it."""

    def __init__(self, build: str, stage: str, silence_s: float) -> None:
        super().__init__(f"no answer for {silence_s:g} s in the {stage} phase")
        self.build = build


class SlownessError(Exception):
    """The run takes too long, and it is this build that it waits for."""

    def __init__(self, build: str, stage: str, told: str) -> None:
        super().__init__(f"{told} ({stage} phase)")
        self.build = build


class Driver:
    """One worker's part of a load run inside Locust."""

    def __init__(self, plan: Plan, recorder: Recorder, conductor: Conductor, draws: Draws) -> None:
        self.plan = plan
        self.recorder = recorder
        self.conductor = conductor
        self._draws = draws
        self.worker, self.workers = conductor.worker, conductor.workers
        self.operations = plan.operations
        self.lanes: list[Lane] = []
        self.locked_out: list[str] = []
        self.warmup: dict[str, Any] | None = None
        self.pairs_busy: dict[str, float] | None = None
        self.saturation_busy: dict[str, list[dict[str, float]]] = {}
        self.charged: dict[str, dict[str, float]] = {}
        self.recovery: dict[str, float] | None = None
        self._patience = Patience(plan.limit_s, [host.build for host in plan.hosts])

    def run(
        self,
        user_classes: list[type[User]],
        environment: Environment,
        schedule: Schedule | None,
    ) -> None:
        """Run every phase of the plan; a build nobody could sign in to ends the run."""
        plan = self.plan
        for host in self._tossed(plan.hosts, "sign-in"):
            numbers = range(self.worker, plan.identities, self.workers)
            classes = bound_to(host, user_classes, self._attributes())
            newcomers, identities = sign_in(
                host.build, plan.seed, numbers, classes, environment, self.recorder
            )
            self._finish(newcomers, host.build, SIGN_IN_STAGE)
            self.lanes.append(Lane(host, identities, plan.identities))
        self.lanes.sort(key=lambda lane: lane.code)
        self.locked_out = [lane.host.build for lane in self.lanes if lane.identities.empty()]
        if self.locked_out:
            return
        _collect_seldom()
        begun = self._readings()
        self._run_phases(schedule)
        for lane, first, last in zip(self.lanes, begun, self._readings(), strict=False):
            used_s = last.usage.cpu_s - first.usage.cpu_s
            told = {"from_s": first.at_s, "to_s": last.at_s, "cpu_s": used_s}
            self.charged[lane.host.build] = told

    def _attributes(self) -> dict[str, object]:
        """Return what users have to be like: callers give up by themselves, and never queue.

        FastHttpUser would hold requests back beyond a number, and give them up on its own.
        """
        if self.plan.recovery is None:
            return {}
        patient = dict.fromkeys(("network_timeout", "connection_timeout"), PATIENCE_S)
        return {**patient, "concurrency": self.plan.recovery.calls_limit}

    def _run_phases(self, schedule: Schedule | None) -> None:
        """Send what the plan says to the users that have signed in."""
        plan = self.plan
        if plan.warmup_requests:
            self.conductor.meet("warm-up")
            # One worker tells when it is over; the others wait for it where they meet next.
            self.warmup = self._warm_up() if self.worker == 0 else None
        if plan.saturation:
            self._saturate(plan.saturation)
        if plan.open and schedule is not None:
            self._open(plan.open, schedule)
        if plan.recovery and schedule is not None:
            self._recover(plan.recovery, schedule)
        # Batches of a few requests are one worker's work: the others would only add delay.
        if len(self.lanes) == len(BUILDS) and self.worker == 0:
            base, candidate = self.lanes
            self._compare(Bench(base, candidate, self._batch, self._read, self.recorder))

    def _tossed(self, items: Sequence[_Item], purpose: str) -> Sequence[_Item]:
        """Return the items in their order or the reverse: a coin of its own for each purpose."""
        return items if coin(self.plan.seed, purpose) else items[::-1]

    def _warm_up(self) -> dict[str, Any]:
        """Send rounds of equal work to all builds until they settle or time is up; tell how.

        A round that was begun is sent to all.
        """
        plan, begun_s, passed_s, sent = self.plan, time.monotonic(), 0.0, 0
        limit_s = plan.warmup_limit_s
        shares = [plan.mix[name] for name in self.operations]
        work = round_of(shares, plan.warmup_requests, derived_seed(plan.seed, "warm-up"))
        turns = balanced_turns(derived_seed(plan.seed, "warm-up order"))
        rounds = Rounds(lane.host.build for lane in self.lanes)
        while (
            (sent < plan.warmup_requests or rounds.unsettled()) and passed_s < limit_s
            if limit_s
            else sent < plan.warmup_requests
        ):
            for lane in self.lanes if next(turns) else self.lanes[::-1]:
                before = self._read(lane)
                self._batch(lane, Phase.WARMUP, enumerate(work, sent), WARMUP_CONCURRENCY)
                rounds.add(lane.host.build, *self._read(lane).since(before))
            sent, passed_s = sent + len(work), time.monotonic() - begun_s
        unsettled = rounds.unsettled() if limit_s else []
        return {"seconds": passed_s, "unsettled": unsettled}

    def _requests(self, seed: int) -> Iterator[tuple[int, int]]:
        """Yield requests as (number, operation); the same seed gives every build the same ones."""
        shares = [self.plan.mix[name] for name in self.operations]
        first = seed % SEED_LIMIT * NUMBERS_PER_SEED
        return enumerate(even_mix(shares, seed), start=first)

    def _execute(self, identity: Identity, arrival: Arrival) -> Outcome:
        """Run one operation as that identity, with draws that depend on the arrival's number."""
        self._draws.promise(self.plan.seed * 1_000_003 + arrival.number)
        return self.recorder.run(identity.task(self.operations[arrival.operation]), arrival)

    def _batch(
        self, lane: Lane, phase: Phase, work: Iterable[tuple[int, int]], concurrency: int
    ) -> None:
        """Do the work in closed loop, ``concurrency`` in flight, and wait for the last answer."""
        queue, build, stage = iter(work), lane.host.build, phase.name.lower()
        too_slow = False

        def worker() -> None:
            nonlocal too_slow
            for number, operation in queue:
                self._lend(lane, phase, number, operation)
                if self._patience.is_over(build):
                    too_slow = True
                    return

        with self._patience.waits(build):
            self._finish(Crew(concurrency, worker), build, stage)
        if too_slow:
            raise SlownessError(build, stage, self._patience.told(build))

    def _lend(self, lane: Lane, phase: Phase, number: int, operation: int) -> None:
        """Run one operation on an identity that is free, or will be."""
        waited = lane.identities.empty()
        identity = lane.identities.get(lane.own(number))
        try:
            arrival = Arrival(number, phase, lane.code, operation, None, waited)
            self._execute(identity, arrival)
        finally:
            lane.identities.put(identity)

    def _finish(self, crew: Crew, build: str, stage: str) -> None:
        """Wait for the crew's last answer; a build that gives none for long ends the run."""
        if not crew.finish(self.recorder.ended, self.plan.silence_s):
            raise SilenceError(build, stage, self.plan.silence_s)

    def _read(self, lane: Lane) -> Reading:
        """Read what the build's processes have used so far."""
        return Reading(self.conductor.usage(lane.host.build))

    def _saturate(self, saturation: Saturation) -> None:
        """Keep every build saturated in slices of equal requests, the builds in turn."""
        order = self._tossed(self.lanes, "saturation")
        for turn in range(saturation.slices):
            for lane in order if turn % 2 == 0 else order[::-1]:
                self._slice(lane, saturation, turn)

    def _slice(self, lane: Lane, saturation: Saturation, turn: int) -> None:
        begin_s = self.conductor.meet(f"saturation {turn} {lane.host.build}")
        end_s = begin_s + saturation.slice_s
        requests = islice(
            self._requests(self.plan.seed + 1 + turn), self.worker, None, self.workers
        )

        def worker() -> None:
            while time.monotonic() < end_s:
                self._lend(lane, Phase.SATURATION, *next(requests))

        sleep_until(begin_s)
        concurrency = len(range(self.worker, saturation.concurrency, self.workers))
        crew = Crew(concurrency, worker)
        if self.worker == 0:
            sleep_until(begin_s + saturation.ramp_s)
            before, begun = self._read(lane), self._account()
            sleep_until(end_s)
            self.recorder.window(Phase.SATURATION, lane.code, turn, (before, self._read(lane)))
            if busy := _between(begun, self._account()):
                self.saturation_busy.setdefault(lane.host.build, []).append(busy)
        self._finish(crew, lane.host.build, Phase.SATURATION.name.lower())

    def _compare(self, bench: Bench) -> None:
        """Time batches of equal work for both builds: of the mix, then of each operation alone."""
        seed = self.plan.seed
        if self.plan.pairs:
            begun = self._account()
            bench.pairs(self.plan.pairs, self._requests(seed), derived_seed(seed, "pairs"))
            # Once for all of them, for the account goes by ticks of 10 ms.
            self.pairs_busy = _between(begun, self._account())
        if self.plan.solo:
            numbers = (number for number, _ in self._requests(seed + SOLO_SEED))
            operations = range(len(self.operations))
            bench.solo(self.plan.solo, operations, numbers, derived_seed(seed, "solo"))

    def _account(self) -> tuple[float, float | None]:
        """Read the time, and for how long the builds' CPUs have been busy, with whatever."""
        return time.monotonic(), self.conductor.busy_s(self.lanes[0].host.build)

    def _open(self, spec: Open, schedule: Schedule) -> None:
        """Send this worker's share of the schedule to every build, then wait for what is left."""
        self.recorder.expect_open_loop([lane.code for lane in self.lanes], len(schedule))
        begun = self._readings()
        start_s = self.conductor.meet("open loop") + HEAD_START_S
        risen = [gevent.spawn(self._readings, start_s + spec.ramp_s)] if spec.ramp_s else []
        porters = [
            gevent.spawn(self._carry, lane, identity)
            for lane in self.lanes
            for identity in lane.identities.get_all()
        ]
        self._dispatch(spec, schedule, start_s)
        for lane in self.lanes:
            lane.close()
        gevent.joinall(porters, timeout=spec.drain_s)
        gevent.killall(porters)
        raise_faults(porters)
        self._censor(spec, schedule, start_s)
        self.conductor.meet("end of the open loop")
        marks = [begun, *(reading.get() for reading in risen), self._readings()]
        phases = SCHEDULED if risen else (Phase.OPEN,)
        for phase, (before, after) in zip(phases, pairwise(marks), strict=True):
            for lane, first, last in zip(self.lanes, before, after, strict=False):
                self.recorder.window(phase, lane.code, 0, (first, last))

    def _recover(self, spec: Recovery, schedule: Schedule) -> None:
        """Send the calls of the build's dependents, who try again, through an upset."""
        (lane,) = self.lanes
        callers = whose(schedule.operation, self.operations, spec.callers, self.plan.seed)
        begun = self._readings()
        start_s = time.monotonic() + HEAD_START_S
        upset = Upset(spec, lane, self.plan.seed, self._execute, self.recorder, start_s)
        quiet = gevent.spawn(self._readings, start_s + spec.upset_s)
        self.recovery = upset.send(schedule, callers)
        marks = [*begun, *quiet.get(), *self._readings()]
        for index, readings in enumerate(pairwise(marks)):
            self.recorder.window(Phase.RECOVERY, lane.code, index, readings)

    def _readings(self, moment_s: float = 0.0) -> list[Reading]:
        """Read every build, now or at a moment to come; the first worker does it for all."""
        sleep_until(moment_s)
        return [self._read(lane) for lane in self.lanes] if self.worker == 0 else []

    def _carry(self, lane: Lane, identity: Identity) -> None:
        """Run the build's arrivals as this identity until there are no more."""
        try:
            while (arrival := lane.take(identity)) is not None:
                self._execute(identity, arrival)
        finally:
            lane.identities.put(identity)

    def _dispatch(self, spec: Open, schedule: Schedule, start_s: float) -> None:
        """Start each arrival at its time, twins in random order.

        None is sent to a build whose backlog is full, its twin all the same: the other build has
        done nothing to be spared it.
        """
        rng = random.Random(derived_seed(self.plan.seed, f"twins of worker {self.worker}"))

        def start(planned: tuple[Phase, int, float, int]) -> None:
            phase, number, offset_s, operation = planned
            for lane in self.lanes if rng.random() < 0.5 else self.lanes[::-1]:  # noqa: PLR2004 - a coin
                if len(lane.backlog) >= spec.backlog_limit:
                    lane.unsent += 1
                    continue
                waited, intended_s = not lane.is_idle(), start_s + offset_s
                lane.give(Arrival(number, phase, lane.code, operation, intended_s, waited))

        with Timer() as timer:
            share = self._share(spec, schedule)
            timer.call_each(((start_s + planned[2], planned) for planned in share), start)

    def _share(self, spec: Open, schedule: Schedule) -> Iterator[tuple[Phase, int, float, int]]:
        """Yield this worker's arrivals as (phase, number, offset, operation).

        Only a few at a time are objects: a million of them would take 100 MB.
        """
        share = schedule.share(self.worker, self.workers)
        for phase, part in zip(SCHEDULED, share.split(spec.ramp_s), strict=True):
            for first in range(0, len(part), AT_ONCE):
                few = slice(first, first + AT_ONCE)
                columns = (part.number[few], part.intended_s[few], part.operation[few])
                yield from zip(repeat(phase), *(column.tolist() for column in columns))

    def _censor(self, spec: Open, schedule: Schedule, start_s: float) -> None:
        """Write a row for every arrival of this worker's share that has none: it never started."""
        for phase, number, offset_s, operation in self._share(spec, schedule):
            for lane in self.lanes:
                if self.recorder.unwritten(lane.code, number):
                    intended_s = start_s + offset_s
                    self.recorder.censor(
                        Arrival(number, phase, lane.code, operation, intended_s, waited=True)
                    )


def _collect_seldom() -> None:
    """Leave out of Python's collections what has been made so far, and make them seldom.

    All that Locust has imported would be looked through again and again, while arrivals wait.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def _between(
    begun: tuple[float, float | None], ended: tuple[float, float | None]
) -> dict[str, float] | None:
    """Return what :class:`perfgate.load.journal.Busy` is read from; None where it is not known."""
    if begun[1] is None or ended[1] is None:
        return None
    return {"seconds": ended[0] - begun[0], "busy_s": ended[1] - begun[1]}
