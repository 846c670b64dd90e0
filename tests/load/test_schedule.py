"""Laws of the arrivals: one seed, one schedule; rates, shares, spacing and order."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations, islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perfgate.load.schedule import (
    Schedule,
    Stage,
    balanced_turns,
    coin,
    derived_seed,
    draw_schedule,
    even_mix,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

rates = st.floats(0.5, 400)
durations = st.floats(0.1, 20)
seeds = st.integers(0, 2**64)
kinds = st.sampled_from(["poisson", "uniform", "replayed"])
weights = st.floats(0.001, 1000)
mixes = st.dictionaries(st.text(min_size=1, max_size=8), weights, min_size=1, max_size=8)
shares = st.lists(weights, min_size=1, max_size=8)
stage = st.builds(
    Stage,
    rate_rps=st.just(0.0) | rates,
    duration_s=st.just(0.0) | st.floats(0.01, 5),
    from_rps=st.none() | st.just(0.0) | rates,
)
many_stages = st.lists(stage, min_size=1, max_size=5).filter(
    lambda stages: sum(stage.expected for stage in stages) > 0
)
# Moments of any clock, of which two differ, in whole seconds or with fractions.
recordings = st.one_of(
    st.lists(st.integers(-1000, 2**31).map(float), min_size=2, max_size=60),
    st.lists(st.floats(-1000, 2e9), min_size=2, max_size=60),
).filter(lambda times_s: max(times_s) - min(times_s) > 1e-3)

SOME_STAGES = (Stage(100.0, 10.0),)
# What the driver tosses coins for, and the seeds of a thousand sessions of one check.
PURPOSES = ("sign-in", "saturation")
SESSION_SEEDS = range(20180713, 20180713 + 1_000_000, 1000)
BURSTS = (7.25, 0.0, 0.5, 0.5, 7.0, 7.0, 20.5)


def drawn(*stages: Stage, **changes: Any) -> Schedule:
    """Return a schedule of ten seconds at 100/s, changed as said."""
    wanted: dict[str, Any] = {"mix": {"a": 1.0, "b": 3.0}, "seed": 1, "recorded_s": BURSTS}
    return draw_schedule(stages or SOME_STAGES, **wanted | changes)


def expected_at(stages: Sequence[Stage], at_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the integral of the stages' rate up to each moment, by trapezoids."""
    sum_to = np.zeros_like(at_s)
    for stage in stages:
        passed_s = np.clip(at_s, 0.0, stage.duration_s)
        at_s = at_s - stage.duration_s
        change_rps = stage.rate_rps - stage.initial_rps
        reached_rps = stage.initial_rps + change_rps * passed_s / (stage.duration_s or 1.0)
        sum_to += (stage.initial_rps + reached_rps) / 2 * passed_s
    return sum_to


def length_s(stages: Sequence[Stage]) -> float:
    """Return the length of all stages."""
    return float(np.cumsum([stage.duration_s for stage in stages])[-1])


def same(one: Schedule, other: Schedule) -> bool:
    """Return whether two schedules are equal to the bit."""
    return all(
        np.array_equal(getattr(one, column), getattr(other, column))
        for column in ("number", "intended_s", "operation")
    )


@given(stages=many_stages, seed=seeds, mix=mixes, arrivals=kinds, recorded_s=recordings)
def test_a_seed_is_a_schedule(stages: list[Stage], **wanted: object) -> None:
    """Law: the same arguments give the same schedule."""
    assert same(drawn(*stages, **wanted), drawn(*stages, **wanted))


