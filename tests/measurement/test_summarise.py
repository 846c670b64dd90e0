"""Laws of the summary: what was observed is counted once and where it belongs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load.journals import (
    BASE,
    CANDIDATE,
    GENERATOR,
    OPERATIONS,
    both_hosts,
    censored,
    failed,
    journal,
    plan,
    row,
    window,
)

from perfgate.load.journal import Busy, WarmUp
from perfgate.load.plan import SCHEDULED, Outcome, Phase
from perfgate.measurement.histogram import Histogram
from perfgate.measurement.models import STEAL_LIMIT_RATIO, OpenLoop, OperationFigures
from perfgate.measurement.summarise import (
    LAG_P99_LIMIT_MS,
    LEAST_IN_THIRD,
    Surroundings,
    frame_of,
    in_flight,
    open_loop,
    summarise,
    trials,
)

if TYPE_CHECKING:
    from load.journals import Row

    from perfgate.load.journal import Journal
    from perfgate.measurement.models import BuildFigures, Run


AROUND = Surroundings(
    seconds=20.0, steal_ratio=0.01, pressure_ratio=0.1, peak_rss_bytes={"candidate": 7000}
)
OPEN_S = 10.0
NAN = float("nan")
# A journal of many rows takes long to draw, and to sum up.
few = settings(max_examples=25)

# Only callers that retry abandon anything, in a phase of their own.
outcomes = st.sampled_from([Outcome.OK, Outcome.FAILED, Outcome.CENSORED])
phases = st.sampled_from([phase for phase in Phase if phase is not Phase.RECOVERY])


@st.composite
def any_row(draw: st.DrawFn) -> Row:
    """Return any row that a load run may leave."""
    outcome = draw(outcomes)
    intended_s = draw(st.floats(0, OPEN_S))
    started_s = intended_s + draw(st.floats(0, 2))
    made = row(
        phase=draw(phases),
        build=draw(st.sampled_from([BASE, CANDIDATE])),
        operation=draw(st.integers(0, 1)),
        intended_s=intended_s,
        started_s=started_s,
        ended_s=started_s + draw(st.floats(0, 2)),
        outcome=outcome,
        failure=draw(st.integers(1, 2)) if outcome is Outcome.FAILED else 0,
        waited=draw(st.integers(0, 1)),
        received_s=started_s + draw(st.sampled_from([NAN, -0.05, -0.0002, 0.0, 0.5])),
    )
    if outcome is Outcome.CENSORED:
        made["ended_s"] = NAN
        made["started_s"] = draw(st.sampled_from([started_s, NAN]))
    return made


rows_of_any_run = st.lists(any_row(), max_size=40)


def summary(made: Journal, around: Surroundings = AROUND) -> Run:
    """Return the summary of a run of both builds."""
    return summarise(made, plan(hosts=both_hosts()), 100.0, OPEN_S, around)


def candidate(*rows: Row, windows: list[Row] | None = None) -> BuildFigures:
    """Return the candidate's figures in a run with these rows."""
    return summary(journal(list(rows), windows)).builds["candidate"]


def fetched(*rows: Row) -> OperationFigures:
    """Return the candidate's figures of the first operation in its open loop."""
    return candidate(*rows).open.operations["fetch"]


def count(rows: list[Row], **wanted: int) -> int:
    """Return how many rows have these values."""
    return sum(all(made[name] == value for name, value in wanted.items()) for made in rows)


@few
@given(rows=rows_of_any_run)
def test_every_arrival_has_one_outcome(rows: list[Row]) -> None:
    """Law: arrivals = good + failed + censored, for each build and operation, as in the rows."""
    run = summary(journal(rows))
    for build, role in enumerate(("base", "candidate")):
        figures = run.builds[role]  # type: ignore[index]  # mypy widens the literals
        assert figures.open.arrivals == count(rows, phase=Phase.OPEN, build=build)
        for code, name in enumerate(("fetch", "login")):
            own = {"phase": Phase.OPEN, "build": build, "operation": code}
            if not count(rows, **own):
                assert name not in figures.open.operations
                continue
            found = figures.open.operations[name]
            assert found.arrivals == found.good + found.failed + found.censored
            assert found.good == count(rows, **own, outcome=Outcome.OK)
            assert found.failed == count(rows, **own, outcome=Outcome.FAILED)


