"""How the builds behave beyond what they answer: connections, redirects, and over time.

Each of these costs callers something; how much is measured by other checks. Here it has a name.
"""

from __future__ import annotations

import math
from collections import Counter
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from perfgate.analysis.capacity import BOUNDS_LEVEL
from perfgate.analysis.change import ROLES, trends
from perfgate.analysis.compare import t_interval
from perfgate.analysis.drift import open_trends
from perfgate.analysis.rates import KEEPS_UP, lagging
from perfgate.analysis.sequential import percent
from perfgate.measurement.histogram import Histogram
from perfgate.measurement.summarise import SIGN_IN
from perfgate.verdict.advice import more_senders
from perfgate.verdict.finding import Finding, Outcome, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from perfgate.analysis.interval import Interval
    from perfgate.measurement.models import BuildFigures, BuildRole, Run
    from perfgate.verdict.case import Case

    Trends = Callable[[Sequence[Run], BuildRole], NDArray[np.float64]]

CHECK = "conduct"
# Clients keep connections: a new one for every second request is the server's doing.
CONNECTS_LIMIT_RATIO = 0.5
REDIRECTS_LIMIT_RATIO = 0.01
# Work that takes so much longer (or shorter) in the last third of the pairs than in the first.
TREND_LIMIT = math.log1p(0.1)
# A saturated build that uses less of a CPU waits: for locks or others, or for more requests.
BUSY_LIMIT_RATIO = 0.5
# Where the build worked on less than this share of what was in flight, more would only have waited.
QUEUED_LIMIT_RATIO = 0.5
# What took longer in its last third than in the first -> the trends that say so.
TRENDS: dict[str, Trends] = {
    "the last third of the pairs": trends,
    "an answer in the last third of the open loop": open_trends,
}


def check(case: Case) -> list[Finding]:
    """Return a finding for each thing that a user should know of; none where all is well."""
    return [
        *_connections(case),
        *_redirects(case),
        *_backlog(case),
        *_slowing(case),
        *_warming(case),
        *(_limited(case) or _idle(case)),
        *_lagging(case),
    ]


def _connections(case: Case) -> list[Finding]:
    own, base = (_ratio(case, role, "connects") for role in ("candidate", "base"))
    if own is None or own <= max(CONNECTS_LIMIT_RATIO, 2 * (base or 0.0)):
        return []
    reason = (
        f"The candidate closes connections that its callers want to keep: they opened "
        f"{own:.2f} per request{_beside(base)}."
    )
    return [_warning("connections", reason, own, CONNECTS_LIMIT_RATIO)]


def _redirects(case: Case) -> list[Finding]:
    own, base = (_ratio(case, role, "redirects") for role in ("candidate", "base"))
    if own is None or own <= (base or 0.0) + REDIRECTS_LIMIT_RATIO:
        return []
    reason = (
        f"The candidate sends its callers elsewhere: they followed {own:.2f} redirects per "
        f"request{_beside(base)}, each of them a request more."
    )
    return [_warning("redirects", reason, own, REDIRECTS_LIMIT_RATIO)]


def _backlog(case: Case) -> list[Finding]:
    """Return a finding where so many arrivals were waiting for a build that others were not sent.

    They stand among those without an answer, by which other checks judge.
    """
    unsent = {
        role: sum(run.builds[role].unsent for run in case.measurement.runs if role in run.builds)
        for role in ROLES
    }
    whose = [
        f"{counted(count, 'request')} to the {role}" for role, count in unsent.items() if count
    ]
    if not whose:
        return []
    return [
        Finding(
            check=f"{CHECK}:backlog",
            outcome=Outcome.WARN,
            reason=f"So many requests were waiting for an answer that {' and '.join(whose)} were "
            "never sent: they count as unanswered.",
            observed=sum(unsent.values()),
            limit=0,
            unit="requests",
        )
    ]


