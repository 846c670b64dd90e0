"""Benchmarks are judged by what is sure of them, against times of the same kind."""

from __future__ import annotations

import pytest
from timed import FIXED, SECONDS, judged, record, runs, timed

from perfgate.verdict.finding import Outcome
from perfgate.verdict.micro import seconds_words

HASH = {"test_hash": 1.5}


def test_times_alike_pass() -> None:
    """Nothing speaks against times as they were, and each is listed once."""
    micro = judged(runs(first=11))
    assert micro.verdict.outcome is Outcome.PASS
    (finding,) = micro.verdict.findings
    assert "3 benchmarks surely less than 15 % slower" in finding.reason
    assert [own.short for own in micro.compared] == list(SECONDS)


def test_what_got_much_slower_fails_by_name() -> None:
    """Law: a benchmark that is surely slower by more than the margin fails, with its figures."""
    micro = judged(runs(HASH, first=11))
    assert micro.verdict.outcome is Outcome.FAIL
    failed = micro.verdict.findings[0]
    assert failed.reason.startswith("test_hash: from 30.1 ms to 45.2 ms a call (+50 %")
    assert failed.limit == pytest.approx(15)
    assert failed.interval is not None
    assert failed.interval[0] < 50 < failed.interval[1]
    assert len(micro.verdict.findings) == 2


def test_what_got_a_little_slower_is_told() -> None:
    """Law: surely slower, and surely by less than the margin: a warning."""
    micro = judged(runs({"test_sign": 1.07}, first=11))
    assert micro.verdict.outcome is Outcome.WARN
    assert micro.verdict.reason.startswith("test_sign: from 100 us to 107 us")


def test_single_runs_decide_little() -> None:
    """Law: where it is not known how much runs differ, a change of a tenth is not sure."""
    micro = judged(runs({"test_sign": 1.1}, first=11, count=1), runs(count=1))
    assert micro.verdict.outcome is Outcome.INCONCLUSIVE
    assert "not sure either way" in micro.verdict.reason
    assert "name all files" in micro.verdict.findings[0].hint
    assert micro.between.freedom == 0


def test_many_unsure_ones_are_one_finding() -> None:
    """What is not sure of many is told once, by the one that changed most."""
    slow = dict.fromkeys(SECONDS, 1.12)
    micro = judged(runs(slow, first=11, count=1), runs(count=1))
    (finding,) = micro.verdict.findings
    assert "2 more benchmarks as little" in finding.reason


def test_a_slower_machine_is_doubted() -> None:
    """Law: where fixed work got slower too, nothing fails for it, and nothing passes."""
    slow = dict.fromkeys([*SECONDS, *FIXED], 1.5)
    micro = judged(runs(slow, first=11))
    assert micro.verdict.outcome is Outcome.INCONCLUSIVE
    assert micro.doubt == pytest.approx(0.405, abs=0.02)


def test_fixed_work_is_not_judged() -> None:
    """Yardsticks are no benchmarks; without any, what the machine did is not known."""
    then = runs()
    assert list(then.yardsticks) == ["tests/test_bench.py::test_yardstick"]
    without = then.model_copy(update={"yardsticks": {}})
    assert judged(runs(first=11), without).doubt is None


def test_what_was_not_timed_is_no_pass() -> None:
    """Law: a benchmark of record that is missing, or of another clock, decides nothing."""
    document = timed(seed=11)
    gone = {**document, "benchmarks": document["benchmarks"][1:]}
    micro = judged(record([gone]))
    assert micro.verdict.outcome is Outcome.INCONCLUSIVE
    assert micro.verdict.reason == "test_hash: it was not timed."
    document["benchmarks"][0]["options"]["timer"] = "perf_counter"
    micro = judged(record([document]))
    assert micro.verdict.reason == (
        "test_hash: it was timed by perf_counter, and process_time is of record."
    )


def test_what_is_new_is_told() -> None:
    """A benchmark without a time of record warns, and says how it gets one."""
    then = runs()
    known = {name: own for name, own in then.benchmarks.items() if "hash" not in name}
    micro = judged(runs(first=11), then.model_copy(update={"benchmarks": known}))
    assert micro.verdict.outcome is Outcome.WARN
    assert micro.verdict.reason == "Of these no time is of record: test_hash."
    assert "--accept" in micro.verdict.findings[0].hint


def test_nothing_in_common_decides_nothing() -> None:
    """Law: where no benchmark was timed both times there is no pass."""
    then = runs().model_copy(update={"benchmarks": {}})
    none = judged(runs(first=11), then)
    assert none.verdict.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1.234, "1.23 s"),
        (0.0361, "36.1 ms"),
        (78.1e-6, "78.1 us"),
        (5e-9, "5 ns"),
        (5e-12, "0.005 ns"),
    ],
)
def test_times_are_told_in_their_unit(seconds: float, words: str) -> None:
    """A time is told with three digits, in the unit that suits it."""
    assert seconds_words(seconds) == words
