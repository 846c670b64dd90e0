"""The stored baseline: what it says beside sessions, and how it decides where it is alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
from builders import SPEED, Build, case, past, record, session, terms, windows
from hypothesis import given
from hypothesis import strategies as st

from perfgate.baseline.record import BaselineRecord, RateOfRecord
from perfgate.verdict.checks import change, stored
from perfgate.verdict.finding import Finding, Outcome


def against(
    build: Build | None = None,
    stored_as: BaselineRecord | None = None,
    *,
    alone: bool = False,
    comparable: bool = True,
    **changes: object,
) -> Finding:
    """Return the finding beside a stored record, by default of 400 requests/s."""
    held_to = terms(
        baseline=stored_as or record(**changes),
        baseline_comparable=comparable,
        stored_because="as --stored asks" if alone else "",
    )
    base = None if alone else Build()
    (own,) = stored.check(case(build or Build(), base, held_to=held_to))
    return own


def test_a_record_of_this_kind_of_machine_is_compared() -> None:
    """Beside sessions the record is told: who decided, both rates, and what it would have seen."""
    own = against()
    assert own.outcome is Outcome.PASS
    assert own.reason == (
        "The sessions beside the base decided. The stored baseline (333333333333, measured "
        "2026-11-01) served 400/s undisturbed and this build 400/s, no loss (at most "
        "12 %; the limit is 30 %). A loss of less than 24 % would not have been seen."
    )
    assert own.limit == pytest.approx(30)


def test_a_rate_far_below_the_record_warns() -> None:
    """A loss that is sure and may be beyond the limit warns: machine or load may have changed."""
    own = against(Build(saturated=0.5))
    assert own.outcome is Outcome.WARN
    assert "a loss of 39 % (at least" in own.reason
    assert own.hint


def test_a_record_of_another_load_is_told_but_not_judged() -> None:
    """Law: rates under another load say nothing: beside sessions told, alone undecided."""
    other = {"baseline_differs": "another Locust file"}
    held_to = terms(baseline=record(), baseline_comparable=True, **other)
    for base, outcome in ((Build(), Outcome.PASS), (None, Outcome.INCONCLUSIVE)):
        (own,) = stored.check(case(Build(saturated=2.0), base, held_to=held_to))
        assert own.outcome is outcome
        assert "served 400/s under another Locust file, which says nothing of this" in own.reason


def test_a_record_of_another_machine_is_told_but_not_judged() -> None:
    """A record of another kind of machine is shown, and no loss against it counts."""
    own = against(Build(saturated=2.0), comparable=False)
    assert own.outcome is Outcome.PASS
    assert "on another kind of machine (2 x Intel(R) Xeon(R) @ 2.20GHz, kvm)" in own.reason
    assert (own.limit, own.hint) == (None, "")
    own = against(Build(saturated=2.0), alone=True, comparable=False)
    assert own.outcome is Outcome.INCONCLUSIVE
    assert "it alone was to decide, as --stored asks" in own.reason
    assert own.hint


@pytest.mark.parametrize(
    ("saturated", "changes", "outcome"),
    [
        (0.0, {}, Outcome.PASS),
        (0.15, {}, Outcome.PASS),
        (0.5, {}, Outcome.WARN),
        (0.5, {"baseline_comparable": False}, Outcome.PASS),
    ],
)
def test_a_quick_check_is_not_decided_by_it(
    saturated: float, changes: dict[str, Any], outcome: Outcome
) -> None:
    """Law: where it is not asked whether a build got worse, a stored baseline warns at most."""
    comparable = {"baseline": record(), "baseline_comparable": True, **changes}
    quick = case(Build(saturated=saturated), None, held_to=terms(quick=True, **comparable))
    (own,) = stored.check(quick)
    assert (own.outcome, bool(own.hint)) == (outcome, outcome is Outcome.WARN)
    assert "Whether it got worse was not asked. The stored" in own.reason or changes
    assert not quick.against


@pytest.mark.parametrize(
    ("loss", "outcome", "told"),
    [
        (0.0, Outcome.PASS, "no loss (at most"),
        (-0.2, Outcome.PASS, "a gain of 22 % (at most"),
        (0.22, Outcome.WARN, "a loss of 20 % (at least 2 % and at most 29 %; the limit is 30 %)"),
        (0.36, Outcome.FAIL, "a loss of 30 % (at least"),
    ],
)
def test_the_record_alone_decides(loss: float, outcome: Outcome, told: str) -> None:
    """Without a base the record fails a sure loss, and warns of one surely below the limit."""
    own = against(Build(saturated=loss), alone=True)
    assert own.outcome is outcome
    assert "alone decided, as --stored asks. It served 400/s undisturbed" in own.reason
    assert told in own.reason
    assert own.reason.endswith("A loss of less than 24 % would not have been seen.")
    assert bool(own.hint) == (outcome is not Outcome.PASS)


def test_whoever_did_not_ask_is_told_the_way_to_a_base() -> None:
    """Law: where the base could not be reached, even a pass names the command that fetches it."""
    because = "as its commit cannot be reached: it is not here"
    held_to = terms(baseline=record(), baseline_comparable=True, stored_because=because)
    (own,) = stored.check(case(Build(), None, held_to=held_to))
    assert own.outcome is Outcome.PASS
    assert f"git fetch --depth=1 origin {record().commit}" in own.hint


def test_a_slower_machine_is_said() -> None:
    """Law: a machine that differs by the yardstick is told, and fails no build that is slower."""
    assert against(Build(saturated=0.4), alone=True).outcome is Outcome.FAIL
    own = against(Build(saturated=0.4), alone=True, yardstick_per_s=SPEED * math.exp(0.4))
    assert own.outcome is Outcome.INCONCLUSIVE
    assert "The machine is 33 % slower than then, so much of that may be its doing." in own.reason


def test_a_busier_hour_is_said() -> None:
    """Law: where others took much more of the CPU than then, it is told, and less is sure."""
    rate = RateOfRecord(estimate=200.0, lower=196.0, upper=204.0, runs=5)
    own = against(Build(saturated=0.3), alone=True, service_rate_rps=rate)
    assert "Others left it 100% of its CPU's time now, 50% then: less is sure." in own.reason
    assert own.outcome is Outcome.INCONCLUSIVE
    assert against(Build(saturated=0.3), alone=True).outcome is Outcome.FAIL


def test_a_record_of_format_1_sees_little() -> None:
    """Law: a rate that holds what others did decides only vast losses, and the way out is told."""
    old = record(format="perfgate.baseline/1", undisturbed_rps=None, yardstick_per_s=None)
    own = against(Build(saturated=0.36), alone=True, stored_as=old)
    assert own.outcome is Outcome.INCONCLUSIVE
    assert "It served 400/s and this build 279/s" in own.reason
    assert "measure and accept a new one" in own.hint
    assert against(Build(saturated=1.5), alone=True, stored_as=old).outcome is Outcome.FAIL


def test_a_noisy_history_decides_less() -> None:
    """Law: where the machine's own records differ much, a loss is not sure."""
    rates = (300.0, 500.0) * 5
    history = tuple(
        past(rate, service_rate_rps=rate, cost_ms=2.0, yardstick_per_s=SPEED) for rate in rates
    )
    assert against(Build(saturated=0.36), alone=True).outcome is Outcome.FAIL
    own = against(Build(saturated=0.36), alone=True, history=history)
    assert own.outcome is Outcome.INCONCLUSIVE
    assert "a loss of 30 % (it may be anything from" in own.reason


