"""Slowdowns of sessions pass through here: one number per session in, a decision out.

It does not measure, does not run more sessions and does not know what the metrics mean.

Every look may end the gate, and pays for that: see :mod:`perfgate.analysis.bounds`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import nctdtrinc

from perfgate.analysis.bounds import RHO, t_multipliers
from perfgate.analysis.compare import mean_and_sd

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

POWER = 0.8  # the chance with which a loss called detectable is found


@dataclass(frozen=True, slots=True)
class Plan:
    """When a decision is tried, how sure it must be, and what counts as a loss.

    ``looks`` are the numbers of sessions, ascending, each at least 2. ``fail_alpha`` is the chance
    of failing a build whose slowdowns are all at the tolerance (shared by the metrics), and
    ``pass_alpha`` that of passing one whose slowdown is at the margin. ``tolerance`` and
    ``margin`` are log ratios, 0 <= tolerance < margin. ``rho`` says how both chances are spent over
    the looks: :func:`perfgate.analysis.bounds.power_spending`. Anything else raises ValueError.
    """

    looks: tuple[int, ...]
    fail_alpha: float
    pass_alpha: float
    tolerance: float
    margin: float
    rho: float = RHO

    def __post_init__(self) -> None:
        if not self.looks or any(later <= earlier for earlier, later in pairwise(self.looks)):
            raise ValueError(f"looks must ascend and be at least one, not {list(self.looks)}")
        if self.looks[0] < 2:  # noqa: PLR2004 -- a spread needs two sessions by its definition
            raise ValueError(f"no decision from fewer than 2 sessions, not {self.looks[0]}")
        _require_bound_alpha("fail_alpha", self.fail_alpha)
        _require_bound_alpha("pass_alpha", self.pass_alpha)
        if not 0 <= self.tolerance < self.margin < math.inf:
            raise ValueError(
                f"0 <= tolerance < margin does not hold: {self.tolerance}, {self.margin}"
            )


class Outcome(Enum):
    """What the sessions so far say."""

    PASS = "pass"  # noqa: S105 -- the name of an outcome, not a password
    FAIL = "fail"
    CONTINUE = "continue"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class MetricEvidence:
    """What the sessions say about one metric; all figures are log ratios, positive is worse.

    ``lower`` is the bound that FAIL asks for and ``upper`` the one that PASS asks for, each
    one-sided at the level of this look. ``significant``: beyond noise, ``lower > 0``. ``relevant``:
    beyond the margin, ``estimate > margin``, whatever the noise. ``session_sd`` is the standard
    deviation between sessions. ``detectable`` is the smallest true slowdown that this many
    sessions of this spread would fail four times in five.
    """

    estimate: float
    lower: float
    upper: float
    significant: bool
    relevant: bool
    session_sd: float
    detectable: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome after ``sessions`` sessions, with the evidence of every metric by its name."""

    outcome: Outcome
    sessions: int
    metrics: Mapping[str, MetricEvidence]


def decide(slowdowns: Mapping[str, NDArray[np.float64]], plan: Plan) -> Decision:
    """Decide by the sessions so far: PASS, FAIL, CONTINUE, or INCONCLUSIVE at the last look.

    ``slowdowns`` maps a metric to one log ratio per session, shape (n,), positive is worse; n is
    the same for all and one of ``plan.looks``. PASS, checked first: every upper bound is below the
    margin (each at the whole ``pass_alpha``: an intersection-union test, Berger, Technometrics 24,
    1982). FAIL: any lower bound is above the tolerance, ``fail_alpha`` split evenly over the
    metrics (Bonferroni). Raises ValueError for no metrics, ragged or non-finite values and an n
    that is not a look.
    """
    sessions = _sessions_at_a_look(slowdowns, plan)
    moments = np.array([mean_and_sd(values) for values in slowdowns.values()])
    mean, sd = moments.T
    lower, upper = _bounds(mean, sd, sessions, plan)
    passed, failed = _told(lower, upper, plan)
    if passed:
        outcome = Outcome.PASS
    elif failed:
        outcome = Outcome.FAIL
    else:
        last = sessions == plan.looks[-1]
        outcome = Outcome.INCONCLUSIVE if last else Outcome.CONTINUE
    rows = zip(slowdowns, np.column_stack([mean, sd, lower, upper]).tolist(), strict=True)
    metrics = {
        name: _evidence(row, plan, room(plan, sessions, row[1], len(slowdowns)))
        for name, row in rows
    }
    return Decision(outcome, sessions, metrics)


