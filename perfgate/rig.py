"""One load run on fresh processes: start the builds, load them, stop them, summarise.

It decides neither which runs are made nor what they mean.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from perfgate.errors import LoadError
from perfgate.load.engine import run_load
from perfgate.load.journal import shut_out
from perfgate.load.plan import BUILDS, Host
from perfgate.measurement.models import Incident
from perfgate.measurement.recovery import recovery_of
from perfgate.measurement.summarise import Surroundings, in_flight, summarise, trials
from perfgate.procfs import read_contention
from perfgate.startup import LOG_LINES, Launch, UnreadyError, await_ready, start_builds, unready
from perfgate.tail import tail
from perfgate.target.ports import Holder
from perfgate.yardstick import read_yardstick

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from perfgate.build.provide import Build
    from perfgate.config.models import Target
    from perfgate.load.engine import Engine
    from perfgate.load.journal import Journal
    from perfgate.load.plan import Plan
    from perfgate.load.schedule import Schedule
    from perfgate.measurement.models import BuildRole, OpenLoop, Recovery, Run, Upset, Yardstick
    from perfgate.procfs import Contention
    from perfgate.progress import Progress
    from perfgate.startup import Started
    from perfgate.target.running import Running

START_SLACK_S = 30.0
SLACK_FACTOR = 3.0
PORTS_EVERY_S = 0.5
# So often in each trial are the requests in flight counted.
MOMENTS = 5
# A start that takes too long is a build's fault where it happens twice in a row.
CHANCES = 2


@dataclass(frozen=True, slots=True)
class Rig:
    """What every run of a check shares."""

    target: Target
    engine: Engine
    target_cpu: int | None
    runs_dir: Path
    progress: Progress


@dataclass(frozen=True, slots=True)
class Assignment:
    """One run to be made: ``plan`` gets the hosts once they are there; times in seconds.

    Where no build gets ready, ``witness`` is started to tell whether it is theirs or the setup's
    doing. With an ``upset`` the open loop is that of calls that are tried again.
    """

    stage: str
    builds: Mapping[BuildRole, Build]
    plan: Callable[[tuple[Host, ...]], Plan]
    schedule: Schedule
    offered_rps: float
    open_s: float
    expected_s: float
    trials: int = 0
    witness: Build | None = None
    upset: Upset | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: a run (cut into its trials), a recovery, or the incidents that ended it."""

    run: Run | None = None
    trials: tuple[OpenLoop, ...] = ()
    in_flight: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    recovery: Recovery | None = None
    incidents: tuple[Incident, ...] = ()


@dataclass(slots=True)
class _Watch:
    """Looks after the targets until they are ready, and while the load runs."""

    assignment: Assignment
    started: Started
    progress: Progress
    target_cpu: int | None
    died: dict[BuildRole, Incident] = field(default_factory=dict)
    ports_seen_s: float = 0.0
    before: Contention = field(default_factory=read_contention)
    begun_s: float = field(default_factory=time.monotonic)
    yardsticks: tuple[Yardstick, ...] = ()
    used: dict[BuildRole, list[tuple[float, float]]] = field(default_factory=dict)

    @property
    def targets(self) -> Mapping[BuildRole, Running]:
        """Return the targets by their roles."""
        return self.started.targets

    @property
    def stage(self) -> str:
        """Return the part of the check that the run is."""
        return self.assignment.stage

    def begin(self, plan: Plan) -> Plan:
        """Wait until all targets are ready; from then on the machine is watched.

        Return the plan with the processes that they have now.
        """
        await_ready(self.started, self.assignment.builds)
        self.yardsticks = (read_yardstick(self.target_cpu),)
        self.before, self.begun_s = read_contention(), time.monotonic()
        return replace(plan, hosts=_hosts(self.targets))

    def tick(self) -> bool:
        """Return whether all targets live.

        Raises LoadError where another process has come to listen on a target's port.
        """
        self.progress.tick()
        if time.monotonic() - self.ports_seen_s > PORTS_EVERY_S:
            self.ports_seen_s = time.monotonic()
            _refuse_strangers(self.targets)
        for role, target in self.targets.items():
            health = target.observe()
            self.used.setdefault(role, []).append((time.monotonic(), health.cpu_s))
            if not health.alive and role not in self.died:
                self.died[role] = _death(role, target, self.stage)
        return not self.died

    def used_within(self, role: BuildRole, from_s: float, to_s: float) -> float:
        """Return the CPU seconds that a target was seen to use within a span, not all of it."""
        within = [cpu_s for at_s, cpu_s in self.used.get(role, ()) if from_s <= at_s <= to_s]
        return within[-1] - within[0] if within else 0.0


def run_once(rig: Rig, assignment: Assignment, chances: int = CHANCES) -> Outcome:
    """Make the run; builds get so many chances to get ready where they are only late.

    Raises TargetError where no build gets ready, nor the witness, LoadError for load that cannot
    be proved complete.
    """
    run_dir = _new_directory(rig.runs_dir, assignment.stage)
    rig.progress.stage(assignment.stage, assignment.expected_s)
    launch = Launch(rig.target, rig.target_cpu, run_dir)
    with ExitStack() as stack:
        started = start_builds(launch, assignment.builds, stack)
        try:
            if started.faults:
                await_ready(started, assignment.builds)
            return _load(rig, assignment, started, run_dir)
        except UnreadyError as error:
            unreadiness = error
    if unreadiness.late and chances > 1:
        rig.progress.learned(f"to be started again: {unreadiness}")
        return run_once(rig, assignment, chances - 1)
    started = unreadiness.started
    return Outcome(incidents=unready(launch, started, assignment.witness, assignment.stage))


