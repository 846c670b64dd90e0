"""The page on what the rule of decision does: simulated sessions in, Markdown out.

Nothing is measured here. Gates are decided by the code that decides them in a check, and rules
beside that by their own arithmetic.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from benchmarks.generators.tables import markdown_table

from perfgate.analysis.bounds import t_multipliers
from perfgate.analysis.capacity import BOUNDS_LEVEL
from perfgate.analysis.compare import t_interval, worse_share
from perfgate.analysis.resolution import looks_for
from perfgate.analysis.sequential import Courses, Plan, percent, run_through
from perfgate.config.models import Margins, Slo
from perfgate.verdict.checks import change
from perfgate.wish import TOLERATED

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

RUNS = 10_000
SEED = 20180713
SESSION_S = 12.0
BUDGETS_S = (60.0, 120.0, 300.0)
SDS = (0.005, 0.0065, 0.01, 0.015, 0.03)
SPENT_SDS = (0.0065, 0.015, 0.03)
LOSSES = (0.0, 0.01, 0.02, 0.03, 0.05, 0.10)
FINE_MARGIN, FINE_BUDGET_S = 0.01, 300.0
FINE_LOSSES = (0.0, 0.0025, 0.005, 0.01, 0.015, 0.02)
METRICS = 2
# Sessions in which something else happened, and how much wider they scatter.
STRAY_SHARE, STRAY_FACTOR = 0.1, 2.5
# How much more than cost and capacity other figures of a session differ: as measured, rounded up.
SATURATED_FACTOR, QUANTILE_FACTOR, TREND_FACTOR = 8.0, 20.0, 7.0
OPERATION_FACTOR = 7.0
OPERATIONS, QUANTILES = 5, 10
# Both builds answer wrongly twice as often as is allowed: only the comparison is left.
WRONG_RATIO, ANSWERS = 2 * Slo().error_ratio, 1000

TITLE = f"""\
# Operating characteristics

What the rule of decision does, **simulated**: no figure on this page was measured on a service.
`make characteristics` writes it anew.

The model: {RUNS:,} gates for each figure, seed {SEED}, decided by the code that decides a check. A
session takes {SESSION_S:g} s and gives normal figures for cost and capacity, independent of each
other; {100 * STRAY_SHARE:.0f} % of the sessions scatter {STRAY_FACTOR:g} times as widely. *sd* is
that of a session over all of these: `perfgate doctor` tells yours. One of the two metrics lost as
much as is told, the other nothing. Shares are exact to about half a point.

Looks are spread over what the budget affords, and each spends in proportion to the sessions it has
seen. So a decision costs least where it is clear, and the whole chance of error is spent when the
budget is."""

FINE = """\
## With `--margin 1% --budget 5m`

Tolerated is a quarter of the margin."""

SPENT = f"""\
## What an equal build may fail on

Several rules can fail a build, and each may be wrong by itself. *At worst* is what a rule spends of
its chance where noise is so large that its limit is of no account. The other columns are simulated:
equal builds, {RUNS:,} checks that go on to the last look of {BUDGETS_S[1]:g} s whatever has been
decided. There the saturated rate scatters {SATURATED_FACTOR:g} times, latency quantiles
{QUANTILE_FACTOR:g} times, operations alone {OPERATION_FACTOR:g} times and trends
{TREND_FACTOR:g} times as widely as cost and capacity. There
are {OPERATIONS} operations with {QUANTILES} quantiles, and of the {ANSWERS:,} answers of each in a
session {100 * WRONG_RATIO:.1f} % are wrong, whichever build gave them. Every build is taken to
shed load; of builds that shed none, the row on goodput is 0.

