"""The search for mu_SLO: where it tries, when it ends, and what it finds of a simulated service."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from builders import (
    conditions,
    config,
    demand_run,
    dependent,
    environment,
    incident,
    ledger,
    measurement,
    terms,
    trial,
)
from load.runs import PLAIN, SERVER, write_locustfile
from queues import Queue

from perfgate import search
from perfgate.build.provide import Build
from perfgate.config.models import Target
from perfgate.errors import LoadError
from perfgate.gate import Order
from perfgate.load.engine import Engine
from perfgate.measurement.histogram import Histogram
from perfgate.measurement.models import OpenLoop, OperationFigures
from perfgate.progress import Silence
from perfgate.rig import Outcome, Rig
from perfgate.search import SETTLED_TRIALS, find_capacity, least_s, most_s
from perfgate.verdict.case import Case
from perfgate.verdict.checks.validity import DISCARD_LIMIT
from perfgate.verdict.limit import limit_of

if TYPE_CHECKING:
    from perfgate.measurement.models import Run, Search
    from perfgate.rig import Assignment

# The standard candidate's service rate; its callers wait for 0.1 s.
QUEUE = Queue(400.0, 0.1)
SLO = {"introspect": {"p95_ms": 100.0}}


@dataclass
class Rigged:
    """A service that is simulated; trials end as they are told to, in their order."""

    queue: Queue = QUEUE
    ends: dict[int, Outcome | LoadError] = field(default_factory=dict)
    asked: list[Assignment] = field(default_factory=list)

    def run_once(self, _: Rig, asked: Assignment) -> Outcome:
        """Return what the trial is told to, else what the queue makes of it."""
        number = len(self.asked)
        self.asked.append(asked)
        end = self.ends.get(number)
        if isinstance(end, LoadError):
            raise end
        return end or Outcome(self._served(asked, number))

    def _served(self, asked: Assignment, number: int) -> Run:
        rng = np.random.default_rng(number)
        settle_s = float(asked.schedule.intended_s[-1]) - asked.open_s
        latencies = Histogram.from_seconds(
            self.queue.latencies_s(asked.offered_rps, settle_s, asked.open_s, rng)
        )
        own = OperationFigures(
            arrivals=latencies.count,
            good=latencies.count,
            failed=0,
            censored=0,
            latency_s=latencies,
            service_s=latencies,
        )
        run = trial(asked.offered_rps)
        loop = OpenLoop(seconds=asked.open_s, operations={"introspect": own})
        figures = run.builds["candidate"].model_copy(update={"open": loop})
        return run.model_copy(update={"builds": {"candidate": figures}})


def searched(
    monkeypatch: pytest.MonkeyPatch, rigged: Rigged, case: Case | None = None, **shape: float
) -> Case:
    """Return the case after a search for the limit of a simulated service."""
    monkeypatch.setattr(search, "run_once", rigged.run_once)
    own = terms(config=config(slo=SLO, search=shape))
    case = case or Case(measurement=measurement(), terms=own)
    build = Build("candidate", Path("/nowhere"), None, dirty=False, label="candidate")
    order = Order(own, "default", build, None, environment(), conditions(), ())
    rig = Rig(Target(start="serve"), Engine(Path("locustfile.py")), None, Path("runs"), Silence())
    return find_capacity(case, order, rig)


def made(case: Case) -> Search:
    """Return what the search left in the case."""
    assert case.measurement.search is not None
    return case.measurement.search


def test_the_limit_of_a_simulated_service_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: the interval holds the rate at which just 5 % wait longer than was promised."""
    rigged = Rigged()
    case = searched(monkeypatch, rigged)
    limit = limit_of(case)
    assert limit is not None
    assert limit.rate_rps.lower < QUEUE.limit_rps() < limit.rate_rps.upper
    assert limit.rate_rps.estimate == pytest.approx(QUEUE.limit_rps(), rel=0.05)
    assert len(made(case).trials) <= 8
    assert made(case).ended == ""


def test_trials_lie_between_the_demand_and_the_service_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Law: no rate is below the demand of 100/s, or above the service rate of 400/s."""
    rigged = Rigged()
    own = made(searched(monkeypatch, rigged))
    assert [own.low_rps, own.high_rps] == pytest.approx([100.0, 400.0], rel=1e-3)
    for asked in rigged.asked:
        assert own.low_rps <= asked.offered_rps <= own.high_rps
        assert list(asked.builds) == ["candidate"]


def test_a_trial_is_an_open_loop_after_a_start_that_is_not_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Law: nothing saturates the candidate first, and the queue has time to get as long as it is.

    It comes after a start at the same rate, which is a phase of its own.
    """
    rigged = Rigged()
    searched(monkeypatch, rigged, settle_s=2.0, trial_s=3.0)
    for asked in rigged.asked:
        plan = asked.plan(())
        assert (plan.saturation, plan.pairs, plan.solo) == (None, None, None)
        assert plan.open is not None
        assert plan.open.ramp_s == 2.0
        assert asked.open_s == 3.0
        early, late = asked.schedule.split(2.0)
        assert len(early) / 2 == pytest.approx(asked.offered_rps, rel=0.3)
        assert len(late) / 3 == pytest.approx(asked.offered_rps, rel=0.3)


