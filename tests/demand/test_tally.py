"""Requests become the peak of each caller, or an error that says what is missing."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.demand.sources.accesslog import Request
from perfgate.demand.sources.nginx import LAYOUT
from perfgate.demand.sources.observed import Naming
from perfgate.demand.sources.tally import UNTOLD, Reading, Rule, observation_of, operation_by
from perfgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perfgate.demand.sources.observed import Observation

START_S = 1_782_864_000.0  # 2026-07-01
ALL = (Rule(UNTOLD, "*", "*"),)
RULES = (
    Rule("token", "POST", "/token"),
    Rule("user", "*", "/users/*"),
    Rule(None, "GET", "/health*"),
)


def request(at_s: float, caller: object = "gateway/2.1", what: str = "POST /token") -> Request:
    """Return a request some seconds after the start."""
    return Request(START_S + at_s, {"http_user_agent": caller, "request": f"{what} HTTP/1.1"})


def observed(
    requests: Iterable[Request],
    *,
    window_s: float = 10.0,
    rules: tuple[Rule, ...] = ALL,
    naming: Naming | None = None,
    field: str = "http_user_agent",
    name: str = r"[^/\s]+",
) -> Observation:
    """Return what these requests show."""
    reading = Reading(field, re.compile(name), rules, window_s)
    return observation_of(requests, LAYOUT, reading, naming or Naming({}))


@given(st.lists(st.tuples(st.integers(0, 200), st.sampled_from("abc")), min_size=1))
def test_the_peak_is_the_busiest_window(sent: list[tuple[int, str]]) -> None:
    """Law: in any order of lines, a caller's peak is its count in its busiest window."""
    requests = [request(at_s, caller) for at_s, caller in [*sent, (0, "z"), (200, "z")]]
    found = {one.name: one.peak_rps for one in observed(requests).dependents}
    for caller in {caller for _, caller in sent}:
        mine = [at_s for at_s, one in sent if one == caller]
        most = max(sum(start <= at_s < start + 10 for at_s in mine) for start in mine)
        assert found[caller] == most / 10


def test_callers_are_named_by_their_product() -> None:
    """Law: versions of a caller are one caller, and so are those that are renamed alike."""
    agents = ["gateway/2.1", "gateway/2.2 (linux)", "gw-old", "-", "", None]
    found = observed(
        [request(second, agents[second % 6]) for second in range(60)],
        naming=Naming({"gw-old": "gateway"}),
    )
    assert [(one.name, one.peak_rps) for one in found.dependents] == [("gateway", 0.6)]
    assert found.remarks == (
        "30 requests do not tell their caller in http_user_agent: left out",
        "the requests are of 60 s only: a whole day may have a higher peak",
    )


def test_the_first_group_is_the_name() -> None:
    """Law: of a pattern with a group the group is the name, of one without all that it finds."""
    requests = [request(second, "svc=mail;env=prod") for second in range(10)]
    for pattern, name in ((r"svc=(\w+)", "mail"), (r"env=\w+", "env=prod")):
        [one] = observed(requests, name=pattern).dependents
        assert one.name == name


def test_the_mix_is_that_of_the_busiest_window() -> None:
    """Law: operations are told by the rules; the mix is that of the peak, and rest is told."""
    calm = [request(second, what="GET /users/7") for second in range(0, 40, 2)]
    busy = [request(50 + second / 10, what="POST /token") for second in range(75)]
    users = [request(57.5 + second / 10, what="PUT /users/8") for second in range(25)]
    health = [request(50 + second / 10, what="GET /healthz") for second in range(99)]
    [one] = observed(calm + busy + users + health, rules=RULES).dependents
    assert (one.peak_rps, one.mix) == (10.0, {"token": 0.75, "user": 0.25})
    found = observed(calm + busy + health, rules=RULES)
    assert found.dependents[0].mix == {"token": 1.0}
    assert found.remarks == (
        "the requests are of 61 s only: a whole day may have a higher peak",
        "99 requests are left out by --skip",
        "gateway: its busiest window has no user: not in its mix",
    )


