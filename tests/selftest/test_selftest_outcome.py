"""What answers of gates mean: awake, asleep, crying wolf or open, and what to do about it."""

from __future__ import annotations

import pytest
from builders import Build
from gates import (
    ALARMED,
    ALL,
    ASLEEP,
    AWAKE,
    NOISY,
    TROUBLED,
    UNTRIED,
    WIDE,
    died,
    selftest,
    trial,
    troubled,
    unmet,
)

from perfgate.exitcodes import ExitCode
from perfgate.selftest.harm import HARMS, Kind
from perfgate.selftest.outcome import Answer, Selftest, Trial, advice, advice_untried, told_all
from perfgate.verdict.finding import Outcome

each_harm = pytest.mark.parametrize("kind", HARMS)


@pytest.mark.parametrize("kind", ALL)
def test_a_gate_that_is_awake(kind: Kind) -> None:
    """Nothing must be let ship, and each harm must fail: then there is nothing to advise."""
    right = trial(kind)
    assert right.verdict is not None
    wanted = Outcome.PASS if kind is Kind.NOTHING else Outcome.FAIL
    assert (right.verdict.outcome, right.answer, advice(right)) == (wanted, Answer.RIGHT, "")


@each_harm
def test_a_gate_that_lets_harm_ship_is_asleep(kind: Kind) -> None:
    """It is so whatever harm it lets pass, and one is enough."""
    asleep = trial(kind, Build())
    assert asleep.answer is Answer.ASLEEP
    assert selftest(asleep).exit_code is ExitCode.FAIL
    assert advice(asleep)


def test_a_warning_ships() -> None:
    """A gate that only warns of harm is asleep, and one that warns of nothing is not amiss."""
    warned = trial(Kind.CPU, Build(memory=0.5))
    assert warned.verdict is not None
    assert (warned.verdict.outcome, warned.answer) == (Outcome.WARN, Answer.ASLEEP)
    assert trial(Kind.NOTHING, Build(memory=0.5)).answer is Answer.RIGHT


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (AWAKE, ExitCode.PASS),
        (ASLEEP, ExitCode.FAIL),
        (ALARMED, ExitCode.FAIL),
        (NOISY, ExitCode.UNDECIDED),
        (TROUBLED, ExitCode.UNDECIDED),
        (UNTRIED, ExitCode.UNDECIDED),
        (selftest(troubled(Kind.LATENCY), trial(Kind.CPU, Build())), ExitCode.FAIL),
    ],
)
def test_exit_codes(found: Selftest, code: ExitCode) -> None:
    """A wrong answer is a failure, one that is missing leaves it open, and the worst counts."""
    assert found.exit_code is code


def test_what_is_said_of_all() -> None:
    """One sentence names what was let ship, failed in vain, or left open."""
    assert told_all(AWAKE) == (
        "the gate of auth is awake: it let the service ship as it is, and failed latency, cpu and "
        "errors"
    )
    assert told_all(ASLEEP) == "the gate of auth is asleep: it let cpu and errors ship"
    assert told_all(ALARMED) == "the gate of auth cries wolf: it failed the service as it is"
    still = "it is open whether the gate of auth is awake: nothing was decided about"
    assert told_all(NOISY) == f"{still} the service as it is and cpu"
    assert told_all(TROUBLED) == f"{still} latency and errors"
    both = selftest(trial(Kind.NOTHING, Build(cost=0.2)), trial(Kind.CPU, Build()))
    assert told_all(both) == (
        "the gate of auth is asleep: it let cpu ship and it failed the service as it is"
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (trial(Kind.CPU, sections=WIDE), "slowdown = 0.9 and operation = 0.9"),
        (trial(Kind.LATENCY, sections=WIDE), "slowdown = 0.9 and latency = 4"),
        (trial(Kind.ERRORS, Build()), "The Locust file takes answers with status 500 for good"),
        (trial(Kind.ERRORS, Build(), noise=0.1), "The Locust file takes answers"),
        (trial(Kind.ERRORS, sections={"slo": {"*": {"error_ratio": 0.5}}}), "error_ratio"),
        (trial(Kind.NOTHING, Build(cost=0.2)), "`perfgate doctor`"),
        (
            trial(Kind.NOTHING, sections={"slo": {"*": {"p50_ms": 0.1}}}),
            "The proxy takes CPU time too",
        ),
        (trial(Kind.CPU, Build(), noise=0.1), "a larger budget (--budget)"),
        (unmet(Kind.ERRORS), "HTTP/1 only"),
        (troubled(Kind.CPU), "A quieter machine"),
        (died(), "must come through its load as it is"),
    ],
)
def test_what_to_do(wrong: Trial, told: str) -> None:
    """Each wrong answer, and each that is missing, comes with what ends it."""
    assert told in advice(wrong)


def test_harm_that_nobody_met_proves_nothing() -> None:
    """A gate is not called asleep, nor awake, for a harm that did not reach it."""
    assert unmet(Kind.ERRORS).answer is Answer.OPEN
    assert unmet(Kind.NOTHING).answer is Answer.RIGHT


def test_what_was_not_tried_is_said() -> None:
    """Where sizes are not known, the harms are named that were left out."""
    assert UNTRIED.untried == HARMS
    assert "Not tried: latency, cpu, errors." in advice_untried(UNTRIED)
    assert advice_untried(AWAKE) == ""