@few
@given(rows=rows_of_any_run)
def test_only_good_answers_have_durations(rows: list[Row]) -> None:
    """Law: each histogram holds as many durations as there were good answers."""
    for figures in summary(journal(rows)).builds.values():
        for found in figures.open.operations.values():
            assert found.latency_s.count == found.service_s.count == found.good


@few
@given(rows=rows_of_any_run, data=st.data())
def test_the_order_of_rows_counts_for_nothing(rows: list[Row], data: st.DataObject) -> None:
    """Law: a journal is a set: whoever ended first, the figures are the same."""
    shuffled = data.draw(st.permutations(rows))
    one, other = summary(journal(rows)), summary(journal(shuffled))

    assert one.builds == other.builds
    assert one.validity.lag_p99_ms == pytest.approx(other.validity.lag_p99_ms)


@few
@given(rows=rows_of_any_run)
def test_builds_do_not_mix(rows: list[Row]) -> None:
    """Law: the figures of a build are those it has in a journal without the other."""
    own = [made for made in rows if made["build"] == CANDIDATE]

    assert summary(journal(rows)).builds["candidate"] == summary(journal(own)).builds["candidate"]


@few
@given(rows=rows_of_any_run)
def test_failures_are_those_of_open_loop_pairs_and_solo(rows: list[Row]) -> None:
    """Law: requests of open loop, pairs and solo, and failed ones, count by operation, once."""
    for build, role in enumerate(("base", "candidate")):
        failures = summary(journal(rows)).builds[role].failures  # type: ignore[index]  # as above
        counted = (Phase.OPEN, Phase.PAIRS, Phase.SOLO)
        late = [made for made in rows if made["phase"] in counted and made["build"] == build]
        assert sum(found.requests for found in failures.values()) == len(late)
        assert sum(found.failed for found in failures.values()) == count(
            late, outcome=Outcome.FAILED
        )


@few
@given(rows=rows_of_any_run, number=st.integers(1, 5))
def test_trials_add_up_to_the_whole(rows: list[Row], number: int) -> None:
    """Law: every arrival is in one trial: counts and histograms add up to those of the whole."""
    made = journal(rows)
    whole = summary(made).builds["candidate"].open
    cut = trials(made, "candidate", OPEN_S, number)

    assert len(cut) == number
    assert sum(trial.seconds for trial in cut) == pytest.approx(whole.seconds)
    for name, found in whole.operations.items():
        parts = [trial.operations[name] for trial in cut if name in trial.operations]
        for field in ("arrivals", "good", "failed", "censored"):
            assert sum(getattr(part, field) for part in parts) == getattr(found, field)
        merged = Histogram()
        for part in parts:
            merged = merged.merge(part.latency_s)
        assert merged == found.latency_s
    assert sum(trial.arrivals for trial in cut) == whole.arrivals


def test_trials_are_cut_by_intention() -> None:
    """Law: an arrival belongs to the trial in which it was intended, however late it was answered.

    One intended at the very end belongs to the last trial.
    """
    moments = (0.0, 3.9, 4.0, 7.9, 8.0, 12.0)
    rows = [row(intended_s=100 + moment_s, ended_s=200.0) for moment_s in moments]
    cut = trials(journal(rows), "candidate", 12.0, 3)

    assert [trial.arrivals for trial in cut] == [2, 2, 2]
    assert {trial.seconds for trial in cut} == {4.0}


@few
@given(rows=rows_of_any_run, count=st.integers(1, 12))
def test_in_flight_is_what_came_less_what_was_answered(rows: list[Row], count: int) -> None:
    """Law: at each moment those are in flight that were due by then and not answered."""
    own = [made for made in rows if made["phase"] in SCHEDULED and made["build"] == CANDIDATE]
    opened = [made["intended_s"] for made in own if made["phase"] == Phase.OPEN]
    found = in_flight(journal(rows), "candidate", OPEN_S, count)
    from_s = min(opened, default=0.0)
    for code, name in enumerate(OPERATIONS):
        mine = [made for made in own if made["operation"] == code] if opened else []
        expected = [
            sum(made["intended_s"] <= at_s for made in mine)
            - sum(made["ended_s"] <= at_s for made in mine)
            for at_s in from_s + np.linspace(0.0, OPEN_S, count + 1)
        ]
        assert list(found.get(name, (0,) * (count + 1))) == expected


