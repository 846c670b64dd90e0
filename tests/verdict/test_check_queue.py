"""A queue that surely grows fails, one that surely does not passes, and nothing else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from builders import MOMENTS, OPEN_S, Build, case, config, demand_run, terms
from hypothesis import given
from hypothesis import strategies as st

from perfgate.verdict.checks import slo
from perfgate.verdict.checks.queue import check
from perfgate.verdict.finding import Finding, Outcome

if TYPE_CHECKING:
    from perfgate.measurement.models import DemandRun


def judged(*in_flight: int, waited: float = 0.0, cpu_s: float = OPEN_S) -> list[Finding]:
    """Return the findings for so many introspections in flight; else nothing is."""
    return check(case(demand_run=run_of(*in_flight, waited=waited, cpu_s=cpu_s)))


def run_of(*in_flight: int, waited: float = 0.0, cpu_s: float = OPEN_S) -> DemandRun:
    """Return a run with so many in flight; ``waited`` is the share that found every user busy."""
    made = demand_run()
    own = made.run.builds["candidate"].model_copy(update={"open_cpu_s": cpu_s})
    validity = made.run.validity.model_copy(update={"waited_ratio": waited})
    run = made.run.model_copy(update={"builds": {"candidate": own}, "validity": validity})
    counts = {"introspect": in_flight, "login": (0,) * len(in_flight)}
    return made.model_copy(update={"run": run, "in_flight": counts})


def test_a_queue_that_stays_short_passes() -> None:
    """One finding says that the queue does not grow, and by how much at most."""
    (own,) = check(case())
    assert (own.check, own.outcome, own.unit) == ("queue", Outcome.PASS, "requests/s")
    assert own.reason == (
        "The queue does not grow at 125/s here: by less than 3.67 requests a second."
    )
    assert own.limit == pytest.approx(12.5)


def test_a_queue_that_grows_fails() -> None:
    """The reason tells by how many requests a second, how many for sure, and of which operation."""
    (own,) = check(case(Build(queue=30.0)))
    assert (own.check, own.outcome) == ("queue", Outcome.FAIL)
    assert own.reason == (
        "At the required rate, 125/s here, the queue grows by 30 requests a second, surely by "
        "23.5: more is asked for than is served, most of all of introspect. Most is sent by "
        "gateway 100/s."
    )
    assert own.observed == pytest.approx(30)
    assert own.interval is not None
    assert own.interval[0] == pytest.approx(23.5, abs=0.1)


@given(growth=st.integers(1, 1000))
def test_any_sure_growth_fails(growth: int) -> None:
    """Law: however slowly it surely grows, it does so without end."""
    (own,) = judged(*(growth * number for number in range(MOMENTS)))
    assert own.outcome is Outcome.FAIL
    assert own.observed == pytest.approx(growth * (MOMENTS - 1) / OPEN_S)


def test_the_queue_of_one_operation_may_grow() -> None:
    """Where all together do not tell, an operation that surely piles up is named."""
    swing = [40 * (number % 2) for number in range(MOMENTS)]
    made = demand_run().model_copy(
        update={"in_flight": {"introspect": tuple(swing), "login": tuple(range(MOMENTS))}}
    )
    (own,) = check(case(demand_run=made))
    assert (own.check, own.outcome) == ("queue:login", Outcome.FAIL)
    assert own.reason.endswith(
        "the queue of login grows by 3 requests a second, surely by 3: more is asked for than is "
        "served. login is sent by gateway 10/s."
    )


@given(start=st.integers(0, 1000), drained=st.integers(0, 50))
def test_a_queue_that_stays_or_shrinks_passes(start: int, drained: int) -> None:
    """Law: nothing in flight at any moment, or ever fewer, is surely no growth."""
    (own,) = judged(*(max(start - drained * number, 0) for number in range(MOMENTS)))
    assert own.outcome is Outcome.PASS
    assert own.reason.startswith("The queue does not grow at 125/s here")


def test_a_queue_that_goes_up_and_down_tells_nothing() -> None:
    """Law: what is not known does not pass; a longer run would tell."""
    (own,) = judged(*(2 + 60 * (number % 3) for number in range(MOMENTS)))
    assert own.outcome is Outcome.INCONCLUSIVE
    assert own.reason.startswith("Whether the queue grows at 125/s here is not known: by ")
    assert "demand_s" in own.hint


def test_a_queue_that_was_empty_near_the_end_does_not_grow() -> None:
    """Law: a stall that was made good is none of the queue's growth, however long it got."""
    stalled = [200 if number == 10 else 0 for number in range(MOMENTS)]
    (own,) = judged(*stalled)
    assert own.outcome is Outcome.PASS
    assert own.reason == "The queue does not grow at 125/s here: near the end it was empty."
    (busy,) = judged(*(count + 2 for count in stalled))
    assert busy.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("waited", "cpu_s", "outcome"),
    [
        (0.5, 0.2 * OPEN_S, Outcome.INCONCLUSIVE),
        (0.5, 0.9 * OPEN_S, Outcome.FAIL),
        (0.0, 0.2 * OPEN_S, Outcome.FAIL),
    ],
)
def test_a_queue_for_users_blames_no_build(waited: float, cpu_s: float, outcome: Outcome) -> None:
    """Law: where every user was busy and the build was not, the queue may be the generator's."""
    (own,) = judged(*range(0, 10 * MOMENTS, 10), waited=waited, cpu_s=cpu_s)
    assert own.outcome is outcome
    assert ("raise identities" in own.hint) == (outcome is Outcome.INCONCLUSIVE)


@pytest.mark.parametrize("in_flight", [None, {}])
def test_what_was_not_watched_has_no_finding(in_flight: dict[str, object] | None) -> None:
    """Files from before say nothing of the queue, and what is not there does not pass."""
    run = demand_run().model_copy(update={"in_flight": {}})
    assert check(case(demand_run=None if in_flight is None else run)) == []


def test_promises_missed_by_a_queue_that_grows_are_broken() -> None:
    """Law: where the build is why every user was busy, a missed promise is the build's."""
    own = terms(config=config(slo={"introspect": {"p50_ms": 1.0}}))
    made = run_of(*range(0, 10 * MOMENTS, 10), waited=0.5)
    still = run_of(*[0] * MOMENTS, waited=0.5)
    found = [slo.check(case(held_to=own, demand_run=run))[0].outcome for run in (made, still)]
    assert found == [Outcome.FAIL, Outcome.INCONCLUSIVE]