@given(
    stages=many_stages,
    seed=seeds,
    mix=mixes,
    arrivals=kinds,
    recorded_s=recordings,
    workers=st.integers(1, 9),
)
def test_shares_make_up_the_schedule(stages: list[Stage], workers: int, **wanted: Any) -> None:
    """Law: however many workers there are, each arrival falls to exactly one, as it was drawn.

    Shares differ by one arrival at most.
    """
    whole = drawn(*stages, **wanted)
    parts = [whole.share(worker, workers) for worker in range(workers)]
    order = np.argsort(np.concatenate([part.number for part in parts]))
    joined = Schedule(
        *(
            np.concatenate([getattr(part, column) for part in parts])[order]
            for column in ("number", "intended_s", "operation")
        )
    )

    assert same(joined, whole)
    assert whole.number.tolist() == list(range(len(whole)))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@given(stages=many_stages, seed=seeds, arrivals=kinds, at_s=st.floats(-1, 30))
def test_a_schedule_is_cut_at_a_moment(
    stages: list[Stage], seed: int, arrivals: str, at_s: float
) -> None:
    """Law: what comes before the moment and what does not are the schedule, numbers kept."""
    whole = drawn(*stages, seed=seed, arrivals=arrivals)
    before, rest = whole.split(at_s)

    assert np.all(before.intended_s < at_s)
    assert np.all(rest.intended_s >= at_s)
    assert [*before.number, *rest.number] == whole.number.tolist()


@given(seed=seeds, mix=mixes)
def test_the_order_in_which_a_mix_is_written_counts_for_nothing(
    seed: int, mix: dict[str, float]
) -> None:
    """Law: operation codes index the sorted names."""
    backwards = dict(reversed(mix.items()))

    assert same(drawn(seed=seed, mix=mix), drawn(seed=seed, mix=backwards))


@given(seed=seeds, mix=mixes, factor=st.floats(0.01, 100))
def test_only_shares_count(seed: int, mix: dict[str, float], factor: float) -> None:
    """Law: a mix in requests per second and the same mix in percent mean the same."""
    scaled = {name: share * factor for name, share in mix.items()}
    one, other = drawn(seed=seed, mix=mix), drawn(seed=seed, mix=scaled)

    assert np.array_equal(one.intended_s, other.intended_s)
    # Rounding of the shares may move a draw that falls on the very border.
    assert np.count_nonzero(one.operation != other.operation) <= 1


@given(seed=seeds, arrivals=kinds)
def test_seeds_differ(seed: int, arrivals: str) -> None:
    """Law: another seed is another schedule, in its operations at least."""
    assert not same(drawn(seed=seed, arrivals=arrivals), drawn(seed=seed + 1, arrivals=arrivals))


@given(stages=many_stages, seed=seeds, mix=mixes, arrivals=kinds, recorded_s=recordings)
def test_times_ascend_within_the_duration(stages: list[Stage], **wanted: Any) -> None:
    """Law: intended times ascend from 0 and end before the duration; codes name operations."""
    schedule = drawn(*stages, **wanted)

    assert np.all(np.diff(schedule.intended_s) >= 0)
    assert np.all((schedule.intended_s >= 0) & (schedule.intended_s < length_s(stages)))
    assert np.all(schedule.operation < len(wanted["mix"]))
    assert len(schedule) == len(schedule.intended_s) == len(schedule.operation)


@given(stages=many_stages, seed=seeds)
def test_uniform_arrivals_follow_the_rate(stages: list[Stage], seed: int) -> None:
    """Law: uniform arrivals come whenever the rate's integral has grown by one, from 0 on."""
    schedule = drawn(*stages, seed=seed, arrivals="uniform")
    reached = expected_at(stages, schedule.intended_s)

    assert len(schedule) == round(sum(stage.expected for stage in stages))
    assert np.allclose(reached, schedule.number, rtol=1e-9, atol=1e-6)


@given(rate_rps=rates, duration_s=durations)
def test_uniform_arrivals_keep_their_distance(rate_rps: float, duration_s: float) -> None:
    """Law: at one rate, uniform arrivals are 1/rate apart."""
    schedule = drawn(Stage(rate_rps, duration_s), arrivals="uniform")

    assert len(schedule) == round(rate_rps * duration_s)
    assert np.allclose(np.diff(schedule.intended_s), 1 / rate_rps, rtol=1e-6)
    assert np.all(schedule.intended_s[:1] == 0)