def test_what_was_due_in_the_ramp_is_in_flight_too() -> None:
    """Law: a request of the ramp without an answer is in flight as the open loop begins."""
    rows = [
        censored(phase=Phase.RAMP, intended_s=1.0),
        row(intended_s=2.0, ended_s=2.5),
        row(intended_s=2.9, ended_s=5.0),
        censored(intended_s=3.5),
    ]
    assert in_flight(journal(rows), "candidate", 2.0, 2) == {"fetch": (2, 2, 3)}


@few
@given(rows=rows_of_any_run, ramp=rows_of_any_run)
def test_the_ramp_counts_for_nothing(rows: list[Row], ramp: list[Row]) -> None:
    """Law: what was sent while the rate rose changes no figure and no trial."""
    own = [made for made in rows if made["phase"] != Phase.RAMP]
    risen = [made | {"phase": Phase.RAMP} for made in ramp]
    spent = [window(phase=Phase.OPEN, cpu_s=1.0)]
    without = journal(own, spent)
    with_it = journal(own + risen, [*spent, window(phase=Phase.RAMP, cpu_s=5.0)])

    assert summary(with_it) == summary(without)
    assert trials(with_it, "candidate", OPEN_S, 3) == trials(without, "candidate", OPEN_S, 3)


def test_latency_counts_from_the_intention_and_service_from_the_start() -> None:
    """Law: an arrival that started 0.5 s late has 0.5 s more of latency than of service time."""
    found = fetched(row(intended_s=5.0, started_s=5.5, ended_s=5.75))

    assert found.latency_s.quantile(0.5) == pytest.approx(0.75, rel=1e-3)
    assert found.service_s.quantile(0.5) == pytest.approx(0.25, rel=1e-3)


@pytest.mark.parametrize("step_s", [-0.05, -0.0002, -0.00005, 0.05])
@pytest.mark.parametrize("took_s", [0.0001, 0.01])
def test_a_step_of_the_clock_makes_no_time_negative(step_s: float, took_s: float) -> None:
    """Law: a stamp that the clock's step puts outside of its request counts for nothing.

    What is left is when the answer had been read; a step within the request is at most its time.
    """
    sent_s, ended_s = 1.0003, 1.0003 + took_s + 0.0001
    stamp_s = sent_s + took_s + step_s
    found = fetched(
        row(started_s=1.0, intended_s=1.0, sent_s=sent_s, received_s=stamp_s, ended_s=ended_s)
    )
    inside = sent_s <= stamp_s <= ended_s
    expected_s = (stamp_s if inside else ended_s) - sent_s

    assert found.service_s.quantile(0.5) == pytest.approx(expected_s, rel=1e-3, abs=1e-7)
    assert found.latency_s.quantile(0.5) == pytest.approx(expected_s + 0.0003, rel=1e-3)


@few
@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=60))
def test_quantiles_are_those_of_the_durations(durations_s: list[float]) -> None:
    """Law: p50, p95 and p99 are the sample's (by rank), to the histogram's 0.05 %."""
    found = fetched(*(row(ended_s=duration_s) for duration_s in durations_s))
    for share in (0.5, 0.95, 0.99):
        expected = np.quantile(durations_s, share, method="inverted_cdf")
        assert found.latency_s.quantile(share) == pytest.approx(expected, rel=1e-3)


def test_failures_have_names() -> None:
    """Law: failure classes are told by name and counted, for each operation apart."""
    found = candidate(
        row(),
        failed(),
        failed(phase=Phase.PAIRS),
        failed(failure=2),
        failed(operation=1),
        censored(operation=1),
        failed(phase=Phase.WARMUP),
    ).failures

    assert found["fetch"].classes == {"HTTPError: 500": 1, "body is wrong": 2}
    assert found["login"].classes == {"body is wrong": 1}
    assert (found["fetch"].requests, found["login"].requests) == (4, 2)


