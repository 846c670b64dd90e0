"""The line's plans: which build starts first, and when it is decided; no check is run."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders import Build as Candidate
from builders import case, conditions, config, demand_run, environment, measurement, sessions, terms
from hypothesis import given
from hypothesis import strategies as st

from perfgate import gate
from perfgate.build.provide import Build
from perfgate.config.models import Config, Target
from perfgate.errors import LoadError, SpoiltError
from perfgate.exitcodes import ExitCode
from perfgate.gate import (
    Order,
    expected_session_s,
    local_required_rps,
    session_s,
    starters,
    unless_spoilt,
    with_looks,
)
from perfgate.load.engine import Engine
from perfgate.progress import Silence
from perfgate.rig import Outcome, Rig
from perfgate.verdict.checks.validity import DISCARD_LIMIT
from perfgate.verdict.finding import Outcome as Verdict
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.rig import Assignment
    from perfgate.verdict.case import Case

MADE = sessions(8)


def build(name: str) -> Build:
    """Return a build that is never started."""
    return Build(name, Path("/nowhere"), None, dirty=False, label=name)


def order(base: Build | None) -> Order:
    """Return the order of a check of two builds, or of the candidate alone."""
    return Order(terms(), "default", build("candidate"), base, environment(), conditions(), ())


def first_ones(seed: int, count: int) -> list[str]:
    """Return which build starts first in each of the first sessions of a check."""
    begun, builds = measurement(seed=seed), order(build("base"))
    return [
        next(iter(starters(begun.model_copy(update={"sessions": MADE[:made]}), builds)))
        for made in range(count)
    ]


@given(seed=st.integers(0, 2**40))
def test_each_build_starts_first_equally_often(seed: int) -> None:
    """Law: of every four sessions that count, each build starts first in two."""
    firsts = first_ones(seed, 8)
    assert firsts[:4].count("base") == firsts[4:].count("base") == 2
    assert set(firsts) == {"base", "candidate"}


def test_another_seed_gives_another_order() -> None:
    """Law: the order is the seed's; repeated checks with other seeds start builds otherwise."""
    orders = {tuple(first_ones(seed, 4)) for seed in range(40)}
    assert len(orders) == 6


def test_alone_the_candidate_starts() -> None:
    """Law: without a base there is one build to start."""
    assert list(starters(measurement(base=None), order(None))) == ["candidate"]


def budgeted(budget_s: float, **profiles: dict[str, object]) -> Order:
    """Return an order with this budget and these profiles."""
    configured = config(budget={"sessions_s": budget_s}, profiles={"default": {}, **profiles})
    return replace(order(build("base")), terms=terms(config=configured))


@given(st.floats(60, 3600), st.floats(1, 15))
def test_looks_are_part_of_the_terms(budget_s: float, expected_s: float) -> None:
    """Law: the looks stand in what is saved, and reading it back gives the same ones."""
    own = with_looks(budgeted(budget_s), expected_s)
    looks = own.shape.looks
    assert looks is not None
    assert looks[-1] * expected_s <= budget_s + 1e-6
    saved = Config.model_validate_json(own.terms.config.model_dump_json())
    assert saved.profiles["default"].looks == looks


def test_configured_looks_stay() -> None:
    """Who fixes the looks keeps them, and other profiles are left alone."""
    fixed = budgeted(60.0, default={"looks": [3, 30]}, other={"looks": [5]})
    assert with_looks(fixed, 12.0) == fixed
    chosen = with_looks(budgeted(60.0, other={"looks": [5]}), 12.0)
    assert chosen.terms.config.profiles["other"].looks == (5,)
    assert chosen.shape.looks == (4, 5)


def test_the_required_rate_here_is_the_busiest_instances() -> None:
    """Of 125/s an instance here gets its share of four, times what the busiest gets over that."""
    even, uneven = (
        local_required_rps(terms(config=config(production={"instances": 4, "imbalance": skew})))
        for skew in (1.0, 1.6)
    )
    assert (even, uneven) == pytest.approx((31.25, 50.0))


def test_a_session_takes_what_its_parts_take() -> None:
    """Law: what starting and the pairs take is added to the parts whose length is configured."""
    shape = budgeted(60.0).shape
    parts_s = shape.split_s + 2 * shape.saturation_s + shape.solo_s
    assert session_s(shape, overhead_s=3.0, pairs_s=4.0) == parts_s + 7.0


