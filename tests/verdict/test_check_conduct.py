"""Conduct: what costs callers something has a name, and only where it is the candidate's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from builders import ARRIVALS, Build, case, session, sessions
from hypothesis import given
from hypothesis import strategies as st

from perfgate.verdict.case import measured_rate
from perfgate.verdict.checks.conduct import check
from perfgate.verdict.finding import Finding, Outcome
from perfgate.verdict.judge import decided

if TYPE_CHECKING:
    from perfgate.verdict.case import Case

REQUESTS = sum(ARRIVALS.values())


def only(findings: list[Finding]) -> Finding:
    """Return the only finding."""
    (own,) = findings
    return own


def test_equal_builds_have_nothing_to_tell() -> None:
    """Builds that keep connections, redirect nobody and stay as fast as they are: no finding."""
    assert check(case()) == []


@given(connects=st.integers(0, 3 * REQUESTS))
def test_what_the_base_does_too_is_not_told(connects: int) -> None:
    """Law: a build that behaves as its base does has nothing to tell, whatever that is."""
    same = Build(connects=connects, redirects=connects, trend=0.05, drift=0.5)
    assert check(case(same, same)) == []


def test_closed_connections_are_told() -> None:
    """A connection for every request is named, with the base's beside it."""
    own = only(check(case(Build(connects=REQUESTS))))
    assert (own.check, own.outcome) == ("conduct:connections", Outcome.WARN)
    assert "closes connections" in own.reason
    assert "1.00 per request (the base's, 0.01)" in own.reason


def test_closed_connections_are_told_without_a_base() -> None:
    """Without a base the habit is told all the same."""
    own = only(check(case(Build(connects=REQUESTS), None)))
    assert own.reason.endswith("1.00 per request.")


def test_redirects_are_told() -> None:
    """A redirect for every request is named."""
    own = only(check(case(Build(redirects=REQUESTS))))
    assert (own.check, own.outcome) == ("conduct:redirects", Outcome.WARN)
    assert "1.00 redirects per request" in own.reason


@given(candidate=st.integers(0, 3), base=st.integers(0, 3))
def test_a_full_backlog_is_told(candidate: int, base: int) -> None:
    """Law: requests that were never sent are told with the build that let too many wait."""
    judged = case(Build(unsent=candidate), Build(unsent=base))
    if not candidate and not base:
        assert check(judged) == []
        return
    own = only(check(judged))

    assert (own.check, own.outcome) == ("conduct:backlog", Outcome.WARN)
    runs = {"candidate": len(judged.measurement.runs), "base": len(judged.sessions)}
    for role, count in (("candidate", candidate), ("base", base)):
        told = f"{runs[role] * count} requests to the {role}"
        assert (told in own.reason) == (count > 0)


@pytest.mark.parametrize(
    ("trend", "outcome"), [(0.5, Outcome.WARN), (1.5, Outcome.FAIL), (-1.5, None), (0.05, None)]
)
def test_a_candidate_that_slows_down(trend: float, outcome: Outcome | None) -> None:
    """Getting slower as it runs is told, and fails where it is as much as latency may rise."""
    found = check(case(Build(trend=trend)))
    assert [own.outcome for own in found] == ([] if outcome is None else [outcome])
    assert all("gets slower as it runs" in own.reason for own in found)


@pytest.mark.parametrize(("drift", "outcome"), [(0.3, Outcome.WARN), (0.9, Outcome.FAIL)])
def test_a_candidate_that_slows_down_in_the_open_loop(drift: float, outcome: Outcome) -> None:
    """Getting slower is seen in the open loop too, where pairs do not show it."""
    own = only(check(case(Build(drift=drift))))
    assert (own.check, own.outcome) == ("conduct:trend", outcome)
    assert "an answer in the last third of the open loop took" in own.reason
    assert own.observed == pytest.approx(100 * math.expm1(drift))


def test_the_surer_trend_is_told() -> None:
    """Where both show it, one finding tells that which is surely more."""
    own = only(check(case(Build(drift=0.5, trend=2.0))))
    assert "the last third of the pairs took" in own.reason
    assert decided(case(Build(trend=2.0), noise=0.05))


def test_the_size_of_a_trend() -> None:
    """The trend is that of the last third of the pairs against the first."""
    own = only(check(case(Build(trend=math.log(3)), noise=0.0001)))
    # Evenly from the first of twelve pairs to the last: the thirds' middles lie 8/11 of it apart.
    assert own.observed == pytest.approx(100 * (3 ** (8 / 11) - 1), rel=0.01)