@dataclass(frozen=True, slots=True)
class Courses:
    """How many gates went, one element each, shape (gates,): who passed or failed, and when.

    Neither of them: inconclusive. ``sessions`` is the number after which each ended.
    """

    passed: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    sessions: NDArray[np.int_]


def run_through(slowdowns: NDArray[np.float64], plan: Plan) -> Courses:
    """Take many gates through their looks at once, each as :func:`decide` decides.

    ``slowdowns`` has shape (gates, metrics, sessions), with as many sessions as the last look.
    Raises ValueError for another shape.
    """
    if slowdowns.ndim != 3 or slowdowns.shape[2] < plan.looks[-1]:  # noqa: PLR2004 -- as documented
        raise ValueError(f"no {plan.looks[-1]} sessions of gates and metrics: {slowdowns.shape}")
    gates = len(slowdowns)
    passed, failed = np.zeros((2, gates), dtype=bool)
    ended = np.full(gates, plan.looks[-1])
    for look in plan.looks:
        going = ~(passed | failed)
        seen = slowdowns[going, :, :look]
        lower, upper = _bounds(seen.mean(axis=2), seen.std(axis=2, ddof=1), look, plan)
        passed[going], failed[going] = _told(lower, upper, plan)
        ended[going & (passed | failed)] = look
    return Courses(passed, failed, ended)


def rejected(
    slowdowns: Mapping[str, NDArray[np.float64]], plan: Plan, limit: float
) -> frozenset[str]:
    """Return the names whose mean slowdown surely exceeds ``limit``, a log ratio.

    ``slowdowns`` are as in :func:`decide`; ``limit`` stands for the plan's tolerance and margin,
    which are not used. Asked at every look, and however the names hang together, the chance that
    any name is ever returned wrongly is at most ``plan.fail_alpha``.

    Holm, Scandinavian Journal of Statistics 6 (1979), at each look: in descending order of
    Student's t, each is held to the bound that spends ``fail_alpha`` over the number of names left,
    until one holds. The first name returned wrongly leaves all true hypotheses, so its bound spends
    at most ``fail_alpha`` over their number at all looks together: Bonferroni does the rest (Ye,
    Li, Liu and Yao, Statistics in Medicine 32, 2013). No names, none returned. Raises ValueError
    like :func:`decide`.
    """
    if not slowdowns:
        return frozenset()
    look = plan.looks.index(_sessions_at_a_look(slowdowns, plan))
    statistics = {name: _student_t(values, limit) for name, values in slowdowns.items()}
    found: set[str] = set()
    for name, statistic in sorted(statistics.items(), key=lambda item: -item[1]):
        alpha = plan.fail_alpha / (len(slowdowns) - len(found))
        if statistic <= t_multipliers(plan.looks, alpha, plan.rho)[look]:
            break
        found.add(name)
    return frozenset(found)


def errors_beyond(multiplier: float, sessions: int) -> float:
    """Return how many standard errors beyond a limit the truth must lie to be told with POWER.

    Told: the estimate less ``multiplier`` of its own standard errors, from so many sessions, lies
    beyond the limit. With the spread estimated, that is the noncentrality at which Student's t
    exceeds the multiplier with that chance (Johnson, Kotz and Balakrishnan, Continuous Univariate
    Distributions 2, 1995, ch. 31).
    """
    return float(nctdtrinc(sessions - 1, 1 - POWER, multiplier))


