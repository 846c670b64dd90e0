"""The metrics of a search: each tells what it is named after, or that a session does not."""

from __future__ import annotations

import pytest
from builders import Build, config, session, with_figures

from perfgate.errors import LoadError
from perfgate.verdict.metric import PRIMARIES, margin_of, slowdowns_in, words

COST_OF_LOGIN = "regression:login:cost"
LATENCY = "regression:introspect:p50"


@pytest.mark.parametrize(
    ("build", "metric"),
    [
        (Build(cost=0.2), "cost"),
        (Build(capacity=0.2), "capacity"),
        (Build(operations={"login": 0.2}), COST_OF_LOGIN),
        (Build(latency=0.2), LATENCY),
        (Build(latency=0.2), "regression:introspect:p95"),
    ],
)
def test_a_slowdown_shows_in_its_metric(build: Build, metric: str) -> None:
    """Law: what got slower shows as a log ratio in the metric asked for, and only there."""
    assert slowdowns_in(session(build), [metric]) == {metric: pytest.approx(0.2, abs=0.02)}
    assert slowdowns_in(session(), [metric]) == {metric: pytest.approx(0.0, abs=1e-9)}
    others = {"cost", "capacity", LATENCY} - {metric}
    if not metric.startswith("regression:introspect"):
        told = slowdowns_in(session(build), others)
        assert all(abs(own) < 1e-9 for own in told.values())


def test_what_a_session_does_not_tell_is_no_figure() -> None:
    """A session without the operation, or with too few answers of it, is no evidence at all."""
    bare = with_figures(session(), "candidate", solo={})
    for run, metric in ((bare, COST_OF_LOGIN), (session(), "regression:login:p95")):
        with pytest.raises(LoadError, match="does not tell login") as caught:
            slowdowns_in(run, [metric])
        assert "solo_s" in caught.value.hint


def test_the_margin_is_that_of_the_check() -> None:
    """Law: what has to be excluded is what a check excludes of the same figure."""
    margins = config().margins
    assert margin_of(PRIMARIES, margins) == margins.slowdown
    assert margin_of([COST_OF_LOGIN], margins) == margins.operation
    assert margin_of([LATENCY], margins) == margins.latency


def test_every_metric_has_words() -> None:
    """Each metric is told as what it is."""
    told = [words(metric) for metric in (*PRIMARIES, COST_OF_LOGIN, LATENCY)]
    assert told == [
        "CPU time per request",
        "the time for equal work",
        "login's CPU time per request",
        "introspect p50",
    ]