def _warning(what: str, reason: str, observed: float, limit: float) -> Finding:
    return Finding(f"{CHECK}:{what}", Outcome.WARN, reason, observed, limit, unit="per request")


def _beside(base: float | None) -> str:
    return "" if base is None else f" (the base's, {base:.2f})"


def _ratio(case: Case, role: BuildRole, what: str) -> float | None:
    """Return how many there were per request of a build; None without any.

    Where there is a base only sessions count: at other rates connections may be kept for other
    times.
    """
    runs = case.sessions if case.measurement.base else case.measurement.runs
    figures = [run.builds[role] for run in runs if role in run.builds]
    requests = sum(_requests(own) for own in figures)
    return sum(getattr(own, what) for own in figures) / requests if requests else None


def _requests(figures: BuildFigures) -> int:
    return sum(own.requests for name, own in figures.failures.items() if name != SIGN_IN)


def _slowing(case: Case) -> list[Finding]:
    """Return a finding where the candidate gets slower as it runs, and the base does not.

    Both the pairs and the open loop may show it: that of the two which is surer is told.
    """
    found = {
        words: interval
        for words, trends_of in TRENDS.items()
        if (interval := _slower(case, trends_of)) is not None and interval.lower > TREND_LIMIT
    }
    if not found:
        return []
    where, slower = max(found.items(), key=lambda item: item[1].lower)
    worse = slower.lower > math.log1p(case.terms.config.margins.latency)
    return [
        Finding(
            check=f"{CHECK}:trend",
            outcome=Outcome.FAIL if worse else Outcome.WARN,
            reason=f"The candidate gets slower as it runs, which the base does not: {where} took "
            f"{percent(slower.estimate):.0f} % more time than the first (at least "
            f"{percent(slower.lower):.0f} %, over {counted(len(case.sessions), 'session')}).",
            observed=percent(slower.estimate),
            limit=percent(TREND_LIMIT),
            interval=(percent(slower.lower), percent(slower.upper)),
            unit="%",
        )
    ]


def _slower(case: Case, trends_of: Trends) -> Interval | None:
    """Return how much more the candidate slows down than the base; None: too few sessions tell."""
    slower = _finite(trends_of(case.sessions, "candidate") - trends_of(case.sessions, "base"))
    return t_interval(slower, BOUNDS_LEVEL) if len(slower) >= case.looks[0] else None


def _warming(case: Case) -> list[Finding]:
    """Return a finding where builds were not warm when they were measured."""
    return _unsettled(case) or _still_warming(case)


def _unsettled(case: Case) -> list[Finding]:
    """Return a finding where most warm-ups ended before both builds had settled."""
    late = [run.validity for run in case.sessions if run.validity.unsettled]
    if 2 * len(late) <= len(case.sessions):
        return []
    builds = sorted({name for own in late for name in own.unsettled})
    limit_s = case.profile.warmup_limit_s
    return [
        Finding(
            check=f"{CHECK}:warm-up",
            outcome=Outcome.WARN,
            reason=f"The warm-up was cut off after {limit_s:g} s, before it was seen that the "
            f"{' and the '.join(builds)} got no faster, in {len(late)} of "
            f"{counted(len(case.sessions), 'session')}: what was measured may not have been warm.",
            hint="A larger warmup_limit_s in the profile waits for longer.",
            observed=max(own.warmup_s or 0.0 for own in late),
            limit=limit_s,
            unit="s",
        )
    ]


def _still_warming(case: Case) -> list[Finding]:
    """Return a finding where both builds were still getting faster while they were measured."""
    both = [-_finite(trends(case.sessions, role)) for role in ROLES]
    if min(map(len, both)) < case.looks[0]:
        return []
    # A host whose speed changes makes both faster in one session, and slower in another.
    faster = min((t_interval(own, BOUNDS_LEVEL) for own in both), key=lambda own: own.lower)
    if faster.lower <= TREND_LIMIT:
        return []
    return [
        Finding(
            check=f"{CHECK}:warm-up",
            outcome=Outcome.WARN,
            reason="Neither build was warm when it was measured: the last third of the pairs took "
            f"{-percent(-faster.estimate):.0f} % less time than the first (at least "
            f"{-percent(-faster.lower):.0f} %, over {counted(len(case.sessions), 'session')}).",
            hint="A larger warmup_requests in the profile lets them warm up first.",
        )
    ]