def room(plan: Plan, sessions: int, session_sd: float, metrics: int) -> float:
    """Return how far beyond a limit one metric's slowdown must lie for a look to tell it.

    On the log scale; to tell it with chance POWER, by the bound that :func:`decide` has for that
    many ``metrics``. Raises ValueError for a number of sessions that is not a look.
    """
    t_fail = _multipliers(plan, metrics, sessions)[0]
    return errors_beyond(t_fail, sessions) * session_sd / math.sqrt(sessions)


def percent(log_ratio: float) -> float:
    """Return a log ratio as a change in percent: 100 * (exp(x) - 1)."""
    return 100 * math.expm1(log_ratio)


def lost_percent(loss: float) -> float:
    """Return a loss on the log scale as the share of the rate that is gone, in percent."""
    return -percent(-loss)


def _multipliers(plan: Plan, metrics: int, sessions: int) -> tuple[float, float]:
    """Return how many standard errors the bounds of FAIL and of PASS lie from an estimate."""
    look = plan.looks.index(sessions)
    t_fail = t_multipliers(plan.looks, plan.fail_alpha / metrics, plan.rho)
    t_pass = t_multipliers(plan.looks, plan.pass_alpha, plan.rho)
    return t_fail[look], t_pass[look]


def _bounds(
    mean: NDArray[np.float64], sd: NDArray[np.float64], sessions: int, plan: Plan
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the lower and upper bounds of means and spreads, shape (..., metrics)."""
    t_fail, t_pass = _multipliers(plan, mean.shape[-1], sessions)
    error = sd / math.sqrt(sessions)
    return mean - t_fail * error, mean + t_pass * error


def _told(
    lower: NDArray[np.float64], upper: NDArray[np.float64], plan: Plan
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell of bounds, shape (..., metrics), who passes and, of the others, who fails."""
    passed = np.asarray((upper < plan.margin).all(axis=-1))
    return passed, np.asarray((lower > plan.tolerance).any(axis=-1) & ~passed)


def _evidence(row: list[float], plan: Plan, beyond: float) -> MetricEvidence:
    mean, sd, lower, upper = row
    return MetricEvidence(
        estimate=mean,
        lower=lower,
        upper=upper,
        significant=lower > 0,
        relevant=mean > plan.margin,
        session_sd=sd,
        detectable=plan.tolerance + beyond,
    )


def _sessions_at_a_look(slowdowns: Mapping[str, NDArray[np.float64]], plan: Plan) -> int:
    sessions = _session_count(slowdowns)
    if sessions not in plan.looks:
        due = ", ".join(str(look) for look in plan.looks)
        raise ValueError(f"{sessions} sessions: decisions are tried after {due} only")
    return sessions


def _student_t(values: NDArray[np.float64], limit: float) -> float:
    """Return how many standard errors the mean lies above the limit; without spread, infinity."""
    mean, sd = mean_and_sd(values)
    if sd == 0:
        return math.copysign(math.inf, mean - limit) if mean != limit else 0.0
    return (mean - limit) * math.sqrt(len(values)) / sd


def _session_count(slowdowns: Mapping[str, NDArray[np.float64]]) -> int:
    if not slowdowns:
        raise ValueError("there are no metrics to decide by")
    for name, values in slowdowns.items():
        if np.ndim(values) != 1 or not np.isfinite(values).all():
            raise ValueError(f"{name}: one finite number per session is needed")
    lengths = {name: len(values) for name, values in slowdowns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the metrics have unequal numbers of sessions: {lengths}")
    return next(iter(lengths.values()))


def _require_bound_alpha(name: str, alpha: float) -> None:
    # From a half up a lower bound would lie above its estimate.
    if not 0 < alpha < 0.5:  # noqa: PLR2004 -- the half is explained in the line above
        raise ValueError(f"{name} lies between 0 and 0.5, not at {alpha}")
