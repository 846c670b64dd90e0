"""What operations cost more, and how much of it slower benchmarks explain.

Both were measured: the cost in sessions side by side, the calls as benchmarks. What ties them is
how often a request makes a call, which a benchmark has to say; nothing is fitted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perfgate.analysis.change import operation_cost_s, operation_slowdowns
from perfgate.analysis.compare import t_interval
from perfgate.analysis.interval import Interval
from perfgate.errors import UsageError
from perfgate.verdict.micro import LEVEL, Compared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perfgate.verdict.case import Case
    from perfgate.verdict.micro import MicroCase

# An interval needs two.
LEAST_SESSIONS = 2
# What would explain all with fewer calls would add too much with one.
LEAST_CALLS = 0.5
WORDLESS = (
    'benchmark.extra_info["calls"] = {"login": 1} in a benchmark says how often it is called.'
)


@dataclass(frozen=True, slots=True)
class Part:
    """What the calls of one benchmark add to a request: CPU-seconds, with their interval."""

    benchmark: Compared
    calls: float
    added_s: Interval


@dataclass(frozen=True, slots=True)
class Guess:
    """A benchmark that does not say who calls it, and how many calls would be all of the change."""

    benchmark: Compared
    calls: float


@dataclass(frozen=True, slots=True)
class Explained:
    """One operation: what a request cost, what was added, and by which calls, largest first.

    ``rest_s`` is what they do not explain. Where that is sure, ``guesses`` are what could.
    """

    operation: str
    base_s: float
    added_s: Interval
    parts: tuple[Part, ...]
    rest_s: Interval
    guesses: tuple[Guess, ...]

    @property
    def is_sure(self) -> bool:
        """Tell whether the cost surely changed."""
        return _sure(self.added_s)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The operations, those that changed most first, and what speaks against the comparison."""

    operations: tuple[Explained, ...]
    doubts: tuple[str, ...]


def explained(case: Case, micro: MicroCase) -> Explanation:
    """Return what slower calls explain of what operations cost more in a measurement.

    Raises UsageError for one in which too few sessions have timed operations beside a base.
    """
    slowdowns = {
        name: values
        for name, values in operation_slowdowns(case.sessions).items()
        if len(values) >= LEAST_SESSIONS
    }
    if not slowdowns:
        raise UsageError(
            "the measurement has no operations timed alone beside a base, so nothing to explain",
            hint="perfgate check --output DIRECTORY keeps one: DIRECTORY/measurement.json.",
        )
    found = [
        _operation(name, _added(case, name, t_interval(values, LEVEL)), micro)
        for name, values in slowdowns.items()
    ]
    ordered = sorted(found, key=lambda own: (not own.is_sure, -abs(own.added_s.estimate)))
    return Explanation(tuple(ordered), tuple(_doubts(case, micro)))


def _added(case: Case, name: str, slowdown: Interval) -> tuple[float, Interval]:
    """Return what a request cost the base, and what the candidate needs more."""
    base_s = operation_cost_s(case.sessions, "base", name) or 0.0
    return base_s, _scaled(base_s, slowdown)


def _operation(name: str, cost: tuple[float, Interval], micro: MicroCase) -> Explained:
    base_s, added_s = cost
    parts = [
        Part(own, calls, _scaled(calls * own.then.seconds, _ends(own)))
        for own in micro.compared
        if (calls := own.now.calls.get(name, 0.0))
    ]
    parts.sort(key=lambda part: -abs(part.added_s.estimate))
    rest_s = _less(added_s, [part.added_s for part in parts])
    guesses = _guesses(base_s + added_s.estimate, rest_s, micro) if _sure(rest_s) else ()
    return Explained(
        operation=name,
        base_s=base_s,
        added_s=added_s,
        parts=tuple(parts),
        rest_s=rest_s,
        guesses=tuple(guesses),
    )


def _guesses(whole_s: float, rest_s: Interval, micro: MicroCase) -> Iterator[Guess]:
    """Yield what surely changed the same way, and can be called so often in ``whole_s``."""
    for own in micro.compared:
        change_s = own.now.seconds - own.then.seconds
        if own.now.calls or not _sure(_ends(own)) or change_s * rest_s.estimate <= 0:
            continue
        calls = rest_s.estimate / change_s
        if calls >= LEAST_CALLS and calls * own.now.seconds <= whole_s:
            yield Guess(own, calls)


def _sure(change: Interval) -> bool:
    return change.lower > 0 or change.upper < 0


def _ends(own: Compared) -> Interval:
    return Interval(own.lag.estimate, *own.lag.ends(LEVEL))


def _scaled(seconds: float, slowdown: Interval) -> Interval:
    """Return what a slowdown (log) of so many seconds adds."""
    ends = (slowdown.estimate, slowdown.lower, slowdown.upper)
    return Interval(*(seconds * math.expm1(end) for end in ends))


def _less(whole: Interval, parts: Sequence[Interval]) -> Interval:
    """Return the difference; half-widths of what was measured apart combine in quadrature."""
    estimate = whole.estimate - math.fsum(part.estimate for part in parts)
    below = math.hypot(
        whole.estimate - whole.lower, *(part.upper - part.estimate for part in parts)
    )
    above = math.hypot(
        whole.upper - whole.estimate, *(part.estimate - part.lower for part in parts)
    )
    return Interval(estimate, estimate - below, estimate + above)


def _doubts(case: Case, micro: MicroCase) -> Iterator[str]:
    """Yield why the benchmarks and the sessions may be of different things."""
    measured = case.measurement
    for what, build, timed in (
        ("base", measured.base, micro.then),
        ("candidate", measured.candidate, micro.now),
    ):
        if build is None or build.commit != timed.commit or build.dirty or timed.dirty:
            yield (
                f"Sessions ran {build.name if build else 'nothing'} as {what}, and the benchmarks "
                f"are of {timed.commit[:12]}{' with changes' if timed.dirty else ''}."
            )
    if measured.environment.cpu_model != micro.now.cpu_model:
        yield f"Sessions ran on another CPU ({measured.environment.cpu_model})."
    if any(own.now.timer != "process_time" for own in micro.compared):
        yield (
            "Benchmarks were timed on the clock, and cost is CPU time: waits count in one of them "
            "only (--benchmark-timer=time.process_time)."
        )
