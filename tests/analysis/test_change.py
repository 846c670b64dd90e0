"""Sessions become slowdowns: positive is worse, and what was not measured has no figure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from builders import (
    ALONE_S,
    NOTHING,
    PAIRS,
    SOLO_PAIRS,
    Build,
    alone,
    builds,
    figures,
    session,
    sessions,
    slowdowns,
    windows,
    with_figures,
)
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.change import (
    CAPACITY,
    COST,
    SATURATED,
    cost_s,
    memory_slopes,
    operation_cost_s,
    operation_slowdowns,
    paired,
    primary_slowdowns,
    quantile_slowdowns,
    session_frame,
)
from perfgate.measurement.histogram import Histogram

if TYPE_CHECKING:
    from perfgate.measurement.models import BuildFigures, Windows


@given(cost=slowdowns(), capacity=slowdowns(), saturated=slowdowns())
def test_slowdowns_are_those_of_the_build(cost: float, capacity: float, saturated: float) -> None:
    """Each slowdown put into a session comes out of it, whatever the other two are."""
    row = session_frame([session(Build(cost=cost, capacity=capacity, saturated=saturated))]).iloc[0]
    # The CPU time is the least that a window can have taken, and a slice's is nine tenths of it.
    least = math.log(16 * 0.002 * math.exp(cost))
    assert row[COST] == pytest.approx(cost, abs=1e-9)
    assert row[CAPACITY] == pytest.approx(max(capacity, least), abs=1e-9)
    assert row[SATURATED] == pytest.approx(saturated, abs=1e-9)


@given(one=builds(), other=builds())
def test_exchanged_builds_change_the_sign(one: Build, other: Build) -> None:
    """What candidate and base exchanged say is the opposite."""
    there = session_frame([session(one, other)]).to_numpy(dtype=float)
    back = session_frame([session(other, one)]).to_numpy(dtype=float)
    np.testing.assert_allclose(there, -back, atol=1e-12)


def test_sessions_without_a_base_are_left_out() -> None:
    """Only sessions of both builds have a slowdown, and their order is kept."""
    mixed = [session(Build(cost=0.1)), session(base=None), session(Build(cost=0.3))]
    assert paired(mixed) == [mixed[0], mixed[2]]
    assert session_frame(mixed)[COST].tolist() == pytest.approx([0.1, 0.3])
    assert list(primary_slowdowns([mixed[1]])) == [COST, CAPACITY]
    assert primary_slowdowns([mixed[1]])[COST].size == 0


@pytest.mark.parametrize("whose", ["wait_s", "generator_wait_s"])
def test_time_others_had_the_cpu_is_not_charged(whose: str) -> None:
    """A window's time counts without the wait for a CPU, but never less than its CPU time.

    Neither that of the build nor that of the load generator.
    """
    slow = windows(PAIRS, 2.0, 0.1, 16)
    waited = slow.model_copy(update={whose: (1.0,) * PAIRS})
    overlapping = slow.model_copy(update={"wait_s": (5.0,) * PAIRS})
    shown = [
        session_frame([with_figures(session(), "candidate", pairs=own)])[CAPACITY].iloc[0]
        for own in (slow, waited, overlapping)
    ]
    assert shown == pytest.approx([math.log(2.0), 0.0, math.log(0.1)])


@given(
    wait_s=st.floats(0.0, 20.0),
    others=st.none() | st.floats(0.0, 2.0),
    more=st.floats(0.0, 1.0),
)
def test_no_more_is_taken_off_than_others_had(
    wait_s: float, others: float | None, more: float
) -> None:
    """Law: the threads of a build may wait for each other as they like: that is its own time.

    Taken off is the smaller of their wait and the others' share; the more others had, the less is
    left, and never less than the CPU time.
    """
    slow = windows(PAIRS, 2.0, 0.1, 16).model_copy(update={"wait_s": (wait_s,) * PAIRS})
    run = with_figures(session(), "candidate", pairs=slow)
    busier = None if others is None else others + more
    shown, less = (
        session_frame([run.model_copy(update={"others_ratio": ratio})])[CAPACITY].iloc[0]
        for ratio in (others, busier)
    )
    taken_s = wait_s if others is None else min(wait_s, 2.0 * others)
    assert shown == pytest.approx(math.log(max(2.0 - taken_s, 0.1)), abs=1e-9)
    assert less <= shown + 1e-12


def test_a_lock_is_seen_through_threads_that_wait_for_each_other() -> None:
    """With sixteen threads on a quiet CPU, a lock that doubles the time is a slowdown of that size.

    The base's threads wait for the CPU all the time, the candidate's for the lock.
    """
    free = windows(PAIRS, 1.0, 1.0, 16).model_copy(update={"wait_s": (12.0,) * PAIRS})
    locked = windows(PAIRS, 2.0, 1.0, 16).model_copy(update={"wait_s": (1.5,) * PAIRS})
    run = with_figures(with_figures(session(), "base", pairs=free), "candidate", pairs=locked)
    quiet, unknown = (
        session_frame([run.model_copy(update={"others_ratio": ratio})])[CAPACITY].iloc[0]
        for ratio in (0.0, None)
    )
    assert quiet == pytest.approx(math.log(2.0))
    assert unknown == 0.0


def test_a_stray_pair_does_not_move_capacity() -> None:
    """A fifth of the pairs at either end is trimmed, so one disturbed batch is without effect."""
    pairs = figures().pairs
    stray = pairs.model_copy(update={"wall_s": (50.0, *pairs.wall_s[1:])})
    run = with_figures(session(), "candidate", pairs=stray)
    assert session_frame([run])[CAPACITY].iloc[0] == 0.0


@pytest.mark.parametrize("role", ["base", "candidate"])
def test_no_cpu_time_is_no_cost(role: str) -> None:
    """A build whose CPU time was not seen has no cost to compare, rather than none at all."""
    pairs = figures().pairs.model_copy(update={"cpu_s": (0.0,) * PAIRS})
    run = with_figures(session(), role, pairs=pairs, open_cpu_s=0.0)
    assert math.isnan(session_frame([run])[COST].iloc[0])


@pytest.mark.parametrize("role", ["base", "candidate"])
@pytest.mark.parametrize("pairs", [NOTHING, windows(PAIRS, 0.0, 0.0, 16)])
def test_no_time_in_pairs_is_no_capacity(role: str, pairs: Windows) -> None:
    """Pairs that are missing or took no time are no capacity to compare."""
    other = {"base": "candidate", "candidate": "base"}[role]
    run = with_figures(session(), role, pairs=pairs)
    if not pairs.wall_s:
        run = with_figures(run, other, pairs=pairs)
    assert math.isnan(session_frame([run])[CAPACITY].iloc[0])


def test_saturated_without_answers() -> None:
    """No correct answer is infinitely slow beside a base that has some; else nothing is known."""
    silent = windows(2, 1.0, 0.9, 0)
    candidate = with_figures(session(), "candidate", saturation=silent)
    both = with_figures(candidate, "base", saturation=silent)
    untimed = with_figures(session(), "candidate", saturation=NOTHING)
    assert session_frame([candidate])[SATURATED].iloc[0] == math.inf
    assert math.isnan(session_frame([both])[SATURATED].iloc[0])
    assert math.isnan(session_frame([untimed])[SATURATED].iloc[0])


@given(failed=st.integers(0, 240))
def test_cost_counts_wrong_answers_too(failed: int) -> None:
    """A wrong answer is work done, so that failing does not look cheap or dear."""
    build = Build(failed={"introspect": failed})
    assert cost_s(session(build), "candidate") == pytest.approx(0.002)


def test_cost_without_answers_is_finite() -> None:
    """A build that never answered has the cost of a single request: all that it burned."""
    silent = Build(missing={"introspect": 240, "login": 30})
    alone_there = session(silent, base=None)
    run = with_figures(alone_there, "candidate", pairs=NOTHING, open_cpu_s=3.0)
    assert cost_s(run, "candidate") == 3.0


@pytest.mark.parametrize("role", ["base", "candidate"])
def test_a_host_that_stops_a_few_batches_does_not_move_cost(role: str) -> None:
    """CPU time that is charged to one build in a tenth of the pairs at most is without effect.

    In more of them it counts: it may be rare work that has become dear.
    """
    pairs = figures().pairs
    few = PAIRS // 10
    shown = []
    for count in (few, few + 3):
        cpu_s = (*(0.3 for _ in range(count)), *pairs.cpu_s[count:])
        run = with_figures(session(), role, pairs=pairs.model_copy(update={"cpu_s": cpu_s}))
        shown.append(session_frame([run])[COST].iloc[0])
    assert few > 0
    assert shown[0] == pytest.approx(0.0, abs=1e-12)
    assert abs(shown[1]) > math.log(1.1)


@given(
    st.lists(st.tuples(st.floats(0.001, 1), st.floats(0.001, 1)), min_size=PAIRS, max_size=PAIRS)
)
def test_exchanged_pairs_change_the_sign_of_cost(cpus_s: list[tuple[float, float]]) -> None:
    """Law: whatever the pairs took, what candidate and base exchanged say is the opposite."""
    pairs = [figures().pairs.model_copy(update={"cpu_s": own}) for own in zip(*cpus_s, strict=True)]
    there, back = (
        session_frame(
            [with_figures(with_figures(session(), "base", pairs=one), "candidate", pairs=other)]
        )[COST].iloc[0]
        for one, other in (pairs, pairs[::-1])
    )
    assert there == pytest.approx(-back, abs=1e-9)


@given(cost=slowdowns(), login=slowdowns())
def test_an_operation_s_slowdown_is_that_of_the_build(cost: float, login: float) -> None:
    """Law: what one operation got dearer comes out for it, and nothing of it for the others."""
    found = operation_slowdowns([session(Build(cost=cost, operations={"login": login}))] * 3)
    assert list(found) == sorted(ALONE_S)
    assert found["introspect"].tolist() == pytest.approx([cost] * 3)
    assert found["login"].tolist() == pytest.approx([cost + login] * 3)


def test_a_stray_batch_does_not_move_an_operation() -> None:
    """A fifth of the batches at either end is trimmed, so one disturbed batch is without effect."""
    own = alone(Build(), "login")
    stray = own.model_copy(update={"cpu_s": (50.0, *own.cpu_s[1:])})
    run = with_figures(session(), "candidate", solo={"login": stray})
    assert operation_slowdowns([run]) == {"login": pytest.approx([0.0])}


@pytest.mark.parametrize("role", ["base", "candidate"])
def test_an_operation_that_was_not_always_alone_is_not_compared(role: str) -> None:
    """One session in which a build lacks it, or its CPU time, takes the operation away."""
    lacking = with_figures(session(), role, solo={"login": alone(Build(), "login")})
    unseen = alone(Build(), "login").model_copy(update={"cpu_s": (0.0,) * SOLO_PAIRS})
    unread = with_figures(session(), role, solo=session().builds["base"].solo | {"login": unseen})
    assert list(operation_slowdowns([session(), lacking])) == ["login"]
    assert list(operation_slowdowns([session(), unread])) == ["introspect"]
    assert operation_slowdowns([session(), with_figures(session(), role, solo={})]) == {}
    assert operation_slowdowns([]) == operation_slowdowns([session(base=None)]) == {}


def test_the_cost_of_an_operation_is_per_answer() -> None:
    """An operation's cost is its CPU time over its answers in all runs; without any, none."""
    dear = session(Build(operations={"login": math.log(3)}))
    runs = [session(), dear]
    assert operation_cost_s(runs, "candidate", "login") == pytest.approx(2 * ALONE_S["login"])
    assert operation_cost_s(runs, "base", "login") == pytest.approx(ALONE_S["login"])
    assert operation_cost_s(runs, "base", "refresh") is None


