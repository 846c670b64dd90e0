"""A figure and how far the truth may lie from it; how it comes about is said elsewhere.

It stands apart because it costs no import.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and the two-sided interval around it, all three in the unit of the estimate."""

    estimate: float
    lower: float
    upper: float