def _limited(case: Case) -> list[Finding]:
    """Say where most runs show the load generator's own pace, not the builds'."""
    runs = case.measurement.runs
    counts = Counter(where for run in runs for where in run.validity.limited)
    places = [where for where, count in counts.items() if 2 * count > len(runs)]
    if not places:
        return []
    return [
        Finding(
            check=f"{CHECK}:generator",
            outcome=Outcome.WARN,
            reason=f"The load generator had no CPU time left {' and '.join(places)}: what is told "
            "of the builds there is its own pace. They may be faster than that, and one that has "
            "got slower may not show.",
            hint="LeanHttpUser needs less CPU for fixed requests. "
            f"{more_senders(case.measurement.environment, case.terms.config.load.processes)}",
        )
    ]


def _idle(case: Case) -> list[Finding]:
    """Return a finding where the service rate may be that of the users, not of the service.

    None where the build's CPU time was not seen.
    """
    if case.terms.at_url:
        return []
    figures = [own for run in case.measurement.runs if (own := run.builds.get("candidate"))]
    windows = [own.saturation for own in figures]
    wall_s = sum(sum(own.wall_s) for own in windows)
    busy = sum(sum(own.cpu_s) for own in windows) / wall_s if wall_s else 1.0
    users = case.profile.saturation_concurrency
    if busy > BUSY_LIMIT_RATIO or _served_at_a_time(figures) < QUEUED_LIMIT_RATIO * users:
        return []
    return [
        Finding(
            check=f"{CHECK}:saturation",
            outcome=Outcome.WARN,
            reason=f"With {users} requests in flight the candidate used only {busy:.0%} of a CPU: "
            "more in flight might raise its service rate, and then the rate told is too low.",
            observed=busy,
            limit=BUSY_LIMIT_RATIO,
            unit="CPUs",
            hint="Try a larger saturation_concurrency in the profile, with as many identities; if "
            "the rate stays, something else than the CPU limits it.",
        )
    ]


def _served_at_a_time(figures: Sequence[BuildFigures]) -> float:
    """Return how many requests a saturated build worked on at a time; others in flight waited.

    By the law of L = lambda W (Little, Operations Research 9, 1961): its answers per second, times
    the seconds that an answer takes in the open loop, where hardly any request waits for others.
    Endless where either is not known.
    """
    answered = sum(sum(own.saturation.answered) for own in figures)
    wall_s = sum(sum(own.saturation.wall_s) for own in figures)
    alone_s = reduce(Histogram.merge, (own.open.service_s for own in figures), Histogram()).mean()
    return answered / wall_s * alone_s if wall_s and alone_s else math.inf


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _lagging(case: Case) -> list[Finding]:
    """Return a finding where the candidate was not saturated for long enough to carry the mix."""
    late = lagging(case.measurement.runs, "candidate")
    if late is None:
        return []
    name, seconds = late.operation, case.profile.saturation_s
    return [
        Finding(
            check=f"{CHECK}:mix",
            outcome=Outcome.WARN,
            reason=f"While the candidate was saturated, requests of {name} piled up: it had "
            f"{late.answered:.1%} of the answers and has {late.asked:.1%} of the demand. Others "
            "were answered in its stead, so the service rate told is no more than what was surely "
            f"carried of every operation, {late.kept_up:.0%} of all answers per second.",
            observed=late.answered,
            limit=KEEPS_UP * late.asked,
            unit="of the answers",
            hint=f"A longer saturation_s in the profile (now {seconds:g} s for a build and "
            "session) lets the queue grow as long as it gets, and the rate be told as it is.",
        )
    ]
