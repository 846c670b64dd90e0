"""The laws of searching a line: whatever is where, it is found or honestly narrowed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.analysis.bisection import Span, narrowed, next_place


@dataclass(frozen=True)
class Search:
    """A search that has ended: what is left, and which places were tried, in that order."""

    span: Span
    tried: tuple[int, ...]


def search(last: int, guilty: int, broken: frozenset[int] = frozenset()) -> Search:
    """Search a line that is bad from ``guilty`` on, where ``broken`` places cannot be tried."""
    found: dict[int, bool] = {}
    tried: list[int] = []
    while (place := next_place(narrowed(last, found), broken & set(tried))) is not None:
        assert place not in tried
        tried.append(place)
        if place not in broken:
            found[place] = place >= guilty
    return Search(narrowed(last, found), tuple(tried))


@st.composite
def lines(draw: st.DrawFn) -> tuple[int, int, frozenset[int]]:
    """Draw the last place, the guilty one, and those in between that cannot be tried."""
    last = draw(st.integers(1, 200))
    between = st.integers(1, max(last - 1, 1))
    broken = draw(st.frozensets(between, max_size=last)) - {last}
    return last, draw(st.integers(1, last)), broken


@given(st.integers(1, 3000).flatmap(lambda last: st.tuples(st.just(last), st.integers(1, last))))
def test_where_all_can_be_tried_one_is_found(line: tuple[int, int]) -> None:
    """Law: whichever place is guilty, it alone is left, after log2 of the line's length places."""
    last, guilty = line
    ended = search(last, guilty)
    assert list(ended.span.suspects) == [guilty]
    assert len(ended.tried) <= math.ceil(math.log2(last))
    assert len(ended.tried) <= Span(0, last).steps


@given(lines())
def test_what_is_skipped_is_never_cleared(line: tuple[int, int, frozenset[int]]) -> None:
    """Law: the guilty place is among those left, and all others left could not be tried."""
    last, guilty, broken = line
    span = search(last, guilty, broken).span
    assert guilty in span.suspects
    assert set(span.suspects) - {span.bad} <= broken
    assert span.good == 0 or span.good not in broken
    assert span.bad == last or span.bad not in broken


@given(lines())
def test_each_skip_costs_few_more(line: tuple[int, int, frozenset[int]]) -> None:
    """Law: no more is tried than log2 of the length, and two for each that had to be skipped."""
    last, guilty, broken = line
    tried = search(last, guilty, broken).tried
    missed = sum(place in broken for place in tried)
    assert len(tried) <= Span(0, last).steps + 2 * missed


@given(st.integers(8, 400), st.data())
def test_a_row_of_broken_ones_is_jumped(last: int, data: st.DataObject) -> None:
    """Law: of broken places in a row, not next to the guilty one, few are tried."""
    length = data.draw(st.integers(1, last // 4))
    start = data.draw(st.integers(1, last - length))
    far = [*range(1, start - length + 1), *range(start + 2 * length, last + 1)]
    guilty = data.draw(st.sampled_from(far))
    ended = search(last, guilty, frozenset(range(start, start + length)))
    assert list(ended.span.suspects) == [guilty]
    missed = sum(start <= place < start + length for place in ended.tried)
    assert missed <= 2 * Span(0, last).steps


def test_the_first_bad_one_counts() -> None:
    """A good place behind a bad one, which cannot be, does not hide the bad one."""
    assert narrowed(9, {3: True, 5: False, 1: False}) == Span(1, 3)


@pytest.mark.parametrize(
    ("skipped", "place"), [(set(), 16), ({16}, 15), ({16, 15}, 14), ({16, 15, 14}, 12)]
)
def test_a_neighbour_takes_the_place(skipped: set[int], place: int) -> None:
    """The middle is tried first; where it had to be skipped, ever further neighbours."""
    assert next_place(Span(0, 32), skipped) == place


def test_nothing_in_between_is_the_end() -> None:
    """Where good and bad are neighbours, or all between was skipped, nothing is left to try."""
    assert next_place(Span(3, 4), ()) is None
    assert next_place(Span(3, 6), {4, 5}) is None
    assert Span(3, 4).steps == 0
