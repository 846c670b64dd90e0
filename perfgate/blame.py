"""A wish and two refs become a search for the commit that made the service slower.

Commits are built and measured here, each beside the good one; which is next, and what is found, is
said by :mod:`perfgate.verdict.blame`. Nothing is printed or kept here.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perfgate import __version__
from perfgate.analysis.change import COST
from perfgate.baseline.hashes import short_hash
from perfgate.build.gitio import open_repository
from perfgate.build.provide import Ref
from perfgate.errors import LoadError, RefError, TargetError, UsageError
from perfgate.gate import (
    empty_case,
    expected_session_s,
    split_rps,
    with_demand_run,
    with_looks,
    with_session,
)
from perfgate.orders import conditions_of, order_of, provided
from perfgate.report.blame import progress_line
from perfgate.verdict.bisection import Bisection, Question, Suspect
from perfgate.verdict.blame import due
from perfgate.verdict.checks.validity import DISCARD_LIMIT
from perfgate.verdict.metric import margin_of, slowdowns_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.build.gitio import Repository
    from perfgate.gate import Order
    from perfgate.measurement.models import Environment
    from perfgate.rig import Rig
    from perfgate.verdict.case import Case
    from perfgate.wish import Wish

# At the required rate before the first session: long enough to learn the service rate.
RATE_S = 3.0
UNMEASURED = "Name a commit that can be built, started and measured."


@dataclass(frozen=True, slots=True)
class Range:
    """From the commit that is good to the one that is bad, and the metrics that may tell.

    ``margin``, a ratio, is the slowdown that has to be excluded before the bad one is called no
    slower; where it is None, that of the configuration.
    """

    good: str
    bad: str
    metrics: tuple[str, ...]
    margin: float | None


def shaped(wish: Wish, metrics: tuple[str, ...]) -> Wish:
    """Return the wish for shorter runs: without what the metrics do not need."""
    config = wish.loaded.config
    own = config.profiles[wish.profile]
    solo_s = own.solo_s if any(name.endswith(f":{COST}") for name in metrics) else 0.0
    shape = own.model_copy(update={"solo_s": solo_s, "demand_s": min(own.demand_s, RATE_S)})
    config = config.model_copy(update={"profiles": {**config.profiles, wish.profile: shape}})
    return replace(wish, loaded=replace(wish.loaded, config=config))


def begin(wish: Wish, asked: Range, environment: Environment) -> Bisection:
    """Return the search that has not begun: its question and the line of commits.

    Raises RefError for a commit that cannot be reached, UsageError where no line leads from good to
    bad.
    """
    with open_repository(wish.loaded.root) as repository:
        good, bad = repository.resolve(asked.good), repository.resolve(asked.bad)
        _refuse_no_line(repository, good, bad, asked)
        line = tuple(
            Suspect(commit=link.commit, told=link.told, parents=link.parents)
            for link in repository.line(good, bad)
        )
        first = Suspect(commit=good, told=repository.describe(good))
    return Bisection(
        perfgate=__version__,
        begun_at=datetime.now(UTC).isoformat(timespec="seconds"),
        question=_question(wish, asked, (good, bad), environment),
        good=first,
        line=line,
    )


def _question(
    wish: Wish, asked: Range, commits: tuple[str, str], environment: Environment
) -> Question:
    config = wish.loaded.config
    margin = margin_of(asked.metrics, config.margins) if asked.margin is None else asked.margin
    return Question(
        service=config.service,
        profile=wish.profile,
        good=commits[0],
        bad=commits[1],
        metrics=asked.metrics,
        tolerance=math.log1p(config.margins.tolerance),
        margin=math.log1p(margin),
        fail_alpha=config.margins.fail_alpha,
        pass_alpha=config.margins.pass_alpha,
        budget_s=config.budget.sessions_s,
        target_hash=short_hash(config.target.model_dump_json().encode()),
        machine=environment.slug,
        conditions=conditions_of(wish),
    )


def _refuse_no_line(repository: Repository, good: str, bad: str, asked: Range) -> None:
    names = f"{asked.good!r} and {asked.bad!r}"
    if good == bad:
        raise UsageError(f"{names} are the same commit", hint="Name an earlier good one.")
    fork = repository.merge_base(good, bad)
    if fork == good:
        return
    if fork == bad:
        raise UsageError(
            f"{asked.bad!r} is older than {asked.good!r}",
            hint=f"The other way round: --good {asked.bad} --bad {asked.good}",
        )
    if fork is not None:
        raise UsageError(
            f"{asked.good!r} is no ancestor of {asked.bad!r}: they part at "
            f"{repository.describe(fork)}",
            hint=f"If that is good, too: --good {fork[:12]}",
        )
    cut = repository.is_shallow()
    raise RefError(
        f"{names} share no history here",
        hint="History is cut off. Run: git fetch --unshallow --tags origin" if cut else "",
    )


def pursue(
    bisection: Bisection, wish: Wish, environment: Environment, rig: Rig
) -> Iterator[Bisection]:
    """Measure until the search has ended; yield what is known after every session.

    Raises TargetError where the good or the bad build cannot be measured, LoadError where load
    cannot be trusted.
    """
    while (commit := due(bisection)) is not None:
        for known in _tried(bisection, commit, wish, environment, rig):
            bisection = known
            yield known
        if told := progress_line(bisection):
            rig.progress.learned(told)


def _tried(
    bisection: Bisection, commit: str, wish: Wish, environment: Environment, rig: Rig
) -> Iterator[Bisection]:
    """Build a commit and make its sessions; yield after each, or once where it cannot be."""
    # Asked for each time: the cache keeps what was asked for last.
    good = provided(Ref(bisection.good.commit), wish.loaded, rig.progress)
    try:
        build = provided(Ref(commit), wish.loaded, rig.progress)
    except (TargetError, RefError) as error:
        yield _given_up(bisection, commit, error.message, rig)
        return
    order = order_of(wish, build, good, environment)
    case = empty_case(_seeded(order, bisection.sessions))
    if not bisection.looks:
        bisection = _rated(bisection, case, order, rig)
        yield bisection
    order = replace(order, open_rps=bisection.rate_rps)
    while due(bisection) == commit:
        begun_s, made = time.monotonic(), len(case.measurement.sessions)
        case = with_session(case, order, rig)
        if why := _stopped(case):
            yield _given_up(bisection, commit, why, rig)
            return
        if len(case.measurement.sessions) > made:
            slowdowns = slowdowns_in(case.measurement.sessions[-1], bisection.question.metrics)
            bisection = bisection.with_session(commit, slowdowns, time.monotonic() - begun_s)
            yield bisection


def _rated(bisection: Bisection, case: Case, order: Order, rig: Rig) -> Bisection:
    """Return what is known with the rate and the looks, by a run of the bad build alone."""
    begun_s = time.monotonic()
    case = with_demand_run(case, order, rig)
    if why := _stopped(case):
        raise _unmeasured(why)
    expected_s = expected_session_s(case, order, time.monotonic() - begun_s)
    looks = with_looks(order, expected_s).shape.looks
    return bisection.model_copy(update={"looks": looks, "rate_rps": split_rps(case, order)})


def _seeded(order: Order, made: int) -> Order:
    """Return the order with seeds that no session before had."""
    config = order.terms.config
    load = config.load.model_copy(update={"seed": config.load.seed + made})
    config = config.model_copy(update={"load": load})
    return replace(order, terms=order.terms.model_copy(update={"config": config}))


def _stopped(case: Case) -> str:
    """Return why the candidate cannot be measured, "" where it can.

    Raises TargetError where it is the good build that cannot, LoadError where no run is to be
    trusted.
    """
    measured = case.measurement
    for incident in measured.incidents:
        if incident.build == "base":
            raise TargetError(f"the good build {incident.text}", hint=UNMEASURED)
        return incident.text
    if measured.set_aside > DISCARD_LIMIT:
        faults = [*measured.broken_off, *(run.validity.faults[0] for run in measured.discarded)]
        raise LoadError(
            f"{measured.set_aside} runs could not be trusted: {faults[-1]}",
            hint="On a quieter machine, the same command goes on from here.",
        )
    return ""


def _given_up(bisection: Bisection, commit: str, why: str, rig: Rig) -> Bisection:
    """Return what is known with a commit that is skipped; raises TargetError for the bad one."""
    if commit == bisection.bad.commit:
        raise _unmeasured(why)
    told = why.splitlines()[0]
    rig.progress.learned(f"skipped: {told}")
    return bisection.without(commit, told)


def _unmeasured(why: str) -> TargetError:
    return TargetError(f"the bad build cannot be measured: {why}", hint=UNMEASURED)