def test_uniform_arrivals_survive_floating_point() -> None:
    """Law: 100/s for 0.29 s are 29 arrivals, though the product of the floats is below 29."""
    assert len(drawn(Stage(100.0, 0.29), arrivals="uniform")) == 29


def test_a_ramp_is_a_parabola() -> None:
    """Law: while the rate rises from 0 to r in d seconds, arrival n comes at sqrt(2 d n / r)."""
    schedule = drawn(Stage(50.0, 8.0, from_rps=0.0), arrivals="uniform")

    assert len(schedule) == 200
    assert np.allclose(schedule.intended_s, np.sqrt(2 * 8.0 * np.arange(200) / 50.0))


@given(
    one=stage,
    share=st.floats(0.01, 0.99),
    seed=seeds,
    arrivals=st.sampled_from(["poisson", "uniform"]),
)
def test_a_stage_in_two_parts_is_the_stage(
    one: Stage, share: float, seed: int, arrivals: str
) -> None:
    """Law: a ramp, or a steady rate, that is written as two stages gives the same arrivals."""
    assume(one.expected > 0.01)
    half_rps = one.initial_rps + share * (one.rate_rps - one.initial_rps)
    first = Stage(half_rps, share * one.duration_s, one.initial_rps)
    second = Stage(one.rate_rps, (1 - share) * one.duration_s, half_rps)
    # Rounding may move a count that falls on the very border.
    assume(abs(one.expected % 1 - 0.5) > 1e-6)
    whole, parts = (drawn(*s, seed=seed, arrivals=arrivals) for s in ((one,), (first, second)))

    assert len(whole) == len(parts)
    assert np.allclose(whole.intended_s, parts.intended_s, rtol=1e-6, atol=1e-4)


@given(stages=many_stages, seed=seeds, share=st.floats(0, 1))
def test_poisson_arrivals_come_at_their_rate(stages: list[Stage], seed: int, share: float) -> None:
    """Law: up to any moment, their number is within six standard deviations of its mean."""
    until_s = share * length_s(stages)
    count = len(drawn(*stages, seed=seed).split(until_s)[0])
    mean = float(expected_at(stages, np.array([until_s]))[0])

    assert abs(count - mean) <= 6 * math.sqrt(mean) + 6


@pytest.mark.parametrize(
    "stages",
    [
        [Stage(1000.0, 50.0)],
        [Stage(2000.0, 50.0, from_rps=0.0)],
        [Stage(500.0, 40.0), Stage(0.0, 9.0), Stage(0.0, 30.0, from_rps=2000.0)],
    ],
    ids=["steady", "ramp", "spike"],
)
def test_poisson_gaps_are_exponential(stages: list[Stage]) -> None:
    """Law: by the clock of the expected number, gaps are exponential with the mean 1.

    So their standard deviation is 1 too, and so is the dispersion of counts.
    """
    reached = expected_at(stages, drawn(*stages).intended_s)
    counts = np.bincount((reached / 10).astype(int))

    assert np.diff(reached).mean() == pytest.approx(1, rel=0.02)
    assert np.diff(reached).std() == pytest.approx(1, rel=0.03)
    assert counts.var() / counts.mean() == pytest.approx(1, abs=0.1)


def natural(recorded_s: Sequence[float]) -> Stage:
    """Return the stage in which a recording has its own pace: one round, with a last mean gap."""
    ordered = sorted(recorded_s)
    mean_gap_s = (ordered[-1] - ordered[0]) / (len(ordered) - 1)
    return Stage(1 / mean_gap_s, mean_gap_s * len(ordered))


def replayed(recorded_s: Sequence[float], *stages: Stage, seed: int = 1) -> Schedule:
    """Return the recording replayed in these stages, at first at its own pace."""
    stages = stages or (natural(recorded_s),)
    return drawn(*stages, arrivals="replayed", recorded_s=recorded_s, seed=seed)