def remembering(figures_: BuildFigures, bytes_per_request: float) -> BuildFigures:
    """Return the figures of a build whose memory grows so with each answer, from 100 MB on."""
    between = sum(own.good + own.failed for own in figures_.open.operations.values())
    saturated = np.cumsum(figures_.saturation.answered)
    paired_ = saturated[-1] + between + np.cumsum(figures_.pairs.answered)
    grown = [
        own.model_copy(update={"rss_bytes": tuple((1e8 + bytes_per_request * answered).tolist())})
        for own, answered in ((figures_.saturation, saturated), (figures_.pairs, paired_))
    ]
    return figures_.model_copy(update={"saturation": grown[0], "pairs": grown[1]})


@given(slope=st.floats(-1000, 1000))
def test_the_memory_s_slope_is_what_each_answer_adds(slope: float) -> None:
    """Law: bytes added by each answer come out, per session and build, open loop included."""
    run = session()
    leaking = run.model_copy(
        update={"builds": run.builds | {"candidate": remembering(figures(), slope)}}
    )
    flat = run.model_copy(update={"builds": {"base": remembering(figures(), 0.0)}})
    assert memory_slopes([leaking, leaking], "candidate").tolist() == pytest.approx(
        [slope] * 2, abs=1e-6
    )
    assert memory_slopes([flat], "base").tolist() == [0.0]
    assert memory_slopes([flat], "candidate").size == 0


