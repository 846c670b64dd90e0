"""The JSON report keeps its schema, and is JSON for any case."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from builders import Build, case, cases, config, search, terms
from hostile import TEXTS, hostile_case
from hypothesis import given, settings
from upsets import after, came_back, started_anew, stayed_down

from perfgate.report.jsonreport import render
from perfgate.report.verdictschema import verdict_schema
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

SCHEMA = verdict_schema()


def rendered(made: Case) -> dict[str, Any]:
    """Return the report on a case, read by a parser that takes nothing but JSON."""
    document = json.loads(render(made, judge(made)), parse_constant=pytest.fail)
    jsonschema.validate(document, SCHEMA)
    return dict(document)


def test_upsets_are_told_second_by_second() -> None:
    """Every build that went through an upset is there, with when it came back."""
    document = rendered(after(stayed_down(), came_back(7, build="base")))
    assert [own["recovered_s"] for own in document["recoveries"]] == [None, 7.0]
    assert document["recoveries"][1]["answered"][-1] == 50


def test_the_prediction_stands_beside_what_happened() -> None:
    """Law: what was to be expected of a build, and whether it came true; nothing of a restart."""
    made = after(stayed_down(mu_over_rps=40.0), came_back(7, build="base"), restart=started_anew())
    document = rendered(made)
    assert [own["prediction"]["came_true"] for own in document["recoveries"]] == [True, True]
    assert document["recoveries"][0]["prediction"] == {
        "retried_rps": 50.0,
        "served_rps": 40.0,
        "served_by": "mu_over",
        "stays_down": True,
        "came_true": True,
    }
    assert document["restart"]["prediction"] is None


def test_rates_at_which_it_breaks_and_heals_are_told() -> None:
    """What it held, broke and was stuck at, and all that was tried, as numbers."""
    (own,) = rendered(after(stayed_down()))["recoveries"]
    rates = [own[f"{name}_rps"] for name in ("held", "broke", "stuck", "healed")]
    assert rates == [50.0, 300.0, 12.5, None]
    assert [(one["rate_rps"], one["quiet"], one["helped"]) for one in own["reliefs"]] == [
        (25.0, False, False),
        (12.5, False, False),
        (50.0, True, False),
    ]


def test_a_verdict_is_told_with_its_evidence() -> None:
    """Verdict, reason, builds, findings in order and figures are those of the case."""
    document = rendered(case(Build(cost=1.0)))
    assert document["verdict"] == "FAIL"
    assert document["reason"] == document["findings"][0]["reason"]
    assert document["findings"][0]["check"] == "cost"
    assert document["candidate"]["commit"] == "1" * 40
    assert document["figures"][1]["change_percent"] == pytest.approx(171.8, abs=0.1)


def test_a_candidate_alone_has_no_base() -> None:
    """Without a base, base and changes are null."""
    document = rendered(case(base=None))
    assert document["base"] is None
    assert {figure["change_percent"] for figure in document["figures"]} == {None}


def test_mu_slo_is_told_with_how_it_was_found() -> None:
    """Law: mu_SLO is null unless it was searched, and headroom says of which rate it is."""
    promised = terms(config=config(slo={"introspect": {"p95_ms": 100.0}}))
    made = search((280.0, 0), (310.0, 4), (340.0, 40), (325.0, 14))
    found = rendered(case(held_to=promised, search=made))
    assert 300 < found["mu_slo"]["rate_rps"] < 340
    assert (found["mu_slo"]["trials"], found["headroom"]["by"]) == (4, "mu_SLO")
    without = rendered(case())
    assert (without["mu_slo"], without["headroom"]["by"]) == (None, "mu_sat")


@settings(max_examples=20)
@given(made=cases())
def test_any_case_keeps_the_schema(made: Case) -> None:
    """Whatever was measured, the report is JSON of this schema, in order of severity."""
    document = rendered(made)
    assert document["verdict"] == document["findings"][0]["outcome"]


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_is_carried_unchanged(text: str) -> None:
    """JSON quotes for itself: whatever a build is called arrives as it was, on one line."""
    made = hostile_case(text)
    document = rendered(made)
    assert document["candidate"]["name"] == text
    assert all(line.isprintable() for line in render(made, judge(made)).split("\n"))