def test_windows_come_in_the_order_of_their_index() -> None:
    """Law: the k-th window of either build is of the same pair, whichever went first."""
    made = [
        window(index=2, from_s=20.0, to_s=22.0, cpu_s=0.2, wait_s=0.02),
        window(index=0, from_s=30.0, to_s=33.0, cpu_s=0.3, wait_s=0.03),
        window(index=1, from_s=40.0, to_s=44.0, cpu_s=0.4, wait_s=0.04),
    ]
    rows = [row(phase=Phase.PAIRS, started_s=own["from_s"], ended_s=own["to_s"]) for own in made]
    found = candidate(*rows, windows=made).pairs

    assert found.wall_s == pytest.approx((3.0, 4.0, 2.0))
    assert found.cpu_s == (0.3, 0.4, 0.2)
    assert found.wait_s == (0.03, 0.04, 0.02)


# Of a request: when it was sent, when its answer had come, and when the generator read that.
requests = st.lists(st.tuples(*[st.floats(0.0, 2.0)] * 3).map(sorted), min_size=1, max_size=8)


@pytest.mark.parametrize("phase", [Phase.PAIRS, Phase.SOLO])
@few
@given(requests=requests, outcome=st.sampled_from([Outcome.OK, Outcome.FAILED]))
def test_a_build_is_timed_while_it_has_a_request(
    phase: Phase, requests: list[list[float]], outcome: Outcome
) -> None:
    """Law: the time in which some request of its own was sent and unanswered, by the kernel.

    What the generator takes to wake up and read is not in it, nor is its wait for a CPU.
    """
    own = {"phase": phase, "started_s": 0.0, "outcome": outcome, "failure": 0}
    rows = [row(**own, sent_s=sent, received_s=came, ended_s=read) for sent, came, read in requests]
    rows.append(row(**own, sent_s=0.0, received_s=2.0, ended_s=2.0, build=BASE))
    made = [
        window(phase=phase, operation=0, from_s=-1.0, to_s=3.0, generator_wait_s=1.0),
        window(phase=phase, operation=0, from_s=3.0, to_s=4.0, index=1),
    ]
    apart = replace(AROUND, apart=True)
    figures = summary(journal(rows, made), apart).builds["candidate"]
    found = figures.pairs if phase is Phase.PAIRS else figures.solo["fetch"]
    moments_s = np.arange(0.0, 2.0, 0.001) + 0.0005
    had_one = [any(sent <= at < came for sent, came, _ in requests) for at in moments_s]

    assert found.wall_s == pytest.approx((0.001 * sum(had_one), 0.0), abs=0.001 * len(requests))
    assert found.generator_wait_s == (0.0, 0.0)


@pytest.mark.parametrize("received_s", [NAN, 1.5])
def test_without_stamps_the_generators_wait_is_told(received_s: float) -> None:
    """Law: an answer that the kernel does not tell of counts as read, with what delayed that."""
    rows = [
        row(phase=Phase.PAIRS, started_s=1.0, sent_s=1.0, received_s=own_s, ended_s=1.75)
        for own_s in (1.5, received_s)
    ]
    made = [window(from_s=0.0, to_s=2.0, generator_wait_s=0.125)]
    found = summary(journal(rows, made), replace(AROUND, apart=True)).builds["candidate"].pairs

    expected = (0.75, 0.125) if np.isnan(received_s) else (0.5, 0.0)
    assert (found.wall_s, found.generator_wait_s) == ((expected[0],), (expected[1],))


def test_answers_count_where_they_ended() -> None:
    """Law: a window counts the answers of its build and phase that came within it, good or not."""
    slow = {"phase": Phase.PAIRS, "intended_s": 0.0}
    found = candidate(
        row(**slow, ended_s=0.9),
        row(**slow, ended_s=1.0),
        failed(**slow, ended_s=1.5),
        row(**slow, ended_s=2.0),
        row(**slow, ended_s=2.1),
        row(**slow, ended_s=1.5, build=BASE),
        row(intended_s=1.4, ended_s=1.5),
        censored(**slow),
        windows=[window(from_s=1.0, to_s=2.0)],
    ).pairs

    assert (found.answered, found.good) == ((3,), (2,))


