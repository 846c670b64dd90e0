"""The line: builds become runs, runs a measurement, and the measurement with its terms a case.

What a case means is said by :func:`perfgate.verdict.judge.judge`; nothing is printed here.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from perfgate import __version__
from perfgate.analysis.capacity import NO_CHANGE
from perfgate.analysis.change import CAPACITY, COST, primary_slowdowns
from perfgate.analysis.rates import service_rates
from perfgate.analysis.resolution import fits, looks_for
from perfgate.analysis.sequential import percent
from perfgate.baseline.declared import slowdown_since
from perfgate.errors import LoadError, SpoiltError
from perfgate.load.engine import SCHEDULE_FILE
from perfgate.load.plan import PAIRS_LIMIT_S, Open, Pairs, Plan, Saturation, Solo
from perfgate.load.schedule import Stage, balanced_turns, derived_seed, draw_schedule
from perfgate.machine import read_tools
from perfgate.measurement.models import BuildId, DemandRun, Measurement, Spoil
from perfgate.rig import Assignment, run_once
from perfgate.verdict.case import Case, mix_of, required_rps
from perfgate.verdict.checks.validity import DISCARD_LIMIT
from perfgate.verdict.judge import decided

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perfgate.build.provide import Build
    from perfgate.config.models import Profile
    from perfgate.load.plan import Host
    from perfgate.load.schedule import Schedule
    from perfgate.measurement.models import BuildRole, Conditions, Environment, Run
    from perfgate.rig import Outcome, Rig
    from perfgate.verdict.case import Terms

DEMAND_STAGE = "required rate"
TRIALS = 3
RAMP_S = 0.1
SATURATION_SLICES = 2
BACKLOG_LIMIT = 2000
# Even where nobody sends anything, the operations are tried.
LEAST_RPS = 1.0
# Starting builds and Locust, signing in, warming up.
OVERHEAD_S = 4.0


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be measured, on which terms; ``recorded_s`` are times of a log to replay.

    ``open_rps`` is the open-loop rate of its sessions where that is fixed already.
    """

    terms: Terms
    profile: str
    candidate: Build
    base: Build | None
    environment: Environment
    conditions: Conditions
    recorded_s: Sequence[float]
    open_rps: float | None = None

    @property
    def shape(self) -> Profile:
        """Return the profile's values."""
        return self.terms.config.profiles[self.profile]


def measure(order: Order, rig: Rig) -> Case:
    """Measure until the verdict cannot change any more, or the budget is spent."""
    started_s = time.monotonic()
    case = unless_spoilt(with_demand_run, empty_case(order), order, rig)
    order = with_looks(order, expected_session_s(case, order, time.monotonic() - started_s))
    case = case.model_copy(update={"terms": order.terms})
    started_s = time.monotonic()
    while not decided(case) and _may_go_on(case, order, time.monotonic() - started_s):
        case = unless_spoilt(with_session, case, order, rig)
    return case


def unless_spoilt(
    part: Callable[[Case, Order, Rig], Case], case: Case, order: Order, rig: Rig
) -> Case:
    """Return the case with a part of the check added; what spoils its load spoils the case.

    A case that is spoilt gets no further part.
    """
    if case.measurement.spoilt:
        return case
    try:
        return part(case, order, rig)
    except SpoiltError as error:
        text = error.message.splitlines()[0]
        rig.progress.learned(f"spoilt: {text}")
        return add(case, spoilt=Spoil(text=text, hint=error.hint))


def empty_case(order: Order) -> Case:
    """Return the case of an order of which nothing has been measured."""
    measurement = Measurement(
        perfgate=__version__,
        taken_at=datetime.now(UTC).isoformat(timespec="seconds"),
        profile=order.profile,
        seed=order.terms.config.load.seed,
        candidate=_build_id(order.candidate),
        base=None if order.base is None else _build_id(order.base),
        environment=order.environment,
        conditions=order.conditions,
        demand_run=None,
        sessions=(),
        discarded=(),
        incidents=(),
        tools=read_tools(),
    )
    return Case(measurement=measurement, terms=order.terms)


def _build_id(build: Build) -> BuildId:
    return BuildId(name=build.label, commit=build.commit, dirty=build.dirty, digest=build.digest)


def _may_go_on(case: Case, order: Order, spent_s: float) -> bool:
    """Tell whether another session fits into looks, patience and budget."""
    measured = case.measurement
    so_far = len(measured.sessions) + measured.set_aside
    budget_s = order.terms.config.budget.sessions_s
    return len(measured.sessions) < case.looks[-1] and fits(spent_s, so_far, budget_s)


def with_looks(order: Order, expected_session_s: float) -> Order:
    """Return the order with the looks that its budget affords, unless they are configured.

    They become part of the terms, so that a saved case is judged by the looks it was made with.
    """
    if order.shape.looks is not None:
        return order
    config = order.terms.config
    looks = looks_for(config.budget.sessions_s, expected_session_s)
    profiles = {**config.profiles, order.profile: order.shape.model_copy(update={"looks": looks})}
    config = config.model_copy(update={"profiles": profiles})
    return replace(order, terms=order.terms.model_copy(update={"config": config}))


