"""Findings and lines as Markdown, in which nothing that others have named does anything.

What they are about is said elsewhere; it imports nothing that takes long.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perfgate.verdict.finding import Finding

QUESTION = "\N{WHITE QUESTION MARK ORNAMENT}"
MARKS = {
    "PASS": "\N{WHITE HEAVY CHECK MARK}",
    "WARN": "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}",
    "FAIL": "\N{CROSS MARK}",
    "INCONCLUSIVE": QUESTION,
    "INVALID": QUESTION,
}
ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Of a cell or a sentence: a report has a bound.
LONGEST = 1000
SPECIAL = "\\`*_[]|~!$"
# GitHub looks for these in what the Markdown has become, where a backslash is gone already: names
# to notify, issues, addresses. A space of no width makes them plain text.
LINKING = re.compile(r"[@#]|:(?=//)|\bwww(?=\.)", re.IGNORECASE)


def finding_row(finding: Finding) -> str:
    """Return a row of a table of outcome, check, and reason with hint."""
    hint = f"<br>\N{RIGHTWARDS ARROW} {as_text(finding.hint)}" if finding.hint else ""
    mark = MARKS[finding.outcome]
    return (
        f"| {mark} {finding.outcome} | {as_text(finding.check)} | {as_text(finding.reason)}{hint} |"
    )


def fenced(lines: Iterable[str]) -> list[str]:
    """Return lines as a block of text, which no name in them can end; nothing for no lines."""
    shown = [line.replace("`", "'") for line in lines]
    return ["```text", *shown, "```", ""] if shown else []


def as_text(text: str) -> str:
    """Return text that Markdown and HTML show as it is, on one line; a long one is shortened."""
    marked = "".join(
        ENTITIES.get(letter, f"\\{letter}" if letter in SPECIAL else letter)
        for letter in shortened(escaped(text), LONGEST)
    )
    return LINKING.sub(r"\g<0>&#8203;", marked)
