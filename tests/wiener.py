"""Bounds of looks where the spread is known: what those of few sessions are held against.

The levels follow by recursive integration over the Wiener process (Armitage, McPherson and Rowe,
JRSS A 132, 1969; Jennison and Turnbull, Group Sequential Methods, 2000, ch. 19).
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from perfgate.analysis.bounds import power_spending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Spending = Callable[[float, float], float]

_REACH_SDS = 10.0  # the process is followed so far out; beyond lies less than 1e-23
_PANEL_NODES, _PANEL_WEIGHTS = np.polynomial.legendre.leggauss(8)
_EXACT_SDS = 1e-12  # so near are bounds found


def obrien_fleming_spending(information: float, alpha: float) -> float:
    """Return the chance of error spent as by O'Brien and Fleming: little early, most at the end.

    2 - 2 Phi(z(1 - alpha/2) / sqrt t), Lan and DeMets, Biometrika 70 (1983), one-sided.
    """
    return float(2 * ndtr(ndtri(alpha / 2) / math.sqrt(information)))


def nominal_levels(
    information: Sequence[float], alpha: float, spending: Spending = power_spending
) -> tuple[float, ...]:
    """Return the one-sided nominal level of each look.

    ``information`` is the share of all sessions that each look has seen, ascending in (0, 1].
    Tested at these levels, a true hypothesis is rejected at any look up to the k-th with chance
    ``spending(information[k], alpha)``. Accurate to about 1e-10 of each level. Raises ValueError
    for other information, an alpha outside (0, 1), and a spending function that spends nothing at
    a look or more than alpha in total.
    """
    _require_information(information)
    _require_alpha("alpha", alpha)
    spent = [spending(time, alpha) for time in information]
    increments = np.diff([0.0, *spent])
    if not (increments > 0).all() or spent[-1] > alpha * (1 + 1e-12):
        raise ValueError(f"spending must grow with every look, up to {alpha} at most, not {spent}")
    return _crossing_levels([0.0, *information], increments.tolist())


def _crossing_levels(times: Sequence[float], increments: Sequence[float]) -> tuple[float, ...]:
    """Follow the part of the process that has crossed no bound yet, from look to look.

    It is kept as point masses: places of the process and the chance to be there. The first is at 0
    with certainty. The panels are no wider than twice the shortest step's standard deviation, for
    which eight Gauss-Legendre nodes are exact to ten digits.
    """
    steps = np.sqrt(np.diff(times))
    panel = 2 * float(steps.min())
    places, masses = np.zeros(1), np.ones(1)
    levels = []
    for time, step, increment in zip(times[1:], steps.tolist(), increments, strict=True):
        scale = math.sqrt(time)
        z = _wiener_crossing_z(places / scale, masses, step / scale, increment)
        levels.append(float(ndtr(-z)))
        top = min(z, _REACH_SDS) * scale
        nodes, weights = _grid(-_REACH_SDS * scale, top, panel)
        shape = np.exp(-0.5 * ((nodes[:, None] - places) / step) ** 2) @ masses
        places, masses = nodes, weights * shape / (step * math.sqrt(2 * math.pi))
    return tuple(levels)


def _wiener_crossing_z(
    places: NDArray[np.float64], masses: NDArray[np.float64], step: float, chance: float
) -> float:
    """Return the bound above which the next look finds the process with the given chance."""

    def excess(z: float) -> float:
        return float(masses @ ndtr((places - z) / step)) - chance

    return float(brentq(excess, -_REACH_SDS, 4 * _REACH_SDS, xtol=_EXACT_SDS))


def _grid(low: float, high: float, panel: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights of composite Gauss-Legendre integration from low to high."""
    edges = np.linspace(low, high, 1 + max(1, math.ceil((high - low) / panel)))
    half = (edges[1] - edges[0]) / 2
    nodes = (edges[:-1, None] + half * (1 + _PANEL_NODES)).ravel()
    return nodes, np.tile(half * _PANEL_WEIGHTS, len(edges) - 1)


def _require_information(information: Sequence[float]) -> None:
    ascends = all(earlier < later for earlier, later in pairwise([0.0, *information]))
    if not information or not ascends or information[-1] > 1:
        raise ValueError(f"information must ascend from above 0 to at most 1, not {information}")


def _require_alpha(name: str, alpha: float) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"{name} lies between 0 and 1, not at {alpha}")
