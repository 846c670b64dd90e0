"""Laws of calls: every arrival has a caller, and each caller its own share and mix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.load.calls import whose
from perfgate.load.plan import Caller

NAMES = ("fetch", "login")


def caller(fetch_rps: float, login_rps: float) -> Caller:
    """Return a caller of two operations."""
    return Caller("any", {"fetch": fetch_rps, "login": login_rps}, 1.0)


@given(
    callers=st.lists(st.builds(caller, st.floats(0.1, 9), st.floats(0.1, 9)), min_size=1),
    operation=st.lists(st.integers(0, 1)),
    seed=st.integers(0, 9),
)
def test_of_each_operation_callers_make_their_share(
    callers: list[Caller], operation: list[int], seed: int
) -> None:
    """Law: of each operation every caller makes its share, less than one call more or fewer."""
    codes = np.array(operation, dtype=np.uint16)
    places = whose(codes, NAMES, callers, seed)
    assert len(places) == len(codes)
    for code, name in enumerate(NAMES):
        rates = np.array([one.rates_rps[name] for one in callers])
        made = np.bincount(places[codes == code], minlength=len(callers))
        assert abs(made - rates / rates.sum() * made.sum()).max(initial=0) < 1 + 1e-9
    assert (places == whose(codes, NAMES, callers, seed)).all()


def test_an_operation_without_a_caller_is_an_error() -> None:
    """Nobody to make a call is named by its operation."""
    with pytest.raises(ValueError, match="nobody calls login"):
        whose(np.array([1], dtype=np.uint16), NAMES, [caller(1.0, 0.0)], 1)