def _new_directory(runs_dir: Path, stage: str) -> Path:
    """Make a directory whose name sorts in the order of the runs."""
    runs_dir.mkdir(parents=True, exist_ok=True)
    directory = runs_dir / f"{len(list(runs_dir.iterdir())):02}-{stage.replace(' ', '-')}"
    directory.mkdir()
    return directory


def _load(
    rig: Rig,
    assignment: Assignment,
    started: Started,
    run_dir: Path,
) -> Outcome:
    drafted = assignment.plan(_hosts(started.targets))
    limit_s = drafted.warmup_limit_s + SLACK_FACTOR * assignment.expected_s
    plan = replace(drafted, limit_s=limit_s)
    watch = _Watch(assignment, started, rig.progress, rig.target_cpu)
    journal = _journal(rig, assignment, plan, watch, run_dir)
    seconds = time.monotonic() - watch.begun_s
    incidents = _incidents(journal, plan, watch)
    if journal is None or incidents:
        return Outcome(incidents=incidents)
    apart = rig.target_cpu is not None
    seen = _surroundings(watch.before, seconds, started.targets, apart=apart)
    yardsticks = (*watch.yardsticks, read_yardstick(rig.target_cpu))
    used_s = {
        role: watch.used_within(role, own.from_s, own.to_s)
        for role in started.targets
        if (own := journal.charged.get(role))
    }
    surroundings = replace(seen, yardsticks=yardsticks, used_s=used_s)
    if assignment.upset:
        demand_rps = assignment.offered_rps
        return Outcome(
            recovery=recovery_of(journal, plan, assignment.upset, demand_rps, surroundings)
        )
    run = summarise(journal, plan, assignment.offered_rps, assignment.open_s, surroundings)
    return _cut(Outcome(run), journal, assignment) if assignment.trials else Outcome(run)


def _cut(whole: Outcome, journal: Journal, assignment: Assignment) -> Outcome:
    """Return the outcome with the candidate's open loop cut into its trials."""
    open_s, count = assignment.open_s, assignment.trials
    return replace(
        whole,
        trials=trials(journal, "candidate", open_s, count),
        in_flight=in_flight(journal, "candidate", open_s, count * MOMENTS),
    )


def _journal(
    rig: Rig, assignment: Assignment, plan: Plan, watch: _Watch, run_dir: Path
) -> Journal | None:
    try:
        return run_load(
            rig.engine,
            plan,
            assignment.schedule,
            run_dir,
            limit_s=START_SLACK_S + plan.limit_s,
            tick=watch.tick,
            prepare=watch.begin,
        )
    except LoadError:
        # A target that has died may have taken the load run along: then its death is the news.
        if watch.tick():
            raise
        return None


def _refuse_strangers(targets: Mapping[BuildRole, Running]) -> None:
    """Raise LoadError where another process may have answered in a target's place."""
    for role, target in targets.items():
        # Asked twice, for a child that has just been born is not known to be the target's yet.
        if all(target.listener() is Holder.STRANGER for _ in range(2)):
            raise LoadError(
                f"port {target.port} of the {role} is held by {Holder.STRANGER.value}, which may "
                "have answered in its place",
                hint="Something on this machine has taken the port meanwhile: run again.",
            )


def _hosts(targets: Mapping[BuildRole, Running]) -> tuple[Host, ...]:
    """Return the hosts, base before candidate."""
    roles = sorted(targets, key=BUILDS.index)
    own = ((role, targets[role]) for role in roles)
    return tuple(Host(role, target.url, target.pid, target.members()) for role, target in own)


def _incidents(journal: Journal | None, plan: Plan, watch: _Watch) -> tuple[Incident, ...]:
    """Return who died, fell silent, was far too slow or let nobody sign in."""
    watch.tick()
    if watch.died or journal is None:
        return tuple(watch.died.values())
    silent = [
        _incident(watch, build, "silent", f"stopped answering: {text}")
        for build, text in journal.silent.items()
    ]
    slow = [
        _incident(watch, build, "slow", f"was so slow that the run could not be finished: {text}")
        for build, text in journal.slow.items()
    ]
    locked = [
        _incident(
            watch,
            build,
            "locked out",
            f"let {len(journal.sign_in_failures[build])} of {plan.identities} users not sign in: "
            f"{journal.sign_in_failures[build][0]}",
        )
        for build in shut_out(journal, plan)
    ]
    return (*silent, *slow, *locked)


def _incident(watch: _Watch, build: str, kind: str, text: str) -> Incident:
    role: BuildRole = "base" if build == "base" else "candidate"
    return Incident.model_validate(
        {
            "build": role,
            "kind": kind,
            "stage": watch.stage,
            "text": text,
            "log": tail(watch.targets[role].log, LOG_LINES),
        }
    )


def _death(role: BuildRole, target: Running, stage: str) -> Incident:
    code = target.exit_code() or 0
    how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
    return Incident(
        build=role,
        kind="died",
        stage=stage,
        text=f"{how} under load",
        log=tail(target.log, LOG_LINES),
    )


def _surroundings(
    before: Contention,
    seconds: float,
    targets: Mapping[BuildRole, Running],
    *,
    apart: bool,
) -> Surroundings:
    after, healths = read_contention(), {role: own.observe() for role, own in targets.items()}
    return Surroundings(
        seconds=seconds,
        steal_ratio=_ratio(before.steal_s, after.steal_s, seconds),
        pressure_ratio=_ratio(before.pressure_s, after.pressure_s, seconds),
        peak_rss_bytes={role: health.peak_rss_bytes for role, health in healths.items()},
        lost={role: health.lost for role, health in healths.items()},
        strayed={role: health.strayed for role, health in healths.items()},
        apart=apart,
    )


def _ratio(before: float | None, after: float | None, seconds: float) -> float | None:
    return None if before is None or after is None else (after - before) / seconds
