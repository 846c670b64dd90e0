"""Does it need more memory? Its peak beside the base's, and whether it grows with requests.

A check is short: what leaks slowly is not seen here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.capacity import BOUNDS_LEVEL
from perfgate.analysis.change import ROLES, memory_slopes
from perfgate.analysis.compare import t_interval
from perfgate.analysis.drift import peak_rises
from perfgate.analysis.sequential import percent
from perfgate.verdict.case import recovery_of, required_rps
from perfgate.verdict.finding import Finding, Outcome, counted, number, told_apart

if TYPE_CHECKING:
    from perfgate.analysis.interval import Interval
    from perfgate.measurement.models import BuildRole
    from perfgate.verdict.case import Case

CHECK = "memory"
KIB, MIB = 2**10, 2**20
# What still grows in the last part of a session is no cache that has filled.
LAST_SHARE = 0.6
ENDS = "Towards the end of the sessions it may not have grown, like a cache that is full"
# Growth is told for so many requests.
REQUESTS = 1000
# Who doubles within this time is out of memory before anybody looks: limits are commonly set at
# twice what a service needs, and deployments are days apart.
DOUBLING_S = 3600.0
# What a service may keep for each attempt that waited at once: builds that were overloaded on
# purpose and did not leak kept 8 to 10 KiB, which their allocators had not given back.
WAITING_KIB = 32


def check(case: Case) -> list[Finding]:
    """Return findings where the candidate surely needs too much more memory than its base.

    What it keeps of an overload needs no base: callers that waited explain so much of it.
    """
    if len(case.sessions) < case.looks[0]:
        return _kept(case)
    return [*_growth(case), *_peak(case), *_kept(case)]


def _growth(case: Case) -> list[Finding]:
    found = _more_kib(case, 1.0)
    limit = case.terms.config.margins.growth_kib
    if found is None or found.lower <= limit:
        return []
    late = _more_kib(case, LAST_SHARE)
    goes_on = late is not None and late.lower > limit
    mean, least, most = (number(value) for value in (found.estimate, found.lower, limit))
    per_hour, peak = _per_hour_bytes(case, found), _peak_bytes(case, "base")
    doubles = goes_on and per_hour > peak
    hour = (
        f"At the required rate that is {number(per_hour / MIB)} MiB an hour"
        f"{f', more than the {number(peak / MIB)} MiB that the base needs' if doubles else ''}"
    )
    return [
        Finding(
            check=f"{CHECK}:growth",
            outcome=Outcome.FAIL if doubles else Outcome.WARN,
            reason=f"The candidate's memory grows with requests: by {mean} KiB more than the "
            f"base's in {REQUESTS} requests (at least {least} over "
            f"{counted(len(case.sessions), 'session')}, where {most} is the limit). "
            f"{hour if goes_on else ENDS}.",
            observed=found.estimate,
            limit=limit,
            interval=(found.lower, found.upper),
            unit=f"KiB/{REQUESTS} requests",
            hint="See what it keeps from one request to the next. A cache that fills and then "
            "stays as it is grows too: margins.growth_kib allows for that.",
        )
    ]


def _more_kib(case: Case, last_share: float) -> Interval | None:
    """Return by how much more the candidate grew in REQUESTS; None where it was not read."""
    candidate, base = (memory_slopes(case.sessions, role, last_share) for role in ROLES)
    slopes = candidate - base
    return t_interval(slopes * REQUESTS / KIB, BOUNDS_LEVEL) if np.isfinite(slopes).all() else None


def _per_hour_bytes(case: Case, growth_kib: Interval) -> float:
    """Return what the busiest instance surely grows in DOUBLING_S at the rate it must carry."""
    requests = required_rps(case.terms) / case.terms.config.production.full_instances * DOUBLING_S
    return growth_kib.lower * KIB / REQUESTS * requests


def _peak_bytes(case: Case, role: BuildRole) -> float:
    return float(np.mean([run.builds[role].peak_rss_bytes for run in case.sessions]))


def _peak(case: Case) -> list[Finding]:
    rises = peak_rises(case.sessions)
    limit = math.log1p(case.terms.config.margins.memory)
    if not np.isfinite(rises).all():
        return []
    found = t_interval(rises, BOUNDS_LEVEL)
    if found.lower <= limit:
        return []
    sizes = [percent(size) for size in (found.estimate, found.lower, limit)]
    mean, least, most = told_apart(sizes, 0)
    own, base = (_peak_bytes(case, role) / MIB for role in ("candidate", "base"))
    return [
        Finding(
            check=f"{CHECK}:peak",
            outcome=Outcome.WARN,
            reason=f"The candidate's memory peaks {mean} % higher: at {number(own)} MiB, where the "
            f"base's peaks at {number(base)} MiB (at least {least} % over "
            f"{counted(len(rises), 'session')}; more than {most} % is told).",
            observed=percent(found.estimate),
            limit=percent(limit),
            interval=(percent(found.lower), percent(found.upper)),
            unit="%",
        )
    ]


def _kept(case: Case) -> list[Finding]:
    """Return a finding where the candidate kept more of an overload than waiting explains."""
    own = recovery_of(case, "candidate")
    waiting = [] if own is None else [count for count in own.waiting if count is not None]
    if own is None or own.validity.faults or not waiting:
        return []
    before, after = (size / KIB for size in own.rss_bytes)
    growth_kib = case.terms.config.margins.growth_kib * sum(own.attempts) / REQUESTS
    allowed_kib = WAITING_KIB * max(waiting) + growth_kib
    if after - before <= allowed_kib:
        return []
    was, became, most = (number(size * KIB / MIB) for size in (before, after, allowed_kib))
    return [
        Finding(
            check=f"{CHECK}:overload",
            outcome=Outcome.WARN,
            reason=f"The candidate keeps what an overload leaves: it had {was} MiB before it and "
            f"{became} MiB at the end. That {counted(max(waiting), 'attempt')} waited at a time "
            f"explains no more than {most} MiB of it.",
            observed=(after - before) * KIB,
            limit=allowed_kib * KIB,
            unit="bytes",
            hint="See what it keeps of requests that waited, or that callers gave up.",
        )
    ]