@given(stages=many_stages, seed=seeds, recorded_s=recordings)
def test_replayed_arrivals_come_at_the_rate_wanted(
    stages: list[Stage], seed: int, recorded_s: list[float]
) -> None:
    """Law: however long, fast and bursty the log, every stage has as many as its rate asks for."""
    intended_s = replayed(recorded_s, *stages, seed=seed).intended_s
    ends_s = np.cumsum([stage.duration_s for stage in stages])
    counts = np.cumsum([stage.expected for stage in stages]).round().astype(int)

    assert len(intended_s) == counts[-1]
    for end_s, count in zip(ends_s, counts, strict=True):
        assert np.all(intended_s[:count] <= end_s + 1e-9)
        assert np.all(intended_s[count:] >= end_s - 1e-9)


@given(seed=seeds, order=st.permutations(BURSTS))
def test_a_recording_keeps_its_pattern(seed: int, order: list[float]) -> None:
    """Law: at its own pace a recording is replayed as it was, in whatever order it was written."""
    assert np.allclose(replayed(order, seed=seed).intended_s, sorted(BURSTS))


@given(factor=st.floats(0.01, 100), shift_s=st.integers(-(10**6), 10**6), seed=seeds)
def test_the_clock_of_a_recording_counts_for_nothing(
    factor: float, shift_s: int, seed: int
) -> None:
    """Law: a recording made later, or in slow motion, gives the same arrivals."""
    other = [moment_s * factor + shift_s for moment_s in BURSTS]
    assume(any(moment_s % 1 for moment_s in other))
    one = replayed(BURSTS, Stage(2.0, 10.0), seed=seed)

    assert np.allclose(replayed(other, Stage(2.0, 10.0), seed=seed).intended_s, one.intended_s)


@given(rounds=st.integers(1, 20), seed=seeds)
def test_a_short_recording_is_repeated(rounds: int, seed: int) -> None:
    """Law: it is replayed over and over, a mean gap after its end."""
    pace = natural(BURSTS)
    schedule = replayed(BURSTS, Stage(pace.rate_rps, pace.duration_s * rounds), seed=seed)
    starts_s = pace.duration_s * np.arange(rounds)

    assert np.allclose(schedule.intended_s, np.add.outer(starts_s, sorted(BURSTS)).ravel())


@given(
    gaps_s=st.lists(st.floats(0.01, 100), min_size=2, max_size=40),
    share=st.floats(0, 1),
    seed=seeds,
)
def test_of_a_long_recording_a_stretch_is_replayed(
    gaps_s: list[float], share: float, seed: int
) -> None:
    """Law: some stretch of consecutive arrivals has the gaps of the schedule, stretched alike."""
    count = 1 + round(share * (len(gaps_s) - 1))
    recorded_s = np.cumsum([0.5, *gaps_s]).tolist()
    schedule = replayed(recorded_s, Stage(1.0, float(count)), seed=seed)
    found = np.diff([*schedule.intended_s, count]) / count
    stretches = [
        np.array(gaps_s[first : first + count]) for first in range(len(gaps_s) - count + 1)
    ]

    assert any(np.allclose(found, stretch / stretch.sum(), atol=1e-6) for stretch in stretches)


def test_seeds_choose_the_stretch() -> None:
    """Law: every stretch of a long recording can be the one, and no other gap is in it."""
    recorded_s = np.cumsum(np.arange(0.5, 5.0)).tolist()
    stretches = [np.arange(first + 1.5, first + 4.0) for first in range(2)]
    expected = {(gaps_s / gaps_s.sum() * 3).round(6)[0] for gaps_s in stretches}
    seconds = {
        round(float(replayed(recorded_s, Stage(1.0, 3.0), seed=seed).intended_s[1]), 6)
        for seed in range(40)
    }

    assert seconds == expected


