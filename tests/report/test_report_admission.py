"""Whole answers to dependents. PERFGATE_GOLDENS=write renews them."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path

import pytest
from builders import config, dependent, ledger, record
from hostile import TEXTS
from incident_records import incident_record

from perfgate.baseline.capacity import capacity_record
from perfgate.demand.question import planned
from perfgate.report.admission import FORMATS, render_json, render_terminal
from perfgate.report.admissionpage import render_markdown
from perfgate.report.markup import MARKS
from perfgate.verdict.admission import Admission, admission
from perfgate.verdict.finding import Outcome
from perfgate.verdict.order import OtherBuild

GOLDENS = Path(__file__).parent / "goldens"
ENDINGS = {"terminal": "txt", "json": "json", "markdown": "md"}
ASKED, MIGRATION = date(2018, 7, 13), date(2018, 7, 18)


def refused() -> Admission:
    """Return the answer to the migration with the slow build, while the old one is to come back."""
    own = incident_record("slow-build")
    question = planned(own.ledger, "smtp-inbound", MIGRATION)
    old = OtherBuild("auth 333333333333", incident_record("old-build").mixed)
    return admission(own, question, ASKED, old)


@pytest.mark.parametrize("format_", FORMATS)
def test_the_answer_is_as_it_was(format_: str) -> None:
    """The answer in the incident is, to the letter, the golden one."""
    text = FORMATS[format_](refused())
    golden = GOLDENS / f"admission.{ENDINGS[format_]}"
    if os.environ.get("PERFGATE_GOLDENS") == "write":
        golden.write_text(text)
    assert golden.read_text() == text, "intended? PERFGATE_GOLDENS=write renews it"


@pytest.mark.parametrize("plan", [{"scale": 1.0}, {"scale": 9.0}])
def test_a_reason_is_told_once(plan: dict[str, float]) -> None:
    """Law: the reason stands once, in its finding; only what sums several up stands above them."""
    planned_ledger = ledger(dependent(change=[{"from": ASKED, "what": "more", **plan}]))
    own = capacity_record(config(), planned_ledger, record())
    answer = admission(own, planned(own.ledger, "gateway", ASKED), ASKED)
    summed = answer.verdict.outcome is Outcome.PASS
    first = answer.verdict.findings[0].reason
    for render in (render_terminal, render_markdown):
        text = " ".join(render(answer).replace("\\", "").split())
        assert text.count(first) == 1
        assert ("Nothing speaks against it" in text) == summed


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_names(text: str) -> None:
    """Law: whatever a dependent is called, no line of the answer is torn or painted."""
    plan = {"from": ASKED, "what": text, "scale": 9.0}
    own = capacity_record(config(), ledger(dependent(text, change=[plan])), record())
    answer = admission(own, planned(own.ledger, text, ASKED), ASKED)
    assert all(line.isprintable() for line in render_terminal(answer).splitlines())
    assert json.loads(render_json(answer))["what"] == text
    page = render_markdown(answer)
    assert page.splitlines()[0].startswith(f"## {MARKS[answer.verdict.outcome]} ")
    assert page.count("```") == 2
    assert "<script" not in page
    assert "](" not in page.replace("\\](", "").replace("\\]", "")


def test_nobody_sends_anything() -> None:
    """Without demand there is no headroom to tell: null for programs."""
    plan = {"from": ASKED, "what": "nothing", "scale": 1.0}
    own = capacity_record(config(), ledger(dependent(peak_rps=0.0, change=[plan])), record())
    answer = admission(own, planned(own.ledger, "gateway", ASKED), ASKED)
    assert json.loads(render_json(answer))["after"]["headroom"] is None
    assert "headroom                              -            -" in render_terminal(answer)


def test_a_stable_service_needs_no_picture() -> None:
    """Where retries are no danger nothing is drawn, and programs get null."""
    plan = {"from": ASKED, "what": "growth", "scale": 1.1}
    own = capacity_record(config(), ledger(dependent(change=[plan])), record())
    answer = admission(own, planned(own.ledger, "gateway", ASKED), ASKED)
    assert json.loads(render_json(answer))["picture"] is None
    assert "Simulated" not in render_terminal(answer)
    assert "```" not in render_markdown(answer)