Whether the demand is carried, promises are kept and nothing crashes is asked of the candidate
alone: that an equal base would fail as well is no error there. How far the memory of equal builds
drifts apart is for real sessions to tell, not for a simulation: docs/error-rates.md does."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that compares: its name, what it asks for, its chance at worst, and a simulation.

    ``fails`` takes the sd of a session and tells of RUNS equal builds which fail.
    """

    name: str
    asks: str
    worst: str
    fails: Callable[[float], NDArray[np.bool_]]


def noise(
    sd: float, sessions: int, metrics: int, *, seed: int = SEED, strays: float = STRAY_SHARE
) -> NDArray[np.float64]:
    """Draw the sessions of equal builds, shape (RUNS, metrics, sessions), with this sd over all."""
    rng = np.random.default_rng(seed)
    shape = (RUNS, metrics, sessions)
    spread = np.where(rng.random(shape) < strays, STRAY_FACTOR, 1.0)
    overall = math.sqrt(1 + strays * (STRAY_FACTOR**2 - 1))
    return sd * spread / overall * rng.normal(size=shape)


def plan_for(margins: Margins, budget_s: float) -> Plan:
    """Return the rule for cost and capacity within this budget."""
    return change.policy_plan(margins, looks_for(budget_s, SESSION_S))


def courses(plan: Plan, sd: float, loss: float) -> Courses:
    """Take gates through their looks, one of whose metrics lost this share."""
    slowdowns = noise(sd, plan.looks[-1], METRICS)
    slowdowns[:, 0] += math.log1p(loss)
    return run_through(slowdowns, plan)


def page() -> str:
    """Return the page."""
    margins = Margins()
    tolerance = min(margins.tolerance, TOLERATED * FINE_MARGIN)
    fine = margins.model_copy(update={"slowdown": FINE_MARGIN, "tolerance": tolerance})
    parts = [TITLE]
    for budget_s in BUDGETS_S:
        plan = plan_for(margins, budget_s)
        parts += [f"## With a budget of {budget_s:g} s", *_table(plan, SDS, LOSSES)]
    parts += [FINE, *_table(plan_for(fine, FINE_BUDGET_S), SDS[:-1], FINE_LOSSES)]
    parts += [SPENT, _spent(plan_for(margins, BUDGETS_S[1]))]
    return "\n\n".join(parts)


def _table(plan: Plan, sds: Sequence[float], losses: Sequence[float]) -> list[str]:
    looks = ", ".join(str(look) for look in plan.looks)
    told = (
        f"Looks after {looks} sessions; margin {percent(plan.margin):.3g} %, tolerated "
        f"{percent(plan.tolerance):.3g} %.\n"
        "In each cell: FAIL / PASS / INCONCLUSIVE in percent, and mean sessions."
    )
    header = ("sd", *(f"loss {100 * loss:.3g} %" for loss in losses))
    rows = [
        (f"{100 * sd:.2f} %", *(_cell(courses(plan, sd, loss)) for loss in losses)) for sd in sds
    ]
    return [told, markdown_table(header, rows)]


def _cell(ended: Courses) -> str:
    failed, passed = float(ended.failed.mean()), float(ended.passed.mean())
    undecided = float((~ended.failed & ~ended.passed).mean())
    shares = " / ".join(f"{100 * share:.1f}" for share in (failed, passed, undecided))
    return f"{shares}, {ended.sessions.mean():.1f}"


def _spent(plan: Plan) -> str:
    rules = rules_of(plan)
    header = ("rule", "fails where", "at worst", *(f"sd {100 * sd:.2f} %" for sd in SPENT_SDS))
    failing = [[rule.fails(sd) for sd in SPENT_SDS] for rule in rules]
    rows = [
        (rule.name, rule.asks, rule.worst, *(_share(failed) for failed in row))
        for rule, row in zip(rules, failing, strict=True)
    ]
    any_of = [_share(np.any(column, axis=0)) for column in zip(*failing, strict=True)]
    return markdown_table(header, [*rows, ("any of them", "", "", *any_of)])


def _share(failed: NDArray[np.bool_]) -> str:
    return f"{100 * float(np.mean(failed)):.2f} %"


def rules_of(plan: Plan) -> list[Rule]:
    """Return the rules that compare candidate and base."""
    margins, alpha = Margins(), 100 * plan.fail_alpha
    saturated = change.saturated_plan(plan)
    return [
        Rule(
            "cost and capacity",
            f"the lower bound is above {percent(plan.tolerance):.0f} %",
            f"{alpha:.2g} %",
            lambda sd: _beyond(sd, METRICS, plan, plan.tolerance, seed=SEED),
        ),
        Rule(
            "saturated rate",
            f"the lower bound is above {percent(plan.margin):.0f} %",
            f"{100 * saturated.fail_alpha:.2g} %",
            lambda sd: _beyond(SATURATED_FACTOR * sd, 1, saturated, plan.margin, seed=SEED + 1),
        ),
        Rule(
            "goodput",
            f"load is shed and the lower bound is above {percent(plan.margin):.0f} %",
            f"{alpha:.2g} %",
            lambda sd: _beyond(SATURATED_FACTOR * sd, 2, plan, plan.margin, seed=SEED + 6),
        ),
        Rule(
            "operations alone",
            f"the lower bound is above {100 * margins.operation:.0f} %, by Holm",
            f"{alpha:.2g} %",
            lambda sd: _beyond(
                OPERATION_FACTOR * sd,
                OPERATIONS,
                plan,
                math.log1p(margins.operation),
                seed=SEED + 5,
            ),
        ),
        Rule(
            "latency",
            f"the lower bound of a p50 or p95 is above {100 * margins.latency:.0f} %, by Holm",
            f"{alpha:.2g} %",
            lambda sd: _beyond(
                QUANTILE_FACTOR * sd, QUANTILES, plan, math.log1p(margins.latency), seed=SEED + 2
            ),
        ),
        Rule(
            "errors",
            f"the share is surely above {100 * Slo().error_ratio:.1f} % and above the base's",
            f"{alpha:.2g} %",
            lambda _: _wrong(plan),
        ),
        Rule(
            "trend in a session",
            f"the last third is surely {100 * margins.latency:.0f} % slower than the first",
            f"{50 * (1 - BOUNDS_LEVEL):.2g} % a look",
            lambda sd: _slowing(TREND_FACTOR * sd, plan, math.log1p(margins.latency)),
        ),
    ]


def _beyond(sd: float, metrics: int, plan: Plan, limit: float, *, seed: int) -> NDArray[np.bool_]:
    """Tell which equal builds have any metric surely above the limit, at any look.

    Holm's first step, without which none is found, is Bonferroni's.
    """
    slowdowns = noise(sd, plan.looks[-1], metrics, seed=seed)
    failed = np.zeros(RUNS, dtype=bool)
    bounds = t_multipliers(plan.looks, plan.fail_alpha / metrics, plan.rho)
    for look, multiplier in zip(plan.looks, bounds, strict=True):
        seen = slowdowns[:, :, :look]
        error = seen.std(axis=2, ddof=1) / math.sqrt(look)
        failed |= (seen.mean(axis=2) - multiplier * error > limit).any(axis=1)
    return failed


def _wrong(plan: Plan) -> NDArray[np.bool_]:
    """Tell which equal builds seem to answer wrongly more often than the base, after any run."""
    rng = np.random.default_rng(SEED + 3)
    shape = (RUNS, OPERATIONS, plan.looks[-1] + 1)
    own, base = (rng.binomial(ANSWERS, WRONG_RATIO, shape).cumsum(axis=2) for _ in range(2))
    alpha = plan.fail_alpha / (OPERATIONS * shape[2])
    failed = np.zeros(shape, dtype=bool)
    for place in zip(*np.nonzero(own > base), strict=True):
        answers = ANSWERS * (int(place[2]) + 1)
        failed[place] = _worse(int(own[place]), int(base[place]), answers, alpha)
    return np.asarray(failed.any(axis=(1, 2)))


@cache
def _worse(failed: int, base_failed: int, answers: int, alpha: float) -> bool:
    share = worse_share(failed, answers, base_failed, answers, Slo().error_ratio, alpha)
    return share.above_limit and bool(share.above_base)


def _slowing(sd: float, plan: Plan, limit: float) -> NDArray[np.bool_]:
    """Tell which equal builds seem to get slower as they run, at any look."""
    trends = noise(sd, plan.looks[-1], 1, seed=SEED + 4)[:, 0]
    return np.array(
        [
            any(t_interval(row[:look], BOUNDS_LEVEL).lower > limit for look in plan.looks)
            for row in trends
        ]
    )


if __name__ == "__main__":
    print(page())  # noqa: T201 -- the page is what this module is run for
