"""Where production's service rate comes from, in sentences: measured, declared, derived.

The rate itself is worked out in :mod:`perfgate.analysis.capacity`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from perfgate.baseline.record import RECORD_LEVEL
from perfgate.verdict.finding import counted

if TYPE_CHECKING:
    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.baseline.record import RateOfRecord
    from perfgate.config.models import Production


def origin_of(record: CapacityRecord) -> list[str]:
    """Return what the rates of a capacity record are made from."""
    measured, rate = record.service_rate_rps, record.rate
    return [
        f"Service rate of record: {rate_of_record(measured, 'run')}, {record.service} "
        f"{record.commit[:12]}, measured {record.measured_at[:10]} on {record.machine}.",
        declared(record.production, "that machine"),
        *derived(record.production, rate.estimate_rps, rate.lower_rps, "", _lost(record)),
        *_promised(record),
        _under_overload(record),
    ]


def rate_of_record(rate: RateOfRecord, sample: str) -> str:
    """Return "300/s (290 to 310/s with a chance of 95 %, 7 trials)"; a sample is a trial here.

    Its level is another than that of the intervals which a check tells.
    """
    return (
        f"{rate.estimate:.0f}/s ({rate.lower:.0f} to {rate.upper:.0f}/s with a chance of "
        f"{100 * RECORD_LEVEL:g} %, {counted(rate.runs, sample)})"
    )


def _lost(record: CapacityRecord) -> float:
    return 0.0 if record.since_declared is None else record.since_declared.estimate


def _promised(record: CapacityRecord) -> list[str]:
    own, there = record.mu_slo_rps, record.known.mu_slo
    if own is None or there is None:
        return []
    return [
        f"Every promise was kept there up to {rate_of_record(own, 'trial')}, then "
        f"{own.first_missed} was missed; that is {there.estimate_rps:.0f}/s in production, "
        f"{there.lower_rps:.0f}/s of it certain."
    ]


def _under_overload(record: CapacityRecord) -> str:
    own, there = record.mu_over_rps, record.known.mu_over
    if own is None or there is None:
        return "Under overload it is taken to serve as much; that rate has not been measured."
    return (
        f"Under overload {own:.0f}/s were completed there; that is {there.estimate_rps:.0f}/s in "
        f"production, {there.lower_rps:.0f}/s of it certain."
    )


def declared(production: Production, machine: str) -> str:
    """Return what the configuration says of production, and what is taken in place of the rest."""
    instances = counted(production.instances, "instance")
    spread = (
        ""
        if production.imbalance == 1
        else f"; the busiest gets {production.imbalance:g} times the mean load, as declared"
    )
    if production.service_rate_rps is None:
        return (
            f"Production is taken to be {instances} of {machine}'s speed, as no production rate "
            f"is declared{spread}."
        )
    each = "" if production.instances == 1 else " each"
    return (
        f"Production is {instances} of {production.service_rate_rps:g}/s{each}, as declared"
        f"{_of_build(production)}{spread}."
    )


def _of_build(production: Production) -> str:
    commit = production.service_rate_commit
    return "" if commit is None else f" of build {commit[:12]}"


def derived(
    production: Production, estimate_rps: float, lower_rps: float, ratio: str, lost: float = 0.0
) -> list[str]:
    """Return what follows for production's rate; nothing where that is the one measured.

    ``ratio`` says by what a declared rate is carried over to another build, ``lost`` is the
    slowdown (log) up to that from the build that has it.
    """
    alone = production.full_instances == 1
    if production.service_rate_rps is None and alone:
        return []
    rate = "the rate measured" if production.service_rate_rps is None else "the declared rate"
    spread = f"{production.instances:g}"
    if production.imbalance != 1:
        spread += f" / {production.imbalance:g}"
    times = "" if alone else f" times {spread}"
    carried = "" if production.service_rate_rps is None else f"{_since(lost)}{ratio}"
    return [
        f"Derived from that: {estimate_rps:.0f}/s in production, {lower_rps:.0f}/s of it certain "
        f"({rate}{times}{carried})."
    ]


def _since(lost: float) -> str:
    percent = f"{100 * abs(math.expm1(-lost)):.1f}"
    if float(percent) == 0:
        return ""
    sign, verb = ("less", "lost") if lost > 0 else ("plus", "gained")
    return f", {sign} {percent} % {verb} by builds up to the stored baseline"