@few
@given(rows=rows_of_any_run)
def test_windows_add_up_to_their_phase(rows: list[Row]) -> None:
    """Law: windows that cover a phase without gaps count each of its answers once."""
    borders = (-1.0, 3.0000001, 7.0000001, 30.0)
    made = [
        window(index=index, phase=Phase.SATURATION, from_s=borders[index], to_s=borders[index + 1])
        for index in range(3)
    ]
    found = summary(journal(rows, made)).builds["candidate"].saturation
    own = {"phase": Phase.SATURATION, "build": CANDIDATE}

    assert sum(found.good) == count(rows, **own, outcome=Outcome.OK)
    assert sum(found.answered) == sum(found.good) + count(rows, **own, outcome=Outcome.FAILED)


def test_windows_belong_to_their_phase_and_build() -> None:
    """Law: no window is told of another phase or build; the open loop's CPU time stands apart."""
    made = [
        window(phase=Phase.SATURATION, cpu_s=0.1),
        window(phase=Phase.OPEN, cpu_s=0.5),
        window(phase=Phase.PAIRS, cpu_s=0.2),
        window(phase=Phase.PAIRS, cpu_s=9.0, build=BASE),
    ]
    found = candidate(windows=made)

    assert found.saturation.cpu_s == (0.1,)
    assert found.open_cpu_s == 0.5
    assert found.pairs.cpu_s == (0.2,)


def test_operations_alone_have_windows_of_their_own() -> None:
    """Law: by operation, the windows and answers of its build; what was not alone has none."""
    solo = {"phase": Phase.SOLO, "operation": 1}
    made = [
        window(**solo, index=1, from_s=2.0, to_s=3.0, cpu_s=0.2),
        window(**solo, index=0, from_s=0.0, to_s=1.0, cpu_s=0.1),
        window(**solo, index=0, from_s=1.0, to_s=2.0, cpu_s=9.0, build=BASE),
        window(cpu_s=5.0),
    ]
    rows = [row(**solo, ended_s=moment_s) for moment_s in (0.5, 2.5, 2.9)]
    run = summary(journal([*rows, row(**solo, ended_s=1.5, build=BASE)], made))
    found = run.builds["candidate"].solo

    assert set(found) == {"login"}
    assert (found["login"].cpu_s, found["login"].answered) == ((0.1, 0.2), (1, 2))
    assert (run.builds["base"].solo["login"].cpu_s) == (9.0,)


def test_windows_tell_the_memory_at_their_end() -> None:
    """Law: the memory stands beside the other figures of its window."""
    made = [window(index=index, rss_bytes=1000 - index) for index in (1, 0)]

    assert candidate(windows=made).pairs.rss_bytes == (1000, 999)


def test_windows_tell_failures_from_late_answers() -> None:
    """A wrong answer is failed, a correct one after its callers' timeout only not good."""
    saturated: dict[str, Any] = {"phase": Phase.SATURATION, "intended_s": 10.2, "started_s": 10.2}
    rows = [
        row(**saturated, ended_s=10.3),
        row(**saturated, ended_s=10.9),
        failed(**saturated, ended_s=10.3),
    ]
    slices = [window(phase=Phase.SATURATION, from_s=10.0, to_s=11.0)]
    planned = plan(timeouts_s=dict.fromkeys(plan().operations, 0.5))
    run = summarise(journal(rows, slices), planned, 1.0, OPEN_S, AROUND)
    own = run.builds["candidate"].saturation
    assert (own.answered, own.good, own.failed) == ((3,), (1,), (1,))


def test_thirds_are_those_of_the_open_loop() -> None:
    """The median of each third is told, by intention, once each third has enough good answers."""
    rows = [
        row(intended_s=at_s, started_s=at_s, ended_s=at_s + took_s)
        for third, took_s in enumerate((0.01, 0.02, 0.04))
        for at_s in OPEN_S * (third + np.arange(LEAST_IN_THIRD) / LEAST_IN_THIRD) / 3
    ]
    assert fetched(*rows).thirds_s == pytest.approx((0.01, 0.02, 0.04))
    assert fetched(*rows[1:]).thirds_s == ()
    assert fetched(*rows[:-1], failed(intended_s=OPEN_S - 0.1)).thirds_s == ()


def test_lost_processes_are_told() -> None:
    """A build's lost processes stand in its figures; none where none were."""
    around = replace(AROUND, lost={"candidate": 2})
    assert summary(journal([row()]), around).builds["candidate"].lost == 2
    assert summary(journal([row()])).builds["candidate"].lost == 0


