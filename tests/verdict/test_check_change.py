"""Cost and capacity: each fails, passes and stays open, and the reason says what matters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from builders import (
    NOTHING,
    PAIRS,
    Build,
    case,
    config,
    dependent,
    figures,
    ledger,
    session,
    sessions,
    slowdowns,
    terms,
    windows,
)
from hypothesis import given
from hypothesis import strategies as st

from perfgate.verdict.checks.change import check, plan_of, settled
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.measurement.models import Run


def by_check(findings: list[Finding]) -> dict[str, Finding]:
    """Return the findings by the name of their check."""
    return {finding.check: finding for finding in findings}


def outcomes(findings: list[Finding]) -> dict[str, Outcome]:
    """Return the outcomes by the name of their check."""
    return {finding.check: finding.outcome for finding in findings}


def spoilt(run: Run, **changes: object) -> Run:
    """Return the session with other figures of the candidate."""
    own = run.builds["candidate"].model_copy(update=changes)
    return run.model_copy(update={"builds": {**run.builds, "candidate": own}})


def test_equal_builds_pass_at_the_first_look() -> None:
    """Equal builds pass on both metrics; the reason tells the upper bound and the limit."""
    found = by_check(check(case()))
    assert list(found) == ["cost", "capacity"]
    for own in found.values():
        assert own.outcome is Outcome.PASS
        assert "did not change over 4 sessions: at most +0.4 % (" in own.reason
        assert own.reason.endswith("would have been found); the limit is +3.0 %.")
        assert (own.unit, own.hint) == ("%", "")
        assert own.limit == pytest.approx(3.0)
        assert own.interval is not None
        assert own.interval[0] < 0 < own.interval[1]


def test_dearer_requests_fail_on_cost() -> None:
    """A rise of cost by 30 % fails cost; the reason tells the lower bound and what is allowed."""
    found = by_check(check(case(Build(cost=math.log(1.3)))))
    assert outcomes(check(case(Build(cost=math.log(1.3))))) == {
        "cost": Outcome.FAIL,
        "capacity": Outcome.PASS,
    }
    reason = found["cost"].reason
    assert reason.startswith("CPU time per request rose 30.0 % over 4 sessions: at least +2")
    assert reason.endswith("%, where +1.0 % is tolerated.")
    assert found["cost"].observed == pytest.approx(30.0)


def test_a_lock_fails_on_capacity() -> None:
    """Equal cost, but equal work takes twice as long and the saturated rate is halved: FAIL."""
    found = check(case(Build(capacity=math.log(2), saturated=math.log(2))))
    assert outcomes(found) == {"cost": Outcome.PASS, "capacity": Outcome.FAIL}
    assert "The time for equal work rose 100.0 %" in found[1].reason
    assert "the saturated service rate changed -50.0 %" in found[1].reason


def test_a_wait_that_costs_no_rate_does_not_fail() -> None:
    """Longer waits slow few requests, not the service: capacity passes, and says so."""
    own = by_check(check(case(Build(capacity=math.log(3)))))["capacity"]
    assert own.outcome is Outcome.PASS
    assert own.reason.startswith("The time per answer, saturated, did not change")
    assert "each request waits longer" in own.reason
    assert "equal work with few in flight took 200 % more time, see latency" in own.reason
    assert own.observed == pytest.approx(0.0, abs=1e-9)


def test_a_wait_is_a_failure_of_its_own() -> None:
    """A longer wait fails as what it is, beside a capacity that passes: callers lose by it."""
    found = by_check(check(case(Build(capacity=math.log(3)))))
    assert list(found) == ["cost", "capacity", "waits"]
    own = found["waits"]
    assert own.outcome is Outcome.FAIL
    assert own.observed == pytest.approx(200)
    assert "equal work with few in flight took +200 % time over 4 sessions" in own.reason


def test_a_wait_that_is_not_sure_stays_open() -> None:
    """A wait that may be within what is tolerated is INCONCLUSIVE, like any other metric."""
    runs = tuple(session(Build(capacity=0.05 + by)) for by in (-0.0095, 0.0095) * 2)
    found = by_check(check(case(sessions=runs)))
    assert found["capacity"].outcome is Outcome.PASS
    assert found["waits"].outcome is Outcome.INCONCLUSIVE


def test_a_wait_beside_a_noisy_rate_stays_open() -> None:
    """Where the saturated rate is too noisy to tell, a wait neither fails nor passes capacity."""
    runs = tuple(
        session(Build(capacity=math.log(3) + by, saturated=20 * by)) for by in (-0.01, 0.01) * 2
    )
    own = by_check(check(case(sessions=runs)))["capacity"]
    assert own.outcome is Outcome.INCONCLUSIVE
    assert "each request waits longer" in own.reason


def test_a_wait_that_costs_some_rate_fails() -> None:
    """A wait excuses only what the saturated rate does not show: its own loss fails."""
    own = by_check(check(case(Build(capacity=math.log(3), saturated=0.1))))["capacity"]
    assert own.outcome is Outcome.FAIL
    assert own.reason.startswith("The time per answer, saturated, rose 10.5 %")


def test_a_smaller_pool_fails_though_few_requests_do_not_feel_it() -> None:
    """A saturated rate that is halved fails capacity, even where pairs are as fast as before."""
    own = by_check(check(case(Build(saturated=math.log(2)))))["capacity"]
    assert own.outcome is Outcome.FAIL
    assert own.reason.startswith("The time per answer, saturated, rose 100.0 %")
    assert "which work with few in flight does not show" in own.reason


def test_a_noisy_saturated_rate_does_not_fail_alone() -> None:
    """The saturated rate fails alone only where its loss surely exceeds the margin."""
    for loss, spread, outcome in ((0.05, 0.08, Outcome.PASS), (0.1, 0.1, Outcome.INCONCLUSIVE)):
        runs = tuple(session(Build(saturated=loss + spread * by)) for by in (-1, 1) * 2)
        assert outcomes(check(case(sessions=runs)))["capacity"] is outcome


@given(disturbed=st.integers(0, 3), shown=st.floats(0.2, 1.5))
def test_a_disturbed_session_does_not_hide_a_loss(disturbed: int, shown: float) -> None:
    """Law: a saturated rate that has probably lost much passes no more than it fails.

    One session of four in which the base was held up, too, leaves too little certainty to fail.
    """
    runs = [session(Build(saturated=shown)) for _ in range(4)]
    runs[disturbed] = session(Build())
    own = by_check(check(case(sessions=tuple(runs))))["capacity"]

    assert own.outcome is Outcome.INCONCLUSIVE
    assert own.reason.startswith("The time per answer, saturated, changed +")
    assert own.reason.endswith("; the limit is +25.0 %.")


def test_pairs_decide_where_nothing_was_saturated() -> None:
    """Without a saturated rate of both builds, the pairs alone decide capacity."""
    for silent in (NOTHING, windows(2, 1.0, 0.9, 0)):
        runs = tuple(
            spoilt(run, saturation=silent) for run in sessions(candidate=Build(capacity=1.0))
        )
        own = by_check(check(case(sessions=runs)))["capacity"]
        assert own.outcome is Outcome.FAIL
        assert "saturated" not in own.reason


def test_improvements_pass() -> None:
    """A faster and cheaper build passes, and its reason says fell."""
    found = check(case(Build(cost=-0.2, capacity=-0.2, saturated=-0.2)))
    for own in found:
        assert own.outcome is Outcome.PASS
        assert "fell 18.1 % over 4 sessions: at most -17.8 %" in own.reason


def test_noise_stays_open_and_says_what_would_help() -> None:
    """Sessions that differ too much decide nothing: the reason gives both bounds."""
    own = check(case(noise=0.05))[0]
    assert own.outcome is Outcome.INCONCLUSIVE
    assert (
        "changed +0.0 % over 4 sessions: it may be anything from -20.7 % to +10.6 %" in own.reason
    )
    assert own.hint == (
        "Sessions differ by 5.9 %: a quieter machine, or a larger budget (--budget), would decide."
    )


def test_without_a_base_nothing_is_compared() -> None:
    """A candidate measured alone is INCONCLUSIVE, with what to do."""
    (own,) = check(case(base=None))
    assert own.outcome is Outcome.INCONCLUSIVE
    assert own.hint == "Name a base: --base REF."


@pytest.mark.parametrize(
    ("count", "told"), [(0, "No session"), (1, "Only 1 session"), (3, "Only 3 sessions")]
)
def test_before_the_first_look_nothing_is_decided(count: int, told: str) -> None:
    """Fewer sessions than the first look are INCONCLUSIVE, and counted."""
    (own,) = check(case(count=count))
    assert own.outcome is Outcome.INCONCLUSIVE
    assert own.reason == f"{told} of candidate and base; a first decision needs 4."


def test_sessions_of_one_build_do_not_count() -> None:
    """Sessions that lack the base are not evidence for a look."""
    (own,) = check(case(sessions=(*sessions(3), session(base=None))))
    assert own.reason.startswith("Only 3 sessions")


def test_sessions_without_cpu_times_compare_nothing() -> None:
    """Where a session has no CPU times or no pairs, nothing is compared rather than all is well."""
    for changes in ({"pairs": NOTHING}, {"pairs": windows(PAIRS, 1.0, 0.0, 16), "open_cpu_s": 0.0}):
        runs = (*sessions(3), spoilt(session(), **changes))
        (own,) = check(case(sessions=runs))
        assert own.outcome is Outcome.INCONCLUSIVE
        assert own.reason.startswith("A session lacks CPU times or pairs")


def test_the_first_look_that_settles_counts() -> None:
    """Sessions after a look that settled the matter do not change what it said."""
    later = sessions(6, Build(cost=1.0))
    assert check(case(sessions=(*sessions(4), *later))) == check(case())


def test_sessions_between_looks_wait_for_the_next() -> None:
    """Only the sessions up to a look count: a fifth one changes nothing."""
    noisy = sessions(5, noise=0.05)
    assert check(case(sessions=noisy)) == check(case(sessions=noisy[:4]))


def test_a_loss_below_the_margin_settles_nothing_for_the_other_metric() -> None:
    """Cost surely between tolerance and margin passes, and capacity gets more sessions."""
    runs = tuple(
        session(Build(cost=math.log(1.02) + by / 50, capacity=by, saturated=by))
        for by in (-0.03, 0.03) * 2
    )
    found = check(case(sessions=runs))
    assert outcomes(found) == {"cost": Outcome.PASS, "capacity": Outcome.INCONCLUSIVE}
    assert not settled(found)


def test_settled_by_a_failure_or_by_no_question_left() -> None:
    """A failure settles, and so do passes alone; an open question does not."""
    made = {outcome: Finding("cost", outcome, "") for outcome in Outcome}
    assert settled([made[Outcome.FAIL], made[Outcome.INCONCLUSIVE]])
    assert settled([made[Outcome.PASS], made[Outcome.PASS]])
    assert not settled([made[Outcome.PASS], made[Outcome.INCONCLUSIVE]])


def thin(peak_rps: float) -> float:
    """Return the margin in force at this demand, in percent."""
    own = check(case(held_to=terms(ledger=ledger(dependent(peak_rps=peak_rps)))))[0]
    assert own.limit is not None
    return own.limit


def test_the_margin_shrinks_with_the_headroom() -> None:
    """The nearer the demand, the smaller the loss that fails, down to the tolerance."""
    assert thin(100.0) == pytest.approx(3.0)
    assert thin(400 / 1.25 / 1.02) == pytest.approx(2.0)
    assert thin(400 / 1.25) == pytest.approx(1.0, abs=0.01)
    assert thin(1000.0) == pytest.approx(1.0, abs=0.01)


def test_a_base_without_a_rate_leaves_the_policy() -> None:
    """Where the base's rate was not measured, its headroom is unknown and the policy holds."""
    base = session().builds["base"].model_copy(update={"saturation": NOTHING})
    runs = tuple(
        run.model_copy(update={"builds": {**run.builds, "base": base}}) for run in sessions()
    )
    narrow = terms(ledger=ledger(dependent(peak_rps=400 / 1.25)))
    assert plan_of(case(sessions=runs, held_to=narrow)).margin == pytest.approx(math.log(1.03))


