"""Requests become what each dependent sends in its busiest window, and which operations.

It reads no log; who a caller is and what its requests are is told by a :class:`Reading`.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from perfgate.demand.sources.accesslog import request_line
from perfgate.demand.sources.observed import (
    DAY_S,
    Observation,
    Observed,
    busiest,
    shares,
    spread_of,
)
from perfgate.errors import SourceError, UsageError
from perfgate.tomlfile import near_or_all, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from perfgate.demand.sources.accesslog import Layout, Request
    from perfgate.demand.sources.observed import Naming

# How servers write that a request had no such field, and what is made of it.
ABSENT, NOBODY = "-", ""
UNTOLD = ""
MOST_NAMED = 5
# Stamps may be in whole seconds: a log of a minute then seems to last a second less.
PRECISION_S = 1.0
# More failures of the server than this share of what counts are remarked upon: they are retried.
FAILED = 0.01


class Rule(NamedTuple):
    """Requests that are one ``operation``, UNTOLD where it does not matter, None: left out.

    ``method`` and ``path`` may hold * for any text; the path ends before the first "?".
    """

    operation: str | None
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What is made of the lines: ``field`` tells the caller by the first group of ``name``.

    Of ``rules`` the first that fits a request counts. ``window_s`` is the length of the windows of
    which the busiest is the peak.
    """

    field: str
    name: re.Pattern[str]
    rules: tuple[Rule, ...]
    window_s: float


def observation_of(
    requests: Iterable[Request], layout: Layout, reading: Reading, naming: Naming
) -> Observation:
    """Return what each dependent sends in its busiest window.

    Raises SourceError where there is no request, where the log is shorter than the window, and
    where no caller is told; UsageError where a request fits no rule.
    """
    tally = _Tally(layout, reading, naming)
    for request in requests:
        tally.add(request)
    tally.check()
    observed, remarks = tally.seen()
    last_day = datetime.fromtimestamp(tally.last_s, UTC).date()
    source = f"{layout.server} access log, busiest {reading.window_s:g} s, by {reading.field}"
    return Observation(tuple(observed), source, last_day, tuple(remarks))


def operation_by(rules: Sequence[Rule]) -> Callable[[str, str], Rule | None]:
    """Return the function of method and path that finds the first rule that fits, or None."""
    patterns = [(rule, _pattern(rule.method), _pattern(rule.path)) for rule in rules]

    @lru_cache(maxsize=100_000)
    def found(method: str, path: str) -> Rule | None:
        for rule, methods, paths in patterns:
            if methods.fullmatch(method) and paths.fullmatch(path):
                return rule
        return None

    return found


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


