"""Real callers of a real server go through an upset: they give up, try again, and are served."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import numpy as np
import pytest

from load.journals import plan
from load.runs import HEADER, PLAIN, Server
from perfgate.load.engine import SCHEDULE_FILE, Engine, run_load
from perfgate.load.plan import Caller, Outcome, Phase, Recovery, RetryBudget
from perfgate.load.schedule import Stage, draw_schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.load.journal import Journal

SERVER = Path(__file__).parent / "pool_server.py"
CALLS_RPS, SPIKE_RPS, TIMEOUT_S = 40.0, 500.0, 0.4
BEFORE_S, UPSET_S, AFTER_S, QUIET_S = 2.0, 1.0, 30.0, 60.0
CALLER = Caller(
    name="gateway",
    rates_rps={"fetch": CALLS_RPS},
    timeout_s=TIMEOUT_S,
    attempts=2,
    waits_s=((0.05, 0.1),),
)
RECOVERY = Recovery(
    schedule=SCHEDULE_FILE,
    callers=(CALLER,),
    upset_s=BEFORE_S,
    after_s=BEFORE_S + UPSET_S,
    quiet_s=QUIET_S,
    drain_s=2.0,
    calls_limit=4000,
)


@dataclass(frozen=True)
class Ended:
    """What an upset has left: the attempts in the order of calls, and those found given up."""

    rows: dict[str, Any]
    calls: int
    scheduled: int
    given_up: int

    def column(self, name: str) -> Any:  # noqa: ANN401 - an array of any type
        """Return a column of all attempts."""
        return self.rows[name]

    def count(self, outcome: Outcome) -> int:
        """Return how many attempts ended so."""
        return int(np.count_nonzero(self.column("outcome") == outcome))


@contextmanager
def pool_server(*options: str) -> Iterator[Server]:
    """Run a server for as long as the block lasts."""
    command = (sys.executable, "-I", str(SERVER), *options)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield Server(int(process.stdout.readline()), process.pid)
        finally:
            process.kill()


def gone_through(
    run_dir: Path, *options: str, spike_rps: float = SPIKE_RPS, **changes: Any
) -> Ended:
    """Let callers go through an upset of a server."""
    stages = [
        Stage(CALLS_RPS, BEFORE_S),
        Stage(spike_rps, UPSET_S),
        Stage(CALLS_RPS, changes.pop("watched_s", AFTER_S)),
    ]
    schedule = draw_schedule(stages, mix={"fetch": 1.0}, seed=5)
    run_dir.mkdir()
    locustfile = run_dir / "callers.py"
    locustfile.write_text(HEADER + PLAIN)
    with pool_server(*options) as server:
        wanted = plan(
            hosts=(server.host(),), mix={"fetch": 1.0}, recovery=replace(RECOVERY, **changes)
        )
        journal = run_load(
            Engine(locustfile), wanted, schedule, run_dir, limit_s=90.0, tick=lambda: True
        )
        assert journal is not None
        with urlopen(f"{server.url}/given-up") as answer:  # noqa: S310 - the scheme is http
            given_up = int(answer.read())
    return ended(journal, len(schedule), given_up)


def ended(journal: Journal, scheduled: int, given_up: int) -> Ended:
    """Return the attempts of a journal."""
    sent = journal.rows["phase"] == Phase.RECOVERY
    order = np.lexsort((journal.rows["attempt"][sent], journal.rows["number"][sent]))
    rows = {name: column[sent][order] for name, column in journal.rows.items()}
    assert journal.calls is not None
    return Ended(rows, journal.calls.calls, scheduled, given_up)


@pytest.mark.slow
def test_callers_give_up_try_again_and_are_served(tmp_path: Path) -> None:
    """Through a spike of three times what is served, callers do as their ledger says.

    Laws: every attempt stands in the journal with its call, retries come after timeout and backoff,
    abandoned ones close their connection, and the run ends once callers are served again.
    """
    end = gone_through(tmp_path / "run")
    number, attempt = end.column("number"), end.column("attempt")
    outcome, started_s = end.column("outcome"), end.column("started_s")
    assert (number[attempt == 0] == np.arange(end.calls)).all()
    assert set(attempt) == {0, 1}
    assert end.calls < end.scheduled

    again = np.flatnonzero(attempt == 1)
    assert len(again) > 100
    waited_s = started_s[again] - started_s[again - 1]
    assert (waited_s >= TIMEOUT_S + CALLER.waits_s[0][0]).all()
    # Witnesses keep waiting, and may still be answered; who is answered in time calls no more.
    assert (outcome[again - 1] != Outcome.FAILED).all()
    took_s = end.column("ended_s") - started_s
    assert (took_s[again - 1][outcome[again - 1] == Outcome.OK] > TIMEOUT_S).all()
    assert (took_s[outcome == Outcome.ABANDONED] >= TIMEOUT_S).all()
    assert end.given_up >= 0.9 * end.count(Outcome.ABANDONED)
    assert end.count(Outcome.CENSORED) == 0


@pytest.mark.slow
def test_a_build_that_stands_still_goes_on(tmp_path: Path) -> None:
    """Stopped by a signal it answers nobody, and afterwards everybody."""
    end = gone_through(tmp_path / "run", spike_rps=CALLS_RPS, stalls=True)
    intended_s = end.column("intended_s") - end.column("intended_s")[0]
    first = end.column("attempt") == 0
    within = first & (intended_s > BEFORE_S) & (intended_s < BEFORE_S + UPSET_S - 2 * TIMEOUT_S)
    in_time = end.column("ended_s") - end.column("started_s") <= TIMEOUT_S
    assert not (within & in_time & (end.column("outcome") == Outcome.OK)).any()
    assert end.calls < end.scheduled


@pytest.mark.slow
def test_a_budget_keeps_retries_few(tmp_path: Path) -> None:
    """With a retry for ten successes, hardly any call of an outage is tried again.

    From some moment on nobody retries at all, and what is too much is not sent.
    """
    frugal = replace(CALLER, budget=RetryBudget("per_success", 0.1))
    end = gone_through(tmp_path / "frugal", callers=(frugal,), calls_limit=100, watched_s=1.0)
    retries = np.count_nonzero(end.column("attempt"))
    assert 0 < retries <= 10 + 0.1 * end.count(Outcome.OK)
    assert np.isnan(end.column("started_s")).sum() > 100
    quiet = gone_through(tmp_path / "quiet", quiet_s=0.0, watched_s=1.0)
    assert not quiet.column("attempt").any()
