"""Real builds through a real overload: a back end, callers that retry, and what saves them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from scenarios.auth_repository import ANCHOR, BASE

if TYPE_CHECKING:
    from scenarios.auth_repository import AuthRepository, Finished

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

# A quarter of what four places of 20 ms serve. Three times as much is more than with 30 ms.
LEDGER = """\
format = "perfgate.demand/1"

[[dependent]]
name = "api-gateway"
peak_rps = 46.0
mix = { introspect = 0.9, token = 0.1 }
timeout_s = 1.0
attempts = 3
backoff = { kind = "exponential", base_s = 0.1, factor = 2.0, max_s = 1.0, jitter = "full" }
"""
FRUGAL = 'attempts = 3\nbudget = { kind = "per_success", ratio = 0.1 }'
SETTINGS = "authsvc/settings.py"


@pytest.fixture
def behind(repository: AuthRepository) -> AuthRepository:
    """Return a repository whose service asks a back end."""
    repository.replace("authsvc/app.py", BASE, ANCHOR)
    repository.replace(
        "perfgate.toml", "[profiles.default]", "[profiles.default]\nsolo_s = 0.0\nlooks = [2]"
    )
    (repository.root / "demand.toml").write_text(LEDGER)
    set_to(repository, "backend_slots", 0, 4)
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
    set_to(behind, "backend_ms", 20, 30)
    behind.commit("Ask the back end for more")
    run = behind.check("--recovery")
    own = recovery(run)
    assert (run.code, own["outcome"]) == (1, "FAIL"), run.out
    assert " 0 % of calls were answered in time, at 3.0 attempts each" in own["reason"]
    assert "At the base they were, after" in own["reason"]
    carried = next(one for one in run.verdict["findings"] if one["check"] == "demand")
    assert carried["outcome"] == "PASS"


@pytest.mark.parametrize("remedy", ["queue", "patience", "budget"])
def test_what_saves_it(behind: AuthRepository, remedy: str) -> None:
    """A bounded queue, work that is dropped when it is late, or a retry budget: it comes back."""
    set_to(behind, "backend_ms", 20, 30)
    match remedy:
        case "queue":
            set_to(behind, "backend_queue", 0, 60)
        case "patience":
            set_to(behind, "backend_patience_ms", 0, 700)
        case "budget":
            behind.replace("demand.toml", "attempts = 3", FRUGAL)
    behind.commit("Ask the back end for more, and save the service")
    own = recovery(behind.check("--recovery"))
    assert own["outcome"] == "PASS", own
