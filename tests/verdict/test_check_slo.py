"""Promises are kept, missed once or missed mostly; what was never answered is never in time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from builders import STANDARD, Build, case, config, demand_run, operation, terms
from hypothesis import given
from hypothesis import strategies as st

from perfgate.measurement.histogram import Histogram
from perfgate.measurement.models import OperationFigures
from perfgate.verdict.checks.slo import check, quantile_ms
from perfgate.verdict.finding import Finding, Outcome

LATE = Build(latency=math.log(20))
PROMISES = {"introspect": {"p50_ms": 10.0, "p95_ms": 15.0}, "login": {"p95_ms": 200.0}}


def judged(*trials: Build, slo: object = None) -> list[Finding]:
    """Return the findings for these trials at the required rate."""
    own = terms(config=config(slo=PROMISES if slo is None else slo))
    return check(case(held_to=own, demand_run=demand_run(STANDARD, *trials)))


def test_promises_that_are_kept_pass_and_are_counted() -> None:
    """One finding says how many promises were kept, and at which rate."""
    (own,) = judged()
    assert (own.check, own.outcome) == ("slo", Outcome.PASS)
    assert own.reason == "3 latency promises kept at 125/s here."
    (one,) = judged(slo={"login": {"p95_ms": 200.0}})
    assert one.reason == "1 latency promise kept at 125/s here."


def test_a_promise_missed_in_most_trials_fails() -> None:
    """Missed in two of three trials is FAIL, with the middle trial's figure beside the promise."""
    found = judged(LATE, LATE, STANDARD, slo={"introspect": {"p95_ms": 15.0}})
    (own,) = found
    assert (own.check, own.outcome) == ("slo:introspect", Outcome.FAIL)
    assert own.reason == (
        "introspect: p95 at 125/s here was 145 ms in the middle one of 3 trials "
        "(promised 15 ms), and missed in 2. introspect is sent by gateway 90/s."
    )
    assert (own.unit, own.limit) == ("ms", 15.0)
    assert own.observed == pytest.approx(145, abs=1)


def test_a_promise_missed_in_one_trial_warns() -> None:
    """Missed in one of three trials is a warning, and others that were kept are no finding."""
    found = judged(STANDARD, LATE, STANDARD)
    assert {own.outcome for own in found} == {Outcome.WARN}
    assert [own.check for own in found] == ["slo:introspect", "slo:introspect", "slo:login"]
    assert "missed in 1." in found[0].reason


def test_what_was_never_answered_misses_every_promise() -> None:
    """Where most arrivals had no answer, the quantile is infinite and is told in words."""
    found = judged(Build(missing={"introspect": 200}), slo={"introspect": {"p50_ms": 10.0}})
    unanswered, late = found
    assert unanswered.outcome is late.outcome is Outcome.FAIL
    assert "200 of 240 requests at 125/s here had no answer when the run ended" in unanswered.reason
    assert "p50 at 125/s here was never answered" in late.reason
    assert late.observed is None


def test_unanswered_requests_fail_without_any_promise_of_latency() -> None:
    """Requests without an answer break the promised error share, which every operation has."""
    (own,) = judged(Build(missing={"login": 10}), slo={})
    assert (own.check, own.outcome, own.unit) == ("slo:login", Outcome.FAIL, "ratio")
    assert own.reason.endswith("(33.33%, allowed 0.10%). login is sent by gateway 10/s.")


def test_one_unanswered_request_warns() -> None:
    """A single request without an answer is not surely too many: a warning."""
    (own,) = judged(Build(missing={"login": 1}), STANDARD, STANDARD, slo={})
    assert own.outcome is Outcome.WARN


def test_a_build_that_only_gives_wrong_answers_keeps_no_promise() -> None:
    """No right answer at all is not in time, however fast the wrong ones came."""
    wrong = Build(failed={"introspect": 240})
    found = judged(wrong, slo={"introspect": {"p50_ms": 10.0}})
    assert [own.outcome for own in found] == [Outcome.FAIL]


def test_without_promises_there_is_no_finding() -> None:
    """Nothing promised and everything answered is no finding."""
    assert judged(slo={}) == []
    assert judged(slo={"*": {"error_ratio": 0.1}}) == []


def test_promises_for_all_hold_for_each() -> None:
    """A promise for every operation counts once for each that was sent."""
    (own,) = judged(slo={"*": {"p95_ms": 500.0}})
    assert own.reason.startswith("2 latency promises kept")


