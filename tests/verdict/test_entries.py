"""What is doubtful of a ledger's entries is told in few words, however many there are."""

from __future__ import annotations

from perfgate.faults import Fault
from perfgate.verdict.entries import operation_doubts


def test_of_many_places_the_first_are_named() -> None:
    """An operation that thousands ask for is one warning, which does not list them all."""
    faults = [Fault(line, "mix.a", "is no operation", '"a"', "know better") for line in range(5)]
    (found,) = operation_doubts(faults)
    places = "line 0, line 1, line 2 and 2 more"
    assert found.reason == f'"a" is no operation ({places}), so checks refuse the ledger.'
    assert found.hint == "Know better"