@given(in_flight=st.sampled_from([1, 4, 8]), slower=st.floats(0.0, 6.0))
def test_pairs_take_as_long_as_their_answers(in_flight: int, slower: float) -> None:
    """Law: where answers are slow though the service rate is not, pairs take longer, up to a limit.

    The standard build serves 400/s.
    """
    shape: dict[str, object] = {
        "pairs": 40,
        "batch_requests": 16,
        "batch_concurrency": in_flight,
    }
    own = budgeted(60.0, default=shape)
    run = demand_run(Candidate(latency=slower))
    spent_s = own.shape.ramp_s + own.shape.demand_s + own.shape.saturation_s + 3.0
    found_s = expected_session_s(case(demand_run=run), own, spent_s)

    answer_s = run.run.builds["candidate"].open.service_s.mean()
    assert answer_s is not None
    pairs_s = min(2 * 40 * 16 * max(1 / 400, answer_s / in_flight), 20.0)
    assert found_s == pytest.approx(session_s(own.shape, 3.0, pairs_s))


ORDER = budgeted(60.0, default={"looks": [4]})
RIG = Rig(Target(start="serve"), Engine(Path("locustfile.py")), None, Path("runs"), Silence())
LATE = LoadError("Locust did not end within 90 s\nits log: ...")
LOST = SpoiltError("a worker was lost\nits log: ...", hint="Look after it.")


def measured(monkeypatch: pytest.MonkeyPatch, *broken: int, error: LoadError = LATE) -> Case:
    """Return a check of equal builds whose load breaks off in these runs, counted from 0."""
    runs: Iterator[int] = itertools.count()

    def run_once(_: Rig, asked: Assignment) -> Outcome:
        number = next(runs)
        if number in broken:
            raise error
        demand = demand_run()
        return Outcome(demand.run, demand.trials) if asked.trials else Outcome(MADE[number % 8])

    monkeypatch.setattr(gate, "run_once", run_once)
    return gate.measure(ORDER, RIG)


def test_a_session_that_breaks_off_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: what other sessions have shown is kept, and the one that broke off is made again."""
    case = measured(monkeypatch, 2, 4)
    assert len(case.measurement.sessions) == 4
    assert case.measurement.broken_off == ("Locust did not end within 90 s",) * 2
    assert judge(case).exit_code() is ExitCode.PASS


def test_sessions_that_keep_breaking_off_decide_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: after so many the check ends, INVALID, and says what broke them off."""
    case = measured(monkeypatch, *range(1, 20))
    assert len(case.measurement.broken_off) == DISCARD_LIMIT + 1
    verdict = judge(case)
    assert verdict.exit_code(on_inconclusive=Verdict.PASS) is ExitCode.UNDECIDED
    assert any(
        own.outcome is Verdict.INVALID and "Locust did not end within 90 s" in own.reason
        for own in verdict.findings
    )


def test_load_that_never_worked_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: where the first run breaks off, the load itself is broken, and no run is repeated."""
    with pytest.raises(LoadError, match="Locust did not end"):
        measured(monkeypatch, 0)


@pytest.mark.parametrize("run", [0, 1, 4])
def test_a_spoilt_run_ends_the_check(monkeypatch: pytest.MonkeyPatch, run: int) -> None:
    """Law: whichever run was spoilt, it is not made again: INVALID, which nobody turns into a pass.

    What was measured before stays in the case.
    """
    case = measured(monkeypatch, run, error=LOST)
    verdict = judge(case)
    spoilt = next(own for own in verdict.findings if own.check == "validity:load")

    assert len(case.measurement.sessions) == max(run - 1, 0)
    assert (case.measurement.demand_run is None) == (run == 0)
    assert (spoilt.outcome, verdict.outcome) == (Verdict.INVALID, Verdict.INVALID)
    assert spoilt.reason.endswith("nothing is judged by it: a worker was lost.")
    assert spoilt.hint == "Look after it."
    assert verdict.exit_code(on_inconclusive=Verdict.PASS) is ExitCode.UNDECIDED
    assert unless_spoilt(lambda *_: pytest.fail("no further part"), case, ORDER, RIG) is case