class _Tally:
    """Counts the requests of each dependent."""

    def __init__(self, layout: Layout, reading: Reading, naming: Naming) -> None:
        self._layout, self._reading, self._naming = layout, reading, naming
        self._rule_of = operation_by(reading.rules)
        self._times_s: dict[str, dict[str, array[float]]] = {}
        self._unfit: Counter[str] = Counter()
        self._counted = self._failed = self._skipped = 0
        self._fields: tuple[str, ...] = ()
        self._first_s, self.last_s = np.inf, -np.inf

    def add(self, request: Request) -> None:
        """Count one request."""
        self._first_s = min(self._first_s, request.at_s)
        self.last_s = max(self.last_s, request.at_s)
        self._fields = self._fields or tuple(request.fields)
        name = self._name(request)
        operation = self._operation(request, name)
        if operation is None:
            return
        if name != NOBODY and self._naming.wants(name):
            self._counted += 1
            self._failed += str(request.fields.get(self._layout.status, "")).startswith("5")
        operations = self._times_s.setdefault(name, {})
        operations.setdefault(operation, array("d")).append(request.at_s)

    def check(self) -> None:
        """Raise where what was counted is not enough to tell a peak."""
        length_s = self.last_s - self._first_s + PRECISION_S
        if not self._fields:
            raise SourceError("there is not a single request in the log", hint="Name another log.")
        if length_s < self._reading.window_s:
            raise SourceError(
                f"the log lasts {length_s:.0f} s, less than the window of "
                f"{self._reading.window_s:g} s",
                hint=f"Name a longer log, or --window {max(1, int(length_s))}s.",
            )
        if not self._times_s.keys() - {NOBODY}:
            raise self._no_caller()
        if self._unfit:
            raise self._fits_no_rule()

    def seen(self) -> tuple[list[Observed], list[str]]:
        """Return what each dependent sends, by name, and what must be known to believe it."""
        observed, remarks = [], [*self._unnamed(), *self._odd()]
        for name in sorted(self._times_s.keys() - {NOBODY}):
            times_s, operations = _sorted(self._times_s[name])
            window = busiest(times_s, self._reading.window_s)
            rate_rps = (window.stop - window.start) / self._reading.window_s
            counts = Counter(operations[window].tolist())
            missing = sorted(self._times_s[name].keys() - counts.keys())
            if missing:
                remarks.append(
                    f"{name}: its busiest window has no {', '.join(missing)}: not in its mix"
                )
            del counts[UNTOLD]
            cv = spread_of(self._day_peaks(times_s))
            observed.append(Observed(name, rate_rps, cv, shares(counts)))
        return observed, remarks

    def _unnamed(self) -> Iterator[str]:
        count = sum(map(len, self._times_s.get(NOBODY, {}).values()))
        if count:
            yield f"{count} requests do not tell their caller in {self._reading.field}: left out"

    def _odd(self) -> Iterator[str]:
        """Yield what of the logs themselves makes their peak doubtful."""
        length_s = self.last_s - self._first_s + PRECISION_S
        if length_s < DAY_S:
            yield f"the requests are of {_told(length_s)} only: a whole day may have a higher peak"
        if self._skipped:
            yield f"{self._skipped} requests are left out by --skip"
        if self._failed > FAILED * self._counted:
            yield (
                f"{self._failed / self._counted:.0%} of the requests failed (status 5xx): what "
                "callers tried again counts twice"
            )

    def _name(self, request: Request) -> str:
        value = request.fields.get(self._reading.field)
        found = self._reading.name.search("" if value is None else str(value))
        seen = found[found.re.groups and 1] if found else ""
        return self._naming.name_of(seen) if seen and seen != ABSENT else NOBODY

    def _operation(self, request: Request, name: str) -> str | None:
        """Return the operation of a request, None where it does not count."""
        method, path = request_line(request.fields, self._layout)
        rule = self._rule_of(method, path)
        if rule is None and name != NOBODY and self._naming.wants(name):
            self._unfit[f"{method} {path}"] += 1
        self._skipped += rule is not None and rule.operation is None
        return rule.operation if rule else None

    def _day_peaks(self, times_s: NDArray[np.float64]) -> list[float]:
        """Return the requests in the busiest window of each whole day from the first request."""
        days = int((self.last_s - self._first_s) // DAY_S)
        edges = np.searchsorted(times_s, self._first_s + DAY_S * np.arange(days + 1))
        parts = [times_s[start:end] for start, end in pairwise(edges)]
        windows = [
            busiest(part, self._reading.window_s) if part.size else slice(0) for part in parts
        ]
        return [float(window.stop - (window.start or 0)) for window in windows]

    def _no_caller(self) -> SourceError:
        field = self._reading.field
        if field in self._fields:
            hint = "Name another field with --by, or another part of it with --name."
        else:
            hint = f"Name the field of the caller with --by; {near_or_all(field, self._fields)}"
        return SourceError(f"no request tells its caller in {field}", hint=hint)

    def _fits_no_rule(self) -> UsageError:
        most = self._unfit.most_common(MOST_NAMED)
        named = ", ".join(f"{shown(what)} ({count})" for what, count in most)
        return UsageError(
            f"{self._unfit.total()} requests are no operation; most often {named}",
            hint="Give them one with --operation 'NAME=METHOD PATH', or leave them out with "
            "--skip 'METHOD PATH'.",
        )


def _told(seconds: float) -> str:
    """Return a time in the unit in which it is a small number."""
    for unit, length_s in (("hour", 3600.0), ("minute", 60.0)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}s"
    return f"{seconds:.0f} s"


def _sorted(
    parts: Mapping[str, array[float]],
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Return the times of all operations, ascending, and the operation of each."""
    times_s = np.concatenate([np.asarray(part) for part in parts.values()])
    operations = np.repeat(list(parts), [len(part) for part in parts.values()])
    order = np.argsort(times_s, kind="stable")
    return times_s[order], operations[order]
