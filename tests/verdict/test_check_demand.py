"""The demand is carried, only just, or not; then the change that tips it is named."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest
from builders import Build, case, conditions, config, demand_run, dependent, ledger, terms
from hypothesis import given
from hypothesis import strategies as st

from perfgate.verdict.case import mix_of, required_rps
from perfgate.verdict.checks.demand import check
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.measurement.models import Measurement

CACHE = {"ttl_s": 60.0, "active_tokens": 600}
CHANGE = {"from": "2026-12-15", "what": "delegate sign-in", "add_rps": 240.0}


def judged(
    *rows: dict[str, object], build: Build | None = None, **settings: object
) -> list[Finding]:
    """Return the findings for a candidate of 400 requests/s, held to this ledger."""
    own = terms(ledger=ledger(*rows), config=config(**settings))
    return check(case(build or Build(), held_to=own))


def without_solo(measured: Measurement) -> Measurement:
    """Return what a build that was measured alone leaves: no times of single operations."""
    figures = [run.builds["candidate"].model_copy(update={"solo": {}}) for run in measured.sessions]
    runs = (
        run.model_copy(update={"builds": {"candidate": own}})
        for run, own in zip(measured.sessions, figures, strict=True)
    )
    return measured.model_copy(update={"sessions": tuple(runs)})


def cold_caches(*rows: dict[str, object]) -> list[Finding]:
    """Return what is found about caches."""
    return [own for own in judged(*rows) if own.check == "cold cache"]


def test_a_rate_above_the_required_one_passes() -> None:
    """Ample headroom passes; the reason tells what is certain, what it carries and what is sent."""
    carried, retries = judged()
    assert carried.outcome is Outcome.PASS
    assert carried.reason == (
        "The service rate is 400/s, 399/s of it certain: with headroom 1.25 that is enough for "
        "319/s; the demand is 100/s (gateway 100/s)."
    )
    assert carried.observed == pytest.approx(400, abs=0.5)
    assert carried.limit == pytest.approx(125)
    assert (carried.hint, retries.outcome) == ("", Outcome.PASS)
    assert retries.reason == "No caller retries, so that an overload does not feed itself."


def test_a_planned_change_that_tips_the_demand_is_named() -> None:
    """A change within the horizon that needs more than there is fails, with its dependent."""
    (carried,) = judged(dependent(), dependent("mail", 20.0, change=[CHANGE]))
    assert carried.outcome is Outcome.FAIL
    assert carried.reason == (
        "The service rate is 400/s, 399/s of it certain: with headroom 1.25 that is enough for no "
        "more than 319/s; the demand is 360/s (mail 260/s, gateway 100/s). The change "
        '"delegate sign-in" of mail on 2026-12-15 adds 240/s and takes the demand from 120/s to '
        "360/s; the limit is 319/s."
    )
    assert carried.hint.startswith("Ship the change that tips it later, or make the build faster")


def test_a_change_beyond_the_horizon_does_not_count() -> None:
    """What is planned for later than the horizon is no reason to fail today."""
    rows = (dependent(), dependent("mail", 20.0, change=[CHANGE]))
    carried, _ = judged(*rows, demand={"horizon_days": 20})
    assert carried.outcome is Outcome.PASS


def test_a_demand_that_is_too_high_today_names_who_sends_most() -> None:
    """Where no planned change is needed to fail, the largest dependents are named."""
    (carried,) = judged(dependent("web", 300.0), dependent("mail", 200.0))
    assert carried.outcome is Outcome.FAIL
    assert "without any further change" in carried.reason
    assert "the largest dependents are web 300/s, mail 200/s." in carried.reason
    assert carried.hint == "Make the build faster, or add instances."


def test_a_demand_that_is_too_doubtful_fails() -> None:
    """Law: enough on average is not enough where the demand may well be higher."""
    rows = (dependent("web", 100.0), dependent("mail", 160.0, peak_cv=0.6))
    carried, risk, _ = judged(*rows)
    assert carried.outcome is Outcome.PASS
    assert (risk.check, risk.outcome) == ("chance", Outcome.FAIL)
    assert re.match(
        r"Allowing for what is uncertain about rate, peaks and plans, the demand of 2026-11-24 "
        r"exceeds the service rate with a chance of \d+\.\d %; 5 % is the most\. Most doubtful is "
        r"what mail sends: 160/s, give or take 60 %\.",
        risk.reason,
    )
    assert (
        risk.hint == "Measure again what mail sends, and set its peak_cv by that; or add instances."
    )
    _, retries = judged(*rows, margins={"overload_risk": 0.3})
    assert retries.check == "retries"


def test_a_plan_may_be_what_is_most_doubtful() -> None:
    """A scale of anything from 1 to 9 weighs more than a peak that is known to a tenth."""
    plan = {"from": "2026-12-15", "what": "delegate sign-in", "scale": [1.0, 2.0, 9.0]}
    _, risk, _ = judged(dependent("web", 200.0), dependent("mail", 40.0, changes=[plan]))
    assert (risk.check, risk.outcome) == ("chance", Outcome.FAIL)
    assert " Most doubtful is what mail sends: 80/s, give or take 46 %." in risk.reason
    assert risk.hint == "Say more exactly by how much mail is to change; or add instances."


def test_a_rate_that_is_only_too_uncertain_says_so() -> None:
    """An estimate that suffices with a bound that does not fails, and asks for more evidence."""
    own = terms(ledger=ledger(dependent(peak_rps=310.0)))
    (carried,) = check(case(noise=0.05, held_to=own))
    assert carried.outcome is Outcome.FAIL
    assert (
        carried.hint == "More sessions, or a quieter machine, would leave more of the rate certain."
    )


def test_two_runs_do_not_prove_that_a_rate_is_too_low() -> None:
    """Before the first look, a bound that two runs leave wide is INCONCLUSIVE, not a failure."""
    own = terms(ledger=ledger(dependent(peak_rps=310.0)))
    carried = check(case(noise=0.05, count=1, held_to=own))[0]
    assert carried.outcome is Outcome.INCONCLUSIVE
    assert "surely enough only for" in carried.reason


def test_few_runs_prove_a_rate_that_is_far_too_low() -> None:
    """Where even the upper bound is below the required rate, two runs are enough to fail."""
    own = terms(ledger=ledger(dependent(peak_rps=900.0)))
    assert check(case(count=1, held_to=own))[0].outcome is Outcome.FAIL


def test_thin_headroom_warns() -> None:
    """A rate that is certain to suffice by less than a tenth is a warning."""
    carried, _ = judged(dependent(peak_rps=300.0))
    assert carried.outcome is Outcome.WARN
    assert "just enough, for up to 319/s; the demand is 300/s (gateway 300/s)." in carried.reason


def test_rates_that_round_alike_are_told_apart() -> None:
    """A demand a little above what is carried does not read as equal to it."""
    own = terms(ledger=ledger(dependent(peak_rps=320.3)))
    (carried,) = check(case(noise=0.0, held_to=own))
    assert "enough for no more than 320/s; the demand is 320.3/s." in carried.reason


def test_just_enough_is_enough() -> None:
    """A certain rate a hair above the required one carries the demand."""
    own = terms(ledger=ledger(dependent(peak_rps=319.999)))
    assert check(case(noise=0.0, held_to=own))[0].outcome is Outcome.WARN


def test_retries_that_would_be_carried_pass() -> None:
    """Where even all attempts of all callers are carried, retries pass."""
    _, retries = judged(dependent(peak_rps=100.0, attempts=3))
    assert retries.outcome is Outcome.PASS
    assert retries.reason == (
        "Even if every caller retried, the 300/s would be carried, gateway's 300/s among them."
    )


def test_retries_that_could_feed_an_overload_warn() -> None:
    """Where retries exceed the certain rate, the caller that adds most is named, with a remedy."""
    _, retries = judged(dependent(attempts=2), dependent("mail", 50.0, attempts=5))
    assert retries.outcome is Outcome.WARN
    assert "the demand would grow to 450/s, above the 399/s that are certain" in retries.reason
    assert "until the demand fell below 89 % of this peak. A stall of " in retries.reason
    assert "mail adds most: 200/s, by 5.0 attempts per call." in retries.reason
    assert retries.hint == "This would end that: a retry budget of 10 % of successes for mail."


def test_retries_are_judged_at_their_own_worst_day() -> None:
    """A change that adds retries but few first tries counts, though the peak lies elsewhere."""
    rows = (
        dependent("web", 100.0, change=[{"from": "2026-12-01", "what": "shrink", "scale": 0.5}]),
        dependent("mail", 1.0, attempts=10, change=[{**CHANGE, "add_rps": 45.0}]),
    )
    _, retries = judged(*rows)
    assert retries.outcome is Outcome.WARN
    assert retries.limit == pytest.approx(50 + 460)


def test_a_budget_ends_the_warning() -> None:
    """The budget that the hint asks for makes the warning go."""
    budget = {"kind": "per_request", "ratio": 0.2}
    _, retries = judged(dependent(attempts=2), dependent("mail", 50.0, attempts=5, budget=budget))
    assert retries.outcome is Outcome.PASS


def test_retries_that_need_successes_are_told_from_none() -> None:
    """Who may retry a share of its successes does retry, only not while nothing is answered."""
    budget = {"kind": "per_success", "ratio": 0.1}
    _, retries = judged(dependent(attempts=3, budget=budget))
    assert retries.outcome is Outcome.PASS
    assert retries.reason == (
        "Budgets let no caller retry while nothing is answered, so that an overload does not feed "
        "itself."
    )


def test_a_failure_says_nothing_of_retries() -> None:
    """Where first tries are too many already, retries are no finding of their own."""
    assert [own.check for own in judged(dependent(peak_rps=500.0, attempts=3))] == ["demand"]


def test_two_runs_that_prove_nothing_say_so_of_retries_too() -> None:
    """Beyond what is certain, an overload is told to be there from the start, not by a stall."""
    own = terms(ledger=ledger(dependent(peak_rps=310.0, attempts=3)))
    carried, retries = check(case(noise=0.2, count=1, held_to=own))
    assert carried.outcome is Outcome.INCONCLUSIVE
    assert retries.outcome is Outcome.WARN
    assert retries.reason.startswith("The first tries alone (gateway 310/s) are more than ")
    assert "stall" not in retries.reason


def joined(web_rps: float, logins_rps: float) -> list[Finding]:
    """Return the findings where a dependent that signs in is planned to join."""
    plan = {**CHANGE, "add_rps": logins_rps}
    mail = dependent("mail", 0.0, mix={"login": 1.0}, change=[plan])
    return judged(dependent("web", web_rps), mail, build=Build(busy=1.0))


def test_each_step_is_held_against_the_rate_with_its_mix() -> None:
    """A planned change that brings dear requests leaves a lower rate, which is told with it."""
    carried, *_ = joined(100.0, 4.0)
    assert carried.outcome is Outcome.PASS
    assert re.match(
        r"The service rate is 400/s as it was measured, and 270/s with the mix of 2026-12-15 "
        r"\(login 13\.5 % of requests instead of 10\.0 %\), 24\d/s of it certain: with headroom "
        r"1\.25 that is enough for 19\d/s; the demand is 104/s \(web 100/s, mail 4/s\)\.",
        carried.reason,
    )


def test_dear_requests_tip_what_cheap_ones_would_not() -> None:
    """The same demand fails where a twentieth of it is of what costs most."""
    (carried,) = joined(200.0, 8.0)
    assert carried.outcome is Outcome.FAIL
    assert 'The change "delegate sign-in" of mail on 2026-12-15 adds 8/s' in carried.reason
    assert carried.limit == pytest.approx(208.0 * 1.25)
    cheap, *_ = judged(dependent("web", 208.0), build=Build(busy=1.0))
    assert cheap.outcome is Outcome.PASS


def test_a_step_that_has_to_be_measured_is_named() -> None:
    """A step of which it cannot be told is INCONCLUSIVE beside what is known of the others."""
    carried, unknown, *_ = joined(100.0, 100.0)
    assert carried.outcome is Outcome.PASS
    assert "the demand is 100/s" in carried.reason
    assert (unknown.check, unknown.outcome) == ("demand:mix", Outcome.INCONCLUSIVE)
    assert unknown.reason.startswith(
        "Whether the 200/s (web 100/s, mail 100/s) from 2026-12-15 on are carried cannot be told"
    )
    assert unknown.hint.startswith("A new measurement is needed")


def test_less_of_the_same_needs_no_costs() -> None:
    """Without times of single operations, a step with less of each is carried if the peak is."""
    rows = (
        dependent("web", 100.0),
        dependent("mail", 60.0, mix={"introspect": 1.0}, change=[CHANGE | {"add_rps": 60.0}]),
    )
    own = terms(ledger=ledger(*rows))
    mix = mix_of(own)
    alone = case(base=None, held_to=own, conditions=conditions(mix=mix))
    unweighed = alone.model_copy(update={"measurement": without_solo(alone.measurement)})
    assert {found.check for found in check(unweighed)} == {"demand", "retries"}


def test_a_demand_that_only_caches_keep_low_warns() -> None:
    """Law: where empty caches would overload the service, who adds most is named."""
    (own,) = cold_caches(dependent("web", 500.0, cache=CACHE), dependent("mail"))
    assert own.outcome is Outcome.WARN
    assert own.reason == (
        "With empty caches the demand is 600/s instead of 110/s, above the 399/s that are certain: "
        "a restart of the callers could overload the service. web adds most: 490/s."
    )
    assert own.limit == pytest.approx(600)


@pytest.mark.parametrize("peak_rps", [100.0, 250.0])
def test_caches_that_may_be_empty_are_no_worry(peak_rps: float) -> None:
    """What is carried even without caches is not told."""
    assert cold_caches(dependent("web", peak_rps, cache=CACHE), dependent("mail")) == []


def test_too_few_runs_decide_nothing() -> None:
    """Without a service rate the demand is INCONCLUSIVE, never carried."""
    for made in (case(count=0, demand_run=None), case(count=0), case(base=None, count=0)):
        (own,) = check(made)
        assert own.outcome is Outcome.INCONCLUSIVE
        assert own.reason.endswith("fewer than two runs gave a service rate.")


def test_a_declared_rate_without_a_base_decides_nothing() -> None:
    """Production's rate is carried over by a ratio, which needs a base: said so."""
    own = terms(config=config(production={"service_rate_rps": 500}))
    (found,) = check(case(base=None, held_to=own))
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "there is no base to carry it over from" in found.reason


