"""A fault of a file: what the user needs to mend it. Finding faults is the readers' work."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a file.

    ``line`` counts from 1 and is None where it cannot be told for certain; ``where`` is the dotted
    path of the value (``target.start``); ``found`` is what stands there, as text; ``hint`` names
    the near match or what is allowed.
    """

    line: int | None
    where: str
    problem: str
    found: str = ""
    hint: str = ""
