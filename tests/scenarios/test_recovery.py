"""Real builds through a real overload: a back end, callers that retry, and what saves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from perfgate.verdict.case import read_case
from scenarios.auth_repository import ANCHOR, BASE

if TYPE_CHECKING:
    from scenarios.auth_repository import AuthRepository, Finished

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

# A quarter of what four places of 40 ms serve. Three times as much is more than with 60 ms. That
# is long beside what the machine takes itself, which would be part of the rate.
LEDGER = """\
format = "perfgate.demand/1"

[[dependent]]
name = "api-gateway"
peak_rps = 24.0
mix = { introspect = 0.9, token = 0.1 }
timeout_s = 1.0
attempts = 3
backoff = { kind = "exponential", base_s = 0.1, factor = 2.0, max_s = 1.0, jitter = "full" }
"""
FRUGAL = 'attempts = 3\nbudget = { kind = "per_success", ratio = 0.1 }'
# Shorter than by default: nothing brings it back. The base takes most of a minute to come back.
WATCHED = """
[recovery]
steps = [0.5]
step_s = 10.0
"""
SETTINGS = "authsvc/settings.py"
BACKEND = "authsvc/backend.py"
ENTER = "        self._waiting += 1\n"
DIES = "__import__('os')._exit(7)\n"
LEAKS = "self._kept = [*getattr(self, '_kept', []), bytes(262144)]\n"
# Four places of 40 ms.
FULL_RPS = 100.0


@pytest.fixture
def behind(repository: AuthRepository) -> AuthRepository:
    """Return a repository whose service asks a back end."""
    repository.replace("authsvc/app.py", BASE, ANCHOR)
    repository.replace(
        "perfgate.toml", "[profiles.default]", "[profiles.default]\nsolo_s = 0.0\nlooks = [2]"
    )
    repository.replace("perfgate.toml", "pairs = 80", "pairs = 8")
    config = repository.root / "perfgate.toml"
    config.write_text(config.read_text() + WATCHED)
    (repository.root / "demand.toml").write_text(LEDGER)
    set_to(repository, "backend_slots", 0, 4)
    set_to(repository, "backend_ms", 20, 40)
    repository.base = repository.commit("Ask the back end")
    return repository


def set_to(repository: AuthRepository, name: str, before: int, after: int) -> None:
    """Give a setting of the service another default."""
    head = f"    {name}: int = field(\n        default="
    repository.replace(SETTINGS, f"{head}{before}", f"{head}{after}")


def recovery(run: Finished) -> dict[str, Any]:
    """Return what was found of the recovery."""
    assert run.out, run.err
    (own,) = (one for one in run.verdict["findings"] if one["check"] == "recovery")
    return dict(own)


def test_a_slower_back_end_is_left_down(behind: AuthRepository) -> None:
    """A service that carries three times its demand is left dead by a spike; its base is not."""
    set_to(behind, "backend_ms", 40, 60)
    behind.commit("Ask the back end for more")
    run = behind.check("--recovery")
    own = recovery(run)
    assert (run.code, own["outcome"]) == (1, "FAIL"), run.out
    candidate, base = run.verdict["recoveries"]
    assert candidate["answered_ratio"] < 0.05
    assert candidate["attempts_per_call"] > 2.5
    assert candidate["prediction"]["came_true"]
    assert base["recovered_s"] is not None
    assert "At the base they were, after" in own["reason"]
    carried = next(one for one in run.verdict["findings"] if one["check"] == "demand")
    assert carried["outcome"] == "PASS"


@pytest.mark.parametrize("remedy", ["queue", "patience", "budget"])
def test_what_saves_it(behind: AuthRepository, remedy: str) -> None:
    """A bounded queue, work that is dropped when it is late, or a retry budget: it comes back."""
    set_to(behind, "backend_ms", 40, 60)
    match remedy:
        case "queue":
            set_to(behind, "backend_queue", 0, 30)
        case "patience":
            set_to(behind, "backend_patience_ms", 0, 700)
        case "budget":
            behind.replace("demand.toml", "attempts = 3", FRUGAL)
    behind.commit("Ask the back end for more, and save the service")
    own = recovery(behind.check("--recovery"))
    assert own["outcome"] == "PASS", own


def test_who_refuses_at_once_serves_as_much_as_it_can(behind: AuthRepository) -> None:
    """A build that sheds what is too much answers as many in the spike as it ever does."""
    set_to(behind, "backend_queue", 0, 30)
    behind.commit("Refuse what would wait for too long")
    run = behind.check("--recovery", "--output", "../kept")
    assert recovery(run)["outcome"] == "PASS", run.out
    (own,) = read_case(behind.root.parent / "kept" / "measurement.json").measurement.recoveries
    spike = own.answered[int(own.upset.from_s) : int(own.upset.to_s)]
    assert own.upset.rate_rps > 1.2 * FULL_RPS
    assert sum(spike) / len(spike) > 0.8 * FULL_RPS
    assert own.waiting[-1] == 0


def test_who_dies_of_a_spike(behind: AuthRepository) -> None:
    """A build that ends under an overload fails for that, in the overload."""
    behind.replace(BACKEND, ENTER, f"{ENTER}        if self._waiting > 80:\n            {DIES}")
    behind.commit("Die when too many wait")
    run = behind.check("--recovery")
    assert (run.code, run.verdict["verdict"]) == (1, "FAIL"), run.out
    assert "exited with code 7 under load (recovery of the candidate)" in run.reason, run.out


def test_who_leaks_in_a_spike(behind: AuthRepository) -> None:
    """A build that keeps something of all who waited is named for that, though it recovers."""
    behind.replace(BACKEND, ENTER, f"{ENTER}        if self._waiting > 20:\n            {LEAKS}")
    set_to(behind, "backend_queue", 0, 30)
    behind.commit("Keep who had to wait")
    run = behind.check("--recovery")
    assert recovery(run)["outcome"] == "PASS", run.out
    (own,) = (one for one in run.verdict["findings"] if one["check"] == "memory:overload")
    assert own["outcome"] == "WARN", run.out
