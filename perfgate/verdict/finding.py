"""Findings and the verdict they add up to: values with their evidence and a reason in words.

How a finding comes about is each check's business; how it is shown, a report's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Outcome(StrEnum):
    """The answer to one check, and the worst of all answers."""

    PASS = "PASS"  # noqa: S105 - the name of an outcome, not a password
    WARN = "WARN"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"
    FAIL = "FAIL"

    @property
    def severity(self) -> int:
        """Return the rank in FAIL > INVALID = INCONCLUSIVE > WARN > PASS."""
        return _SEVERITY[self]


_SEVERITY = {
    Outcome.PASS: 0,
    Outcome.WARN: 1,
    Outcome.INCONCLUSIVE: 2,
    Outcome.INVALID: 2,
    Outcome.FAIL: 3,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one check.

    ``reason`` is a sentence with its figures; ``observed``, ``limit`` and ``interval`` are in
    ``unit`` and None where the check has no single figure; ``hint`` says what to do.
    """

    check: str
    outcome: Outcome
    reason: str
    observed: float | None = None
    limit: float | None = None
    interval: tuple[float, float] | None = None
    unit: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The worst of all findings, which are sorted by severity, else in the order of the checks."""

    outcome: Outcome
    findings: tuple[Finding, ...]

    @property
    def reason(self) -> str:
        """Return the reason of the finding that decided, or that none had anything against."""
        if not self.findings:
            return "No check had anything to judge."
        if self.outcome is Outcome.PASS:
            return f"Nothing speaks against it in {counted(len(self.findings), 'finding')}."
        return self.findings[0].reason

    def exit_code(self, *, on_inconclusive: Outcome | None = None) -> ExitCode:
        """Return the exit code; ``on_inconclusive`` is the user's choice of PASS or FAIL.

        What is invalid may be taken for a failure, but never for a pass.
        """
        outcome = self.outcome
        found = [finding.outcome for finding in self.findings]
        invalid = Outcome.INVALID in (outcome, *found)
        undecided = outcome.severity == Outcome.INCONCLUSIVE.severity
        if undecided and on_inconclusive and not (invalid and on_inconclusive is Outcome.PASS):
            outcome = on_inconclusive
        if outcome is Outcome.FAIL:
            return ExitCode.FAIL
        undecided = outcome.severity == Outcome.INCONCLUSIVE.severity
        return ExitCode.UNDECIDED if undecided else ExitCode.PASS


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """Fold findings, in the order of the checks, into a verdict; none at all decides nothing."""
    ordered = tuple(sorted(findings, key=lambda finding: -finding.outcome.severity))
    return Verdict(ordered[0].outcome if ordered else Outcome.INCONCLUSIVE, ordered)


def promised(lower: float, upper: float, required: float) -> Outcome:
    """Return what it means that promises are kept up to a rate somewhere between two bounds."""
    if lower >= required:
        return Outcome.PASS
    return Outcome.FAIL if upper < required else Outcome.WARN


def counted(count: int, thing: str) -> str:
    """Return "1 session", "2 sessions"."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def sentence(text: str) -> str:
    """Return words as a sentence: a capital in front, a full stop behind."""
    return f"{text[0].upper()}{text[1:]}."


def listed(names: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def possessive(name: str) -> str:
    """Return "gateway's", "callers'"."""
    return f"{name}'" if name.endswith("s") else f"{name}'s"


def first_of(parts: Sequence[str], most: int) -> str:
    """Return "a, b, c and 2 more": the first ``most`` parts, and how many are left."""
    more = f" and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more


def told_apart(figures: Sequence[float], digits: int, sign: str = "") -> list[str]:
    """Return figures with ``digits`` decimals, or up to 3 more where different ones look alike.

    ``sign`` is "+" to show the sign of positive ones too. No figure reads as a negative zero.
    """
    for more in range(4):
        # Adding 0 turns -0.0 into 0.0.
        rounded = [round(figure, digits + more) + 0.0 for figure in figures]
        if len(set(rounded)) == len(set(figures)):
            break
    return [f"{figure:{sign}.{digits + more}f}" for figure in rounded]


def number(value: float) -> str:
    """Return three digits, or all before the point; no exponent from a ten-thousandth up."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits
