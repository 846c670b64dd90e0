"""Real builds of the auth service, each with the verdict it deserves and the true reason first."""

from __future__ import annotations

import math
import os
import signal
from typing import TYPE_CHECKING

import pytest
from load.mischief import CROWDED, burners

from perfgate.analysis.change import primary_slowdowns
from perfgate.analysis.sequential import percent
from perfgate.exitcodes import ExitCode
from perfgate.machine import read_environment
from perfgate.target.ports import free_port
from perfgate.verdict.case import read_case
from perfgate.verdict.noise import NOISY_SD

if TYPE_CHECKING:
    from scenarios.auth_repository import AuthRepository, Finished

pytestmark = pytest.mark.slow


def failed(run: Finished, check: str) -> None:
    """Hold that the run failed, and that this check says why first."""
    assert run.code == 1, run.err + run.out
    assert run.verdict["verdict"] == "FAIL"
    assert run.verdict["findings"][0]["check"] == check, run.out


def is_noisy(run: Finished) -> bool:
    """Tell whether sessions differed by so much that `perfgate calibrate` says what to do."""
    told = run.verdict["null"]["metrics"].values()
    return any(own["session_sd_percent"] > percent(NOISY_SD) for own in told)


def test_equal_behaviour_passes(repository: AuthRepository) -> None:
    """A commit that changes no behaviour passes, and nothing of the run is left behind.

    Where sessions differ so much that a check cannot tell, as it says, its user asks again.
    """
    repository.vary("same behaviour")
    run = repository.check()
    if run.code == ExitCode.UNDECIDED and is_noisy(run):
        run = repository.check()
    assert run.code == 0, run.err + run.out
    assert run.verdict["verdict"] == "PASS", run.out
    assert repository.left_behind() == []


@pytest.mark.nightly
@pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="needs a CPU for the generator")
def test_strangers_on_the_generators_cpu_change_nothing(repository: AuthRepository) -> None:
    """Beside two burners equal builds are told to differ by 5 % at most, or that is INVALID.

    The sessions take longer then, so that there are too few for a decision.
    """
    repository.vary("same behaviour")
    with burners(read_environment().generator_cpus, 2):
        run = repository.check("--output", "../kept", "--budget", "90s")
    told = {own["check"]: own["reason"] for own in run.verdict["findings"]}
    kept = read_case(repository.root.parent / "kept" / "measurement.json")

    assert run.code in {0, 3}, run.out
    if run.verdict["verdict"] == "INVALID":
        assert CROWDED.search(told["validity"]), run.out
    else:
        for slowdown in primary_slowdowns(kept.sessions).values():
            assert len(slowdown) >= 2
            assert abs(slowdown.mean()) < math.log(1.05)


