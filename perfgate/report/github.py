"""The verdict as workflow commands, which GitHub shows beside lines of the user's files.

Where they are printed is others' business.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from perfgate.report.commands import command
from perfgate.report.null import what_shows
from perfgate.report.subjects import place_of
from perfgate.verdict.finding import Finding, Outcome, counted
from perfgate.verdict.scope import left_out_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

# What is invalid or undecided ends a step like a failure does.
LEVELS = {
    Outcome.FAIL: "error",
    Outcome.INVALID: "error",
    Outcome.INCONCLUSIVE: "error",
    Outcome.WARN: "warning",
}
# GitHub shows so many of each level a step, and none of those after them.
MOST = 10


def render(case: Case, verdict: Verdict) -> str:
    """Return a command for each finding that is not a pass, at most MOST of a level.

    The verdict itself, with what was left out and what would have shown, is a notice, so that there
    always is one.
    """
    told = (f"{verdict.outcome}: {verdict.reason}", left_out_words(case), what_shows(case))
    lines = [command("notice", {"title": "perfgate"}, " ".join(own for own in told if own))]
    for level in dict.fromkeys(LEVELS.values()):
        lines += _shown(case, level, [own for own in verdict.findings if _level(own) == level])
    return "\n".join(lines) + "\n"


def _level(finding: Finding) -> str | None:
    return LEVELS.get(finding.outcome)


def _shown(case: Case, level: str, findings: list[Finding]) -> Iterable[str]:
    """Return a command for each; where there are too many, the last says how many are left out."""
    shown = findings if len(findings) <= MOST else findings[: MOST - 1]
    yield from (_annotation(case, level, finding) for finding in shown)
    left = Counter(str(own.outcome) for own in findings[len(shown) :])
    if left:
        told = ", ".join(f"{count} {outcome}" for outcome, count in left.items())
        more = counted(left.total(), "finding")
        yield command(level, {"title": "perfgate"}, f"{more} more ({told}): see the report.")


def _annotation(case: Case, level: str, finding: Finding) -> str:
    place = place_of(case, finding)
    where = {} if place is None else {"file": place.path}
    if place is not None and place.line is not None:
        where["line"] = str(place.line)
    title = f"perfgate {finding.outcome}: {finding.check}"
    text = f"{finding.reason} {finding.hint}" if finding.hint else finding.reason
    return command(level, {**where, "title": title}, text)