@given(sharing=st.lists(st.integers(0, 8), max_size=12), seed=seeds)
def test_what_shares_a_second_is_spread_over_it(sharing: list[int], seed: int) -> None:
    """Law: in a log of whole seconds every second keeps its arrivals, no two at one moment.

    One that has its second for itself stays where it is.
    """
    seconds = np.repeat(np.arange(len(sharing) + 2), [1, *sharing, 1])
    intended_s = replayed((seconds + 1_600_000_000.0).tolist(), seed=seed).intended_s
    alone = np.bincount(seconds)[seconds] == 1

    assert np.array_equal(np.floor(intended_s + 1e-9), seconds)
    assert len(np.unique(intended_s)) == len(seconds)
    assert np.allclose(intended_s[alone], seconds[alone])


def test_fractions_are_kept() -> None:
    """Law: where the log knows fractions of a second, what came at once is sent at once."""
    recorded_s = [0.0, 1.0, 1.0, 1.0, 2.5]
    assert np.allclose(replayed(recorded_s).intended_s, recorded_s)


def test_what_came_all_at_once_does_so_again() -> None:
    """Law: a stretch of one moment is a burst."""
    recorded_s = [0.5, *[7.5] * 500, 9.0]
    bursts = [replayed(recorded_s, Stage(1.0, 5.0), seed=seed).intended_s for seed in range(9)]
    assert any(np.all(burst == 0.0) and len(burst) == 5 for burst in bursts)


@pytest.mark.parametrize("recorded_s", [[], [3.0], [3.0, 3.0]])
def test_without_a_pattern_nothing_is_replayed(recorded_s: list[float]) -> None:
    """Law: fewer than two moments are refused."""
    with pytest.raises(ValueError, match="two recorded times must differ"):
        drawn(arrivals="replayed", recorded_s=recorded_s)


def test_there_may_be_hundreds_of_operations() -> None:
    """Law: an operation has its code, though a byte would not hold it."""
    mix = {f"{number:03}": 1.0 for number in range(300)}
    drawn = draw_schedule([Stage(600.0, 1.0)], mix=mix, seed=1, arrivals="uniform")

    assert sorted(Counter(drawn.operation.tolist()).items()) == [(code, 2) for code in range(300)]


@given(seed=seeds, mix=mixes)
def test_operations_come_in_their_shares(seed: int, mix: dict[str, float]) -> None:
    """Law: of each operation its share comes, less than one more or fewer, in any order."""
    schedule = drawn(seed=seed, mix=mix)
    count, total = len(schedule), sum(mix.values())
    for code, name in enumerate(sorted(mix)):
        found = np.count_nonzero(schedule.operation == code)
        assert abs(found - count * mix[name] / total) < 1 + 1e-6


@given(seed=seeds)
def test_operations_come_in_any_order(seed: int) -> None:
    """Law: shares do not tell what comes next: either half of a schedule holds about as many."""
    schedule = drawn(Stage(1000.0, 1.0), seed=seed, mix={"read": 1.0, "write": 1.0})
    writes = np.array([np.count_nonzero(half) for half in np.array_split(schedule.operation, 2)])

    # Six standard deviations of a hypergeometric number: n/4 drawn of n, half of which are writes.
    assert abs(writes[0] - writes[1]) <= 6 * math.sqrt(len(schedule) / 4) + 2


@pytest.mark.parametrize(
    "stages",
    [[], [Stage(0.0, 1.0)], [Stage(1.0, 0.0)], [Stage(0.0, 3.0), Stage(0.0, 0.0, from_rps=9.0)]],
)
def test_nothing_cannot_be_drawn(stages: list[Stage]) -> None:
    """Law: stages in which nothing is to be expected are refused, saying what was asked for."""
    with pytest.raises(ValueError, match="nothing is to be expected"):
        draw_schedule(stages, mix={"a": 1.0}, seed=1)


@pytest.mark.parametrize("odd", [Stage(-1.0, 1.0), Stage(1.0, -1.0), Stage(1.0, 1.0, -1.0)])
def test_negative_rates_and_durations_are_refused(odd: Stage) -> None:
    """Law: no stage can take back what another sends."""
    with pytest.raises(ValueError, match="may be negative"):
        drawn(Stage(100.0, 1.0), odd)


