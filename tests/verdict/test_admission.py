"""A change is admitted, or refused, by what it leaves of the service rate."""

from __future__ import annotations

import json
from datetime import date, timedelta
from time import process_time
from typing import TYPE_CHECKING, Any

import pytest
from builders import conditions, config, dependent, ledger, past, record
from hypothesis import given, settings
from hypothesis import strategies as st
from incident_records import WEIGHTS

from perfgate.baseline.capacity import capacity_record
from perfgate.baseline.record import PromisedRate, RateOfRecord, WeightsOfRecord
from perfgate.demand.ledger import Change, Spread
from perfgate.demand.mix import MixedRate, Work
from perfgate.demand.question import changed, planned, replaced
from perfgate.demand.risk import UncertainRate
from perfgate.demand.standing import Known
from perfgate.report.admission import render_json, render_terminal
from perfgate.verdict.admission import admission
from perfgate.verdict.claims import PROMISES
from perfgate.verdict.finding import Outcome
from perfgate.verdict.order import Order, OtherBuild

if TYPE_CHECKING:
    from collections.abc import Mapping

    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.verdict.admission import Admission
    from perfgate.verdict.finding import Finding

DAY = date(2026, 11, 24)
KNOWN: dict[str, Any] = {"measured_on": DAY}
PASS, WARN, FAIL = Outcome.PASS, Outcome.WARN, Outcome.FAIL
patient = settings(deadline=None, max_examples=40)


def published(
    *rows: dict[str, Any],
    lower_rps: float = 400.0,
    weights: WeightsOfRecord | None = None,
    measured: Mapping[str, object] | None = None,
    **production: object,
) -> CapacityRecord:
    """Return a service with a rate that is all but certain, and who calls it.

    ``measured`` is what else the record says.
    """
    rate = RateOfRecord(
        estimate=lower_rps * 1.001, lower=lower_rps, upper=lower_rps * 1.002, runs=5
    )
    stored = record(service_rate_rps=rate, weights=weights, **(measured or {}))
    return capacity_record(
        config(production=production), ledger(*(rows or (dependent(**KNOWN),))), stored
    )


def scaled(service: CapacityRecord, factor: float, name: str = "gateway") -> Admission:
    """Ask whether a dependent may send so many times as much from the day on."""
    change = Change(effective_from=DAY, what="growth", scale=Spread(factor, factor, factor))
    return admission(service, changed(service.ledger, name, change), DAY)


def joining(entry: dict[str, Any], weights: WeightsOfRecord | None = None) -> Admission:
    """Ask whether a new dependent may join the gateway."""
    service = published(weights=weights)
    asked = replaced(service.ledger, ledger(entry), str(entry["name"]), DAY, "its entry")
    return admission(service, asked, DAY)


def finding(answer: Admission, check: str) -> Finding:
    """Return the only finding of that check."""
    (found,) = [one for one in answer.verdict.findings if one.check == check]
    return found


def test_work_grows_in_proportion_to_the_ledger() -> None:
    """Eight times as many dependents with mixes of their own take nowhere near 64 times as long."""

    def seconds(count: int) -> float:
        mixes = ({"login": n / count, "introspect": 1 - n / count} for n in range(count))
        service = published(
            *(dependent(f"d{n}", 100 / count, mix=mix) for n, mix in enumerate(mixes))
        )
        times = []
        for days in range(2):  # draws are kept for a day, so each question is of another
            change = Change(effective_from=DAY + timedelta(days), what="growth", add_rps=1.0)
            began = process_time()
            admission(service, changed(service.ledger, "d7", change), DAY)
            times.append(process_time() - began)
        return min(times)

    assert seconds(4000) < 24 * seconds(500)


@pytest.mark.parametrize(
    ("factor", "outcome"), [(1.0, PASS), (2.9, PASS), (3.0, WARN), (3.19, WARN), (3.21, FAIL)]
)
def test_the_rate_must_leave_the_headroom(factor: float, outcome: Outcome) -> None:
    """400/s with headroom 1.25 are enough for 320/s; from 291/s on, little is left."""
    assert finding(scaled(published(), factor), "demand").outcome is outcome


