"""One load run of two builds through every phase, with every kind of user Locust knows."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from load.runs import completed, open_plan, steady, tiny_server
from perfgate.load.journal import reached_open
from perfgate.load.plan import BUILDS, Outcome, Pairs, Phase, Saturation, Solo
from perfgate.load.schedule import BALANCED_IN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from perfgate.load.journal import Journal
    from perfgate.load.plan import Plan
    from perfgate.load.schedule import Schedule

pytestmark = pytest.mark.slow

# HttpUser and FastHttpUser, task sets in task sets, tokens that work once.
EVERY_KIND = """
class Walker(HttpUser):
    @task
    def walk(self):
        self.client.get(drawn("/ok"), name="walk")

class Holder(FastHttpUser):
    def on_start(self):
        self.token = self.client.get("/enter").text

    @task(3)
    def rotate(self):
        spent, self.token = self.token, ""
        with self.client.get(f"/rotate?token={spent}", catch_response=True) as answer:
            if answer.status_code != 200:
                answer.failure("the token was spent")
            self.token = answer.text

    @task
    class Room(TaskSet):
        def on_start(self):
            self.lamp = "on"

        @task
        def look(self):
            assert self.lamp == "on"
            self.client.get(drawn("/ok"))
            self.interrupt()

        @task
        class Cupboard(TaskSet):
            @task
            def open_door(self):
                assert self.parent.lamp == "on"
                self.client.get(drawn("/ok"))

class Unwanted(FastHttpUser):
    @task(100)
    def unwanted(self):
        self.client.get("/unwanted")
"""
MIX = {"walk": 1.0, "rotate": 3.0, "look": 1.0, "open_door": 1.0}
SATURATION = Saturation(slices=2, slice_s=0.3, ramp_s=0.1, concurrency=4)
PAIRS = Pairs(pairs=4, requests=6, concurrency=3)
SOLO = Solo(pairs=4, requests=2, seconds=10.0)
# Ten are asked for: three rounds of four, one of each operation.
WARMUP = 12


@dataclass(frozen=True)
class FullRun:
    """The run and what its servers were asked for."""

    journal: Journal
    plan: Plan
    schedule: Schedule
    seen: dict[str, list[str]]

    def column(self, name: str, phase: Phase, build: str) -> NDArray[np.float64]:
        """Return a column of one build's rows in one phase, by number."""
        rows = self.journal.rows
        own = (rows["phase"] == phase) & (rows["build"] == BUILDS.index(build))
        order = np.argsort(rows["number"][own], kind="stable")
        column: NDArray[np.float64] = rows[name][own][order]
        return column

    def twins(self, name: str, phase: Phase) -> tuple[list[float], list[float]]:
        """Return the same column of both builds."""
        base, candidate = (self.column(name, phase, build).tolist() for build in BUILDS)
        return base, candidate


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> FullRun:
    """Return a run with all phases."""
    with tiny_server() as base, tiny_server() as candidate:
        plan = open_plan(
            base.host("base"),
            candidate.host(),
            mix=MIX,
            identities=6,
            warmup_requests=10,
            saturation=SATURATION,
            pairs=PAIRS,
            solo=SOLO,
        )
        schedule = steady(60, 1.0, MIX)
        journal = completed(tmp_path_factory.mktemp("full"), EVERY_KIND, plan, schedule)
        seen = {"base": base.seen(), "candidate": candidate.seen()}
    return FullRun(journal, plan, schedule, seen)


def test_the_open_loop_is_the_schedule(full: FullRun) -> None:
    """Law: each build gets every arrival once, with its operation, at its intended time."""
    assert reached_open(full.journal, full.plan)
    for build in BUILDS:
        intended_s = full.column("intended_s", Phase.OPEN, build)
        assert full.column("number", Phase.OPEN, build).tolist() == list(range(60))
        assert full.column("operation", Phase.OPEN, build).tolist() == list(full.schedule.operation)
        assert np.allclose(intended_s - intended_s[0], full.schedule.intended_s, atol=1e-6)


@pytest.mark.parametrize("phase", [Phase.WARMUP, Phase.OPEN, Phase.PAIRS])
@pytest.mark.parametrize("name", ["number", "operation"])
def test_twins_are_equal(full: FullRun, phase: Phase, name: str) -> None:
    """Law: both builds get the same numbers and operations, in every phase of given length."""
    base, candidate = full.twins(name, phase)

    assert base == candidate
    assert len(base) == {Phase.WARMUP: WARMUP, Phase.OPEN: 60, Phase.PAIRS: 24}[phase]


def test_twins_share_the_intended_time(full: FullRun) -> None:
    """Law: an arrival is intended at the same moment for both builds."""
    base, candidate = full.twins("intended_s", Phase.OPEN)

    assert base == candidate


def test_neither_twin_is_always_first(full: FullRun) -> None:
    """Law: which of two twins starts first is drawn anew for each arrival."""
    base, candidate = full.twins("started_s", Phase.OPEN)
    first = sum(ours < theirs for ours, theirs in zip(base, candidate, strict=True))

    assert 10 <= first <= 50


def test_twins_draw_the_same_numbers(full: FullRun) -> None:
    """Law: what a task draws depends on seed and number alone, not on build or order."""
    drawing = [full.plan.operations.index(name) for name in ("walk", "look", "open_door")]
    expected: Counter[str] = Counter()
    for number, operation in enumerate(full.schedule.operation):
        if operation in drawing:
            generator = random.Random(full.plan.seed * 1_000_003 + number)  # noqa: S311 - as the driver's
            expected[f"/ok?draw={generator.random()}"] += 1

    for build in BUILDS:
        assert expected <= Counter(full.seen[build])


def test_every_kind_of_user_succeeds(full: FullRun) -> None:
    """Law: HttpUser, FastHttpUser and nested task sets run as in Locust; no operation is left."""
    rows = full.journal.rows

    assert set(rows["outcome"]) == {Outcome.OK}
    assert set(rows["status"]) == {200}
    assert set(rows["operation"]) == set(range(len(MIX)))
    assert full.journal.sign_in_failures == {"base": [], "candidate": []}


def test_tokens_stay_with_their_identity(full: FullRun) -> None:
    """Law: a token that works once is never presented twice, nor to the other build."""
    for build in BUILDS:
        presented = [path for path in full.seen[build] if path.startswith("/rotate")]
        assert len(presented) == len(set(presented)) > 60
    assert not set(full.seen["base"]) & {
        path for path in full.seen["candidate"] if path.startswith("/rotate")
    }


def test_what_the_mix_lacks_is_not_sent(full: FullRun) -> None:
    """Law: the weights of the Locust file count for nothing; the plan's mix decides."""
    assert not any("/unwanted" in seen for seen in full.seen.values())


def test_every_window_is_there_once(full: FullRun) -> None:
    """Law: two slices of saturation, one open loop and four pairs leave a window per build.

    So do four pairs of each operation alone.
    """
    columns = (full.journal.windows[name] for name in ("phase", "build", "index", "operation"))
    expected = {(Phase.SATURATION, -1): 2, (Phase.OPEN, -1): 1, (Phase.PAIRS, -1): 4}
    expected |= {(Phase.SOLO, operation): 4 for operation in range(len(MIX))}

    assert Counter(zip(*columns, strict=True)) == {
        (phase, build, index, operation): 1
        for (phase, operation), count in expected.items()
        for build in range(2)
        for index in range(count)
    }