@pytest.mark.parametrize(("silent_runs", "outcome"), [(1, Outcome.INCONCLUSIVE), (2, Outcome.FAIL)])
def test_a_build_without_a_correct_answer(silent_runs: int, outcome: Outcome) -> None:
    """Law: two runs without an answer while saturated fail by the record alone, and one does not.

    In one run something else may have been amiss.
    """
    silent = windows(2, 1.0, 0.9, 0)
    run = session(base=None)
    own = run.builds["candidate"].model_copy(update={"saturation": silent})
    mute = run.model_copy(update={"builds": {"candidate": own}})
    runs = (*(mute,) * silent_runs, *(run,) * (2 - silent_runs))
    held_to = terms(baseline=record(), baseline_comparable=True)
    (found,) = stored.check(case(base=None, held_to=held_to, sessions=runs))
    assert found.outcome is outcome
    assert f"gave no correct answer in {silent_runs} of 3 runs" in found.reason
    assert bool(found.hint) is (outcome is Outcome.INCONCLUSIVE)


def test_a_bar_lowered_on_purpose_is_told_ever_after() -> None:
    """A record accepted although worse says why, in every later check; one with an anchor there."""
    for alone in (False, True):
        why: dict[str, Any] = {"accepted_because": "needed for the audit", "verdict": "FAIL"}
        older: dict[str, Any] = {
            "format": "perfgate.baseline/2",
            "provenance": None,
            "anchor": None,
        }
        assert "audit" not in against(alone=alone, **why).reason
        own = against(alone=alone, **why, **older)
        assert own.reason.endswith('It was accepted although worse: "needed for the audit".')


def test_without_a_record_or_a_rate_there_is_no_finding() -> None:
    """No record, or no rate to hold against it, is no finding."""
    assert stored.check(case()) == []
    held_to = terms(baseline=record())
    assert stored.check(case(count=0, held_to=held_to)) == []
    (own,) = stored.check(case(count=0, base=None, held_to=held_to))
    assert own.outcome is Outcome.INCONCLUSIVE


@given(rate=st.floats(1, 1e5), slowdown=st.floats(-2, 2))
def test_the_stored_baseline_never_fails_a_build(rate: float, slowdown: float) -> None:
    """Beside a base, whatever was stored, the record warns at most."""
    rates = RateOfRecord(estimate=rate, lower=rate * 0.98, upper=rate * 1.02, runs=5)
    own = against(Build(saturated=slowdown), undisturbed_rps=rates)
    assert own.outcome in (Outcome.PASS, Outcome.WARN)


def test_who_decides_is_one_of_two() -> None:
    """Law: with a record and no base, change leaves the word to it; with neither it is open."""
    held_to = terms(baseline=record(), baseline_comparable=True)
    assert change.check(case(base=None, held_to=held_to)) == []
    (own,) = change.check(case(base=None))
    assert own.outcome is Outcome.INCONCLUSIVE
    assert "Nothing to compare with" in own.reason