@pytest.mark.parametrize(("commit", "outcome"), [(None, PASS), ("1111111", FAIL)])
def test_a_declared_rate_does_not_hide_what_was_lost(commit: str | None, outcome: Outcome) -> None:
    """Production had 400/s once; the build of record has lost half, and that is known if said."""
    older = past(800.0)
    service = published(
        measured={"history": (older,)},
        service_rate_rps=400.0,
        service_rate_cv=0.01,
        service_rate_commit=commit,
    )
    answer = scaled(service, 2.0)
    assert finding(answer, "demand").outcome is outcome
    doubts = [one.reason for one in answer.verdict.findings if one.check == "production"]
    assert len(doubts) == (commit is None)
    told = render_terminal(answer)
    assert ("less 50.0 % lost by builds up to the stored baseline" in " ".join(told.split())) is (
        commit is not None
    )


def test_what_is_not_certain_carries_nothing() -> None:
    """Of a rate that is known to ten percent only the lower bound counts: 360/s carry 288/s."""
    rate = RateOfRecord(estimate=400.0, lower=360.0, upper=440.0, runs=5)
    service = capacity_record(config(), ledger(dependent(**KNOWN)), record(service_rate_rps=rate))
    for factor, outcome in ((2.87, WARN), (2.89, FAIL)):
        assert finding(scaled(service, factor), "demand").outcome is outcome


@patient
@given(st.floats(1.001, 5.0), st.floats(1.001, 5.0), st.integers(1, 4))
def test_more_is_never_admitted_rather(factor: float, more: float, attempts: int) -> None:
    """Law: no change is judged milder than a smaller one."""
    service = published(dependent(attempts=attempts, **KNOWN))
    small, large = (scaled(service, each).verdict for each in sorted((factor, more)))
    assert small.outcome.severity <= large.outcome.severity


@patient
@given(st.floats(1.0, 1e4), st.floats(0.0, 1.0), st.integers(1, 4))
def test_what_adds_nothing_is_never_refused(rate: float, factor: float, attempts: int) -> None:
    """Law: to keep out a change that makes nothing worse would not help anybody."""
    service = published(dependent(attempts=attempts, **KNOWN), lower_rps=rate)
    assert scaled(service, factor).verdict.outcome is not FAIL


@patient
@given(st.floats(1.0, 1000.0), st.integers(1, 9))
def test_instances_carry_together(rate: float, instances: int) -> None:
    """Law: n instances are admitted what one is that is n times as fast."""
    many = scaled(published(lower_rps=rate, instances=instances), 2.0).verdict
    assert many.outcome is scaled(published(lower_rps=rate * instances), 2.0).verdict.outcome


def test_the_change_is_named_with_what_it_adds() -> None:
    """A refusal says which change tips it, from what to what, and what would be carried."""
    found = finding(scaled(published(), 4.0), "demand")
    assert (
        'The change "growth" of gateway on 2026-11-24 adds 300/s and takes the demand from 100/s '
        "to 400/s; the limit is 320/s. Headroom: 4.00 before, 1.00 after."
    ) in found.reason
    assert found.hint == (
        "Ship it once the service is faster, or has 1 more instance; 220/s more than before would "
        "be carried."
    )


def test_an_overload_that_was_there_before_is_told_but_not_held_against_the_change() -> None:
    """Where too much is sent already, a change that lowers it passes with a warning."""
    answer = scaled(published(lower_rps=90.0), 0.9)
    assert answer.verdict.outcome is WARN
    assert "It is so without this change too, which adds nothing." in answer.verdict.reason
    assert answer.verdict.findings[0].hint.startswith("Let it ship; the service has to be faster")


def test_a_change_that_ends_an_overload_passes() -> None:
    """Where too much is sent, the change after which it is no longer so has nothing against it."""
    found = finding(scaled(published(lower_rps=90.0), 0.5), "demand")
    assert found.outcome is PASS
    assert found.reason.endswith(
        "that is enough for 72/s; the demand from 2026-11-24 on is 50/s (gateway 50/s). "
        "Headroom: 0.90 before, 1.80 after."
    )


