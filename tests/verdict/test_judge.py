"""The verdict on whole cases: the true reason first, and never a pass for lack of proof."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import pytest
from builders import (
    STANDARD,
    Build,
    case,
    cases,
    config,
    demand_run,
    dependent,
    discarded,
    incident,
    ledger,
    record,
    session,
    sessions,
    terms,
)
from hypothesis import HealthCheck, given, settings

from perfgate.report.formats import FORMATS
from perfgate.verdict.case import read_case
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import CHECKS, decided, judge

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.verdict.case import Case

PROMISED = terms(config=config(slo={"*": {"p95_ms": 500.0}}), baseline=record())
DEARER = Build(cost=math.log(1.3), capacity=math.log(1.3), saturated=math.log(1.3))
EACH_DEARER = ("operation:introspect", "operation:login")
RARE = Build(operations={"login": math.log(2)})


def first(made: Case) -> tuple[Outcome, str]:
    """Return the verdict and the check that decided it."""
    verdict = judge(made)
    return verdict.outcome, verdict.findings[0].check


def test_an_equal_build_passes_every_check() -> None:
    """Equal builds with ample headroom pass, and each check has had its say."""
    verdict = judge(case(held_to=PROMISED))
    assert verdict.outcome is Outcome.PASS
    assert [own.check for own in verdict.findings] == [
        "errors",
        "demand",
        "retries",
        "cost",
        "capacity",
        "operation",
        "latency",
        "queue",
        "slo",
        "baseline",
    ]


def test_dearer_requests_fail_on_cost_first() -> None:
    """CPU time that makes everything slower is the cause, and named before its consequences."""
    verdict = judge(case(DEARER))
    assert (verdict.outcome, verdict.findings[0].check) == (Outcome.FAIL, "cost")
    assert verdict.reason.startswith("CPU time per request rose 30.0 %")
    assert [own.check for own in verdict.findings[:2]] == ["cost", "capacity"]


def test_a_lock_fails_on_capacity_first() -> None:
    """A lock costs no CPU time, but rate: capacity is named first."""
    lock = Build(capacity=math.log(2), saturated=math.log(2))
    assert first(case(lock)) == (Outcome.FAIL, "capacity")


def test_a_wait_fails_on_latency_first() -> None:
    """A long wait that costs a little CPU time fails on latency: the rate is not blamed."""
    waits = Build(cost=math.log(1.05), capacity=math.log(3), latency=math.log(5))
    verdict = judge(case(waits))
    failed = [own.check for own in verdict.findings if own.outcome is Outcome.FAIL]
    assert sorted(failed[:2]) == ["latency:introspect", "latency:login"]
    assert failed[2:] == ["waits", "cost"]


def test_wrong_answers_come_before_all_they_cause() -> None:
    """Wrong answers that also cost rate and latency are the reason."""
    broken = Build(
        failed={"introspect": 200}, cost=1.0, capacity=1.0, saturated=3.0, latency=math.log(5)
    )
    assert first(case(broken)) == (Outcome.FAIL, "errors:introspect")


def test_a_crash_comes_before_everything() -> None:
    """A candidate that died is the first reason, whatever else is wrong."""
    made = case(DEARER, incidents=(incident("base"), incident()), discarded=discarded(4))
    verdict = judge(made)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.reason.startswith("The candidate exited with code 7")


def test_a_base_that_died_decides_nothing() -> None:
    """A base that died makes the verdict INVALID: neither passed nor failed."""
    made = case(count=1, incidents=(incident("base"),))
    assert first(made) == (Outcome.INVALID, "survival")


def test_a_planned_change_fails_an_equal_build() -> None:
    """Without any regression, a planned change beyond the service rate fails and is named."""
    change = {"from": "2026-12-01", "what": "delegate sign-in", "add_rps": 500.0}
    verdict = judge(case(held_to=terms(ledger=ledger(dependent(change=[change])))))
    assert (verdict.outcome, verdict.findings[0].check) == (Outcome.FAIL, "demand")
    assert 'change "delegate sign-in" of gateway on 2026-12-01' in verdict.reason


@pytest.mark.parametrize(
    "made",
    [
        case(count=0),
        case(count=3),
        case(base=None),
        case(demand_run=None, held_to=PROMISED),
        case(demand_run=None),
        case(count=0, demand_run=None, base=None),
        case(discarded=discarded(4)),
        case(noise=0.1),
    ],
    ids=[
        "no sessions",
        "too few sessions",
        "no base",
        "no run at the required rate",
        "no run at the required rate and no promises",
        "nothing at all",
        "too many runs set aside",
        "too noisy",
    ],
)
def test_lack_of_evidence_never_passes(made: Case) -> None:
    """Whatever part of the evidence is missing, the verdict is undecided."""
    assert judge(made).outcome.severity == Outcome.INCONCLUSIVE.severity


@settings(max_examples=40)
@given(made=cases())
def test_any_case_has_a_verdict_that_is_its_worst_finding(made: Case) -> None:
    """No measurement is too strange to be judged: the worst finding comes first and decides."""
    verdict = judge(made)
    severities = [own.outcome.severity for own in verdict.findings]
    assert severities == sorted(severities, reverse=True)
    assert verdict.outcome is verdict.findings[0].outcome
    measured = made.measurement
    compared = made.sessions or made.stored_decides
    if not compared or measured.demand_run is None:
        assert verdict.outcome.severity >= Outcome.INCONCLUSIVE.severity
    for own in verdict.findings:
        assert own.reason
        assert all(math.isfinite(f) for f in (own.observed, own.limit) if f is not None)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=cases())
def test_a_saved_case_is_judged_alike(tmp_path: Path, made: Case) -> None:
    """A verdict depends on the saved file alone: judged again it is the same, in every format."""
    file = tmp_path / "measurement.json"
    file.write_text(made.to_text())
    again = read_case(file)
    assert judge(again) == judge(made) == judge(made)
    for render in FORMATS.values():
        assert render(again, judge(again)) == render(made, judge(made))
    json.loads(FORMATS["json"](made, judge(made)), parse_constant=pytest.fail)


def test_every_check_is_registered_by_its_name() -> None:
    """A finding's name begins with that of a check, but for the parts of change and demand."""
    parts = {"cost": "change", "capacity": "change", "retries": "demand"}
    for made in (case(held_to=PROMISED), case(incidents=(incident(),)), case(base=None)):
        for own in judge(made).findings:
            name = own.check.split(":")[0]
            assert parts.get(name, name) in CHECKS


