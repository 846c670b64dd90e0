"""Findings and sentences as lines of plain text of fixed width.

What they are about is said elsewhere; it imports nothing that takes long.
"""

from __future__ import annotations

import textwrap
from math import inf
from typing import TYPE_CHECKING

from perfgate.tail import escaped, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from perfgate.verdict.finding import Finding

WIDTH = 100
LABEL = 14
CHECK = 22


def finding_lines(finding: Finding) -> list[str]:
    """Return outcome, check, reason and hint of a finding, in columns."""
    check = shortened(escaped(finding.check), CHECK - 2)
    label = f"  {finding.outcome:<{LABEL}}{check:<{CHECK}}"
    gap = " " * len(label)
    lines = [wrapped(escaped(finding.reason), gap, first=label)]
    if finding.hint:
        lines.append(wrapped(f"-> {escaped(finding.hint)}", gap + "   ", first=gap))
    return lines


def ratio(figure: float) -> str:
    """Return a headroom with two decimals; a dash where nothing is sent, which is endless."""
    return "-" if figure == inf else f"{figure:.2f}"


def indented(lines: Iterable[str]) -> list[str]:
    """Return the lines as parts of a report, where each begins with two spaces."""
    return [f"  {line}" if line else "" for line in lines]


def wrapped(text: str, indent: str, first: str | None = None, *, width: int = WIDTH) -> str:
    """Return the text in lines that begin with the indent, the first one with ``first``."""
    start = indent if first is None else first
    # A name must not be torn at its hyphen.
    return textwrap.fill(
        text, width, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False
    )
