"""Recovery: a build that an overload leaves down fails, and the reason tells what ended it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from builders import case
from upsets import (
    DOWN,
    LIMIT_S,
    STEP_S,
    UPSET,
    UPSET_FROM_S,
    UPSET_TO_S,
    VALIDITY,
    WELL,
    after,
    alone,
    came_back,
    recovery,
    started_anew,
    stayed_down,
)

from perfgate.verdict.case import measured_rate
from perfgate.verdict.checks.recovery import check, is_down, prediction_of
from perfgate.verdict.finding import Outcome, number

if TYPE_CHECKING:
    from perfgate.measurement.models import Recovery
    from perfgate.verdict.finding import Finding


def found(*recoveries: Recovery) -> Finding:
    """Return the only finding."""
    (own,) = check(after(*recoveries))
    return own


def test_without_an_upset_there_is_nothing_to_say() -> None:
    """What was not tried is not judged."""
    assert check(case()) == []
    assert not is_down(case())


def test_a_recovery_passes_and_says_how_soon() -> None:
    """A build that comes back passes."""
    own = found(came_back(3, mu_over_rps=None))
    assert own.outcome is Outcome.PASS
    assert own.reason == (
        "After a spike to 300/s for 5 s, callers were served again 3 s later (limit 30 s). "
        "Callers that all retry send 50/s, and 399/s are surely served while saturated: as was to "
        "be expected."
    )
    assert "served again at once" in found(came_back(0)).reason


def test_who_stays_down_fails() -> None:
    """A build that stays down fails: what callers got is told, and that nothing helped."""
    own = found(stayed_down(mu_over_rps=None))
    assert own.outcome is Outcome.FAIL
    assert own.reason == (
        "30 s after a spike to 300/s for 5 s, with the demand back at 50/s, 0 % of calls were "
        "answered in time, and 3.0 attempts came for each new one. Neither 50 % nor 25 % of the "
        "demand, for 8 s each, nor an end of all retries within 8 s brought it back. The base "
        "could not be tried. "
        "Callers that all retry send 50/s, and 399/s are surely served while saturated: not as "
        "was to be expected."
    )
    assert own.hint


@pytest.mark.parametrize(
    ("then", "words"),
    [
        ([*[DOWN] * STEP_S, *[WELL] * STEP_S], "when the demand was lowered to 12/s (25 %)."),
        ([*[DOWN] * 2 * STEP_S, *[WELL] * STEP_S], "when nobody retried any more."),
    ],
)
def test_what_ended_it_is_told(then: list[tuple[int, int, int]], words: str) -> None:
    """What brought the build back at last says how fast it is stuck."""
    assert f"It ended {words}" in found(recovery([*[DOWN] * LIMIT_S, *then])).reason


def test_the_base_decides_whose_fault_it_is() -> None:
    """Law: staying down fails only where the base comes back from the same."""
    own = found(stayed_down(), came_back(7, build="base"))
    assert own.outcome is Outcome.FAIL
    assert "At the base they were, after 7 s." in own.reason
    both = found(stayed_down(), stayed_down(build="base"))
    assert both.outcome is Outcome.WARN
    assert "The base stays down too, so this change is not why." in both.reason


@pytest.mark.parametrize(
    ("mu_over_rps", "back", "down"),
    [
        (
            40.0,
            "a service that takes them all would have stayed down",
            "as was to be expected",
        ),
        (60.0, "as was to be expected", "not as was to be expected"),
    ],
)
def test_what_the_formula_expected_stands_beside_it(
    mu_over_rps: float, back: str, down: str
) -> None:
    """Law: a build is expected back if it works off more than callers send who all retry.

    One that refuses what it cannot serve may come back all the same.
    """
    told = (
        f"Callers that all retry send 50/s, and {mu_over_rps:.0f}/s are worked off under overload: "
    )
    assert found(came_back(3, mu_over_rps=mu_over_rps)).reason.endswith(f"{told}{back}.")
    assert found(stayed_down(mu_over_rps=mu_over_rps)).reason.endswith(f"{told}{down}.")


@pytest.mark.parametrize("mu_over_rps", [40.0, 60.0, None])
@pytest.mark.parametrize("is_down", [False, True])
def test_a_prediction_is_told_as_it_is(is_down: bool, mu_over_rps: float | None) -> None:
    """Law: figures and outcome of the prediction are those of the sentence."""
    own = (stayed_down if is_down else came_back)(mu_over_rps=mu_over_rps)
    prediction = prediction_of(after(own), own)
    assert prediction is not None
    assert prediction.served_by == ("mu_sat" if mu_over_rps is None else "mu_over")
    assert prediction.stays_down == (prediction.retried_rps > prediction.served_rps)
    assert prediction.came_true == (prediction.stays_down == is_down)
    reason = found(own).reason
    assert f"send {number(prediction.retried_rps)}/s, and {prediction.served_rps:.0f}/s" in reason
    assert (": as was to be" in reason) == prediction.came_true


def test_every_build_is_held_against_its_own_rate() -> None:
    """The base is expected to serve what it served itself, not what the candidate did."""
    base = came_back(7, build="base", mu_over_rps=None)
    made = after(stayed_down(mu_over_rps=40.0), base)
    prediction, rate = prediction_of(made, base), measured_rate(made, "base")
    assert prediction is not None
    assert rate is not None
    assert prediction.served_rps == rate.lower


def test_what_proves_nothing_makes_no_prediction_true() -> None:
    """Law: a run that does not tell leaves it open; of a restart nothing was to be expected."""
    faulty = VALIDITY.model_copy(update={"faults": ("the clock was set",)})
    for own in (came_back(0, before=DOWN), stayed_down(validity=faulty), came_back(0, unsent=7)):
        prediction = prediction_of(after(own), own)
        assert prediction is not None
        assert prediction.came_true is None
    restart = started_anew()
    assert prediction_of(after(stayed_down(), restart=restart), restart) is None


@pytest.mark.parametrize(
    ("changes", "outcome", "words"),
    [
        ({"before": DOWN}, Outcome.INCONCLUSIVE, "not even served before a spike to 300/s"),
        (
            {"validity": VALIDITY.model_copy(update={"faults": ("the clock was set",)})},
            Outcome.INVALID,
            "could be trusted: the clock was set",
        ),
    ],
)
def test_what_proves_nothing_never_passes(
    changes: dict[str, Any], outcome: Outcome, words: str
) -> None:
    """Law: without a trustworthy run of a build that was well, nothing is decided."""
    own = found(came_back(0, **changes))
    assert own.outcome is outcome
    assert words in own.reason
    assert not is_down(after(came_back(0, **changes)))


def test_a_standstill_is_called_so() -> None:
    """A stall is no spike."""
    stall = UPSET.model_copy(update={"kind": "stall", "rate_rps": 50.0})
    assert found(came_back(2, upset=stall)).reason.startswith("After a standstill of 5 s,")


def test_the_base_is_asked_only_where_the_candidate_stays_down() -> None:
    """Law: who came back needs no base to compare with."""
    assert is_down(after(stayed_down()))
    assert not is_down(after(came_back(3)))


@pytest.mark.parametrize("down_s", [0, 3])
def test_a_restart_that_helps_is_told(down_s: int) -> None:
    """Where fresh processes serve the callers that the old ones left waiting, that is said."""
    back = started_anew(down_s)
    (told,) = check(after(stayed_down(), restart=back))
    assert f" Fresh processes served the demand within {down_s + 3} s." in told.reason
    in_vain = back.model_copy(update={"answered": (0,) * len(back.answered)})
    (untold,) = check(after(stayed_down(), restart=in_vain))
    assert "Fresh processes did not serve it either." in untold.reason


def test_a_planned_change_is_called_so() -> None:
    """A planned demand that came and was taken back is named, as that is what one can plan for."""
    change = UPSET.model_copy(update={"kind": "change", "rate_rps": 185.0})
    assert found(came_back(2, upset=change)).reason.startswith(
        "After 5 s of the 185/s that are planned,"
    )


@pytest.mark.parametrize("kind", ["spike", "stall"])
def test_who_only_waits_is_not_overloaded(kind: str) -> None:
    """Law: where all is answered before anybody gives up, however late, nothing is proved."""
    own, during = came_back(3), range(UPSET_FROM_S, UPSET_TO_S)
    sent = tuple(300 if at in during else 50 for at in range(len(own.first_tries)))
    got = tuple(
        200 if at in during else 217 if UPSET_TO_S <= at < UPSET_TO_S + 3 else 50
        for at in range(len(sent))
    )
    upset = UPSET.model_copy(update={"kind": kind})
    updates = {"first_tries": sent, "attempts": sent, "answered": got, "upset": upset}
    told = found(own.model_copy(update=updates))
    assert told.outcome is Outcome.INCONCLUSIVE
    assert "before they gave up: it was no overload" in told.reason
    assert "recovery.upset_s" in told.hint


def test_a_spike_that_overloads_nobody_tells_nothing() -> None:
    """Where callers were served all through it, that they are afterwards is no recovery."""
    own = came_back(0)
    during = range(UPSET_FROM_S, UPSET_TO_S)
    served = tuple(300 if at in during else count for at, count in enumerate(own.answered))
    calm = own.model_copy(update={"answered": served, "attempts": own.first_tries})
    told = found(calm)
    assert told.outcome is Outcome.INCONCLUSIVE
    assert "it was no overload" in told.reason


@pytest.mark.parametrize(("sent", "unsent"), [(200, 0), (300, 7)])
def test_a_spike_that_was_not_sent_is_none(sent: int, unsent: int) -> None:
    """What the load generator did not send cannot be come through; who stays down fails anyway."""
    during = range(UPSET_FROM_S, UPSET_TO_S)
    for own, outcome in ((came_back(2), Outcome.INVALID), (stayed_down(), Outcome.FAIL)):
        tries = tuple(sent if at in during else count for at, count in enumerate(own.first_tries))
        told = found(own.model_copy(update={"first_tries": tries, "unsent": unsent}))
        assert told.outcome is outcome


def test_a_base_that_could_not_be_tried_is_no_excuse() -> None:
    """That the base stayed down counts only in a run to be trusted, which began well."""
    faulty = VALIDITY.model_copy(update={"faults": ("the generator was late",)})
    for base in (
        stayed_down(build="base", validity=faulty),
        stayed_down(build="base", before=DOWN),
    ):
        told = found(stayed_down(), base)
        assert told.outcome is Outcome.FAIL
        assert "The base could not be tried: " in told.reason


def test_who_is_left_out_is_named() -> None:
    """Where others are served, a build fails for the dependents that are not, and names them."""
    served, left = alone("gateway", [10] * LIMIT_S), alone("batch", [0] * LIMIT_S)
    told = found(recovery([(100, 100, 97)] * LIMIT_S, callers=(served, left)))
    assert told.outcome is Outcome.FAIL
    assert "97 % of calls were answered in time (0 % of batch's), and 1.0 attempts" in told.reason
    only = found(recovery([(100, 100, 97)] * LIMIT_S, callers=(left,)))
    assert "97 % of calls were answered in time (0 % of batch's)" in only.reason
    early = found(recovery([WELL] * 3, callers=(served, alone("batch", [10] * 3, before=0))))
    assert early.outcome is Outcome.INCONCLUSIVE
    assert "not even served before a spike to 300/s for 5 s (0 % of batch's):" in early.reason
    all_down = found(stayed_down(callers=(left, left)))
    assert "answered in time, and 3.0 attempts" in all_down.reason


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "It was not watched for longer."),
        (STEP_S, "Not even 50 % of the demand, for 8 s brought it back."),
        (2 * STEP_S, "Neither 50 % nor 25 % of the demand, for 8 s each brought it back."),
    ],
)
def test_only_what_was_tried_was_in_vain(seconds: int, words: str) -> None:
    """Of a run that was cut short nothing is told that it did not get to."""
    assert words in found(recovery([DOWN] * (LIMIT_S + seconds))).reason
