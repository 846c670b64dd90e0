"""Laws of the parts that run in Locust: timer, crew, recorder and callers, in their own process."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from perfgate.load.plan import Outcome

EXERCISE = Path(__file__).parent / "exercise_inside.py"


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """Return what was seen when every part was exercised."""
    environ = os.environ | {"LOCUST_SKIP_MONKEY_PATCH": "1"}
    done = subprocess.run(
        (sys.executable, str(EXERCISE)),
        env=environ,
        check=True,
        stdout=subprocess.PIPE,
        timeout=120,
    )
    parts: dict[str, Any] = json.loads(done.stdout)
    return parts


def test_timer_never_calls_early(seen: dict[str, Any]) -> None:
    """Law: a call comes at its moment or later (a nanosecond is the clock's grain)."""
    assert len(seen["timer"]["late_s"]) == 5
    assert min(seen["timer"]["late_s"]) >= -1e-9


def test_timer_does_not_wait_for_the_past(seen: dict[str, Any]) -> None:
    """Law: a moment that has passed, even one before the clock's zero, is not waited for.

    The timer would have waited for ever: zero disarms it.
    """
    assert seen["timer"]["past"] == 7


def test_timer_lets_others_work(seen: dict[str, Any]) -> None:
    """Law: between two calls all others go on."""
    assert seen["timer"]["turns"] > 5


def test_what_a_call_raises_is_not_lost(seen: dict[str, Any]) -> None:
    """Law: an exception in a call reaches whoever has the calls made, and then it can go on."""
    assert seen["timer"]["raised"] == "ZeroDivisionError"
    assert seen["timer"]["again"] == [0.0]


@pytest.mark.parametrize(("pace", "items"), [("quick", 7), ("slow", 5)])
def test_crew_finishes_its_work(seen: dict[str, Any], pace: str, items: int) -> None:
    """Law: each item is done once, however slowly, as long as some item is done now and then."""
    assert seen["crew"][pace] == [True, list(range(items))]


def test_crew_that_stands_still_is_stopped(seen: dict[str, Any]) -> None:
    """Law: a crew that gets nowhere is stopped and says so; one without work has finished."""
    assert seen["crew"]["stuck"] == [False, []]
    assert seen["crew"]["idle"] is True


def test_a_worker_that_fails_is_told(seen: dict[str, Any]) -> None:
    """Law: what a worker of a crew raises is raised, though it was early and others stand still."""
    assert seen["crew"]["failed"] == ["ZeroDivisionError"] * 2


def test_equal_failures_share_a_class(seen: dict[str, Any]) -> None:
    """Law: ports, queries and addresses do not tell failures apart; paths and words do."""
    told = seen["failures"]["rows"]["failure"]

    assert told[:4] == told[4:8]
    assert told[0] == "OSError: URL /a/b: code=1"
    assert told[3] == "OSError: what now?"
    assert len(set(told[:4])) == 4


def test_failure_classes_are_few_and_short(seen: dict[str, Any]) -> None:
    """Law: there are at most 63 classes and one for all others, of at most 160 characters."""
    told = seen["failures"]["rows"]["failure"]

    assert told[8] == "ValueError"
    # Six classes were there before the hundred, of which 57 found a place.
    assert len(set(told)) == 64
    assert Counter(told)["other failures"] == 43
    assert max(map(len, told)) == 160


def test_strange_answers_keep_the_columns_whole(seen: dict[str, Any]) -> None:
    """Law: an answer without an HTTP status has status 0, and every column has a value for it."""
    rows, seal = seen["oddities"]["rows"], seen["oddities"]["seal"]

    assert rows["status"] == [200, 0, 0, 0, 0, 0, 0]
    assert rows["size_bytes"] == [3, 3, 3, 3, 3, 0, 0]
    assert rows["outcome"] == [Outcome.OK] * 7
    assert {len(column) for name, column in rows.items() if not name.startswith("window_")} == {7}
    assert seal["rows"] == 7


def test_a_row_that_cannot_be_written_breaks_the_run(seen: dict[str, Any]) -> None:
    """Law: a size has its limit; what else does not fit is told, and later rows are written."""
    rows, seal = seen["huge"]["rows"], seen["huge"]["seal"]

    assert rows["number"] == [0, 1]
    assert rows["size_bytes"] == [2**64 - 1, 0]
    assert "struct.error" in seal["broken"]


def test_requests_outside_an_arrival_do_not_count(seen: dict[str, Any]) -> None:
    """Law: a request that belongs to no arrival leaves no trace in the journal."""
    assert seen["oddities"]["seal"]["failures"] == [""]


def test_greenlets_of_a_task_ask_for_it(seen: dict[str, Any]) -> None:
    """Law: what a task starts counts as its own, at any remove, until it ends; never as another's.

    Nothing is kept of greenlets that have ended.
    """
    rows = seen["spawned"]["rows"]

    assert rows["failure"] == ["OSError: remote", "", ""]
    assert rows["size_bytes"] == [3, 0, 0]
    assert seen["spawned"]["kept"] == 0


def test_the_manifest_keeps_the_facts(seen: dict[str, Any]) -> None:
    """Law: facts given along stand in the manifest beside the seal."""
    assert seen["oddities"]["seal"]["more"] == 1


def test_a_killed_arrival_has_its_row(seen: dict[str, Any]) -> None:
    """Law: every arrival of the open loop stands there once for each build, killed or not sent."""
    rows = seen["killed"]["rows"]
    arrivals = sorted(zip(rows["number"], rows["build"], rows["intended_s"], strict=True))
    started = [not math.isnan(moment) for moment in rows["started_s"]]

    assert arrivals == [(n, build, 4.0 + n) for n in range(3) for build in range(2)]
    assert rows["outcome"] == [Outcome.CENSORED] * 6
    assert started == [
        n == 1 and b == 0 for n, b in zip(rows["number"], rows["build"], strict=True)
    ]
    assert all(math.isnan(moment) for moment in rows["ended_s"])
    assert seen["killed"]["ended"] == 1


def test_only_what_was_sealed_alike_is_opened(seen: dict[str, Any]) -> None:
    """Law: a message opens as it was closed; changed, as another kind or by another key, never."""
    assert seen["seals"]["same"]
    assert seen["seals"]["refused"] == [None] * 6


def test_retries_are_no_more_than_their_share_in_flight(seen: dict[str, Any]) -> None:
    """Law: as a retry begins, retries are at most the budget's share of all that is in flight."""
    for ratio, begun in seen["flights"]["mixed"]:
        assert begun
        assert all(retries <= ratio * attempts for retries, attempts in begun)


def test_retries_are_as_many_as_their_share_allows(seen: dict[str, Any]) -> None:
    """Law: beside 40 calls that hang there are r retries, all that r <= ratio * (40 + r) allows."""
    for ratio, begun in seen["flights"]["hanging"]:
        assert len(begun) == math.floor(40 * ratio / (1 - ratio))


def test_a_retry_that_has_ended_leaves_its_place(seen: dict[str, Any]) -> None:
    """Law: where retries end at once, a share of a tenth is enough for both of all 50 calls."""
    assert len(seen["flights"]["failing"]) == 2 * 50


@pytest.mark.parametrize("scene", ["alone", "last"])
def test_who_is_alone_in_flight_does_not_retry(seen: dict[str, Any], scene: str) -> None:
    """Law: any share of one attempt is less than a retry, however many were in flight before."""
    assert seen["flights"][scene] == []