@given(stages=many_stages, seed=seeds)
def test_a_schedule_reads_back(
    tmp_path_factory: pytest.TempPathFactory, stages: list[Stage], seed: int
) -> None:
    """Law: what was written is what is read, to the bit."""
    path: Path = tmp_path_factory.mktemp("schedule") / "schedule.npz"
    schedule = drawn(*stages, seed=seed)
    schedule.write(path)

    assert same(Schedule.read(path), schedule)


@given(blocks=st.integers(0, 50), seed=seeds)
def test_the_candidate_goes_first_twice_in_every_four(blocks: int, seed: int) -> None:
    """Law: each block of four turns has two of either order; the seed decides which."""
    order = list(islice(balanced_turns(seed), 4 * blocks))

    assert all(sum(order[start : start + 4]) == 2 for start in range(0, len(order), 4))
    assert order == list(islice(balanced_turns(seed), 4 * blocks))


def test_all_orders_of_a_block_occur_alike() -> None:
    """Law: the six ways to order two and two are equally likely."""
    order = list(islice(balanced_turns(3), 4 * 6000))
    found = Counter(tuple(order[start : start + 4]) for start in range(0, len(order), 4))

    assert len(found) == 6
    assert max(abs(count - 1000) for count in found.values()) <= 6 * math.sqrt(1000)


@pytest.mark.parametrize(("one", "other"), [*combinations(PURPOSES, 2)])
def test_coins_of_two_purposes_know_nothing_of_each_other(one: str, other: str) -> None:
    """Law: over the seeds of a check's sessions each pair of faces is equally common."""
    found = Counter((coin(seed, one), coin(seed, other)) for seed in SESSION_SEEDS)

    assert len(found) == 4
    assert max(abs(count - 250) for count in found.values()) <= 5 * math.sqrt(250)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_coins_know_nothing_of_the_order_of_starts(purpose: str) -> None:
    """Law: which build starts first, balanced over sessions, says nothing of a session's coins."""
    first = balanced_turns(derived_seed(20180713, "start"))
    found = Counter(zip(first, (coin(seed, purpose) for seed in SESSION_SEEDS), strict=False))

    assert max(abs(count - 250) for count in found.values()) <= 5 * math.sqrt(250)


@given(shares=shares, seed=seeds, count=st.integers(0, 500))
def test_an_even_mix_never_runs_ahead(shares: list[float], seed: int, count: int) -> None:
    """Law: of any first n requests, an operation has at most two more than its share."""
    found = Counter(islice(even_mix(shares, seed), count))

    assert sum(found.values()) == count
    for index, share in enumerate(shares):
        assert found[index] <= count * share / sum(shares) + 2 + 1e-6


@given(shares=shares, seed=seeds)
def test_an_even_mix_falls_behind_by_a_bound(shares: list[float], seed: int) -> None:
    """Law: no operation is starved: it lacks at most as many as there are operations."""
    count = 2000
    found = Counter(islice(even_mix(shares, seed), count))

    for index, share in enumerate(shares):
        assert found[index] >= count * share / sum(shares) - len(shares)


@given(seed=seeds)
def test_rare_operations_come_at_equal_distances(seed: int) -> None:
    """Law: an operation of one percent comes every hundred requests, a few more or less."""
    codes = list(islice(even_mix([75, 12, 8, 4, 1], seed), 3000))
    places = [place for place, code in enumerate(codes) if code == 4]

    assert len(places) in (29, 30, 31)
    assert all(abs(later - earlier - 100) <= 10 for earlier, later in pairwise(places))


@given(shares=shares, seed=seeds)
def test_an_even_mix_follows_its_seed(shares: list[float], seed: int) -> None:
    """Law: the same seed gives the same requests, so that twins are twins."""
    assert list(islice(even_mix(shares, seed), 200)) == list(islice(even_mix(shares, seed), 200))
