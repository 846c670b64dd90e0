"""The figures that every report shows: base and candidate side by side, and how it was measured.

What a figure means for the build is judged elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.capacity import NO_CHANGE
from perfgate.analysis.change import cost_s, operation_cost_s
from perfgate.analysis.rates import service_rates
from perfgate.demand.retries import Regime
from perfgate.report.production import declared, derived
from perfgate.verdict.case import capacity_of, since_declared
from perfgate.verdict.checks import demand
from perfgate.verdict.checks.latency import pooled
from perfgate.verdict.finding import Outcome, counted, told_apart
from perfgate.verdict.limit import limit_of
from perfgate.verdict.overload import pictured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perfgate.demand.picture import Picture
    from perfgate.measurement.models import BuildRole, Measurement, Run, Search
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict
    from perfgate.verdict.matter import State

# Of open loop and pairs together; without pairs there are pauses between requests, which then cost
# more each.
COST = "cost per request"
OPEN_COST = "cost in open loop"
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
# The finding that speaks of it.
TOLD_BY = {Regime.METASTABLE: "retries", Regime.UNSTABLE: demand.CHECK}

# By the part of the rate that is certain, and by all that is uncertain.
OF_DEMAND = (
    ("headroom, certain", ""),
    ("... if all is retried", ""),
    ("chance of overload", "%"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; ``change`` in percent, None where there is no base.

    A chance has none either: how many times as likely something got says little where it was not.
    """

    name: str
    unit: str
    base: float | None
    candidate: float | None

    @property
    def change(self) -> float | None:
        """Return the candidate's change against the base, in percent."""
        if not self.base or self.candidate is None or self.unit == "%":
            return None
        return 100 * (self.candidate / self.base - 1)


def figures_of(case: Case) -> list[Figure]:
    """Return rates, cost, memory and headroom, then cost and latency of every operation.

    The rate within the promises is there where it was found, cost and memory where its processes
    were seen. The cost of an operation is that of its requests sent alone, where they were.
    """
    runs = case.measurement.sessions or case.measurement.runs
    if not runs:
        return []
    limit = limit_of(case)
    promised = (
        [Figure("rate within promises", "/s", None, limit.rate_rps.estimate)]
        if (limit is not None and limit.found)
        else []
    )
    rows = [
        Figure("service rate", "/s", *_both(runs, _rate_rps)),
        *promised,
        *([] if case.terms.at_url else _used_rows(runs)),
        *_demand_rows(case),
    ]
    operations = sorted({name for run in runs for name in run.builds["candidate"].open.operations})
    for operation in operations:
        alone = _both(runs, partial(_alone_ms, operation=operation))
        if alone[1] is not None:
            rows.append(Figure(f"{operation} cost", "ms CPU", *alone))
        for name, share in QUANTILES.items():
            quantile = partial(_quantile_ms, operation=operation, share=share)
            rows.append(Figure(f"{operation} {name}", "ms", *_both(runs, quantile)))
    return rows


def _used_rows(runs: Sequence[Run]) -> list[Figure]:
    return [
        Figure(_cost_name(runs), "ms CPU", *_both(runs, _cost_ms)),
        Figure("peak memory", "MiB", *_both(runs, _memory_mib)),
    ]


def _cost_name(runs: Sequence[Run]) -> str:
    """Return what the cost is of: where no pairs ran, it is that of light load alone."""
    return COST if all(run.builds["candidate"].pairs.answered for run in runs) else OPEN_COST


def _demand_rows(case: Case) -> list[Figure]:
    """Return how each build stands against the demand; nothing where the candidate's is not known.

    Where the candidate's rests on a rate that was not measured of the base, it stands alone.
    """
    states = demand.states_of(case, "candidate")
    if states is None or any(state.untold for state in states):
        return []
    known = states[0].scene.known
    alone = (known.mu_slo is not None, known.mu_over is not None, known.mu_slo is not None)
    base = demand.states_of(case, "base")
    old = (None,) * len(OF_DEMAND) if base is None else _standing(*base)
    return [
        Figure(*name, None if by_itself else was, becomes)
        for name, by_itself, was, becomes in zip(
            OF_DEMAND, alone, old, _standing(*states), strict=True
        )
    ]


def _standing(peak: State, worst: State) -> tuple[float | None, ...]:
    """Return a figure for each of OF_DEMAND, None where it is endless."""
    headrooms = (peak.standing.outlook.headroom, worst.standing.outlook.retry_safe_headroom)
    return (*(one if one < inf else None for one in headrooms), 100 * peak.chance)


