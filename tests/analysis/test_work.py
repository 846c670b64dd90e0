"""What requests cost is found in runs: of each operation alone, and of the saturated build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import ALONE_S, RATE_RPS, SOLO_PAIRS, SOLO_REQUESTS, Build, session, windows
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.work import work_of

if TYPE_CHECKING:
    from perfgate.measurement.models import Run

MIX = {"introspect": 0.9, "login": 0.1}
MIXED_S = 0.9 * ALONE_S["introspect"] + 0.1 * ALONE_S["login"]


def with_solo(run: Run, **changes: object) -> Run:
    """Return the run with other batches of logins alone."""
    own = run.builds["candidate"]
    solo = {**own.solo, "login": own.solo["login"].model_copy(update=changes)}
    candidate = own.model_copy(update={"solo": solo})
    return run.model_copy(update={"builds": {**run.builds, "candidate": candidate}})


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=6), st.floats(0.92, 1.0))
def test_weights_are_in_requests_of_the_mix(paces: list[float], busy: float) -> None:
    """Law: how fast the machine was from run to run is in no weight, and they add up to one."""
    runs = [session(Build(cost=pace, saturated=pace, busy=busy)) for pace in paces]
    work = work_of(runs, "candidate", MIX)
    for name, alone_s in ALONE_S.items():
        assert work.weights[name] == pytest.approx((alone_s / MIXED_S,) * 3)
    assert sum(MIX[name] * weight.likely for name, weight in work.weights.items()) == pytest.approx(
        1.0
    )


def test_alone_is_held_against_saturated() -> None:
    """How much dearer a request is alone is told by the build's own time while saturated."""
    work = work_of([session(Build(busy=1.0))] * 2, "candidate", MIX)
    assert work.alone == pytest.approx((MIXED_S * RATE_RPS,) * 3)


def test_runs_that_differ_leave_doubt() -> None:
    """Runs are the samples: where they differ, the interval is as wide as that makes it."""
    runs = [session(Build(operations={"login": by}, busy=1.0)) for by in (-0.1, 0.0, 0.1)]
    low, likely, high = work_of(runs, "candidate", MIX).weights["login"]
    assert low < likely < high
    assert work_of(runs * 3, "candidate", MIX).weights["login"].high < high


def test_a_build_that_waits_is_told_by_its_time() -> None:
    """Where the CPU is not what runs out, own time counts, and CPU time adds to the doubt."""
    slow_s = 3 * ALONE_S["login"] * SOLO_REQUESTS
    waiting = windows(SOLO_PAIRS, slow_s, ALONE_S["login"] * SOLO_REQUESTS, SOLO_REQUESTS)
    runs = [with_solo(session(Build(busy=busy)), **waiting.model_dump()) for busy in (0.5, 0.5)]
    by_cpu = ALONE_S["login"] / MIXED_S
    time_s = {"introspect": 1.2 * ALONE_S["introspect"], "login": 3 * ALONE_S["login"]}
    by_time = time_s["login"] / sum(MIX[name] * time_s[name] for name in MIX)
    assert work_of(runs, "candidate", MIX).weights["login"] == pytest.approx(
        (by_cpu, by_time, by_time)
    )


@pytest.mark.parametrize(
    "runs",
    [
        [],
        [session()],
        [session(), with_solo(session(), answered=())],
        [session(), with_solo(session(), cpu_s=(0.0,) * SOLO_PAIRS)],
    ],
)
def test_too_little_tells_nothing(runs: list[Run]) -> None:
    """Without two runs that timed every operation, no weight is known, only the mix."""
    work = work_of(runs, "candidate", MIX)
    assert (work.mix, work.weights) == (MIX, {})


def test_an_operation_that_was_not_sent_has_no_weight() -> None:
    """A mix with an operation that no run timed cannot be weighed."""
    assert work_of([session()] * 3, "candidate", {"verify": 1.0}).weights == {}
