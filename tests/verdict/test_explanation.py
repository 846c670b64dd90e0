"""What slower calls explain of what a request costs more: by what is measured, and nothing else."""

from __future__ import annotations

import math

import pytest
from builders import ALONE_S, Build, case
from timed import CALLS, SECONDS, judged, runs

from perfgate.errors import UsageError
from perfgate.verdict.explanation import Explanation, explained

# Of the login's CPU time alone, what the hash of the benchmark would add.
DEARER = math.log1p(0.5 * SECONDS["test_hash"] / ALONE_S["login"])


def explanation(
    slower: dict[str, float], operations: dict[str, float], noise: float = 0.004
) -> Explanation:
    """Return what calls that take so many times as long explain of operations (log) that do."""
    measured = case(Build(operations=operations), noise=noise)
    return explained(measured, judged(runs(slower, first=11)))


def test_a_slower_call_explains_what_it_adds() -> None:
    """Law: calls a request times what each got slower is its part, and the rest is told."""
    told = explanation({"test_hash": 1.5}, {"login": DEARER})
    login, introspect = told.operations
    assert (login.operation, introspect.operation) == ("login", "introspect")
    assert login.is_sure
    assert not introspect.is_sure
    assert [part.benchmark.short for part in login.parts] == ["test_hash", "test_sign"]
    assert login.parts[0].added_s.estimate == pytest.approx(0.015, rel=0.05)
    whole, rest = login.added_s, login.rest_s
    parts = math.fsum(part.added_s.estimate for part in login.parts)
    assert whole.estimate == pytest.approx(0.015, rel=0.05)
    assert rest.estimate == pytest.approx(whole.estimate - parts)
    assert rest.lower < 0 < rest.upper
    assert rest.upper - rest.lower > whole.upper - whole.lower


def test_what_no_call_explains_is_left() -> None:
    """Law: where the calls are as fast as before, nothing of the change is put down to them."""
    told = explanation({}, {"login": DEARER})
    login = told.operations[0]
    assert login.rest_s.estimate == pytest.approx(login.added_s.estimate, rel=0.05)
    assert login.rest_s.lower > 0


def test_who_does_not_say_is_a_guess() -> None:
    """A slower benchmark that does not say who calls it is told with the calls it would take."""
    assert "test_look_up" not in CALLS
    slower = {"test_look_up": 4.0}
    added_s = 10 * 3 * SECONDS["test_look_up"]
    (introspect, *_) = explanation(
        slower, {"introspect": math.log1p(added_s / ALONE_S["introspect"])}
    ).operations
    (guess,) = introspect.guesses
    assert guess.benchmark.short == "test_look_up"
    assert guess.calls == pytest.approx(10, rel=0.1)
    assert introspect.parts == ()


@pytest.mark.parametrize(
    ("slower", "dearer"),
    [
        ({"test_look_up": 0.5}, 0.1),  # faster, and the operation is dearer
        ({"test_look_up": 1.02}, 3.0),  # so many calls would take longer than the whole request
        ({"test_look_up": 400.0}, 0.1),  # one call would add more than was added
        ({}, 0.1),  # not changed
    ],
)
def test_what_cannot_be_the_cause_is_no_guess(slower: dict[str, float], dearer: float) -> None:
    """Law: nobody is suspected who got faster, did not change, or would not fit in the request."""
    assert explanation(slower, {"introspect": dearer}).operations[0].guesses == ()


def test_what_speaks_against_the_comparison_is_told() -> None:
    """Other commits, another CPU and another clock are named: then two things are compared."""
    micro = judged(runs(first=11))
    assert len(explained(case(), micro).doubts) >= 1
    whole = " ".join(explained(case(), micro).doubts)
    assert "as base, and the benchmarks are of 333333333333" in whole
    other = micro.now.model_copy(
        update={
            "cpu_model": "Other",
            "commit": case().measurement.candidate.commit,
            "benchmarks": {
                name: own.model_copy(update={"timer": "perf_counter"})
                for name, own in micro.now.benchmarks.items()
            },
        }
    )
    older = micro.then.model_copy(
        update={"commit": case().measurement.base.commit, "benchmarks": other.benchmarks}  # type: ignore[union-attr]
    )
    doubts = explained(case(), judged(other, older)).doubts
    assert [words.split(" ")[0] for words in doubts] == ["Sessions", "Benchmarks"]
    assert "another CPU" in doubts[0]
    assert "timed on the clock" in doubts[1]


def test_without_sessions_there_is_nothing_to_explain() -> None:
    """A candidate that was measured alone cost no more than anything."""
    with pytest.raises(UsageError, match="nothing to explain"):
        explained(case(base=None), judged(runs()))