def alone_s(profile: Profile, overhead_s: float = OVERHEAD_S) -> float:
    """Return the seconds that a session of one build alone is expected to take."""
    return overhead_s + profile.split_s + profile.saturation_s


def session_s(
    profile: Profile, overhead_s: float = OVERHEAD_S, pairs_s: float | None = None
) -> float:
    """Return the seconds that a session is expected to take, pairs guessed by their saturation."""
    closed_s = 2 * profile.saturation_s + (profile.saturation_s if pairs_s is None else pairs_s)
    return overhead_s + profile.split_s + closed_s + profile.solo_s


def expected_session_s(case: Case, order: Order, spent_s: float) -> float:
    """Return the seconds of a session, by what the run at the required rate took in ``spent_s``.

    Starting, signing in and warming up take a session as long. Pairs are served at the service
    rate, or as its answers came in the open loop, as many at a time: whichever is slower.
    """
    profile, run = order.shape, case.measurement.demand_run
    rates = [] if run is None else service_rates([run.run], "candidate").tolist()
    if run is None or not rates or not rates[0]:
        return session_s(profile) if order.base else alone_s(profile)
    each_s = spent_s / (1 + len(case.measurement.discarded))
    overhead_s = max(each_s - profile.ramp_s - profile.demand_s - profile.saturation_s, 0.0)
    if order.base is None:
        return alone_s(profile, overhead_s)
    answer_s = run.run.builds["candidate"].open.service_s.mean() or 0.0
    request_s = max(1 / rates[0], answer_s / profile.batch_concurrency)
    pairs_s = 2 * profile.pairs * profile.batch_requests * request_s
    return session_s(profile, overhead_s, min(pairs_s, PAIRS_LIMIT_S))


def demand_run_s(profile: Profile) -> float:
    """Return the seconds that the run at the required rate is expected to take."""
    return OVERHEAD_S + profile.ramp_s + profile.demand_s + profile.saturation_s


def with_demand_run(case: Case, order: Order, rig: Rig) -> Case:
    """Run the candidate alone at the rate it must carry; a run not to be trusted is repeated."""
    for attempt in range(DISCARD_LIMIT + 1):
        outcome = run_once(rig, _demand_assignment(order, attempt))
        if outcome.run is None:
            return add(case, incidents=outcome.incidents)
        if not outcome.run.validity.faults:
            rate = float(service_rates([outcome.run], "candidate")[0])
            rig.progress.learned(f"service rate about {rate:.0f}/s")
            return add(case, demand_run=_demand_run(outcome, outcome.run))
        case = _discard(case, outcome.run, rig)
    return case


def _demand_run(outcome: Outcome, run: Run) -> DemandRun:
    return DemandRun(run=run, trials=outcome.trials, in_flight=dict(outcome.in_flight))


def with_session(case: Case, order: Order, rig: Rig) -> Case:
    """Make one session; one not to be trusted is set aside, and the next takes its place."""
    try:
        outcome = run_once(rig, _session_assignment(case, order))
    except SpoiltError:
        raise  # no accident, and none to be repeated
    except LoadError as error:
        # The load has worked before, so what broke it off is an accident until it recurs.
        return _break_off(case, error.message.splitlines()[0], rig)
    if outcome.run is None:
        return add(case, incidents=outcome.incidents)
    if outcome.run.validity.faults:
        return _discard(case, outcome.run, rig)
    case = add(case, sessions=(*case.measurement.sessions, outcome.run))
    rig.progress.learned(_known_so_far(case))
    return case


def add(case: Case, **updates: object) -> Case:
    """Return the case with these parts of its measurement replaced."""
    return case.model_copy(update={"measurement": case.measurement.model_copy(update=updates)})


def _discard(case: Case, run: Run, rig: Rig) -> Case:
    rig.progress.learned(f"not to be trusted, to be repeated: {run.validity.faults[0]}")
    return add(case, discarded=(*case.measurement.discarded, run))


def _break_off(case: Case, fault: str, rig: Rig) -> Case:
    rig.progress.learned(f"broken off, to be repeated: {fault}")
    return add(case, broken_off=(*case.measurement.broken_off, fault))


def _known_so_far(case: Case) -> str:
    """Say in one line what the sessions have shown."""
    sessions = case.measurement.sessions
    if case.measurement.base is None:
        return f"service rate {service_rates(sessions, 'candidate').mean():.0f}/s"
    slowdowns = primary_slowdowns(sessions)
    told = (f"{name} {percent(float(slowdowns[name].mean())):+.1f} %" for name in (COST, CAPACITY))
    return f"{', '.join(told)} (positive is worse)"


