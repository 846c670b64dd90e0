"""Servers that misbehave in the ways servers do: the finding names what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import case
from load.runs import completed, open_plan, steady, tiny_server
from load.tiny_server import LEAK_BYTES

from perfgate.load.plan import Open, Pairs
from perfgate.measurement.summarise import Surroundings, summarise
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from perfgate.verdict.finding import Finding

pytestmark = pytest.mark.slow

READS_BODIES = """
class Caller(FastHttpUser):
    @task
    def fetch(self):
        with self.client.get("/ok", catch_response=True) as answer:
            if answer.status_code == 200 and answer.text != "ok":
                answer.failure("body is wrong")
"""
AROUND = Surroundings(seconds=5.0, steal_ratio=0.0, pressure_ratio=0.0, peak_rss_bytes={})
MIX = {"fetch": 1.0}
# Habits share a session where none shows in what another is told by.
WORSE, RUDE = ("wrong", "slower", "leak"), ("redirect", "close")


@pytest.fixture(scope="module")
def findings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Finding, ...]:
    """Return what is found of a candidate with these habits beside a base without any."""
    habits: tuple[str, ...] = request.param
    words = [word for habit in habits for word in ("--habit", habit)]
    # Whoever never answers would end a closed loop, which is told apart.
    pairs = None if "mute" in habits else Pairs(pairs=24, requests=8, concurrency=4)
    with tiny_server() as base, tiny_server(*words) as candidate:
        plan = open_plan(
            base.host("base"), candidate.host(), pairs=pairs, open=Open("schedule.npz", 1.0, 2000)
        )
        directory = tmp_path_factory.mktemp("session")
        journal = completed(directory, READS_BODIES, plan, steady(100, 1.0, MIX))
    session = summarise(journal, plan, 100.0, 1.0, AROUND)
    return judge(case(sessions=(session,) * 4, demand_run=None)).findings


@pytest.mark.parametrize(
    ("findings", "check", "outcome", "words"),
    [
        (WORSE, "errors:fetch", Outcome.FAIL, "body is wrong"),
        (WORSE, "conduct:trend", Outcome.FAIL, "gets slower as it runs"),
        (WORSE, "memory:growth", Outcome.FAIL, "memory grows with requests"),
        (RUDE, "conduct:redirects", Outcome.WARN, "1.00 redirects per request"),
        (RUDE, "conduct:connections", Outcome.WARN, "closes connections"),
        (("reset",), "errors:fetch", Outcome.FAIL, "ConnectionResetError"),
        (("mute",), "errors:fetch", Outcome.FAIL, "no answer before the end of the load"),
    ],
    indirect=["findings"],
    scope="module",
)
def test_the_finding_names_what_happened(
    findings: tuple[Finding, ...], check: str, outcome: Outcome, words: str
) -> None:
    """Law: what a server does to its callers stands in the findings in so many words."""
    (found,) = (found for found in findings if found.check == check)
    assert found.outcome is outcome
    assert words in found.reason


@pytest.mark.parametrize("findings", [WORSE], indirect=True, scope="module")
def test_a_leak_is_told_in_its_size(findings: tuple[Finding, ...]) -> None:
    """What is kept of each request is told within a tenth: allocators take memory in pieces."""
    (found,) = (found for found in findings if found.check == "memory:growth")
    assert found.observed == pytest.approx(1000 * LEAK_BYTES / 1024, rel=0.1)