def test_a_run_without_arrivals_is_empty() -> None:
    """Law: where nothing arrived, nothing is told, and there is no fault in that."""
    run = summary(journal([]))

    assert run.builds["candidate"].open == OpenLoop(seconds=OPEN_S, operations={})
    assert run.builds["candidate"].failures == {}
    assert (run.validity.lag_p50_ms, run.validity.lag_p99_ms) == (0.0, 0.0)
    assert run.validity.waited_ratio == 0.0
    assert trials(journal([]), "candidate", 12.0, 2) == (
        OpenLoop(seconds=6.0, operations={}),
        OpenLoop(seconds=6.0, operations={}),
    )


def test_only_the_builds_of_the_plan_are_told() -> None:
    """Law: a run of the candidate alone has no figures of a base."""
    run = summarise(journal([row()]), plan(), 100.0, OPEN_S, AROUND)

    assert set(run.builds) == {"candidate"}


def test_what_is_known_of_the_run_is_kept() -> None:
    """Law: seed, rate, length and memory stand in the run as they were given."""
    run = summary(journal([row()]))

    assert (run.seed, run.offered_rps, run.builds["base"].open.seconds) == (7, 100.0, OPEN_S)
    assert run.builds["candidate"].peak_rss_bytes == 7000
    assert run.builds["base"].peak_rss_bytes == 0
    assert run.validity.seconds == 20.0
    assert run.validity.generator_cpu_ratio == pytest.approx(1.0 / 20.0)


def test_how_the_warm_up_went_is_kept() -> None:
    """Law: its length and the builds that were not warm stand in the validity; else nothing."""
    warm = summary(journal([row()], warmup=WarmUp(12.5, ("base", "candidate")))).validity
    none = summary(journal([row()])).validity

    assert (warm.warmup_s, warm.unsettled) == (12.5, ("base", "candidate"))
    assert (none.warmup_s, none.unsettled) == (None, ())


def test_what_others_had_of_the_cpu() -> None:
    """Law: it is the time that the CPUs were busy while pairs ran, less that of both builds."""
    used = [
        window(build=BASE, cpu_s=0.5),
        window(cpu_s=0.75),
        window(cpu_s=9.0, phase=Phase.OPEN),
    ]
    shown = [
        summary(journal([row()], used, pairs_busy=busy)).others_ratio
        for busy in (Busy(2.0, 1.75), Busy(2.0, 1.0), None)
    ]

    assert shown == [pytest.approx(0.25), 0.0, None]


def lagging(lag_ms: float, **changes: Any) -> Row:
    """Return an arrival that started so late."""
    return row(intended_s=1.0, started_s=1.0 + lag_ms / 1000, **changes)


def test_lag_is_of_arrivals_that_found_an_identity_free() -> None:
    """Law: waiting for a busy build is not the generator's lag, nor is a start that never came."""
    run = summary(
        journal(
            [
                *(lagging(2.0) for _ in range(3)),
                lagging(900.0, waited=1),
                lagging(900.0, phase=Phase.PAIRS),
                censored(started_s=NAN, waited=1),
            ]
        )
    )

    assert run.validity.lag_p50_ms == pytest.approx(2.0)
    assert run.validity.lag_p99_ms == pytest.approx(2.0)
    assert run.validity.waited_ratio == pytest.approx(2 / 5)
    assert run.validity.faults == ()


@pytest.mark.parametrize("phase", [Phase.SATURATION, Phase.PAIRS])
@pytest.mark.parametrize(("ratio", "told"), [(0.89, 0), (0.91, 1)])
def test_a_generator_without_time_left_is_told(phase: Phase, ratio: float, told: int) -> None:
    """Law: in a closed loop a generator that is always busy shows its own pace, not the builds'.

    But in pairs the kernel's stamps leave its own time out.
    """
    busy = [window(phase=phase, index=n, to_s=1.0, generator_cpu_s=ratio) for n in range(4)]
    idle = [window(phase=Phase.OPEN, to_s=5.0, generator_cpu_s=5.0)]
    unstamped, stamped = row(phase=phase), row(phase=phase, sent_s=0.0, received_s=0.001)
    limited = [
        summary(journal([own], [*busy, *idle]), replace(AROUND, apart=True)).validity.limited
        for own in (unstamped, stamped)
    ]
    assert [len(places) for places in limited] == [told, told * (phase is Phase.SATURATION)]


