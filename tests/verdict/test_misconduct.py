"""Servers that misbehave in the ways servers do: the finding names what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import case
from load.runs import completed, open_plan, steady, tiny_server

from perfgate.load.plan import Pairs
from perfgate.measurement.summarise import Surroundings, summarise
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.measurement.models import Run
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


def beside_a_good_one(directory: Path, habit: str) -> Run:
    """Return a session of a candidate with this habit and a base without any."""
    with tiny_server() as base, tiny_server("--habit", habit) as candidate:
        pairs = Pairs(pairs=24, requests=8, concurrency=4)
        plan = open_plan(base.host("base"), candidate.host(), pairs=pairs)
        journal = completed(directory, READS_BODIES, plan, steady(100, 1.0, MIX))
    return summarise(journal, plan, 100.0, 1.0, AROUND)


@pytest.mark.parametrize(
    ("habit", "check", "outcome", "words"),
    [
        ("reset", "errors:fetch", Outcome.FAIL, "ConnectionResetError"),
        ("wrong", "errors:fetch", Outcome.FAIL, "body is wrong"),
        ("redirect", "conduct:redirects", Outcome.WARN, "1.00 redirects per request"),
        ("close", "conduct:connections", Outcome.WARN, "closes connections"),
        ("slower", "conduct:trend", Outcome.FAIL, "gets slower as it runs"),
        ("leak", "memory:growth", Outcome.FAIL, "memory grows with requests: by 16"),
    ],
)
def test_the_finding_names_what_happened(
    tmp_path: Path, habit: str, check: str, outcome: Outcome, words: str
) -> None:
    """Law: what a server does to its callers stands in the findings in so many words."""
    session = beside_a_good_one(tmp_path, habit)
    findings = judge(case(sessions=(session,) * 4, demand_run=None)).findings
    (found,) = by_check(findings, check)
    assert found.outcome is outcome
    assert words in found.reason


def by_check(findings: tuple[Finding, ...], check: str) -> list[Finding]:
    """Return the findings of one check."""
    return [found for found in findings if found.check == check]
