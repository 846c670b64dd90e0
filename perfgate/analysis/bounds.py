"""Looks and a chance of error become bounds: how far from its estimate each look must look.

It sees no sessions and decides nothing.

Sessions are looked at several times, and each look may end the gate, so every look spends part of
the chance of error. How much is Lan and DeMets' (Biometrika 70, 1983) choice; the bound of each
look that spends just that follows by recursive integration (Armitage, McPherson and Rowe, JRSS A
132, 1969; Jennison and Turnbull, Group Sequential Methods, 2000, ch. 19).

It is done here for the spread estimated from the few sessions there are. The usual shortcut, the
nominal level for a known spread put through Student's t, is not good enough: at 4, 6, 8 and 10
sessions it lets a chance of error of 5 % grow to 5.5 %, and one of 0.5 % to 0.57 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr, ndtri, stdtr, stdtrit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_EXACT_SDS = 1e-11  # so near are bounds found
_BINS = 240  # of Student's walk; with four times as many, multipliers change by less than 0.5 %
_BIN_REACH_SDS = 7.0
_EDGES = np.linspace(-_BIN_REACH_SDS, _BIN_REACH_SDS, _BINS + 1)
_PLACES = (_EDGES[1:] + _EDGES[:-1]) / 2
# Each look spends in proportion to the sessions it has seen. A larger power keeps more for the last
# look, which few checks reach, and large losses are found later.
RHO = 1.0


def power_spending(information: float, alpha: float, rho: float = RHO) -> float:
    """Return the chance of error spent when ``information`` (0 to 1) is in: alpha * t**rho.

    Kim and DeMets, Biometrika 74 (1987).
    """
    return float(alpha * information**rho)


@lru_cache(maxsize=64)
def t_multipliers(looks: tuple[int, ...], alpha: float, rho: float = RHO) -> tuple[float, ...]:
    """Return, for each look, how many standard errors its one-sided bound lies from the estimate.

    ``looks`` are numbers of sessions, ascending, each at least 2; ``alpha``, below a half, is spent
    by :func:`power_spending`. For normal sessions of unknown spread, bounds so far off miss the
    true value at any look up to the k-th with just the chance spent; accurate to 0.5 % of each.
    """
    spent = [power_spending(n / looks[-1], alpha, rho) for n in looks]
    first, *later = np.diff([0.0, *spent]).tolist()
    multipliers = [-float(stdtrit(looks[0] - 1, first))]
    walk = _Walk(looks[0], np.diff(ndtr(_EDGES))).below(-float(ndtri(first)))
    for look, chance in zip(looks[1:], later, strict=True):
        while walk.sessions < look - 1:
            walk = walk.step()
        z = walk.crossing_z(chance)
        walk = walk.step(z)
        multipliers.append(-float(stdtrit(look - 1, ndtr(-z))))
    return tuple(multipliers)


def _solve(
    chance_above: Callable[[float], float], chance: float, bracket: tuple[float, float]
) -> float:
    """Return where a falling function of standard deviations takes the given value."""
    low, high = bracket
    while high - low > _EXACT_SDS:
        middle = (low + high) / 2
        if chance_above(middle) > chance:
            low = middle
        else:
            high = middle
    return (low + high) / 2


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where Student's t is after some sessions, as far as it has crossed no bound yet.

    ``masses`` are the chances to be in the bins between _EDGES. A place z is the normal deviate as
    likely to be exceeded as the t it stands for.
    """

    sessions: int
    masses: NDArray[np.float64]

    def crossing_z(self, chance: float) -> float:
        """Return the bound that one more session crosses with the given chance."""
        above = np.append(np.cumsum((self.masses @ _student_steps(self.sessions))[::-1])[::-1], 0.0)
        place = max(int(np.searchsorted(-above, -chance)), 1)
        return _solve(self._chance_above, chance, (_EDGES[place - 1], _EDGES[place]))

    def step(self, top: float = math.inf) -> _Walk:
        """Return the walk after one more session, but for what is then above ``top``."""
        return _Walk(self.sessions + 1, self.masses @ _student_steps(self.sessions)).below(top)

    def below(self, top: float) -> _Walk:
        """Return the walk without what is above ``top``.

        What remains of the bin that holds ``top`` is shared with its neighbour, so that its mean
        stays in place.
        """
        if top >= _EDGES[-1]:
            return self
        cut = int(np.searchsorted(_EDGES, top, side="right")) - 1
        width = _EDGES[1] - _EDGES[0]
        kept = self.masses.copy()
        kept[cut + 1 :] = 0
        share = (top - _EDGES[cut]) / width
        left = kept[cut] * share
        kept[cut] = left * (1 + share) / 2
        kept[cut - 1] += left * (1 - share) / 2
        return _Walk(self.sessions, kept)

    def _chance_above(self, z: float) -> float:
        return float(self.masses @ _student_step(self.sessions, np.array([z]))[:, 0])


@lru_cache(maxsize=64)
def _student_steps(n: int) -> NDArray[np.float64]:
    """Return the chances, shape (bins, bins), that t goes from bin to bin after n sessions."""
    upper = _EDGES[_BINS // 2 :]
    above = _student_step(n, upper)
    # The lower half is the mirror image.
    below = 1 - above[::-1, :0:-1]
    steps: NDArray[np.float64] = -np.diff(np.hstack([below, above]), axis=1)
    return steps


def _student_step(n: int, bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chances, shape (bins, bounds), that t goes from a bin at n beyond a bound.

    Let S be the sum and W the sum of squares of n normal values of mean 0, and u = S / sqrt W. All
    u so far are independent of W (Basu, Sankhya 15, 1955), hence the next value is sqrt(W) y where
    y sqrt n is Student's t with n degrees of freedom whatever went before, and
    u' = (u + y) / sqrt(1 + y^2). With y = tan(phi) that is sqrt(1 + u^2) cos(phi - psi) where
    psi = atan2(1, u), and u' > c is an interval of phi around psi. For c < 0 the mirror image is
    taken, where the interval does not wrap around.
    """
    c = _scaled_sum(bounds, n + 1)
    mirrored = np.where(c < 0, -1.0, 1.0)
    u = mirrored * _scaled_places(n)[:, None]
    psi = np.arctan2(1.0, u)
    half = np.arccos(np.minimum(np.abs(c) / np.hypot(1.0, u), 1.0))
    beyond = _angle_share(psi + half, n) - _angle_share(psi - half, n)
    return np.where(c < 0, 1 - beyond, beyond)


@lru_cache(maxsize=64)
def _scaled_places(n: int) -> NDArray[np.float64]:
    return _scaled_sum(_PLACES, n)


def _angle_share(phi: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return the chance that arctan(t / sqrt n), t of n degrees of freedom, is below phi."""
    right_angle = math.nextafter(math.pi / 2, 0)
    share: NDArray[np.float64] = stdtr(n, math.sqrt(n) * np.tan(np.minimum(phi, right_angle)))
    return share


def _scaled_sum(z: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    """Return S / sqrt W of n values whose t is as likely exceeded as the normal deviate z."""
    t = np.sign(z) * -stdtrit(n - 1, ndtr(-np.abs(z)))
    scaled: NDArray[np.float64] = math.sqrt(n) * t / np.hypot(t, math.sqrt(n - 1))
    return scaled
