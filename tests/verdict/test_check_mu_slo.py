"""mu_SLO, where it was searched, is told with its interval and held against the required rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import case, config, dependent, discarded, ledger, search, terms

from perfgate.verdict.checks.mu_slo import check
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.measurement.models import Search

SLO = {"introspect": {"p95_ms": 100.0}}
FOUND = search((280.0, 0), (380.0, 200), (310.0, 4), (340.0, 40), (320.0, 12), (325.0, 14))


def judged(made: Search | None, demand_rps: float = 100.0) -> list[Finding]:
    """Return the findings for a search, with 1.25 times the demand required."""
    own = terms(config=config(slo=SLO), ledger=ledger(dependent(peak_rps=demand_rps)))
    return check(case(held_to=own, search=made))


def test_what_was_not_searched_has_no_finding() -> None:
    """Law: mu_SLO is searched on demand only."""
    assert judged(None) == []


def test_the_rate_is_told_with_its_interval() -> None:
    """The reason tells the rate, what is missed beyond it, what it took and the headroom."""
    (own,) = judged(FOUND)
    assert (own.check, own.outcome, own.hint) == ("mu_slo", Outcome.PASS, "")
    assert own.interval is not None
    low, high = own.interval
    assert own.observed is not None
    assert own.reason == (
        f"Every promise is kept up to {own.observed:.0f}/s here ({low:.0f} to {high:.0f}/s with a "
        "chance of 90 %); beyond, introspect p95 is missed first. 6 open-loop trials in 114 s. "
        f"Headroom by mu_SLO: {own.observed / 100:.2f}."
    )
    assert own.limit == pytest.approx(125)


@pytest.mark.parametrize(
    ("demand_rps", "outcome", "hint"),
    [
        (200.0, Outcome.PASS, ""),
        (256.0, Outcome.WARN, "More or longer trials in [search]"),
        (310.0, Outcome.FAIL, "388/s is required here: make the build faster"),
    ],
)
def test_it_is_held_against_the_required_rate(
    demand_rps: float, outcome: Outcome, hint: str
) -> None:
    """Law: surely enough passes, surely too little fails, and what is not sure warns."""
    (own,) = judged(FOUND, demand_rps)
    assert own.outcome is outcome
    assert own.hint.startswith(hint)


def test_a_service_rate_that_keeps_every_promise_is_said() -> None:
    """Where even the service rate keeps all, it is told so, and the headroom is that rate's."""
    (own,) = judged(search((300.0, 0), (390.0, 0), (400.0, 0), (400.0, 0)))
    assert own.outcome is Outcome.PASS
    assert own.reason == (
        "Every promise is kept even at 400/s, the service rate here. 4 open-loop trials in 76 s. "
        "Headroom by mu_sat: 4.00."
    )


def test_a_lowest_rate_that_misses_a_promise_is_said() -> None:
    """Where the lowest rate misses a promise, which one is told, and the build fails."""
    (own,) = judged(search((300.0, 240), (150.0, 240), (100.0, 240), (100.0, 240)))
    assert own.outcome is Outcome.FAIL
    assert own.reason.startswith(
        "introspect p95: 100 ms are missed even at 100/s here, the lowest rate that was tried."
    )


def test_too_few_trials_warn() -> None:
    """What could not be found is no pass: why is told, and what would help."""
    late = discarded(4, "the load generator was late")
    (own,) = judged(search((300.0, 0), discarded=late, ended="a worker was lost"))
    assert own.outcome is Outcome.WARN
    assert own.reason == (
        "Up to which rate promises are kept was not found: 1 trial can be trusted, and 3 are the "
        "least: a worker was lost; the load generator was late."
    )
    assert "budget_s" in own.hint


def test_what_cut_the_search_short_is_told() -> None:
    """Where a trial broke off, what is known by then is told, and why there is no more."""
    (own,) = judged(FOUND.model_copy(update={"ended": "the candidate died under load"}))
    assert "6 open-loop trials in 114 s, then the candidate died under load." in own.reason


def test_without_a_service_rate_nothing_is_held_against_it() -> None:
    """Where production's rate cannot be carried over, the rate here is told all the same."""
    declared = config(slo=SLO, production={"service_rate_rps": 500.0})
    (own,) = check(case(base=None, held_to=terms(config=declared), search=FOUND))
    assert (own.outcome, own.limit) == (Outcome.PASS, None)
    assert "Headroom" not in own.reason