@pytest.mark.parametrize(
    ("rate", "attempts", "outcome", "told"),
    [
        (1000.0, 3, PASS, "the 600/s would be carried, gateway's 600/s among them."),
        (500.0, 3, WARN, "an overload would feed itself, until the demand fell below 83 % of"),
        (190.0, 3, FAIL, "The first tries alone (gateway 200/s) are more than the 190/s"),
    ],
)
def test_regimes(rate: float, attempts: int, outcome: Outcome, told: str) -> None:
    """Stable passes, metastable warns, unstable is refused."""
    answer = scaled(published(dependent(attempts=attempts, **KNOWN), lower_rps=rate), 2.0)
    found = finding(answer, "retries")
    assert found.outcome is outcome
    assert told in found.reason


def test_what_would_heal_is_told() -> None:
    """The hint about retries names a lever and whose it is."""
    service = published(dependent(attempts=3, **KNOWN), lower_rps=250.0)
    found = finding(scaled(service, 1.5), "retries")
    assert "The service is metastable before and after." in found.reason
    assert found.hint == "This would end that: a retry budget of 10 % of successes for gateway."


@pytest.mark.parametrize(("cv", "refused"), [(0.1, False), (0.5, True)])
def test_what_is_uncertain_may_be_too_much(cv: float, refused: bool) -> None:
    """A demand that may well be far more than is likely is refused, with its chance."""
    answer = scaled(published(dependent(peak_cv=cv, **KNOWN)), 2.5)
    found = finding(answer, "chance")
    assert found.observed is not None
    assert (found.observed > config().margins.overload_risk, found.outcome is FAIL) == (
        refused,
        refused,
    )


def kept_up_to(rate_rps: float) -> dict[str, object]:
    """Return what a record says of a service that keeps its promises up to that rate, +-5 %."""
    low, high = 0.95 * rate_rps, 1.05 * rate_rps
    rate = PromisedRate(estimate=rate_rps, lower=low, upper=high, runs=7, first_missed="a p95")
    return {"mu_slo_rps": rate}


@pytest.mark.parametrize(
    ("factor", "outcome"), [(1.1, PASS), (1.2, WARN), (1.3, FAIL), (0.99, PASS)]
)
def test_promises_that_are_of_record_must_be_kept(factor: float, outcome: Outcome) -> None:
    """A demand that with headroom is surely beyond mu_SLO is refused, whatever the service rate."""
    service = published(dependent(peak_rps=200.0, **KNOWN), measured=kept_up_to(300.0))
    found = finding(scaled(service, factor), "mu_slo")
    assert found.outcome is outcome
    assert found.reason.startswith(
        "Every promise is kept up to 300/s in production (285 to 315/s with a chance of 95 %); "
    )
    assert f"(gateway {200 * factor:.0f}/s)" in found.reason


def test_headroom_and_chance_are_those_of_mu_slo() -> None:
    """Where the record has mu_SLO, headroom is what it leaves, and it is what may be exceeded."""
    service = published(dependent(peak_rps=100.0, **KNOWN), measured=kept_up_to(200.0))
    answer = scaled(service, 1.9)
    assert "Headroom by mu_SLO: 1.90 before, 1.00 after." in finding(answer, "demand").reason
    chance = finding(answer, "chance")
    assert "exceeds the highest rate within promises with a chance of 29." in chance.reason
    document = json.loads(render_json(answer))
    assert document["after"]["mu_slo_rps"] == {"estimate": 200.0, "lower": 190.0, "upper": 210.0}
    assert document["after"]["mu_over_rps"] is None
    assert document["after"]["headroom"] == pytest.approx(1.0)
    rows = render_terminal(answer).splitlines()
    assert "  ... within the promises           190.0        190.0  /s" in rows
    assert not any(row.startswith("  ... under overload") for row in rows)


def test_what_is_completed_under_overload_decides_what_retries_do() -> None:
    """A service that completes less under overload is metastable where its rate says stable."""
    row = dependent(attempts=3, **KNOWN)
    stable, metastable = (
        scaled(published(row, measured={"mu_over_rps": rate}), 1.0) for rate in (310.0, 290.0)
    )
    assert finding(stable, "retries").outcome is PASS
    assert finding(metastable, "retries").outcome is WARN
    assert "above the 290/s that are completed under overload" in metastable.verdict.reason
    assert "  ... under overload                289.7        289.7  /s" in render_terminal(
        metastable
    )