def test_builds_that_are_still_warming_up() -> None:
    """Where both builds get faster as they run, the warm-up was too short."""
    cold = Build(trend=-0.5)
    own = only(check(case(cold, cold)))
    assert (own.check, own.outcome) == ("conduct:warm-up", Outcome.WARN)
    assert "warmup_requests" in own.hint


def test_a_host_whose_speed_changes_is_no_warm_up() -> None:
    """Where both get faster in most sessions and slower in another, no warm-up is to blame."""
    shaken = [Build(trend=trend) for trend in (-0.36, -0.34, 0.36, -0.12)]
    assert check(case(sessions=tuple(session(own, own) for own in shaken))) == []
    steady = [Build(trend=trend) for trend in (-0.36, -0.34, -0.38, -0.32)]
    own = only(check(case(sessions=tuple(session(own, own) for own in steady))))
    assert "less time than the first (at least " in own.reason


def unsettled(count: int, *builds: str) -> Case:
    """Return a case of four sessions, of which the first ``count`` began with cold builds."""
    cold = {"warmup_s": 15.2, "unsettled": builds}
    runs = tuple(
        run.model_copy(update={"validity": run.validity.model_copy(update=cold)})
        if number < count
        else run
        for number, run in enumerate(sessions())
    )
    return case(sessions=runs)


@pytest.mark.parametrize(("count", "told"), [(0, False), (2, False), (3, True), (4, True)])
def test_a_warm_up_that_was_cut_off(count: int, told: bool) -> None:
    """Where most warm-ups ended before the builds had settled, that is told."""
    found = check(unsettled(count, "base", "candidate"))
    assert [(own.check, own.outcome) for own in found] == (
        [("conduct:warm-up", Outcome.WARN)] if told else []
    )


def test_who_was_not_warm() -> None:
    """The builds are named, and what to do."""
    own = only(check(unsettled(3, "candidate")))
    assert own.reason == (
        "The warm-up was cut off after 15 s, before it was seen that the candidate got no faster, "
        "in 3 of 4 sessions: what was measured may not have been warm."
    )
    assert "warmup_limit_s" in own.hint


def test_too_few_sessions_tell_no_trend() -> None:
    """Before the first look nothing is said of trends."""
    assert check(case(Build(trend=1.5), count=3)) == []


# Of 48 in flight the standard build, with answers in 11 ms and 400 a second, works on four.
@pytest.mark.parametrize(
    ("busy", "times_as_long", "told"),
    [(0.06, 8, True), (0.9, 8, False), (0.06, 4, False), (0.06, 1, False)],
)
def test_a_build_that_is_hardly_busy(busy: float, times_as_long: float, told: bool) -> None:
    """A service rate may be that of the users where the CPU was idle and hardly anybody waited."""
    found = check(case(Build(busy=busy, latency=math.log(times_as_long))))
    assert [own.check for own in found] == (["conduct:saturation"] if told else [])
    assert all("only 6% of a CPU" in own.reason for own in found)


def test_the_generators_own_pace_is_not_the_builds() -> None:
    """Law: where the generator limits most runs, that is told, and nothing of idle builds."""
    place = "in the pairs"
    run = sessions(1, Build(busy=0.1))[0]
    limited = run.validity.model_copy(update={"limited": (place,)})
    slow = run.model_copy(update={"validity": limited})
    own = only(check(case(sessions=(slow,) * 4)))
    assert (own.check, own.outcome) == ("conduct:generator", Outcome.WARN)
    assert (
        f"no CPU time left {place}: what is told of the builds there is its own pace" in own.reason
    )
    assert "LeanHttpUser" in own.hint
    assert "`workers" not in own.hint  # on two CPUs, one of which is the builds'
    assert "conduct:generator" not in {
        found.check for found in check(case(sessions=(slow, run, run, run)))
    }


@given(behind=st.floats(0.0, 0.95))
def test_requests_that_pile_up_are_told(behind: float) -> None:
    """Law: a rate that leaves part of the mix behind is lowered, and why so is told."""
    judged = case(Build(behind=behind))
    found = [own for own in check(judged) if own.check == "conduct:mix"]
    assert bool(found) or behind < 0.4
    assert not found or behind > 0.1
    for own in found:
        assert own.outcome is Outcome.WARN
        assert "requests of login piled up" in own.reason
        assert "saturation_s" in own.hint
    whole, left = measured_rate(case(), "candidate"), measured_rate(judged, "candidate")
    assert whole is not None
    assert left is not None
    told = 1 - behind if found else 1.0
    assert left.estimate / whole.estimate == pytest.approx(told, abs=0.02)
