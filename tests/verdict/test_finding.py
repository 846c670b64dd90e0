"""Findings add up to the worst of them, and a verdict has an exit code."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.exitcodes import ExitCode
from perfgate.verdict.finding import (
    Finding,
    Outcome,
    Verdict,
    counted,
    number,
    told_apart,
    verdict_of,
)

OUTCOMES = st.sampled_from(list(Outcome))
UNDECIDED = (Outcome.INCONCLUSIVE, Outcome.INVALID)


def finding(outcome: Outcome, check: str = "errors") -> Finding:
    """Return a finding with this outcome."""
    return Finding(check, outcome, f"{check} says {outcome}.")


def test_order_of_severity() -> None:
    """FAIL is worse than INVALID and INCONCLUSIVE, which are alike, then WARN, then PASS."""
    ranks = {outcome: outcome.severity for outcome in Outcome}
    assert ranks[Outcome.FAIL] > ranks[Outcome.INVALID] == ranks[Outcome.INCONCLUSIVE]
    assert ranks[Outcome.INVALID] > ranks[Outcome.WARN] > ranks[Outcome.PASS]


@given(outcomes=st.lists(OUTCOMES, min_size=1))
def test_the_verdict_is_the_worst_finding(outcomes: list[Outcome]) -> None:
    """No finding is worse than the verdict, and one of them is the verdict."""
    verdict = verdict_of(map(finding, outcomes))
    assert verdict.outcome in outcomes
    assert verdict.outcome.severity == max(outcome.severity for outcome in outcomes)


@given(outcomes=st.lists(OUTCOMES))
def test_findings_are_sorted_and_else_keep_their_order(outcomes: list[Outcome]) -> None:
    """All findings are kept, worst first, and those alike in the order in which they came."""
    made = [finding(outcome, f"check {number:02}") for number, outcome in enumerate(outcomes)]
    found = verdict_of(made).findings
    assert sorted(found, key=lambda own: own.check) == made
    for earlier, later in itertools.pairwise(found):
        assert (-earlier.outcome.severity, earlier.check) < (-later.outcome.severity, later.check)


def test_no_findings_decide_nothing() -> None:
    """Without any evidence the verdict is INCONCLUSIVE, never a pass."""
    verdict = verdict_of([])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.reason == "No check had anything to judge."
    assert verdict.exit_code() is ExitCode.UNDECIDED


def test_reason_is_that_of_the_worst_finding() -> None:
    """The verdict's reason is that of the first of the worst findings."""
    made = [
        finding(Outcome.PASS, "a"),
        finding(Outcome.FAIL, "b"),
        finding(Outcome.FAIL, "c"),
        finding(Outcome.INVALID, "d"),
    ]
    assert verdict_of(made).reason == "b says FAIL."


def test_reason_of_a_pass_counts_the_findings() -> None:
    """Where all passed no single finding decided, and the reason says how many there were."""
    passed = [finding(Outcome.PASS)] * 2
    assert verdict_of(passed).reason == "Nothing speaks against it in 2 findings."
    assert verdict_of(passed[:1]).reason == "Nothing speaks against it in 1 finding."


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Outcome.PASS, ExitCode.PASS),
        (Outcome.WARN, ExitCode.PASS),
        (Outcome.INCONCLUSIVE, ExitCode.UNDECIDED),
        (Outcome.INVALID, ExitCode.UNDECIDED),
        (Outcome.FAIL, ExitCode.FAIL),
    ],
)
def test_exit_codes(outcome: Outcome, code: ExitCode) -> None:
    """Each outcome has its exit code; a warning passes."""
    assert Verdict(outcome, ()).exit_code() is code


@pytest.mark.parametrize("outcome", UNDECIDED)
def test_the_user_decides_where_the_evidence_does_not(outcome: Outcome) -> None:
    """Where nothing is decided the user chooses, but what is invalid never passes."""
    verdict = Verdict(outcome, ())
    passed = ExitCode.PASS if outcome is Outcome.INCONCLUSIVE else ExitCode.UNDECIDED
    assert verdict.exit_code(on_inconclusive=Outcome.PASS) is passed
    assert verdict.exit_code(on_inconclusive=Outcome.FAIL) is ExitCode.FAIL
    assert verdict.exit_code(on_inconclusive=None) is ExitCode.UNDECIDED


def test_one_invalid_finding_is_enough_not_to_pass() -> None:
    """An INVALID finding behind an INCONCLUSIVE one still forbids to take the whole for a pass."""
    verdict = verdict_of([finding(own) for own in UNDECIDED])
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert verdict.exit_code(on_inconclusive=Outcome.PASS) is ExitCode.UNDECIDED


@given(outcome=OUTCOMES.filter(lambda own: own not in UNDECIDED), choice=st.none() | OUTCOMES)
def test_the_user_cannot_change_what_is_decided(outcome: Outcome, choice: Outcome | None) -> None:
    """A decided verdict has the same exit code whatever the user chose for undecided ones."""
    verdict = Verdict(outcome, ())
    assert verdict.exit_code(on_inconclusive=choice) is verdict.exit_code()


def test_counted_is_singular_for_one_only() -> None:
    """One thing is singular, none and many are plural."""
    assert [counted(count, "run") for count in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]


@given(figures=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4), digits=st.integers(0, 2))
def test_told_figures_are_close_and_never_minus_zero(figures: list[float], digits: int) -> None:
    """A told figure is within half a unit of its last place, and zero has no sign."""
    for figure, text in zip(figures, told_apart(figures, digits), strict=True):
        assert abs(float(text) - figure) <= 0.5 * 10**-digits + 1e-9
        assert text.strip("0.") != "-"


def test_different_figures_read_differently() -> None:
    """More decimals are told only where different figures would look alike."""
    assert told_apart([1.04, 1.0], 1) == ["1.04", "1.00"]
    assert told_apart([1.04, 2.0], 1) == ["1.0", "2.0"]
    assert told_apart([45.0, 45.0], 0) == ["45", "45"]
    assert told_apart([2.0, -0.01], 1, "+") == ["+2.0", "+0.0"]
    assert told_apart([1.0, 1.0 + 1e-9], 1) == ["1.0000", "1.0000"]


@given(value=st.floats(1e-4, 1e9))
def test_numbers_have_three_digits_and_no_exponent(value: float) -> None:
    """A number is told to at least three digits, never as a power of ten."""
    text = number(value)
    assert "e" not in text
    assert float(text) == pytest.approx(value, rel=0.00501)
