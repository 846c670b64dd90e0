"""The metrics are OpenMetrics, and what the older format takes, whatever was measured."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from builders import Build, case, cases
from hostile import TEXTS, hostile_case
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import parser as older
from prometheus_client.openmetrics import parser

from perfgate.measurement.models import BuildId
from perfgate.report.prometheus import render
from perfgate.tail import escaped
from perfgate.verdict.finding import Finding, Outcome, verdict_of
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from perfgate.verdict.case import Case

FAMILIES: Callable[[str], Iterable[Any]] = parser.text_string_to_metric_families
OLDER: Callable[[str], Iterable[Any]] = older.text_string_to_metric_families
Samples = dict[str, list[tuple[dict[str, str], float]]]
COMMON = ("service", "candidate", "profile")


def read(text: str) -> Samples:
    """Return labels and value of each sample by its name, but for the labels that all have."""
    found: Samples = {}
    for family in FAMILIES(text):
        for name, labels, value, *_ in family.samples:
            own = {key: each for key, each in labels.items() if key not in COMMON}
            found.setdefault(name.removeprefix("perfgate_"), []).append((own, value))
    return found


def rendered(made: Case) -> Samples:
    """Return the samples of a case."""
    return read(render(made, judge(made)))


def test_one_outcome_is_the_verdict() -> None:
    """Of all outcomes just the verdict is 1."""
    told = {
        labels["outcome"]: value for labels, value in rendered(case(Build(cost=1.0)))["verdict"]
    }
    assert told == {str(own): float(own is Outcome.FAIL) for own in Outcome}


def test_figures_are_those_of_the_case() -> None:
    """Rates, demand, headroom and slowdowns are told with their bounds."""
    found = rendered(case(Build(cost=0.2)))
    rates = {
        (labels["build"], labels["bound"]): value
        for labels, value in found["service_rate_requests_per_second"]
    }
    assert rates["candidate", "estimate"] == pytest.approx(400, rel=0.01)
    assert rates["candidate", "lower"] < rates["candidate", "estimate"]
    assert found["demand_requests_per_second"] == [({}, 100.0)]
    assert found["required_rate_requests_per_second"] == [({}, 125.0)]
    ((by, ratio),) = found["headroom_ratio"]
    assert by == {"by": "mu_sat"}
    assert ratio == pytest.approx(4.0, rel=0.01)
    slowdowns = {
        (labels["metric"], labels["bound"]): value for labels, value in found["slowdown_ratio"]
    }
    assert slowdowns["cost", "estimate"] == pytest.approx(0.221, abs=0.002)
    assert slowdowns["cost", "lower"] < slowdowns["cost", "estimate"] < slowdowns["cost", "upper"]
    assert found["load_seconds"] == [({}, 75.0)]
    assert found["taken_timestamp_seconds"] == [({}, 1795514400.0)]


def test_of_a_check_the_worst_is_told() -> None:
    """A check that has found several things has the outcome of the worst."""
    findings = [Finding("x", Outcome.PASS, "So."), Finding("x", Outcome.WARN, "So.")]
    found = read(render(case(), verdict_of(findings)))
    assert found["check_outcome"] == [({"check": "x", "outcome": "WARN"}, 1.0)]


def test_the_candidate_is_its_commit() -> None:
    """A build is labelled with its commit, or, without one, as the user called it."""
    tree = case(candidate=Build()).measurement.model_copy(
        update={"candidate": BuildId(name="working tree")}
    )
    for made, label in ((case(), "1" * 12), (case().model_copy(update={"measurement": tree}), "")):
        (family, *_) = FAMILIES(render(made, judge(made)))
        assert family.samples[0].labels["candidate"] == (label or "working tree")
        assert family.samples[0].labels["service"] == "auth"


@settings(max_examples=20)
@given(made=cases())
def test_any_case_is_valid_in_both_formats(made: Case) -> None:
    """Law: both parsers read the same samples, none of them twice, and what is not known is not."""
    text = render(made, judge(made))
    assert text.endswith("\n# EOF\n")
    new, old = (
        [(own.name, own.labels, own.value) for family in parse(text) for own in family.samples]
        for parse in (FAMILIES, OLDER)
    )
    assert new == old
    assert len({(name, *sorted(labels.items())) for name, labels, _ in new}) == len(new)


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_text_is_a_label(text: str) -> None:
    """Whatever a build is called, there are no other samples than there should be."""
    made = hostile_case(text)
    calm = hostile_case("calm")
    assert {name: len(own) for name, own in rendered(made).items()} == {
        name: len(own) for name, own in rendered(calm).items()
    }
    (family, *_) = FAMILIES(render(made, judge(made)))
    assert family.samples[0].labels["candidate"] == escaped(text)


@given(text=st.text(min_size=1))
def test_any_text_is_a_label(text: str) -> None:
    """Law: any text at all arrives in a label as it is shown elsewhere."""
    found = read(render(case(), verdict_of([Finding(text, Outcome.FAIL, text)])))
    assert found["check_outcome"] == [({"check": escaped(text), "outcome": "FAIL"}, 1.0)]


@pytest.mark.parametrize("made", [case(Build(cost=1.0)), hostile_case('"a"} 1\n\\b')])
def test_prometheus_takes_it(made: Case) -> None:
    """Prometheus's own tool has nothing against it."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    run = subprocess.run(
        ["promtool", "check", "metrics"],
        input=render(made, judge(made)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