def test_a_promise_with_too_few_answers_is_untested() -> None:
    """A quantile that few answers cannot show is neither kept nor broken: a warning."""
    kept, few = judged(Build(), slo={"*": {"p99_ms": 500.0}})
    assert kept.reason.startswith("1 latency promise kept")
    assert (few.check, few.outcome) == ("slo:untold", Outcome.WARN)
    assert "login p99" in few.reason


def test_promises_missed_while_every_user_was_busy_stay_open() -> None:
    """Where arrivals waited for a free user, a missed promise may be the generator's: said so."""
    made = demand_run(LATE)
    busy = made.run.validity.model_copy(update={"waited_ratio": 0.02})
    run = made.model_copy(update={"run": made.run.model_copy(update={"validity": busy})})
    own = terms(config=config(slo={"introspect": {"p95_ms": 15.0}}))
    (found,) = check(case(held_to=own, demand_run=run))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "raise identities" in found.hint


@pytest.mark.parametrize(
    ("lag_p99_ms", "outcome"), [(129.0, Outcome.FAIL), (131.0, Outcome.INCONCLUSIVE)]
)
def test_a_late_generator_breaks_no_promise(lag_p99_ms: float, outcome: Outcome) -> None:
    """Law: what a promise was missed by is the build's only beyond the generator's own lateness."""
    made = demand_run(LATE)  # 145 ms
    late = made.run.validity.model_copy(update={"lag_p99_ms": lag_p99_ms})
    run = made.model_copy(update={"run": made.run.model_copy(update={"validity": late})})
    own = terms(config=config(slo={"introspect": {"p95_ms": 15.0}}))
    (found,) = check(case(held_to=own, demand_run=run))
    assert found.outcome is outcome
    assert ("late by up to" in found.reason) == (outcome is Outcome.INCONCLUSIVE)


def test_a_promise_for_what_nobody_sends_warns() -> None:
    """A promise for an operation that was not sent is untested: a misspelt name is not kept."""
    kept, untested = judged(slo={"login": {"p95_ms": 200.0}, "lgoin": {"p95_ms": 200.0}})
    assert kept.outcome is Outcome.PASS
    assert (untested.check, untested.outcome) == ("slo:lgoin", Outcome.WARN)
    assert "untested" in untested.reason
    assert untested.hint


def test_without_the_run_nothing_is_known() -> None:
    """Without a run at the required rate, promises are INCONCLUSIVE, not kept."""
    (own,) = check(case(demand_run=None))
    assert own.outcome is Outcome.INCONCLUSIVE


def test_an_operation_may_be_missing_from_a_trial() -> None:
    """Trials in which too few sent an operation are judged as one with the others."""
    made = demand_run(STANDARD, LATE, STANDARD)
    without = made.trials[1].model_copy(update={"operations": {}})
    run = made.model_copy(update={"trials": (made.trials[0], without)})
    own = terms(config=config(slo={"login": {"p95_ms": 200.0}}))
    (found,) = check(case(held_to=own, demand_run=run))
    assert found.outcome is Outcome.FAIL
    assert "1 trial (promised 200 ms), and missed in 1." in found.reason


def figures_of(good: int, censored: int) -> OperationFigures:
    """Return so many answers of 1, 2, 3 ... ms, and so many arrivals without any."""
    latencies = Histogram.from_seconds(np.arange(1, good + 1) / 1000)
    return OperationFigures(
        arrivals=good + censored,
        good=good,
        failed=0,
        censored=censored,
        latency_s=latencies,
        service_s=latencies,
    )


@given(good=st.integers(1, 300), censored=st.integers(0, 300), share=st.sampled_from((0.5, 0.95)))
def test_a_quantile_counts_the_unanswered_as_last(good: int, censored: int, share: float) -> None:
    """The quantile is the answer of its rank among all arrivals, or infinite beyond the answers."""
    rank = math.ceil(round(share * (good + censored), 9))
    shown = quantile_ms(figures_of(good, censored), share)
    assert shown == (math.inf if rank > good else pytest.approx(rank, rel=1e-3))


def test_a_quantile_at_the_last_answer_is_that_answer() -> None:
    """19 answers of 20 arrivals have a 95th percentile: no rounding error makes it infinite."""
    for good, censored in ((19, 1), (38, 2), (57, 3), (95, 5), (190, 10)):
        assert quantile_ms(figures_of(good, censored), 0.95) == pytest.approx(good, rel=1e-3)


def test_no_right_answer_is_infinitely_late() -> None:
    """Without any right answer every quantile is infinite."""
    assert quantile_ms(operation(Build(failed={"login": 30}), "login"), 0.5) == math.inf