def test_the_same_seed_and_answers_give_the_same_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: rates and arrivals follow from the seed and from what was measured alone."""
    first, second = Rigged(), Rigged()
    cases = [searched(monkeypatch, rigged) for rigged in (first, second)]
    assert limit_of(cases[0]) == limit_of(cases[1])
    for one, other in zip(first.asked, second.asked, strict=True):
        assert one.offered_rps == other.offered_rps
        assert (one.schedule.intended_s == other.schedule.intended_s).all()
    seeds = {asked.plan(()).seed for asked in first.asked}
    assert len(seeds) == len(first.asked)


def test_trials_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: there are no more trials than are configured."""
    rigged = Rigged()
    searched(monkeypatch, rigged, trials=4)
    assert len(rigged.asked) == 4


def test_seconds_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: no trial is begun that would not fit into the budget, but for the first."""
    rigged = Rigged()
    searched(monkeypatch, rigged, budget_s=1.0)
    assert len(rigged.asked) == 1
    shape = config(search={"budget_s": 1.0, "settle_s": 2.0, "trial_s": 3.0}).search
    assert least_s(shape) == most_s(shape) == pytest.approx(9.0)
    few, usual = config(search={"trials": 4}).search, config().search
    assert least_s(few) == most_s(few) == pytest.approx(4 * 19.0)
    assert least_s(usual) == pytest.approx(SETTLED_TRIALS * 19.0)
    assert most_s(usual) == pytest.approx(usual.trials * 19.0)


def test_a_rate_that_is_known_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: where trials agree to 2 %, no more are made than six."""
    steep = Rigged(Queue(400.0, 2.0))
    case = searched(monkeypatch, steep, trials=50, settle_s=30.0, trial_s=200.0, budget_s=1e6)
    assert 6 <= len(made(case).trials) < 50


def test_a_trial_that_cannot_be_trusted_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: it is set aside, and after as many as end a check the search ends."""
    bad = _distrusted(trial(300.0))
    case = searched(monkeypatch, Rigged(ends={1: Outcome(bad)}))
    assert made(case).discarded == (bad,)
    assert len(made(case).trials) + 1 <= 8
    rigged = Rigged(ends=dict.fromkeys(range(20), Outcome(bad)))
    none = made(searched(monkeypatch, rigged, trials=20))
    assert (len(none.trials), len(none.discarded)) == (0, DISCARD_LIMIT + 1)


def _distrusted(run: Run) -> Run:
    faults = run.validity.model_copy(update={"faults": ("the load generator was late",)})
    return run.model_copy(update={"validity": faults})


def test_a_candidate_that_dies_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: what is known by then stays, with the reason why there is no more."""
    case = searched(monkeypatch, Rigged(ends={3: Outcome(incidents=(incident(),))}))
    own = made(case)
    assert (len(own.trials), own.ended) == (3, "the candidate exited with code 7 under load")
    assert case.measurement.incidents == ()


def test_load_that_breaks_off_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: what broke it off is told in one line."""
    case = searched(monkeypatch, Rigged(ends={3: LoadError("a worker was lost\nits log: ...")}))
    assert (len(made(case).trials), made(case).ended) == (3, "a worker was lost")


@pytest.mark.parametrize("changes", [{"incidents": (incident(),)}, {"sessions": ()}])
def test_without_a_service_rate_nothing_is_searched(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    """Law: a build that did not come through, or has no rate, is as it was."""
    case = Case(measurement=measurement(demand_run=demand_run(), **changes), terms=terms())
    rigged = Rigged()
    assert searched(monkeypatch, rigged, case) == case
    assert rigged.asked == []


def test_a_demand_above_the_service_rate_is_no_lowest_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Law: where the demand exceeds the service rate, the search begins at half of that."""
    own = Case(measurement=measurement(), terms=terms())
    monkeypatch.setattr(search, "local_required_rps", lambda _: 1000.0)
    found = made(searched(monkeypatch, Rigged(), own))
    assert found.low_rps == pytest.approx(found.high_rps / 2)


@pytest.mark.slow
def test_a_real_service_that_keeps_its_promise(tmp_path: Path) -> None:
    """Law: real trials come at the rates that were chosen, and what is kept everywhere is said so.

    A tiny server answers within two seconds whatever the machine does.
    """
    ledger_of_fetches = ledger(dependent(mix={"fetch": 1.0}))
    shape = {"trials": 5, "settle_s": 0.3, "trial_s": 1.0}
    own = terms(
        ledger=ledger_of_fetches, config=config(slo={"*": {"p95_ms": 2000.0}}, search=shape)
    )
    tiny = Build("candidate", tmp_path, None, dirty=False, label="candidate")
    target = Target(start=f"{{python}} -I -S {SERVER} --port {{port}}", ready="/seen")
    rig = Rig(target, write_locustfile(tmp_path, PLAIN), None, tmp_path / "runs", Silence())
    order = Order(own, "default", tiny, None, environment(), conditions(), ())
    case = find_capacity(Case(measurement=measurement(), terms=own), order, rig)
    limit = limit_of(case)
    assert limit is not None, made(case)
    assert limit.beyond
    for run in made(case).trials:
        assert run.builds["candidate"].open.arrivals == pytest.approx(run.offered_rps, rel=0.3)
