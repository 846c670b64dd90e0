"""The figures that every report shows: base and candidate side by side, and how it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.change import cost_s, service_rates
from perfgate.verdict.checks.latency import pooled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.measurement.models import BuildRole, Run
    from perfgate.verdict.case import Case

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; ``change`` in percent, None where there is no base."""

    name: str
    unit: str
    base: float | None
    candidate: float | None

    @property
    def change(self) -> float | None:
        """Return the candidate's change against the base, in percent."""
        if not self.base or self.candidate is None:
            return None
        return 100 * (self.candidate / self.base - 1)


def figures_of(case: Case) -> list[Figure]:
    """Return service rate, cost, memory and the latency of every operation."""
    runs = case.measurement.sessions or case.measurement.runs
    if not runs:
        return []
    rows = [
        Figure("service rate", "/s", *_both(runs, _rate)),
        Figure("cost per request", "ms CPU", *_both(runs, _cost_ms)),
        Figure("peak memory", "MiB", *_both(runs, _memory_mib)),
    ]
    operations = sorted({name for run in runs for name in run.builds["candidate"].open.operations})
    for operation in operations:
        for name, share in QUANTILES.items():
            rows.append(
                Figure(
                    f"{operation} {name}",
                    "ms",
                    _quantile_ms(runs, "base", operation, share),
                    _quantile_ms(runs, "candidate", operation, share),
                )
            )
    return rows


def how_measured(case: Case) -> list[str]:
    """Return in sentences what was run, how long it took and what is not known."""
    measured = case.measurement
    told = []
    if measured.demand_run:
        run = measured.demand_run.run
        told.append(f"Candidate alone at the required rate, {run.offered_rps:.0f}/s here.")
    if measured.sessions:
        rate, count = measured.sessions[0].offered_rps, len(measured.sessions)
        beside = "candidate and base side by side" if measured.base else "candidate alone"
        told.append(f"{count} sessions of {beside}, open loop at {rate:.0f}/s each.")
    seconds = sum(run.validity.seconds for run in (*measured.runs, *measured.discarded))
    lags = [run.validity.lag_p99_ms for run in measured.runs]
    if lags:
        told.append(f"{seconds:.0f} s of load; generator at most {max(lags):.1f} ms late (p99).")
    machine = measured.environment
    if machine.target_cpus == machine.generator_cpus:
        told.append(
            "One CPU for builds and load generator: the generator's cost is in all figures."
        )
    if case.terms.config.production.service_rate_rps is None:
        count = case.terms.config.production.instances
        told.append(
            f"Production is taken to be {count} instance{'' if count == 1 else 's'} of this "
            "machine's speed, as no production rate is declared."
        )
    return told


def _both(runs: Sequence[Run], of: object) -> tuple[float | None, float | None]:
    return (
        of(runs, "base") if all("base" in run.builds for run in runs) else None,  # type: ignore[operator]
        of(runs, "candidate"),  # type: ignore[operator]
    )


def _rate(runs: Sequence[Run], role: BuildRole) -> float:
    return float(service_rates(runs, role).mean())


def _cost_ms(runs: Sequence[Run], role: BuildRole) -> float:
    return float(np.mean([cost_s(run.builds[role]) for run in runs])) * 1000


def _memory_mib(runs: Sequence[Run], role: BuildRole) -> float:
    return max(run.builds[role].peak_rss_bytes for run in runs) / 2**20


def _quantile_ms(
    runs: Sequence[Run], role: BuildRole, operation: str, share: float
) -> float | None:
    if any(role not in run.builds for run in runs):
        return None
    value = pooled(runs, role, operation).quantile(share)
    return None if value is None else value * 1000