def test_a_declared_rate_is_carried_over_by_the_ratio() -> None:
    """Half as fast here is half as fast in production: enough here may be too little there."""
    halved = Build(saturated=math.log(2), capacity=math.log(2))
    assert judged(build=halved)[0].outcome is Outcome.PASS
    (own,) = judged(build=halved, production={"service_rate_rps": 200})
    assert own.outcome is Outcome.FAIL
    assert own.observed == pytest.approx(100, rel=0.01)


def test_no_demand_warns() -> None:
    """A ledger in which nobody sends anything is no proof of anything: a warning."""
    (own,) = judged(dependent(peak_rps=0.0))
    assert own.outcome is Outcome.WARN
    assert own.reason.startswith("The ledger has no demand")


@given(peak=st.floats(0.01, 1e6), slowdown=st.floats(-3, 3), noise=st.floats(0, 0.3))
def test_fail_means_less_than_required_is_certain(
    peak: float, slowdown: float, noise: float
) -> None:
    """The finding fails just where the lower bound of the rate is below the required rate."""
    own = terms(ledger=ledger(dependent(peak_rps=peak)))
    build = Build(saturated=slowdown)
    made = case(build, noise=noise, held_to=own, demand_run=demand_run(build))
    carried = check(made)[0]
    assert carried.interval is not None
    assert carried.limit == required_rps(own)
    if carried.outcome is Outcome.FAIL:
        assert carried.interval[0] <= carried.limit * (1 + 1e-12)
    else:
        assert carried.interval[0] >= carried.limit * (1 - 1e-12)
