"""What is told of an upset is what happened, for services whose queue is known beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from load.journals import journal, plan, row, window
from upsets import UPSET

from perfgate.load.journal import Calls
from perfgate.load.plan import Caller, Outcome, Phase, Recovery
from perfgate.measurement.recovery import recovery_of
from perfgate.measurement.summarise import Surroundings

if TYPE_CHECKING:
    from collections.abc import Collection

    from load.journals import Row

    from perfgate.measurement.models import Recovery as Figures

AROUND = Surroundings(seconds=60.0, steal_ratio=0.0, pressure_ratio=0.0, peak_rss_bytes={})
CALLERS = (
    Caller("gateway", {"fetch": 50.0}, timeout_s=1.0),
    Caller("report", {"fetch": 0.1}, timeout_s=1.0),
)
SPEC = Recovery("schedule.npz", CALLERS, 8.0, 13.0, 59.0, 2.0, 5000)
SERVED_RPS = 100.0
SPIKE_S = (8.0, 13.0)
# Every so many callers keep waiting after they have given up, and see the answer.
WITNESS_EACH = 10


def sent_s() -> list[float]:
    """Return when attempts are sent: 50/s for 43 s, and 300/s for five of them."""
    usual = np.arange(0.0, 43.0, 1 / 50)
    return sorted([*usual, *np.arange(*SPIKE_S, 1 / 250)])


def served(queued: list[float]) -> list[float]:
    """Return when attempts are answered by one queue that serves them in order."""
    ends, free_s = [], 0.0
    for at_s in queued:
        free_s = max(free_s, at_s) + 1 / SERVED_RPS
        ends.append(free_s)
    return ends


def figures_of(attempts: list[tuple[float, float]], refused: Collection[float] = ()) -> Figures:
    """Return what is told of attempts that were sent and served then, the late ones abandoned.

    Those that were sent at ``refused`` times were refused.
    """
    rows: list[Row] = []
    for number, (at_s, end_s) in enumerate(attempts):
        seen = end_s - at_s <= CALLERS[0].timeout_s or number % WITNESS_EACH == 0
        outcome = Outcome.OK if seen else Outcome.ABANDONED
        outcome = Outcome.FAILED if at_s in refused else outcome
        own = {"number": number, "phase": Phase.RECOVERY, "outcome": outcome}
        rows.append(row(intended_s=at_s, ended_s=end_s if seen else at_s + 1.0, **own))
    windows = [window(phase=Phase.RECOVERY, index=index) for index in (0, 1)]
    told = journal(rows, windows, calls=Calls(0.0, len(rows)))
    return recovery_of(told, plan(recovery=SPEC), UPSET, 50.0, AROUND)


def test_one_queue_is_told_as_it_was() -> None:
    """Law: of a queue in order, witnesses tell how many wait and how fast they are served."""
    sent = sent_s()
    ends = served(sent)
    told = figures_of(list(zip(sent, ends, strict=True)))
    assert told.mu_over_rps == pytest.approx(SERVED_RPS, rel=0.02)
    for second in (15, 20, 25):
        waiting = np.searchsorted(sent, second) - np.searchsorted(ends, second)
        assert told.waiting[second - 1] == pytest.approx(waiting, rel=0.02)


def test_who_makes_enough_calls_is_told_alone() -> None:
    """Law: of the only caller the same is told as of all; of one with few calls nothing."""
    sent = sent_s()
    told = figures_of(list(zip(sent, served(sent), strict=True)))
    (own,) = told.callers
    assert own.name == CALLERS[0].name
    assert (own.first_tries, own.answered) == (told.first_tries, told.answered)
    assert sum(told.answered) > 0


def test_who_is_refused_neither_waits_nor_is_worked_off() -> None:
    """Law: of a queue with a bound, what is refused changes nothing of what is told of the rest."""
    sent = sent_s()
    taken = [at_s for number, at_s in enumerate(sent) if number % 3]
    ends = dict(zip(taken, served(taken), strict=True))
    whole = figures_of(list(ends.items()))
    told = figures_of(
        [(at_s, ends.get(at_s, at_s)) for at_s in sent], refused=set(sent) - set(taken)
    )
    assert told.mu_over_rps == pytest.approx(whole.mu_over_rps, rel=0.01)
    assert told.waiting[14] == pytest.approx(whole.waiting[14], rel=0.02)


def test_before_anybody_gives_up_callers_wait_all_the_same() -> None:
    """Law: without late answers those wait whose answers have not come yet."""
    told = figures_of([(at_s, at_s + 0.9) for at_s in sent_s()])
    assert told.waiting[5] == pytest.approx(45, abs=2)


def test_retries_are_due_between_two_attempts() -> None:
    """Law: who waits before trying again is counted from the end of an attempt to the next one."""
    own = {"phase": Phase.RECOVERY, "outcome": Outcome.ABANDONED}
    tried = [(0, 0, 0.5), (0, 1, 4.5), (1, 0, 1.2), (1, 1, 2.7), (2, 0, 5.5)]
    rows = [
        row(number=number, attempt=attempt, intended_s=at_s, ended_s=at_s + 1.0, **own)
        for number, attempt, at_s in tried
    ]
    windows = [window(phase=Phase.RECOVERY, index=index) for index in (0, 1)]
    told = journal(rows, windows, calls=Calls(0.0, 3))
    assert recovery_of(told, plan(recovery=SPEC), UPSET, 50.0, AROUND).due == (0, 1, 1, 1, 0, 0)


def test_who_overtakes_a_few_changes_little() -> None:
    """Where one in ten needs nothing that the others wait for, the queue is still told."""
    sent = sent_s()
    queued = [at_s for number, at_s in enumerate(sent) if number % 10 != 5]
    ends = dict(zip(queued, served(queued), strict=True))
    told = figures_of([(at_s, ends.get(at_s, at_s + 0.002)) for at_s in sent])
    assert told.mu_over_rps == pytest.approx(SERVED_RPS, rel=0.2)


def test_of_requests_that_overtake_nothing_is_told() -> None:
    """Law: where few wait for long and most are answered at once, late answers tell of no queue."""
    attempts = [
        (at_s, at_s + (30.0 if number % 3 == 0 and at_s < SPIKE_S[1] else 0.002))
        for number, at_s in enumerate(sent_s())
    ]
    told = figures_of(attempts)
    assert told.mu_over_rps is None
    assert set(told.waiting) == {None}


def test_without_late_answers_nobody_waits() -> None:
    """Where every answer comes in time there is no queue, and no rate of one."""
    told = figures_of([(at_s, at_s + 0.001) for at_s in sent_s()])
    assert told.mu_over_rps is None
    assert max(count for count in told.waiting if count is not None) <= 1