def test_memory_that_grew_once_has_no_slope() -> None:
    """Law: what the first slice allocates for good is no growth with each request."""
    own = remembering(figures(), 0.0)
    first = own.saturation.model_copy(update={"rss_bytes": (5 * 10**7, 10**8)})
    run = with_figures(session(), "candidate", pairs=own.pairs, saturation=first)
    assert memory_slopes([run], "candidate").tolist() == [0.0]


def test_memory_that_was_not_read_has_no_slope() -> None:
    """A file without the memory of windows, or with too few, tells no slope: not that of 0."""
    unread = windows(4, 1.0, 0.9, 16)
    few = unread.model_copy(update={"rss_bytes": (10**8,) * 4})
    for pairs in (unread, few):
        run = with_figures(session(), "base", pairs=pairs, saturation=unread)
        assert np.isnan(memory_slopes([run], "base")).all()


@given(latency=slowdowns())
def test_quantile_slowdown_is_that_of_the_build(latency: float) -> None:
    """A quantile's slowdown is the log ratio, to the width of a bucket of the histogram."""
    for share in (0.5, 0.95):
        values = quantile_slowdowns(
            sessions(3, Build(latency=latency), noise=0.0), "introspect", share, 100
        )
        assert values is not None
        assert values.tolist() == pytest.approx([latency] * 3, abs=2e-3)