@pytest.mark.parametrize(("status", "told"), [("503", True), ("200", False), ("429", False)])
def test_failures_are_told(status: str, *, told: bool) -> None:
    """What the server failed to serve is tried again, so that a peak of failures is doubted."""
    answered = [request(second) for second in range(40)]
    failed = [
        own._replace(fields={**own.fields, "status": status})
        for own in (request(second) for second in range(10))
    ]
    remarks = observed(answered + failed).remarks
    assert any("20% of the requests failed (status 5xx)" in own for own in remarks) is told


def test_the_first_rule_that_fits_counts() -> None:
    """Law: rules are tried in their order, * stands for any text, and nothing else is special."""
    rule_of = operation_by([Rule("a", "GET", "/a[1]"), Rule("b", "*", "/a*"), Rule("c", "*", "*")])
    found = [rule_of(*words.split()) for words in ("GET /a1", "PUT /a/b/c", "PUT /b", "GET /a[1]")]
    assert [rule and rule.operation for rule in found] == ["b", "b", "c", "a"]


def test_requests_without_an_operation_are_told() -> None:
    """Law: where operations are told apart, a request that is none is an error, by how many."""
    requests = [request(second, what="GET /a?x") for second in range(9)] + [request(9)]
    with pytest.raises(UsageError) as caught:
        observed([*requests, request(3, what="GET /b")], rules=RULES)
    assert caught.value.message == (
        '10 requests are no operation; most often "GET /a" (9), "GET /b" (1)'
    )
    assert "--skip" in caught.value.hint


def test_operations_of_others_do_not_matter() -> None:
    """Law: what callers send that are not imported, or have no name, needs no rule."""
    requests = [request(second) for second in range(10)]
    others = [request(3, "curl/8", "GET /x"), request(4, "-", "GET /y")]
    found = observed(requests + others, rules=RULES, naming=Naming({}, frozenset(["gateway"])))
    assert [one.name for one in found.dependents] == ["gateway"]


def test_a_log_shorter_than_the_window_is_refused() -> None:
    """Law: a window that is not full would make the peak too small; the hint's window is not."""
    requests = [request(second) for second in range(30)]
    with pytest.raises(SourceError, match="lasts 30 s, less than the window of 60 s") as caught:
        observed(requests, window_s=60.0)
    assert caught.value.hint.endswith("--window 30s.")
    assert observed(requests, window_s=30.0).dependents[0].peak_rps == 1.0


AGENT = "http_user_agent"


@pytest.mark.parametrize(
    ("requests", "field", "name", "told", "hint"),
    [
        ([], AGENT, ".+", "not a single request", "another log"),
        ([request(0), request(60)], "user_agent", ".+", "in user_agent", AGENT),
        ([request(0, "-"), request(60, "")], AGENT, ".+", f"in {AGENT}", "another field"),
        ([request(0), request(60)], AGENT, "x", f"in {AGENT}", "--name"),
    ],
)
def test_no_callers_are_an_error(
    requests: list[Request], field: str, name: str, told: str, hint: str
) -> None:
    """Law: nothing seen is never a demand of nothing."""
    with pytest.raises(SourceError) as caught:
        observed(requests, field=field, name=name)
    assert told in caught.value.message
    assert hint in caught.value.hint


def test_two_weeks_tell_the_spread() -> None:
    """Law: days that differ from week to week by a tenth have a spread of about that."""
    requests = [
        request(day * 86_400 + at_s) for day in range(15) for at_s in range(100 if day < 7 else 110)
    ]
    found = observed(requests, window_s=200.0)
    assert found.dependents[0].peak_cv == pytest.approx(0.1, rel=0.02)
    assert found.measured_on == date(2026, 7, 15)
    [short] = observed(requests[:-900], window_s=200.0).dependents
    assert short.peak_cv is None