@pytest.mark.nightly
def test_a_worker_sends_the_load(
    repository: AuthRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One `perfgate worker` serves every run of a check, which passes as if it were done here."""
    monkeypatch.setenv("PERFGATE_KEY", "k" * 32)
    workers = f"[load]\nexpect_workers = 1\nport = {free_port()}"
    repository.replace("perfgate.toml", "[load]", workers)
    repository.replace("perfgate.toml", "demand_s = 6.0", "demand_s = 3.0\nsolo_s = 0.0")
    repository.vary("same behaviour")
    worker = repository.start("worker", "--master", "127.0.0.1")
    os.sched_setaffinity(worker.pid, read_environment().generator_cpus)
    try:
        run = repository.check()
    finally:
        worker.send_signal(signal.SIGINT)
        _, told = worker.communicate(timeout=30)
    assert run.code == 0, run.err + run.out
    assert run.verdict["verdict"] == "PASS", run.out
    assert worker.returncode == ExitCode.INTERRUPTED
    # The run at the required rate, and sessions up to the first look.
    assert told.count("a run has ended; waiting for the next") >= 1 + 4
    assert repository.left_behind() == []


def test_dearer_introspection_fails_on_cost(repository: AuthRepository) -> None:
    """CPU time added to each introspection fails the build, and cost is named first.

    So much is seen in sessions a third as long as usual.
    """
    repository.replace("perfgate.toml", "demand_s = 6.0", "demand_s = 3.0\nsolo_s = 0.0")
    repository.replace("perfgate.toml", "split_s = 3.0", "split_s = 1.0")
    repository.replace("perfgate.toml", "pairs = 80", "pairs = 24")
    repository.vary("dearer")
    run = repository.check()
    failed(run, "cost")
    assert "CPU time per request rose" in run.reason


@pytest.mark.nightly
def test_one_dearer_operation_of_five_is_named(repository: AuthRepository) -> None:
    """A rare operation that costs twice as much fails the build, though the whole hardly moves."""
    repository.vary("dearer keys")
    run = repository.check("--output", "../kept")
    failed(run, "operation:jwks")
    assert run.reason.startswith("jwks: its CPU time per request, sent alone, rose by ")
    others = [own["check"] for own in run.verdict["findings"] if own["outcome"] == "FAIL"]
    assert [name for name in others if name.startswith("operation:")] == ["operation:jwks"]
    again = repository.perfgate("judge", "../kept/measurement.json", "--format", "json")
    assert (again.code, again.out) == (1, run.out)


@pytest.mark.nightly
def test_longer_wait_fails_on_latency(repository: AuthRepository) -> None:
    """A wait of 20 ms that holds nothing up fails on latency; the service rate is not blamed."""
    repository.vary("waits")
    run = repository.check()
    failed(run, "latency:introspect")
    capacity = next(own for own in run.verdict["findings"] if own["check"] == "capacity")
    assert "each request waits longer" in capacity["reason"], run.out


@pytest.mark.nightly
def test_serialised_requests_fail_on_capacity(repository: AuthRepository) -> None:
    """A lock that leaves unloaded latency alone fails on capacity."""
    repository.vary("serialised")
    failed(repository.check(), "capacity")


def test_crash_under_load_fails(repository: AuthRepository) -> None:
    """A build that dies under load fails, with its exit code and its last words."""
    repository.vary("crashes")
    run = repository.check()
    failed(run, "survival")
    assert "exited with code 7" in run.reason
    assert "out of file descriptors" in run.reason
    assert repository.left_behind() == []


@pytest.mark.nightly
def test_wrong_body_fails(repository: AuthRepository) -> None:
    """Status 200 with a wrong body is a failure of that operation."""
    repository.vary("wrong body")
    run = repository.check()
    failed(run, "errors:introspect")


@pytest.mark.nightly
def test_constant_token_fails(repository: AuthRepository) -> None:
    """A token endpoint that gives everybody the same token is fast, and found to skip work."""
    repository.vary("constant token")
    run = repository.check()
    failed(run, "errors:token")
    assert "access_token is not a new one" in run.reason


@pytest.mark.nightly
def test_shed_load_fails_on_goodput(repository: AuthRepository) -> None:
    """Fast 503s under load fail on goodput, and are not taken for a gain of latency."""
    repository.vary("sheds load")
    run = repository.check()
    failed(run, "goodput")
    assert "sheds load" in run.reason
    assert "while latency improved" in run.reason


def test_candidate_that_never_gets_ready_fails(repository: AuthRepository) -> None:
    """A candidate that waits for ever fails, with its last words, where the base gets ready."""
    repository.replace("perfgate.toml", "[load]", "ready_timeout_s = 5\n[load]")
    repository.vary("never ready")
    run = repository.check()
    failed(run, "survival")
    assert "did not get ready, though the base did: not ready within 5 s" in run.reason
    assert "waiting for the migration" in run.reason
    assert repository.left_behind() == []


@pytest.mark.nightly
def test_short_wait_fails_on_latency(repository: AuthRepository) -> None:
    """A wait of 10 ms that holds nothing up fails on latency, and capacity is not blamed.

    Latency ends the check at the first look, where a noisy machine may leave capacity open.
    """
    repository.vary("short wait")
    run = repository.check()
    failed(run, "latency:introspect")
    capacity = next(own for own in run.verdict["findings"] if own["check"] == "capacity")
    assert capacity["outcome"] in {"PASS", "INCONCLUSIVE"}, run.out
    assert "each request waits longer" in capacity["reason"], run.out


@pytest.mark.nightly
def test_a_few_errors_fail(repository: AuthRepository) -> None:
    """One wrong answer in a hundred fails the operation that gives it."""
    repository.vary("a few errors")
    run = repository.check()
    failed(run, "errors:introspect")
    assert "status 500" in run.reason


@pytest.mark.nightly
def test_slow_start_of_both_passes(repository: AuthRepository) -> None:
    """Builds that are both five times as dear at first, for eight seconds, are equal."""
    base = repository.vary("slow start")
    repository.vary("same behaviour")
    run = repository.perfgate("check", "--base", base, "--format", "json")
    assert run.code == 0, run.err + run.out


@pytest.mark.nightly
def test_leak_fails(repository: AuthRepository) -> None:
    """Memory that grows with every request is told by how much, beside the base's."""
    repository.vary("leaks")
    run = repository.check()
    memory = next(own for own in run.verdict["findings"] if own["check"] == "memory:growth")
    assert memory["outcome"] in {"WARN", "FAIL"}, run.out
    assert "grows" in memory["reason"], run.out


@pytest.mark.nightly
def test_planned_change_tips_the_demand(repository: AuthRepository) -> None:
    """Without any regression, a planned change beyond the service rate fails and is named."""
    change = (
        "\n[[dependent.change]]\n"
        'from = "2026-12-01"\n'
        'what = "delegate authentication"\n'
        "add_rps = 3000\n"
    )
    ledger = repository.root / "demand.toml"
    ledger.write_text(ledger.read_text() + change)
    repository.commit("Plan the delegation")
    run = repository.check("--on", "2026-11-24", "--budget", "60s")
    failed(run, "demand")
    assert 'the change "delegate authentication" of dashboard on 2026-12-01' in run.reason.replace(
        "The change", "the change"
    )


@pytest.mark.nightly
def test_saved_measurement_is_judged_alike(repository: AuthRepository) -> None:
    """The first baseline is measured, accepted and committed; a check against it is replayable."""
    first = repository.perfgate("measure", "--output", "../first.json")
    assert first.code == 0, first.err
    accepted = repository.perfgate("baseline", "accept", "../first.json")
    assert accepted.code == 0, accepted.err
    repository.commit("Accept the first baseline")
    assert "service rate" in repository.perfgate("baseline", "show").out
    repository.vary("wrong body")
    run = repository.perfgate("check", "--format", "json", "--output", "../kept")
    assert run.code == 1, run.err + run.out
    again = repository.perfgate("judge", "../kept/measurement.json", "--format", "json")
    assert again.code == 1
    assert again.out == run.out