def test_with_another_mix_promises_and_overload_are_recomputed_too() -> None:
    """Dearer requests lower every rate of record by the same factor."""
    measured = {**kept_up_to(300.0), "mu_over_rps": 350.0}
    service = published(weights=WEIGHTS, measured=measured)
    asked = replaced(
        service.ledger,
        ledger(dependent("new", 20.0, mix={"login": 1.0}, **KNOWN)),
        "new",
        DAY,
        "its entry",
    )
    after = admission(service, asked, DAY).matter.after
    known, before = after.scene.known, service.known
    assert known.mu_slo is not None
    assert known.mu_over is not None
    assert before.mu_slo is not None
    assert before.mu_over is not None
    factor = after.rate.estimate_rps / service.rate.estimate_rps
    assert factor < 0.9
    assert known.mu_slo.estimate_rps == pytest.approx(factor * before.mu_slo.estimate_rps)
    assert known.mu_over.estimate_rps == pytest.approx(factor * before.mu_over.estimate_rps)


def test_a_plan_that_no_longer_fits_is_named() -> None:
    """A change that takes the room of another one that is planned is refused, naming that."""
    plan = {"from": DAY + timedelta(days=30), "what": "migrate", "add_rps": 150.0}
    service = published(dependent(**KNOWN), dependent("mail", 50.0, change=[plan]))
    found = finding(scaled(service, 1.5), "plans")
    assert found.outcome is FAIL
    assert 'The change "migrate" of mail on 2026-12-24 adds 150/s' in found.reason
    assert "without the change that is asked for it would fit" in found.reason


def test_a_plan_that_never_fitted_is_only_told() -> None:
    """Where a plan would be too much anyway, the change is not to blame."""
    plan = {"from": DAY + timedelta(days=30), "what": "migrate", "add_rps": 550.0}
    service = published(dependent(**KNOWN), dependent("mail", 50.0, change=[plan]))
    found = finding(scaled(service, 1.01), "plans")
    assert found.outcome is WARN
    assert "without the change that is asked for too" in found.reason


def test_plans_beyond_the_horizon_do_not_count() -> None:
    """A plan on the last day of the horizon counts, one on the day after does not."""
    for days, count in ((90, 1), (91, 0)):
        plan = {"from": DAY + timedelta(days=days), "what": "migrate", "add_rps": 550.0}
        service = published(dependent(change=[plan], **KNOWN))
        found = [one.check for one in scaled(service, 1.1).verdict.findings]
        assert found.count("plans") == count


def test_cold_caches() -> None:
    """Where caches hold back more than the service could carry, emptying them is warned of."""
    cache = {"ttl_s": 60.0, "active_tokens": 100}
    service = published(dependent(peak_rps=500.0, cache=cache, **KNOWN))
    found = finding(scaled(service, 1.0), "cold cache")
    assert found.outcome is WARN
    assert "With empty caches the demand is 500/s instead of 1.66/s" in found.reason
    assert "gateway adds most: 498/s." in found.reason


@pytest.mark.parametrize(
    ("row", "asked_on", "told"),
    [
        (KNOWN, DAY, ""),
        ({"measured_on": DAY - timedelta(days=90)}, DAY, ""),
        (
            {"measured_on": DAY - timedelta(days=91)},
            DAY,
            "more than 90 days old on 2026-11-24: gateway 100/s (91 days)",
        ),
        ({}, DAY, "When the figures of gateway were measured is not said."),
        ({"measured_on": DAY + timedelta(days=99)}, DAY + timedelta(days=99), "is 122 days old"),
    ],
)
def test_old_figures_are_doubted(row: dict[str, Any], asked_on: date, told: str) -> None:
    """What was measured more than 90 days ago, or nobody knows when, is warned of."""
    service = published(dependent(**row))
    change = Change(effective_from=asked_on, what="growth", scale=Spread(1, 1, 1))
    answer = admission(service, changed(service.ledger, "gateway", change), asked_on)
    names = ("figures", "ledger:stale")
    doubts = [one.reason for one in answer.verdict.findings if one.check in names]
    assert [told in doubt for doubt in doubts] == ([True] if told else [])