def test_alone_means_alone(full: FullRun) -> None:
    """Law: a window of one operation holds the same requests for both builds, all of that one.

    They come one after the other.
    """
    rows, windows = full.journal.rows, full.journal.windows
    seen: dict[tuple[int, int], list[list[int]]] = {}
    for place in np.flatnonzero(windows["phase"] == Phase.SOLO):
        span = windows["from_s"][place], windows["to_s"][place]
        inside = (rows["started_s"] >= span[0]) & (rows["started_s"] <= span[1])
        assert set(rows["operation"][inside]) == {windows["operation"][place]}
        assert np.all(rows["started_s"][inside][1:] >= rows["ended_s"][inside][:-1])
        pair = int(windows["operation"][place]), int(windows["index"][place])
        own = inside & (rows["build"] == windows["build"][place])
        seen.setdefault(pair, []).append(rows["number"][own].tolist())

    assert len(seen) == 4 * len(MIX)
    for base, candidate in seen.values():
        assert base == candidate
        assert len(base) == SOLO.requests


def test_the_memory_is_read(full: FullRun) -> None:
    """Law: at the end of each window a process of Python has a few megabytes."""
    assert np.all(full.journal.windows["rss_bytes"] > 1 << 20)


def test_a_pair_s_window_holds_its_batch(full: FullRun) -> None:
    """Law: every request of a batch starts and ends within the batch's window."""
    rows, windows = full.journal.rows, full.journal.windows
    for place in np.flatnonzero(windows["phase"] == Phase.PAIRS):
        inside = (
            (rows["phase"] == Phase.PAIRS)
            & (rows["build"] == windows["build"][place])
            & (rows["started_s"] >= windows["from_s"][place])
            & (rows["ended_s"] <= windows["to_s"][place])
        )
        assert np.count_nonzero(inside) == PAIRS.requests


def test_only_one_build_works_at_a_time(full: FullRun) -> None:
    """Law: in closed loop no request is sent to a build while the other has one."""
    rows = full.journal.rows
    closed = np.flatnonzero(rows["phase"] != Phase.OPEN)
    spans = sorted(
        (rows["started_s"][place], rows["ended_s"][place], rows["build"][place]) for place in closed
    )
    starts_s, ends_s, builds = map(np.array, zip(*spans, strict=True))
    handed_over = np.flatnonzero(builds[1:] != builds[:-1])

    assert len(handed_over) > 4 * PAIRS.pairs
    assert np.all(np.maximum.accumulate(ends_s)[handed_over] <= starts_s[handed_over + 1])


def test_the_builds_take_turns(full: FullRun) -> None:
    """Law: of a batch either gets as many as are in flight, then the other the same ones."""
    rows = full.journal.rows
    ours = rows["phase"] == Phase.PAIRS
    sent = np.argsort(rows["started_s"][ours])
    build, number = rows["build"][ours][sent], rows["number"][ours][sent]
    turns = build.reshape(-1, PAIRS.concurrency)
    firsts, seconds = turns[::2, 0], turns[1::2, 0]

    assert np.all(turns == turns[:, :1])
    assert np.all(firsts != seconds)
    assert np.all(firsts.reshape(-1, BALANCED_IN).sum(axis=1) == BALANCED_IN // 2)
    numbers = number.reshape(-1, 2, PAIRS.concurrency)
    assert np.array_equal(np.sort(numbers[:, 0]), np.sort(numbers[:, 1]))


def test_the_targets_cpu_time_is_read(full: FullRun) -> None:
    """Law: a window of work has cost CPU time, and no more than the time that passed."""
    windows = full.journal.windows
    busy = windows["phase"] < Phase.PAIRS  # a batch may be shorter than the kernel's tick

    assert np.all(windows["cpu_s"][busy] > 0)
    assert np.all(windows["cpu_s"] <= (windows["to_s"] - windows["from_s"]) * 1.1 + 0.02)


def test_the_order_of_times(full: FullRun) -> None:
    """Law: intended <= started <= ended; in closed loop an arrival is intended when it starts."""
    rows = full.journal.rows
    closed = rows["phase"] != Phase.OPEN

    assert np.all(rows["started_s"] >= rows["intended_s"] - 1e-6)
    assert np.all(rows["ended_s"] > rows["started_s"])
    assert np.array_equal(rows["intended_s"][closed], rows["started_s"][closed])