@pytest.mark.parametrize("count", [0, 1, 3, 5, 7])
def test_between_looks_nothing_is_decided(count: int) -> None:
    """Between looks the measurement goes on, however bad the build seems."""
    assert not decided(case(DEARER, count=count))
    assert not decided(case(count=count))


def test_a_look_that_settles_the_matter_decides() -> None:
    """At a look, a clear pass or failure ends the measurement, and noise does not."""
    assert decided(case())
    assert decided(case(DEARER))
    assert not decided(case(noise=0.05))


def test_a_rare_operation_fails_a_build_that_is_as_cheap_as_a_whole() -> None:
    """Cost and capacity as before do not outweigh one operation that costs twice as much."""
    verdict = judge(case(RARE))
    assert verdict.outcome is Outcome.FAIL
    assert [own.check for own in verdict.findings[:2]] == ["operation:login", "errors"]


def test_a_dearer_operation_decides_at_a_look_and_delays_no_pass() -> None:
    """While cost is open a sure rise of one operation decides; one that is open keeps nobody."""
    noisy = tuple(
        run
        for by in (-0.03, 0.03) * 2
        for run in sessions(1, Build(capacity=by, saturated=by, operations=RARE.operations))
    )
    assert decided(case(sessions=noisy))
    unsure = tuple(session(Build(operations={"login": by})) for by in (-0.5, 0.7) * 2)
    assert decided(case(sessions=unsure))


def test_answers_that_come_much_later_decide_at_a_look() -> None:
    """A wait whose rate is still open is decided at a look: it fails on latency already."""
    waits = tuple(
        run
        for by in (-0.02, 0.02) * 2
        for run in sessions(1, Build(capacity=1.5, saturated=20 * by, latency=1.5), noise=0.0)
    )
    assert decided(case(sessions=waits))
    assert first(case(sessions=waits))[1].startswith("latency:")


@pytest.mark.parametrize("count", [10, 11])
def test_the_last_look_decides(count: int) -> None:
    """After the last look there is nothing to wait for, however noisy."""
    assert decided(case(noise=0.1, count=count))


def test_what_more_sessions_cannot_mend_decides_at_once() -> None:
    """A death and surely wrong answers end the measurement at once.

    A demand that is not carried does not: whether the change is to blame is worth knowing.
    """
    assert decided(case(count=0, incidents=(incident(),)))
    assert decided(case(count=0, incidents=(incident("base"),)))
    assert decided(case(Build(failed={"introspect": 100}), count=1))
    assert not decided(case(count=1, held_to=terms(ledger=ledger(dependent(peak_rps=900.0)))))


def test_wrong_answers_are_not_decided_before_the_base_has_been_heard() -> None:
    """Without a session the base may give as many wrong answers: the measurement goes on."""
    broken = Build(failed={"introspect": 100})
    assert not decided(case(broken, count=0))
    assert decided(case(broken, count=0, base=None))


def test_a_candidate_alone_is_decided_at_the_first_look() -> None:
    """Without a base there is no comparison to wait for."""
    assert not decided(case(base=None, count=3))
    assert decided(case(base=None, count=4))


def test_small_failures_come_after_large_ones_they_do_not_explain() -> None:
    """Among failures of change, one of less than a third of the largest comes later."""
    made = case(Build(cost=0.1, capacity=1.0, saturated=1.0))
    failed = [own.check for own in judge(made).findings if own.outcome is Outcome.FAIL]
    assert failed == ["capacity", "cost"]


@pytest.mark.parametrize(
    ("peak_rps", "order"),
    [
        (300.0, ["cost", "capacity", *EACH_DEARER, "demand"]),
        (900.0, ["demand", "cost", "capacity", *EACH_DEARER]),
    ],
)
def test_the_demand_is_to_blame_only_where_the_base_fails_it_too(
    peak_rps: float, order: list[str]
) -> None:
    """A demand that the base would carry is missed because of the change, which is told first."""
    made = case(DEARER, held_to=terms(ledger=ledger(dependent(peak_rps=peak_rps))))
    failed = [own.check for own in judge(made).findings if own.outcome is Outcome.FAIL]
    assert failed == order


def test_an_overload_is_told_by_the_demand_first() -> None:
    """Requests left without an answer at a rate that is too high are the demand's doing."""
    made = case(
        demand_run=demand_run(Build(missing={"introspect": 200}), STANDARD),
        held_to=terms(ledger=ledger(dependent(peak_rps=900.0))),
    )
    assert first(made) == (Outcome.FAIL, "demand")