def test_a_plan_for_the_same_day_may_be_the_same_change() -> None:
    """Where the ledger plans something else for that day, it is said that both count."""
    plan = {"from": DAY, "what": "migrate", "add_rps": 10.0}
    answer = scaled(published(dependent(change=[plan], **KNOWN)), 1.1)
    found = finding(answer, "figures")
    assert 'plans "migrate" for that day too' in found.reason
    assert found.hint == "If it is the same change, say so: --what 'migrate'."


def test_another_mix_is_another_rate() -> None:
    """Logins are dearer, so that more of them leave a lower rate: told with both, and why."""
    answer = joining(dependent("imap", 20.0, mix={"login": 1.0}, **KNOWN), weights=WEIGHTS)
    found = finding(answer, "demand")
    assert found.outcome is PASS
    assert found.reason.startswith(
        "The service rate of record is 400.4/s as it was measured, and 258/s with the mix of "
        "2026-11-24 (login 25.0 % of requests instead of 10.0 %), 223/s of it certain: with "
        "headroom 1.25 that is enough for 179/s; the demand from 2026-11-24 on is 120/s"
    )
    assert found.interval is not None
    assert answer.matter.after.standing.rate.lower_rps == found.interval[0]
    assert answer.matter.before.rate.estimate_rps == pytest.approx(400.4)


def test_other_requests_may_be_more_work() -> None:
    """Fewer requests that are dearer are more work: refused, though nothing is added to count."""
    service = published(dependent(peak_rps=250.0, **KNOWN), weights=WEIGHTS)
    entries = ledger(dependent(peak_rps=240.0, mix={"introspect": 0.8, "login": 0.2}, **KNOWN))
    answer = admission(service, replaced(service.ledger, entries, "gateway", DAY, "sign in"), DAY)
    assert answer.verdict.outcome is FAIL
    assert (
        'The change "sign in" of gateway on 2026-11-24 makes other requests and takes the demand '
        "from 250/s to 240/s; the limit is "
    ) in finding(answer, "demand").reason


@patient
@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(1.0, 300.0))
def test_dearer_requests_are_never_admitted_rather(one: float, other: float, peak: float) -> None:
    """Law: of two dependents that send as much, not the one with more logins alone is admitted."""
    few, many = (
        joining(
            dependent("imap", peak, mix={"introspect": 1 - share, "login": share}, **KNOWN),
            weights=WEIGHTS,
        )
        for share in sorted((max(one, 0.1), max(other, 0.1)))
    )
    admitted = [answer.verdict.outcome in (PASS, WARN) for answer in (few, many)]
    assert admitted != [False, True]


@pytest.mark.parametrize(
    ("mix", "weights", "why"),
    [
        ({"verify": 1.0}, WEIGHTS, "as verify was never measured."),
        ({"login": 1.0}, None, "as single operations were not measured; it is surely enough"),
    ],
)
def test_what_has_to_be_measured_is_not_admitted(
    mix: dict[str, float], weights: WeightsOfRecord | None, why: str
) -> None:
    """Where the rate with the change cannot be told nothing is admitted: a measurement is asked."""
    answer = joining(dependent("imap", 120.0, mix=mix, **KNOWN), weights=weights)
    assert answer.verdict.outcome is Outcome.INCONCLUSIVE
    found = finding(answer, "demand")
    assert why in found.reason
    assert found.hint.startswith("A new measurement is needed, beside a base and with this in the")
    assert not {"chance", "retries"} & {one.check for one in answer.verdict.findings}
    assert "headroom                           4.00            -" in render_terminal(answer)
    assert json.loads(render_json(answer))["after"]["headroom"] is None


def test_an_unknown_rate_that_is_ample_all_the_same() -> None:
    """Where the shares alone say that enough is left, the change passes, and the doubt is told."""
    answer = joining(dependent("imap", 20.0, mix={"login": 1.0}, **KNOWN))
    assert finding(answer, "demand").outcome is WARN  # little is surely left, but enough
    assert "and no less than 160/s with the mix of" in finding(answer, "demand").reason
    doubt = finding(answer, "figures")
    assert doubt.outcome is WARN
    assert doubt.reason == (
        "What the service rate is with the mix of 2026-11-24 (login 25.0 % of requests instead of "
        "10.0 %) is not known, as single operations were not measured."
    )


