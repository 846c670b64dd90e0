"""Arrivals of a schedule find the dependent that makes them, whoever sends the operation.

What a dependent does when it gets no answer is another's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from perfgate.load.schedule import derived_seed, shuffled_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from perfgate.load.plan import Caller


def whose(
    operation: NDArray[np.uint16], names: Sequence[str], callers: Sequence[Caller], seed: int
) -> NDArray[np.uint16]:
    """Return for each arrival the place of its caller, shape (arrivals,).

    ``names`` are the operations by their codes. Of each operation, callers make as much as they
    send of it, so that together they send their own mixes. Raises ValueError for an operation that
    is called by nobody.
    """
    rng = np.random.default_rng(derived_seed(seed, "callers"))
    places = np.zeros(len(operation), dtype=np.uint16)
    for code in np.unique(operation):
        rates_rps = np.array([caller.rates_rps.get(names[code], 0.0) for caller in callers])
        if not rates_rps.sum() > 0:
            raise ValueError(f"nobody calls {names[code]}")
        own = operation == code
        places[own] = shuffled_shares(rates_rps, int(np.count_nonzero(own)), rng)
    return places
