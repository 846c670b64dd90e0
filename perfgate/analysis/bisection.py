"""What is known of places in a line becomes the place to try next, or those that are left.

The line is a history in which something once got worse: place 0 is good, the last one bad, and in
between there is one place from which on all are bad. Nothing here knows commits, or how a place
is found to be good or bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


@dataclass(frozen=True, slots=True)
class Span:
    """The places between which it got worse: ``good`` is the last good one, ``bad`` the first bad.

    It was one of ``suspects`` that made it worse; where there is one only, it is found.
    """

    good: int
    bad: int

    @property
    def suspects(self) -> range:
        """Return the places of which one made it worse."""
        return range(self.good + 1, self.bad + 1)

    @property
    def steps(self) -> int:
        """Return how many places have to be tried at most until one suspect is left.

        None of them is taken to be one that cannot be tried.
        """
        return (self.bad - self.good - 1).bit_length()


def narrowed(last: int, found: Mapping[int, bool]) -> Span:
    """Return what is left of the line that ends at ``last``, by the places found bad (True) or not.

    Where a good place lies behind a bad one, which cannot be, the first bad one counts.
    """
    bad = min((place for place, is_bad in found.items() if is_bad), default=last)
    goods = (place for place, is_bad in found.items() if not is_bad and place < bad)
    return Span(max(goods, default=0), bad)


def next_place(span: Span, skipped: Collection[int]) -> int | None:
    """Return the place within the span to be tried next, None where none is left.

    That is the middle one. Where that had to be ``skipped``, a neighbour takes its place, further
    off with each that is skipped: what cannot be tried mostly comes in a row.
    """
    within = range(span.good + 1, span.bad)
    left = [place for place in within if place not in skipped]
    if not left:
        return None
    missed = len(within) - len(left)
    middle = (span.good + span.bad) // 2
    distance = 2 ** (missed - 1) if missed else 0
    while not (aside := [place for place in left if abs(place - middle) >= distance]):
        distance //= 2
    return min(aside, key=lambda place: (abs(place - middle), place))