def test_a_record_that_does_not_say_its_mix() -> None:
    """What was measured before mixes were kept is taken to have had the present one."""
    stored = record(conditions=None)
    service = capacity_record(config(), ledger(dependent(**KNOWN)), stored)
    assert scaled(service, 2.0).verdict.outcome is PASS
    entries = ledger(dependent("imap", 150.0, mix={"login": 1.0}, **KNOWN))
    asked = replaced(service.ledger, entries, "imap", DAY, "its entry")
    assert admission(service, asked, DAY).verdict.outcome is Outcome.INCONCLUSIVE


def test_an_unknown_rate_refuses_nothing_that_adds_nothing() -> None:
    """A change that lowers a demand of which nothing can be told is let through, with a warning."""
    service = published(dependent(mix={"introspect": 0.5, "login": 0.5}, **KNOWN))
    assert finding(scaled(service, 0.9), "demand").outcome is WARN
    assert finding(scaled(service, 1.1), "demand").outcome is Outcome.INCONCLUSIVE


def test_a_plan_of_which_nothing_can_be_told_is_named() -> None:
    """A change that is planned for later and makes another mix is warned of."""
    plan = {"from": DAY + timedelta(days=30), "what": "migrate", "add_rps": 90.0}
    mail = dependent("mail", 0.0, mix={"login": 1.0}, change=[plan])
    found = finding(scaled(published(dependent(**KNOWN), mail), 1.5), "plans")
    assert found.outcome is WARN
    assert found.reason.startswith(
        "Whether the 240/s (gateway 150/s, mail 90/s) from 2026-12-24 on are carried cannot be told"
    )


def test_an_order_that_cannot_be_told() -> None:
    """Where the rate of either build with either demand is not known, no order is said."""
    service = published(dependent(**KNOWN), weights=WEIGHTS)
    entries = ledger(dependent("imap", 100.0, mix={"login": 1.0}, **KNOWN))
    asked = replaced(service.ledger, entries, "imap", DAY, "its entry")
    rate = MixedRate(UncertainRate(400.0, 390.0, 410.0), Work(conditions().mix))
    other = OtherBuild("new", rate)
    found = finding(admission(service, asked, DAY, other), "order")
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "single operations were not measured" in found.reason


def test_a_new_dependent() -> None:
    """One that is not in the ledger yet is judged by its entry."""
    service = published()
    for peak_rps, outcome in ((100.0, PASS), (500.0, FAIL)):
        entries = ledger(dependent("new", peak_rps, **KNOWN))
        asked = replaced(service.ledger, entries, "new", DAY, "its entry")
        answer = admission(service, asked, DAY)
        assert answer.verdict.outcome is outcome
        assert ('The change "its entry" of new' in answer.verdict.reason) == (outcome is FAIL)


@pytest.mark.parametrize(
    ("of_record", "to_ship", "order", "outcome"),
    [
        (400.0, 410.0, Order.EITHER, PASS),
        (400.0, 200.0, Order.NEITHER, FAIL),
        (200.0, 400.0, Order.BUILD_FIRST, FAIL),
        (100.0, 90.0, Order.NEITHER, FAIL),
    ],
)
def test_the_order_of_two_changes(
    of_record: float, to_ship: float, order: Order, outcome: Outcome
) -> None:
    """From 100/s to 200/s, which 275/s carry well: only states that carry may lie between."""
    answer = _with_build(of_record, to_ship, 2.0)
    assert answer.crossing is not None
    assert answer.crossing.order is order
    assert finding(answer, "order").outcome is outcome


def test_a_change_that_makes_room_goes_first() -> None:
    """A change that lowers the demand lets a slower build ship, after it."""
    answer = _with_build(400.0, 100.0, 0.5)
    assert answer.crossing is not None
    assert answer.crossing.order is Order.DEMAND_FIRST
    assert finding(answer, "order").outcome is PASS


