"""Saturated builds become service rates, in requests of the whole mix per second."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import bdtr

from perfgate.analysis.change import own_time_s, rate_rps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from perfgate.measurement.models import BuildFigures, BuildRole, Run

# An operation that has at least this share of its answers keeps up.
KEEPS_UP = 0.9
# The chance that one which keeps up is taken for one that does not; shared among the operations.
MISTAKEN = 0.001


@dataclass(frozen=True, slots=True)
class Lagging:
    """An operation whose requests piled up while a build was saturated.

    It had ``answered`` of all answers, but is asked for by ``asked`` of all requests.
    """

    operation: str
    answered: float
    asked: float

    @property
    def kept_up(self) -> float:
        """Return the share of the answers per second that is surely carried of the whole mix."""
        return self.answered / self.asked


def service_rates(runs: Iterable[Run], role: BuildRole) -> NDArray[np.float64]:
    """Return the saturated goodput of a build per second, one figure per run that has it.

    In a closed loop requests of an operation that is answered late pile up, and as long as they do
    the others, which are not behind them, have the build for themselves: more answers come than
    would of the whole mix. Then no more is counted than :func:`lagging` says was surely carried.
    """
    figures = _saturated(runs, role)
    late = _lagging(figures)
    kept_up = late.kept_up if late else 1.0
    return np.array([kept_up * rate_rps(own.saturation) for own in figures])


def undisturbed_rates(runs: Iterable[Run], role: BuildRole) -> NDArray[np.float64]:
    """Return the saturated goodput per second of the build's own time, one figure per run.

    Left out is the time that it was ready to run and others had the CPU, but never CPU time of its
    own: on a busy machine the service rate falls with what is left of the CPU, and this does not.
    Made to be compared with another of the same mix: whether the mix was carried is not asked.
    """
    return np.array([_undisturbed_rps(own) for own in _saturated(runs, role)])


def lagging(runs: Iterable[Run], role: BuildRole) -> Lagging | None:
    """Return the operation that lagged behind most while the build was saturated, if one did.

    Its part of the answers is less than ``KEEPS_UP`` of its part of the arrivals, and not by chance
    (an exact binomial test: the closed loop asks for every operation in its exact share, so chance
    is less than that). Of an operation that is a share s of the demand and had c answers per
    second, c / s requests of the whole mix are surely carried, and of all that is the least.
    """
    return _lagging(_saturated(runs, role))


def _lagging(figures: Iterable[BuildFigures]) -> Lagging | None:
    answered, asked = Counter[str](), Counter[str]()
    for own in figures:
        answered.update(own.saturation_answered)
        asked.update({name: one.arrivals for name, one in own.open.operations.items()})
    answers, arrivals = answered.total(), asked.total()
    if not answers or not arrivals:
        return None
    found = [
        Lagging(name, answered[name] / answers, count / arrivals)
        for name, count in asked.items()
        if bdtr(answered[name], answers, KEEPS_UP * count / arrivals) < MISTAKEN / len(asked)
    ]
    return min(found, key=lambda own: own.kept_up, default=None)


def _saturated(runs: Iterable[Run], role: BuildRole) -> list[BuildFigures]:
    figures = [run.builds[role] for run in runs if role in run.builds]
    return [own for own in figures if own.saturation.wall_s]


def _undisturbed_rps(figures: BuildFigures) -> float:
    own_s = own_time_s(figures.saturation, figures.saturation_others_ratio)
    return sum(figures.saturation.good) / float(own_s.sum())