@pytest.mark.parametrize(("excess_ms", "told"), [(-1.0, 0), (1.0, 1)])
def test_a_late_generator_is_a_fault(excess_ms: float, told: int) -> None:
    """Law: the run is not to be trusted when lag's p99 is over its limit, and only then."""
    faults = summary(journal([lagging(LAG_P99_LIMIT_MS + excess_ms)])).validity.faults

    assert len(faults) == told
    assert all("load generator was late" in fault for fault in faults)


@pytest.mark.parametrize(
    ("steal_ratio", "told"),
    [(None, 0), (0.0, 0), (STEAL_LIMIT_RATIO - 0.01, 0), (STEAL_LIMIT_RATIO + 0.01, 1)],
)
def test_a_robbed_machine_is_a_fault(steal_ratio: float | None, told: int) -> None:
    """Law: a run is not to be trusted when the hypervisor took too much; unknown is no fault."""
    around = replace(AROUND, steal_ratio=steal_ratio)
    validity = summary(journal([row()]), around).validity

    assert len(validity.faults) == told
    assert all("hypervisor" in fault for fault in validity.faults)
    assert validity.steal_ratio == steal_ratio


@pytest.mark.parametrize("steal_ratio", [None, 0.0])
def test_a_robbed_worker_is_a_fault(steal_ratio: float | None) -> None:
    """Law: what the hypervisor of a worker's machine took counts, though this one lost nothing."""
    robbed = replace(GENERATOR, steal_s=(STEAL_LIMIT_RATIO + 0.01) * GENERATOR.seconds)
    around = replace(AROUND, steal_ratio=steal_ratio)
    validity = summary(journal([row()], generators=(GENERATOR, robbed)), around).validity

    assert validity.steal_ratio == pytest.approx(STEAL_LIMIT_RATIO + 0.01)
    assert [fault for fault in validity.faults if "hypervisor" in fault]


def test_faults_are_told_together() -> None:
    """Law: one fault does not hide another."""
    around = replace(AROUND, steal_ratio=0.9)

    assert len(summary(journal([lagging(500.0)]), around).validity.faults) == 2


def test_a_frame_has_names_for_codes() -> None:
    """Law: operations and failures are told by name, and an unanswered arrival has no latency."""
    frame = frame_of(journal([failed(operation=1, ended_s=0.5), censored()]))

    assert frame["operation"].tolist() == ["login", "fetch"]
    assert frame["failure"].tolist() == ["body is wrong", ""]
    assert frame["latency_s"].tolist()[0] == pytest.approx(0.5)
    assert np.isnan(frame["latency_s"].tolist()[1])


def test_operations_are_sorted() -> None:
    """Law: figures stand in the order of the operations' names."""
    frame = frame_of(journal([row(operation=1), row(operation=0)]))

    assert list(open_loop(frame, 1.0).operations) == ["fetch", "login"]


def test_failed_sign_ins_are_failures() -> None:
    """Users who cannot sign in count as failures, among all who tried."""
    locked = {"base": [], "candidate": ["401", "401", "timeout"]}
    run = summarise(journal([row()], sign_in_failures=locked), plan(), 1.0, 1.0, AROUND)
    sign_ins = run.builds["candidate"].failures["sign-in"]
    assert (sign_ins.requests, sign_ins.failed) == (plan().identities, 3)
    assert sign_ins.classes == {"401": 2, "timeout": 1}


def test_what_others_had_while_a_build_was_saturated() -> None:
    """Law: each build has a share of its own; it is unknown where the CPUs' account is."""
    used = [window(cpu_s=0.75, phase=Phase.SATURATION), window(build=BASE, cpu_s=9.0)]
    busy = {"candidate": Busy(2.0, 1.75)}
    run = summary(journal([row()], used, saturation_busy=busy))

    assert run.builds["candidate"].saturation_others_ratio == pytest.approx(0.5)
    assert run.builds["base"].saturation_others_ratio is None
