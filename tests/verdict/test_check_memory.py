"""Memory: what grows or peaks beyond the base is told, with what that means in an hour."""

from __future__ import annotations

import math

import pytest
from builders import ARRIVALS, Build, case, config, dependent, ledger, sessions, terms
from hypothesis import given
from hypothesis import strategies as st
from upsets import WELL, after, recovery

from perfgate.verdict.checks.memory import check
from perfgate.verdict.finding import Finding, Outcome
from perfgate.verdict.judge import decided

KIB = 1024
IDLE = terms(ledger=ledger(dependent(peak_rps=1.0)))


def only(findings: list[Finding]) -> Finding:
    """Return the only finding."""
    (own,) = findings
    return own


@given(grows=st.floats(0, 1e6), memory=st.floats(-2, 2))
def test_what_the_base_does_too_is_not_told(grows: float, memory: float) -> None:
    """Law: a build that grows and peaks as its base does has nothing to tell."""
    same = Build(grows=grows, memory=memory)
    assert check(case(same, same)) == []


def test_a_leak_that_fills_the_memory_within_an_hour_fails() -> None:
    """Growth by more than the base's whole memory in an hour, at the required rate, fails."""
    own = only(check(case(Build(grows=KIB))))
    assert (own.check, own.outcome) == ("memory:growth", Outcome.FAIL)
    assert own.reason == (
        "The candidate's memory grows with requests: by 1000 KiB more than the base's in 1000 "
        "requests (at least 1000 over 4 sessions, where 256 is the limit). At the required rate "
        "that is 439 MiB an hour, more than the 100 MiB that the base needs."
    )
    assert own.observed == pytest.approx(1000, rel=1e-3)
    assert decided(case(Build(grows=KIB), noise=0.05))


def test_a_leak_that_takes_its_time_warns() -> None:
    """At a rate at which it would take long to matter, the same growth is told only."""
    own = only(check(case(Build(grows=KIB), held_to=IDLE)))
    assert own.outcome is Outcome.WARN
    assert own.reason.endswith("At the required rate that is 4.39 MiB an hour.")


def test_the_busiest_instance_grows_first() -> None:
    """Where one of four instances gets twice the mean load, it grows by half of what all would."""
    uneven = terms(config=config(production={"instances": 4, "imbalance": 2.0}))
    own = only(check(case(Build(grows=KIB), held_to=uneven)))
    assert "that is 220 MiB an hour" in own.reason


def test_a_cache_that_is_full_is_no_leak() -> None:
    """Law: what has stopped to grow before a session ends is told, and fails no build."""
    leak = only(check(case(Build(grows=4 * KIB))))
    figures = case().sessions[0].builds["candidate"]
    before_pairs = sum(figures.saturation.answered) + sum(ARRIVALS.values())
    in_the_middle = before_pairs + sum(figures.pairs.answered[:7])
    own = only(check(case(Build(grows=4 * KIB, full_at=in_the_middle))))
    assert (leak.outcome, own.outcome) == (Outcome.FAIL, Outcome.WARN)
    assert own.reason.endswith(
        "Towards the end of the sessions it may not have grown, like a cache that is full."
    )


def test_instances_share_the_growth() -> None:
    """An instance gets its share of the requests only, and grows by that."""
    many = terms(config=config(production={"instances": 100}))
    assert only(check(case(Build(grows=KIB), held_to=many))).outcome is Outcome.WARN


def test_little_growth_is_not_told() -> None:
    """Below the limit nothing is told; the limit can be set."""
    assert check(case(Build(grows=200.0))) == []
    strict = terms(config=config(margins={"growth_kib": 100.0}))
    assert only(check(case(Build(grows=200.0), held_to=strict))).check == "memory:growth"


def test_growth_that_is_not_sure_is_not_told() -> None:
    """A build that grew in one session of four is not known to grow."""
    runs = (*sessions(1, Build(grows=KIB)), *sessions(3))
    assert check(case(sessions=runs)) == []


def test_a_higher_peak_warns() -> None:
    """A peak that is surely higher by more than a fifth is told with both peaks."""
    own = only(check(case(Build(memory=math.log(1.5)), noise=0.0)))
    assert (own.check, own.outcome) == ("memory:peak", Outcome.WARN)
    assert own.reason == (
        "The candidate's memory peaks 50 % higher: at 150 MiB, where the base's peaks at 100 MiB "
        "(at least 50 % over 4 sessions; more than 20 % is told)."
    )
    assert check(case(Build(memory=math.log(1.15)))) == []


def test_memory_that_was_not_read_is_not_told() -> None:
    """An older file that lacks the memory of its windows, or a peak, tells nothing."""
    made = case(Build(grows=KIB))
    runs = []
    for run in made.sessions:
        own = run.builds["candidate"]
        blind = own.model_copy(
            update={
                "pairs": own.pairs.model_copy(update={"rss_bytes": ()}),
                "peak_rss_bytes": 0,
            }
        )
        runs.append(run.model_copy(update={"builds": {**run.builds, "candidate": blind}}))
    assert check(case(sessions=tuple(runs))) == []


def test_without_a_base_or_a_look_nothing_is_told() -> None:
    """Growth is beyond the base's, and told only once a look is reached."""
    assert check(case(Build(grows=KIB), None)) == []
    assert check(case(Build(grows=KIB), count=3)) == []


@given(waiting=st.integers(0, 10_000), kib=st.floats(0, 31))
def test_what_waiting_explains_is_not_told(waiting: int, kib: float) -> None:
    """Law: allocators keep some memory for each attempt that waited; that is no leak."""
    sizes = (2**26, 2**26 + int(waiting * kib * KIB))
    assert check(after(recovery([WELL] * 20, waiting=(waiting,) * 30, rss_bytes=sizes))) == []


def test_what_an_overload_leaves_is_told() -> None:
    """A build that keeps much more than its callers' waiting explains is named for that."""
    sizes = (2**26, 2**26 + 2**27)
    left = recovery([WELL] * 20, waiting=(100,) * 30, rss_bytes=sizes)
    own = only(check(after(left)))
    assert (own.check, own.outcome) == ("memory:overload", Outcome.WARN)
    assert "it had 64 MiB before it and 192 MiB at the end. That 100 attempts waited" in own.reason
    blind = left.model_copy(update={"waiting": (None,) * 30})
    assert check(after(blind)) == []