@patient
@given(st.floats(50, 1000), st.floats(50, 1000), st.floats(1.01, 4.0))
def test_what_is_blocked_by_the_order(of_record: float, to_ship: float, factor: float) -> None:
    """Law: a change that adds must wait just where it does not fit either build, now and then."""
    answer = _with_build(of_record, to_ship, factor)
    both = answer.crossing
    assert both is not None
    fits = both.old_new.outcome is not FAIL and both.new_new.outcome is not FAIL
    assert (finding(answer, "order").outcome is FAIL) != fits


LATER = {"from": DAY + timedelta(30), "what": "delegate", "add_rps": 100.0}


def test_a_build_that_is_not_enough_for_what_is_planned_is_told() -> None:
    """Either may ship first, but the build must not be there once the ledger's plan is."""
    service = published(dependent(change=[LATER], **KNOWN))
    change = Change(effective_from=DAY, what="a little", add_rps=5.0)
    rate = MixedRate(UncertainRate(200.0, 200.0, 200.0), Work({}))
    asked = changed(service.ledger, "gateway", change)
    own = finding(admission(service, asked, DAY, OtherBuild("new", rate)), "order")
    assert own.outcome is WARN
    assert own.reason.startswith("Either may ship first")
    assert 'not enough for what is planned: the change "delegate" of gateway' in own.reason
    assert own.hint


def promised(rate_rps: float) -> PromisedRate:
    """Return a highest rate within promises that is all but certain."""
    return PromisedRate(
        estimate=rate_rps, lower=rate_rps - 1, upper=rate_rps + 1, runs=7, first_missed="a p95"
    )


def test_promises_count_in_the_order() -> None:
    """A build that carries the change, but not within the promises, is not enough for it."""
    service = published(measured={"mu_slo_rps": promised(380.0)})
    rate = MixedRate(UncertainRate(400.0, 400.0, 400.0), Work({}))
    known = Known(mu_slo=UncertainRate(200.0, 199.0, 201.0))
    change = Change(effective_from=DAY, what="growth", scale=Spread(2.0, 2.0, 2.0))
    asked = changed(service.ledger, "gateway", change)
    answer = admission(service, asked, DAY, OtherBuild("new", rate, known))
    assert finding(answer, "order").outcome is FAIL
    assert finding(answer, PROMISES).outcome is PASS


def test_promises_count_in_plans() -> None:
    """What is planned for later must leave the promises kept, too."""
    service = published(
        dependent(change=[LATER], **KNOWN), measured={"mu_slo_rps": promised(280.0)}
    )
    assert finding(scaled(service, 1.3), "plans").outcome is FAIL
    assert [
        one.check for one in scaled(service, 1.01).verdict.findings if one.check == "plans"
    ] == []


def test_a_later_day_may_be_too_doubtful() -> None:
    """The chance of an overload counts on the worst day that is planned."""
    unsure = {"from": DAY + timedelta(30), "what": "delegate", "scale": [1.0, 2.5, 9.0]}
    answer = scaled(published(dependent(change=[unsure], **KNOWN)), 1.1)
    later, now = (one for one in answer.verdict.findings if one.check == "chance")
    assert (now.outcome, later.outcome) == (PASS, WARN)
    assert f"the demand of {DAY + timedelta(30)} exceeds" in later.reason


def test_what_is_planned_is_asked_for_by_its_day() -> None:
    """The question about a plan of the ledger is answered as if it had been asked for anew."""
    plan = {"from": DAY, "what": "growth", "scale": 4.0}
    service = published(dependent(change=[plan], **KNOWN))
    answer = admission(service, planned(service.ledger, "gateway", DAY), DAY)
    assert answer.verdict == scaled(published(), 4.0).verdict


def _with_build(of_record: float, to_ship: float, factor: float) -> Admission:
    service = published(lower_rps=of_record)
    change = Change(effective_from=DAY, what="growth", scale=Spread(factor, factor, factor))
    rate = MixedRate(UncertainRate(to_ship, to_ship, to_ship), Work({}))
    other = OtherBuild("new", rate)
    return admission(service, changed(service.ledger, "gateway", change), DAY, other)
