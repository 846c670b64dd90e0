"""What is known of a build beside its service rate is what was measured, carried to production."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from builders import Build, case, config, demand_run, dependent, ledger, search, terms, validity
from hypothesis import given, settings
from hypothesis import strategies as st
from upsets import came_back

from perfgate.demand.standing import NOTHING
from perfgate.verdict.case import capacity_of
from perfgate.verdict.checks.demand import check
from perfgate.verdict.finding import Outcome
from perfgate.verdict.known import known_of
from perfgate.verdict.limit import limit_of

if TYPE_CHECKING:
    from perfgate.demand.standing import Known
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Finding

PROMISED = {"introspect": {"p95_ms": 100.0}}
FOUND = search((280.0, 0), (380.0, 200), (310.0, 4), (340.0, 40), (320.0, 12), (325.0, 14))
KEPT = search((300.0, 0), (390.0, 0), (400.0, 0), (400.0, 0))
patient = settings(deadline=None, max_examples=20)


def known(own: Case) -> Known:
    """Return what is known of the candidate, which has a service rate."""
    rate = capacity_of(own, "candidate")
    assert rate is not None
    return known_of(own, rate)


def retrying(attempts: int = 3, peak_rps: float = 100.0, **measured: Any) -> Case:
    """Return a case with callers that wait for a second and try so often."""
    rows = ledger(dependent(peak_rps=peak_rps, attempts=attempts))
    return case(held_to=terms(ledger=rows), **measured)


def told(own: Case, name: str) -> Finding:
    """Return the finding of that name."""
    (found,) = [each for each in check(own) if each.check == name]
    return found


def test_without_a_service_rate_nothing_is_known() -> None:
    """A build that answered nothing while saturated has no other rates either."""
    own = case()
    rate = capacity_of(own, "candidate")
    assert rate is not None
    assert known_of(own, replace(rate, lower=0.0)) == NOTHING


@patient
@given(st.integers(1, 9))
def test_mu_slo_is_that_of_all_instances(instances: int) -> None:
    """Law: instances as fast as this machine keep the promises at so many times the rate."""
    held_to = terms(config=config(slo=PROMISED, production={"instances": instances}))
    own = case(held_to=held_to, search=FOUND)
    limit, found = limit_of(own), known(own).mu_slo
    assert limit is not None
    assert found is not None
    rates = (found.lower_rps, found.estimate_rps, found.upper_rps)
    here = (limit.rate_rps.lower, limit.rate_rps.estimate, limit.rate_rps.upper)
    assert rates == pytest.approx([instances * each for each in here])


def test_promises_that_are_always_kept_limit_nothing() -> None:
    """Where even the service rate keeps every promise, that is the limit."""
    own = case(held_to=terms(config=config(slo=PROMISED)), search=KEPT)
    assert known(own).mu_slo is None


@patient
@given(st.floats(10, 1000))
def test_mu_over_is_what_was_completed_under_overload(rate_rps: float) -> None:
    """Law: it stands to the service rate in production as it did here."""
    own = case(recoveries=(came_back(mu_over_rps=rate_rps),))
    rate, found = capacity_of(own, "candidate"), known(own).mu_over
    assert rate is not None
    assert found is not None
    assert found.estimate_rps == pytest.approx(rate_rps, rel=1e-4)
    assert found.lower_rps / found.estimate_rps == pytest.approx(rate.lower / rate.estimate)


def test_an_overload_that_cannot_be_trusted_tells_no_rate() -> None:
    """A run with a fault, one without late answers, and the base's say nothing of the candidate."""
    for run in (
        came_back(validity=validity("the load generator was late")),
        came_back(mu_over_rps=None),
        came_back(build="base"),
    ):
        assert known(case(recoveries=(run,))).mu_over is None


@patient
@given(st.integers(0, 240))
def test_the_curve_is_what_the_run_at_the_required_rate_has_shown(late: int) -> None:
    """Law: up to that rate as many fail as were late or wrong there, and all where all is full."""
    own = retrying(demand_run=demand_run(Build(late=late)))
    rate, curve = capacity_of(own, "candidate"), known(own).curve
    assert rate is not None
    assert curve is not None
    figures = own.measurement.demand_run.run.builds["candidate"].open  # type: ignore[union-attr]
    waited = figures.operations["introspect"].latency_s.share_above(1.0) or 0.0
    shares = curve.failed_ratio(np.array([50.0, 125.0, rate.lower]), np.array([1.0])).ravel()
    lost = waited * figures.operations["introspect"].good / figures.arrivals
    assert shares.tolist() == pytest.approx([lost, lost, 1.0])
    assert curve.overload_rps == rate.lower


def test_trials_below_the_demand_are_no_curve() -> None:
    """What fails at a demand that no trial has reached is not known."""
    assert known(retrying(peak_rps=120.0)).curve is not None
    assert known(retrying(peak_rps=130.0)).curve is None
    assert known(retrying(demand_run=None)).curve is None


def test_a_service_that_completes_less_under_overload_is_metastable() -> None:
    """300/s of retries fit into the service rate of 400/s, but not into 290/s under overload."""
    stable, metastable = (
        told(retrying(recoveries=(came_back(mu_over_rps=rate),)), "retries")
        for rate in (310.0, 290.0)
    )
    assert stable.outcome is Outcome.PASS
    assert metastable.outcome is Outcome.WARN
    assert metastable.reason.startswith(
        "If callers retried, the demand would grow to 300/s, above the 289/s that are completed "
        "under overload: an overload would feed itself, until the demand fell below 96 % of this "
        "peak. A stall of "
    )
    assert metastable.hint.startswith("This would end that: ")


def test_first_tries_that_an_overload_leaves_unserved_need_no_stall_to_speak_of() -> None:
    """Where less is completed under overload than is sent, no length of the stall is told."""
    found = told(retrying(recoveries=(came_back(mu_over_rps=90.0),)), "retries")
    assert found.outcome is Outcome.WARN
    assert " The shortest stall would do. " in found.reason


def test_what_fails_while_all_is_well_is_retried() -> None:
    """The load that failures at the required rate make of the demand is told: 1 + p + p^2."""
    build = Build(failed={"introspect": 54})  # p = .2, of 270 arrivals
    found = told(retrying(demand_run=demand_run(build)), "retries")
    assert found.outcome is Outcome.PASS
    assert found.reason.endswith(
        " Even while all is well, retries of what fails or is late make 124/s of 100/s."
    )


def test_failures_that_retries_make_ever_more_of_are_unstable() -> None:
    """A demand that is far below the service rate may still be too much by retries alone."""
    build = Build(failed={"introspect": 216, "login": 24})
    found = told(retrying(attempts=5, demand_run=demand_run(build)), "retries")
    assert found.outcome is Outcome.FAIL
    assert found.reason.startswith("So many attempts fail at 100/s (gateway 100/s) already that ")
    assert found.hint == "This would end that: a retry budget of 10 % of successes for gateway."


def test_the_chance_is_that_promises_are_broken() -> None:
    """A demand well below the service rate, but not below mu_SLO, fails by its chance."""
    held_to = terms(
        config=config(slo=PROMISED, margins={"headroom": 1.0}),
        ledger=ledger(dependent(peak_rps=310.0, peak_cv=0.05)),
    )
    found = told(case(held_to=held_to, search=FOUND), "chance")
    assert found.outcome is Outcome.FAIL
    assert "exceeds the highest rate within promises with a chance of " in found.reason
    assert [own.check for own in check(case(held_to=held_to))] == ["demand", "retries"]