def _demand_assignment(order: Order, attempt: int) -> Assignment:
    profile, config = order.shape, order.terms.config
    rate_rps = local_required_rps(order.terms)
    seed = config.load.seed + attempt
    ramp = Stage(rate_rps, profile.ramp_s, from_rps=0.0)
    schedule = schedule_of(order, [ramp, Stage(rate_rps, profile.demand_s)], seed)

    def plan(hosts: tuple[Host, ...]) -> Plan:
        return plan_of(order, hosts, seed, ramp_s=profile.ramp_s)

    return Assignment(
        stage=DEMAND_STAGE,
        builds={"candidate": order.candidate},
        plan=plan,
        schedule=schedule,
        offered_rps=rate_rps,
        open_s=profile.demand_s,
        expected_s=demand_run_s(profile),
        trials=TRIALS,
        witness=order.base,
    )


def _session_assignment(case: Case, order: Order) -> Assignment:
    profile, measured = order.shape, case.measurement
    tried = len(measured.sessions) + measured.set_aside
    seed = measured.seed + 1000 * (tried + 1)
    rate_rps = split_rps(case, order)
    schedule = schedule_of(order, [Stage(rate_rps, profile.split_s)], seed)

    def plan(hosts: tuple[Host, ...]) -> Plan:
        if len(hosts) == 1:
            return plan_of(order, hosts, seed)
        pairs = Pairs(profile.pairs, profile.batch_requests, profile.batch_concurrency)
        solo = Solo(profile.solo_pairs, profile.solo_requests, profile.solo_s)
        return plan_of(order, hosts, seed, pairs=pairs, solo=solo if profile.solo_s else None)

    return Assignment(
        stage=f"session {len(measured.sessions) + 1}",
        builds=starters(measured, order),
        plan=plan,
        schedule=schedule,
        offered_rps=rate_rps,
        open_s=profile.split_s,
        expected_s=session_s(profile) if order.base else alone_s(profile),
    )


def starters(measured: Measurement, order: Order) -> dict[BuildRole, Build]:
    """Return the builds of the next session in the order in which they start.

    Each starts first in two of every four sessions that count.
    """
    if order.base is None:
        return {"candidate": order.candidate}
    turns = balanced_turns(derived_seed(measured.seed, "start"))
    candidate_first = next(islice(turns, len(measured.sessions), None))
    builds: dict[BuildRole, Build] = {"candidate": order.candidate, "base": order.base}
    return builds if candidate_first else dict(reversed(builds.items()))


def local_required_rps(terms: Terms) -> float:
    """Return the required rate for the busiest instance here.

    Where production's rate is declared, the record says how this machine compares: the load is
    scaled so that it is as heavy here as there. The rate declared is that of the build of record
    less what was lost up to it.
    """
    production, record = terms.config.production, terms.baseline
    share = max(required_rps(terms) / production.full_instances, LEAST_RPS)
    if production.service_rate_rps is None or record is None or not terms.baseline_counts:
        return share
    since = slowdown_since(record, production.service_rate_commit) or NO_CHANGE
    there_rps = production.service_rate_rps * math.exp(-since.estimate)
    return share * record.service_rate_rps.estimate / there_rps


def split_rps(case: Case, order: Order) -> float:
    """Return the open-loop rate of a session: the demand's, unless both builds could not bear it.

    Both run on one CPU, so together they get ``split_load_ratio`` of the service rate at most.
    """
    if order.open_rps is not None:
        return order.open_rps
    wanted = local_required_rps(order.terms)
    run = case.measurement.demand_run
    if run is None:
        return wanted
    rate = float(service_rates([run.run], "candidate")[0])
    builds = 1 if order.base is None else 2
    return max(min(wanted, order.shape.split_load_ratio * rate / builds), LEAST_RPS)


def schedule_of(order: Order, stages: Sequence[Stage], seed: int) -> Schedule:
    """Return the arrivals of these stages, with the mix and the spacing that are ordered."""
    return draw_schedule(
        stages,
        mix=mix_of(order.terms),
        seed=seed,
        arrivals=order.shape.arrivals,
        recorded_s=order.recorded_s,
    )


def plan_of(
    order: Order,
    hosts: tuple[Host, ...],
    seed: int,
    ramp_s: float = 0.0,
    pairs: Pairs | None = None,
    solo: Solo | None = None,
) -> Plan:
    """Return the plan of a run that begins with saturation and goes on with an open loop."""
    profile, config = order.shape, order.terms.config
    return Plan(
        seed=seed,
        hosts=hosts,
        mix=mix_of(order.terms),
        identities=config.load.identities,
        warmup_requests=profile.warmup_requests,
        warmup_limit_s=profile.warmup_limit_s,
        saturation=Saturation(
            slices=SATURATION_SLICES,
            slice_s=profile.saturation_s / SATURATION_SLICES,
            ramp_s=RAMP_S,
            concurrency=profile.saturation_concurrency,
        ),
        open=Open(SCHEDULE_FILE, profile.drain_s, BACKLOG_LIMIT, ramp_s),
        pairs=pairs,
        solo=solo,
        timeouts_s=order.terms.ledger.timeouts_s(),
        workers=config.load.processes,
    )
