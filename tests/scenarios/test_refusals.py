"""Nothing can be measured: each reason has its own exit code and a message to act on."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scenarios.auth_repository import AuthRepository


def test_missing_baseline(repository: AuthRepository) -> None:
    """Without a stored baseline or a base the check says how to make the first one."""
    run = repository.perfgate("check")
    assert run.code == 4, run.err
    assert "perfgate measure --output ../first.json" in run.err
    assert run.out == ""


def test_unreachable_ref(repository: AuthRepository) -> None:
    """A base that is no commit here is named, with what can be done."""
    run = repository.perfgate("check", "--base", "no-such-branch")
    assert run.code == 6, run.err
    assert "no-such-branch" in run.err
    assert "hint:" in run.err


def test_broken_configuration(repository: AuthRepository) -> None:
    """All faults of the configuration are told at once, each with its line."""
    repository.replace("perfgate.toml", 'service = "auth"', 'servce = "auth"')
    repository.replace("perfgate.toml", "demand_s = 6.0", 'demand_s = "long"')
    repository.replace("perfgate.toml", "split_s = 3.0", "split_s = -1")
    repository.replace("perfgate.toml", "p95_ms = 1000.0", "p95ms = 1000.0")
    run = repository.check()
    assert run.code == 2, run.err
    for line in ("perfgate.toml:1:", "perfgate.toml:11:", "perfgate.toml:12:", "perfgate.toml:18:"):
        assert line in run.err
    assert "Traceback" not in run.err


def test_unknown_operation_in_the_ledger(repository: AuthRepository) -> None:
    """An operation that the Locust file lacks is told with its line and the near match."""
    repository.replace("demand.toml", "token = 0.10", "tokn = 0.10")
    run = repository.check()
    assert run.code == 2, run.err
    assert "demand.toml:6:" in run.err
    assert "token" in run.err


@pytest.mark.long
def test_target_that_never_gets_ready(repository: AuthRepository) -> None:
    """A build that never serves is reported with its command, its URL and the end of its log."""
    repository.replace("perfgate.toml", "[load]", 'ready = "/nowhere"\nready_timeout_s = 2\n[load]')
    run = repository.check()
    assert run.code == 5, run.err
    assert "/nowhere" in run.err
    assert "not ready within 2 s" in run.err
    assert repository.left_behind() == []


@pytest.mark.long
@pytest.mark.parametrize(
    ("stage", "stop"),
    [
        ("build", signal.SIGINT),
        ("required rate", signal.SIGINT),
        ("session 1", signal.SIGINT),
        ("session 1", signal.SIGTERM),
    ],
)
def test_interrupt_leaves_nothing(
    repository: AuthRepository, stage: str, stop: signal.Signals
) -> None:
    """Interrupted at any stage, perfgate exits with 130 and leaves nothing that it started."""
    repository.replace("perfgate.toml", "demand_s = 6.0", "demand_s = 1.0")
    repository.replace("perfgate.toml", "[target]", '[target]\nbuild = "sleep 1"')
    repository.commit("Take a second to build")
    process = repository.start("check", "--base", "HEAD")
    assert process.stderr is not None
    for line in process.stderr:
        if stage in line:
            break
    time.sleep(0.5 if stage == "build" else 2.5)
    process.send_signal(stop)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert repository.left_behind() == []