def test_too_few_answers_have_no_quantile() -> None:
    """One session with too few answers of either build, or none, takes the quantile away."""
    enough = sessions(2)
    few = session(Build(failed={"login": 11}))
    few_in_base = session(base=Build(failed={"login": 11}))
    assert quantile_slowdowns(enough, "login", 0.5, 30) is not None
    assert quantile_slowdowns(enough, "login", 0.5, 31) is None
    assert quantile_slowdowns([*enough, few], "login", 0.5, 20) is None
    assert quantile_slowdowns([*enough, few_in_base], "login", 0.5, 20) is None
    assert quantile_slowdowns(enough, "refresh", 0.5, 0) is None


def test_durations_too_short_to_count_are_a_tick() -> None:
    """A service time that a histogram tells as 0 still has a ratio."""
    instant = Histogram.from_seconds(np.zeros(30))
    run = session()
    own: BuildFigures = run.builds["candidate"]
    login = own.open.operations["login"].model_copy(update={"service_s": instant})
    opened = own.open.model_copy(update={"operations": {"login": login}})
    values = quantile_slowdowns([with_figures(run, "candidate", open=opened)], "login", 0.5, 20)
    assert values is not None
    assert values[0] == pytest.approx(math.log(1e-7 / 0.059), abs=0.01)