def shown_change(figure: Figure) -> str:
    """Return the change in percent with its sign, or nothing without a base."""
    if figure.change is None:
        return ""
    return f"{told_apart([figure.change], 1, '+')[0]} %"


def how_measured(case: Case) -> list[str]:
    """Return in sentences what was run, how long it took and what is not known."""
    measured = case.measurement
    told = []
    if measured.demand_run:
        run = measured.demand_run.run
        told.append(f"Candidate alone at the required rate, {run.offered_rps:.0f}/s here.")
    if measured.sessions:
        rate, count = measured.sessions[0].offered_rps, counted(len(measured.sessions), "session")
        beside = "candidate and base side by side" if measured.base else "candidate alone"
        told.append(f"{count} of {beside}, open loop at {rate:.0f}/s each.")
    if measured.search:
        told.append(_searched(measured.search, case.terms.config.search.trial_s))
    lags = [run.validity.lag_p99_ms for run in _trusted(measured)]
    if lags:
        seconds = seconds_of_load(case)
        told.append(f"{seconds:.0f} s of load; generator at most {max(lags):.1f} ms late (p99).")
    return [*told, *_images(case), *_unknown(case)]


def _images(case: Case) -> list[str]:
    """Return which images were run, where builds are images."""
    if case.terms.config.target.container is None:
        return []
    builds = {"candidate": case.measurement.candidate, "base": case.measurement.base}
    return [f"The {role} is the image {own.digest}." for role, own in builds.items() if own]


def seconds_of_load(case: Case) -> float:
    """Return how long load was sent, in runs that were set aside too."""
    measured = case.measurement
    aside = (*measured.discarded, *(measured.search.discarded if measured.search else ()))
    return sum(run.validity.seconds for run in (*_trusted(measured), *aside))


def _trusted(measured: Measurement) -> tuple[Run, ...]:
    return (*measured.runs, *(measured.search.trials if measured.search else ()))


def _searched(search: Search, trial_s: float) -> str:
    aside = f", {len(search.discarded)} more set aside" if search.discarded else ""
    return (
        f"{counted(len(search.trials), 'trial')} of {trial_s:g} s of candidate alone between "
        f"{search.low_rps:.0f}/s and {search.high_rps:.0f}/s{aside}."
    )


def _unknown(case: Case) -> list[str]:
    told, machine = [], case.measurement.environment
    if machine.shared:
        most = max((run.validity.generator_cpu_ratio for run in case.measurement.runs), default=0)
        told.append(
            f"One CPU for builds and load generator: the generator took up to {most:.0%} of it, "
            "which the service rate lacks and latencies have on top."
        )
    return [*told, *_production(case)]


def _production(case: Case) -> list[str]:
    own, rate = case.terms.config.production, capacity_of(case, "candidate")
    told = [declared(own, "this machine")]
    if rate is not None:
        ratio = ", times the ratio of the builds measured here"
        lost = since_declared(case) or NO_CHANGE
        told += derived(own, rate.estimate, rate.lower, ratio, lost.estimate)
    return told


def picture_in(case: Case, verdict: Verdict) -> Picture | None:
    """Return the picture of what the verdict warns of, or fails; None where that is neither."""
    states = demand.states_of(case, "candidate")
    if states is None:
        return None
    worst = states[1]
    told_by = TOLD_BY.get(worst.standing.outlook.regime)
    bad = (Outcome.WARN, Outcome.FAIL)
    told = any(one.check == told_by and one.outcome in bad for one in verdict.findings)
    return pictured(worst) if told else None


def _both(
    runs: Sequence[Run], of: Callable[[Sequence[Run], BuildRole], float | None]
) -> tuple[float | None, float | None]:
    """Return the figure of base and candidate; None for a base that is not in every run."""
    has_base = all("base" in run.builds for run in runs)
    return of(runs, "base") if has_base else None, of(runs, "candidate")


def _rate_rps(runs: Sequence[Run], role: BuildRole) -> float | None:
    rates = service_rates(runs, role)
    return float(rates.mean()) if rates.size else None


def _cost_ms(runs: Sequence[Run], role: BuildRole) -> float:
    return float(np.mean([cost_s(run, role) for run in runs])) * 1000


def _alone_ms(runs: Sequence[Run], role: BuildRole, operation: str) -> float | None:
    value = operation_cost_s(runs, role, operation)
    return None if value is None else value * 1000


def _memory_mib(runs: Sequence[Run], role: BuildRole) -> float:
    return max(run.builds[role].peak_rss_bytes for run in runs) / 2**20


def _quantile_ms(
    runs: Sequence[Run], role: BuildRole, operation: str, share: float
) -> float | None:
    value = pooled(runs, role, operation).quantile(share)
    return None if value is None else value * 1000