def test_a_margin_below_the_policy_is_explained() -> None:
    """A limit that is not the policy's says that the headroom leaves no more."""
    own = check(case(held_to=terms(ledger=ledger(dependent(peak_rps=400 / 1.25 / 1.02)))))[0]
    assert own.reason.endswith("the limit is +2.0 % (the headroom leaves no more).")


def test_earlier_looks_are_judged_by_what_was_known_then() -> None:
    """The margin at a look follows from the base's rate as it was then, not from later sessions."""
    held_to = terms(ledger=ledger(dependent(peak_rps=400 / 1.25 / 1.02)))
    early = sessions(4, noise=0.004)
    faster = sessions(2, Build(saturated=-2.0), Build(saturated=-2.0), noise=0.004)
    there = case(sessions=early, held_to=held_to)
    later = case(sessions=(*early, *faster), held_to=held_to)
    assert plan_of(later).margin > plan_of(there).margin
    assert plan_of(later.up_to(4)) == plan_of(there)


def test_bounds_that_look_like_their_limit_get_more_digits() -> None:
    """A bound just beyond what is tolerated does not read as equal to it."""
    own = check(case(Build(cost=0.0174), noise=0.001, held_to=NARROW))[0]
    assert own.outcome is Outcome.FAIL
    least, allowed = own.reason.split("at least ")[1].split(" %, where ")
    assert least != allowed.split(" ")[0]


NARROW = terms(config=config(margins={"slowdown": 0.0101, "tolerance": 0.01}))


@given(cost=slowdowns(), capacity=slowdowns(), noise=st.floats(1e-4, 0.2))
def test_pass_and_fail_mean_what_they_say(cost: float, capacity: float, noise: float) -> None:
    """PASS has its upper bound below the margin, FAIL its lower bound above the tolerance."""
    build = Build(cost=cost, capacity=capacity, saturated=capacity)
    for own in check(case(build, noise=noise)):
        assert own.interval is not None
        assert own.limit is not None
        lower, upper = own.interval
        assert (own.outcome is Outcome.PASS) == (upper < own.limit)
        if own.outcome is Outcome.FAIL:
            assert lower > 1.0
        assert own.observed is not None
        assert lower <= own.observed <= upper


def test_pairs_are_the_fixture_that_is_meant() -> None:
    """The builder's pairs carry less CPU time than wall time, so capacity is theirs to decide."""
    pairs = figures().pairs
    assert max(pairs.cpu_s) < min(pairs.wall_s)
