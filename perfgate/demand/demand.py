"""A ledger and a day become the demand of that day, and a limit the change that first exceeds it.

It has no clock, reads no file and measures nothing: every figure follows from the ledger.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import lru_cache
from math import floor, fsum, inf, isclose, log10
from typing import TYPE_CHECKING, TypeVar

from perfgate.demand.budgets import limits_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date

    from perfgate.demand.attempts import Floats
    from perfgate.demand.budgets import Limits
    from perfgate.demand.ledger import Change, Dependent, Ledger

Rates = TypeVar("Rates", float, "Floats")

LARGEST_NAMED = 3
RATE_DIGITS = 3
# Ledgers with and without a change have all other rows in common, and a long one has many.
ROWS_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class DependentDemand:
    """What one dependent sends on a day, and why.

    ``first_try_rps`` counts each call once; ``worst_rps`` every attempt while all of them fail;
    ``amplification`` is attempts per first try then. ``changes`` are those in force.
    """

    name: str
    first_try_rps: float
    worst_rps: float
    amplification: float
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Demand:
    """What all dependents send on the day ``on``.

    ``mix`` is the share of each operation in the first tries; it sums to 1, or is empty when
    nothing is sent.
    """

    on: date
    dependents: tuple[DependentDemand, ...]
    first_try_rps: float
    worst_rps: float
    mix: dict[str, float]


@dataclass(frozen=True, slots=True)
class Cause:
    """What one dependent adds on a day through the changes named in ``what``.

    Nothing, or less, where it is the other mix of its requests that matters.
    """

    dependent: str
    what: str
    added_rps: float


@dataclass(frozen=True, slots=True)
class TippingPoint:
    """The day on which the demand first exceeds a limit.

    ``causes`` add to the demand on that day, the largest first. They are empty when the demand
    exceeds the limit from the start; then ``before_rps`` equals ``after_rps`` and it is
    ``largest``, the dependents that send most on that day, that tell why.
    """

    on: date
    limit_rps: float
    before_rps: float
    after_rps: float
    causes: tuple[Cause, ...]
    largest: tuple[DependentDemand, ...]

    @property
    def from_start(self) -> bool:
        """Whether no planned change is needed to exceed the limit."""
        return not self.causes


def changes_in_force(dependent: Dependent, on: date) -> tuple[Change, ...]:
    """Return the changes effective on or before ``on``."""
    if not dependent.changes:
        return ()
    return tuple(change for change in dependent.changes if change.effective_from <= on)


def first_try_rps(dependent: Dependent, on: date) -> float:
    """Return the calls per second of ``dependent`` at its peak, each counted once.

    X / (1 + X ttl / N) with X = calls (peak scale + add). Changes effective on or before ``on``
    count with their likely figures: scales multiply the peak, additions add up, so the order of
    changes does not matter. The fraction is what a cache of ``ttl`` seconds lets through when X is
    spread over N tokens: after each miss a token asks again once per 1/r + ttl seconds at its rate
    r = X / N (renewal theorem).
    """
    return _first_try_rps(dependent, changes_in_force(dependent, on))


def sent_rps(dependent: Dependent, own_rps: Rates) -> Rates:
    """Return the calls per second that ``own_rps`` of the dependent's own requests become.

    One rate or an array of them, of any shape.
    """
    calls = dependent.calls_per_request * own_rps
    cache = dependent.cache
    return calls if cache is None else calls / (1 + calls * cache.ttl_s / cache.active_tokens)


def peak_for(dependent: Dependent, rate_rps: float, on: date) -> float | None:
    """Return the peak with which :func:`first_try_rps` is ``rate_rps`` on the day ``on``.

    None where no peak gives that rate: it is more than the cache lets through, or less than the
    changes in force add.
    """
    calls = rate_rps
    if dependent.cache is not None:
        calls = _before_cache(rate_rps, dependent.cache.ttl_s / dependent.cache.active_tokens)
    scale, added = _growth(changes_in_force(dependent, on))
    if calls == inf or not dependent.calls_per_request * scale:
        return None
    peak = (calls / dependent.calls_per_request - added) / scale
    return peak if peak >= 0 else None


def amplification(dependent: Dependent, first_rps: float) -> float:
    """Return the attempts per first try of ``dependent`` while every attempt fails.

    Attempts times upstream attempts without a budget; a budget caps the attempts of each call, and
    its floor adds min_rps clients / ``first_rps``. This is A(1) of
    :meth:`perfgate.demand.attempts.Callers.attempts_per_try`, which says why.
    """
    limits, calls = limits_of(dependent.budget), dependent.upstream_attempts
    capped = (1 + limits.request_ratio) / (1 - limits.flight_ratio)
    floor_ratio = _floor_ratio(limits, first_rps) / calls
    return calls * min(float(dependent.attempts), capped + floor_ratio)


def demand_on(ledger: Ledger, on: date) -> Demand:
    """Return the demand of the day ``on``, with the changes effective by then."""
    return _Sent(ledger, on).demand(on)


def demand_steps(ledger: Ledger, start: date, end: date) -> list[Demand]:
    """Return the demand at ``start`` and after each day of changes in (start, end], in order.

    Raises ValueError when ``end`` lies before ``start``.
    """
    if end < start:
        raise ValueError(f"the end {end} lies before the start {start}")
    sent = _Sent(ledger, start)
    steps = [sent.demand(start)]
    for on, positions in sorted(_positions_by_day(ledger, start, end).items()):
        for position in positions:
            sent.turn(position, on)
        steps.append(sent.demand(on))
    return steps


def peak_demand(steps: Sequence[Demand]) -> Demand:
    """Return the step with most first tries, the earliest of equals.

    Raises ValueError when there is no step.
    """
    return max(steps, key=lambda step: (step.first_try_rps, -step.on.toordinal()))


def tipping_point(
    steps: Sequence[Demand], limit_of: Callable[[Demand], float]
) -> TippingPoint | None:
    """Return where the first tries of ``steps`` (in order of their days) first exceed the limit.

    None when they never do. ``limit_of`` tells the limit in requests per second, which may depend
    on the mix; a demand that equals it does not exceed it.
    """
    for position, step in enumerate(steps):
        limit_rps = limit_of(step)
        if step.first_try_rps > limit_rps:
            before = steps[max(position - 1, 0)]
            return TippingPoint(
                step.on,
                limit_rps,
                before.first_try_rps,
                step.first_try_rps,
                _causes(before, step),
                _largest(step.dependents),
            )
    return None


def tipping_sentence(tipping: TippingPoint) -> str:
    """Return the tipping point in plain words, without a full stop."""
    before, after, limit = rates_told(tipping.before_rps, tipping.after_rps, tipping.limit_rps)
    if tipping.from_start:
        return (
            f"the demand on {tipping.on} is {after}/s without any further change; "
            f"the limit is {limit}/s; the largest dependents are {largest_told(tipping.largest)}"
        )
    end = f"the demand from {before}/s to {after}/s; the limit is {limit}/s"
    verb = " and takes" if len(tipping.causes) == 1 else "; together they take"
    return f"{_told_causes(tipping)}{verb} {end}"


def largest_told(rows: Iterable[DependentDemand]) -> str:
    """Return the dependents that send most, with what they send, in words, and how many more."""
    sending = [row for row in rows if row.first_try_rps > 0]
    largest = _largest(sending)
    rates = rates_told(*(row.first_try_rps for row in largest))
    named = [f"{row.name} {rate}/s" for row, rate in zip(largest, rates, strict=True)]
    more = len(sending) - len(named)
    return ", ".join([*named, f"{more} more"] if more else named)


def senders_told(demand: Demand, tipping: TippingPoint | None = None) -> str:
    """Return " (gateway 40/s, mail 10/s)", who sends most of a demand.

    Nothing where that is said by the sentence about how it exceeds a limit.
    """
    named = tipping is not None and tipping.from_start
    return "" if named or not demand.first_try_rps else f" ({largest_told(demand.dependents)})"


def asked_told(ledger: Ledger, demand: Demand, operation: str) -> str:
    """Return who sends most of an operation, with how much of it, in words; "" where nobody."""
    shares = (
        ledger.mix_of(one, row.changes).get(operation, 0.0)
        for one, row in zip(ledger.dependents, demand.dependents, strict=True)
    )
    rows = [
        replace(row, first_try_rps=row.first_try_rps * share)
        for row, share in zip(demand.dependents, shares, strict=True)
    ]
    return largest_told(row for row in rows if row.first_try_rps > 0)


def _first_try_rps(dependent: Dependent, changes: Iterable[Change]) -> float:
    scale, added = _growth(changes)
    return sent_rps(dependent, dependent.peak_rps * scale + added)


def _growth(changes: Iterable[Change]) -> tuple[float, float]:
    """Return the factor on the peak and the requests per second on top of it."""
    scale, added = 1.0, 0.0
    for change in changes:
        scale *= change.scale.likely
        added += change.add_rps
    return scale, added


def _before_cache(rate_rps: float, renewal_s: float) -> float:
    """Return X with X / (1 + X renewal) = rate: inf where the cache lets no such rate through."""
    missed = 1 - rate_rps * renewal_s
    return rate_rps / missed if missed > 0 else inf


def _floor_ratio(limits: Limits, first_rps: float) -> float:
    """Return retries that need no first try, per first try: without limit when there are none."""
    if limits.floor_rps == 0:
        return 0.0
    return limits.floor_rps / first_rps if first_rps > 0 else inf


@lru_cache(maxsize=ROWS_KEPT)
def _dependent_on(dependent: Dependent, on: date) -> DependentDemand:
    changes = changes_in_force(dependent, on)
    first = _first_try_rps(dependent, changes)
    factor = amplification(dependent, first)
    return DependentDemand(dependent.name, first, first * factor, factor, changes)


class _Sent:
    """What dependents send of which operation; of a long ledger only those that change are redone.

    Rates are by position in the ledger: those of dependents with the ledger's own mix together,
    those of others by operation.
    """

    def __init__(self, ledger: Ledger, on: date) -> None:
        self._ledger = ledger
        self._rows = [_dependent_on(dependent, on) for dependent in ledger.dependents]
        self._with_default: dict[int, float] = {}
        self._rates: defaultdict[str, dict[int, float]] = defaultdict(dict)
        for position in range(len(self._rows)):
            self._count(position)

    def turn(self, position: int, on: date) -> None:
        """Let one dependent be as it is on a day."""
        for operation in self._mix_of(position):
            self._rates[operation].pop(position, None)
        self._with_default.pop(position, None)
        self._rows[position] = _dependent_on(self._ledger.dependents[position], on)
        self._count(position)

    def demand(self, on: date) -> Demand:
        """Return what all send together."""
        total = fsum(row.first_try_rps for row in self._rows)
        worst = fsum(row.worst_rps for row in self._rows)
        return Demand(on, tuple(self._rows), total, worst, self._shares())

    def _mix_of(self, position: int) -> dict[str, float]:
        dependents, changes = self._ledger.dependents, self._rows[position].changes
        return self._ledger.mix_of(dependents[position], changes)

    def _count(self, position: int) -> None:
        rate_rps, mix = self._rows[position].first_try_rps, self._mix_of(position)
        if mix is self._ledger.default_mix:
            self._with_default[position] = rate_rps
            return
        for operation, share in mix.items():
            self._rates[operation][position] = share * rate_rps

    def _shares(self) -> dict[str, float]:
        default_rps, default = fsum(self._with_default.values()), self._ledger.default_mix
        sums = {
            operation: fsum(
                [*self._rates[operation].values(), default.get(operation, 0.0) * default_rps]
            )
            for operation in sorted({*self._rates, *default})
        }
        # A ledger's mixes sum to 1 only within a tolerance; the demand's shares do so exactly.
        whole = fsum(sums.values())
        shares = {operation: rate / whole for operation, rate in sums.items() if rate > 0}
        # A rate may be too small for its share to be a number above 0.
        return {operation: share for operation, share in shares.items() if share > 0}


def _positions_by_day(ledger: Ledger, start: date, end: date) -> dict[date, set[int]]:
    """Return which dependents change on each day in (start, end]."""
    positions: dict[date, set[int]] = {}
    for position, dependent in enumerate(ledger.dependents):
        for change in dependent.changes:
            if start < change.effective_from <= end:
                positions.setdefault(change.effective_from, set()).add(position)
    return positions


def _causes(before: Demand, after: Demand) -> tuple[Cause, ...]:
    """Return who sends more; where nobody does, who sends something else."""
    causes = [
        Cause(new.name, _whats(old, new), new.first_try_rps - old.first_try_rps)
        for old, new in zip(before.dependents, after.dependents, strict=True)
        if any(change not in old.changes and change.has_figures for change in new.changes)
    ]
    adding = [cause for cause in causes if cause.added_rps > 0]
    return tuple(sorted(adding or causes, key=lambda cause: -cause.added_rps))


def _whats(old: DependentDemand, new: DependentDemand) -> str:
    own = (each for each in new.changes if each not in old.changes and each.has_figures)
    return " and ".join(change.what for change in own)


def _largest(rows: Iterable[DependentDemand]) -> tuple[DependentDemand, ...]:
    return tuple(sorted(rows, key=lambda row: -row.first_try_rps)[:LARGEST_NAMED])


def _told_causes(tipping: TippingPoint) -> str:
    causes = tipping.causes[:LARGEST_NAMED]
    rates = rates_told(*(cause.added_rps for cause in causes))
    parts = [
        f'the change "{cause.what}" of {cause.dependent} on {tipping.on} '
        f"{f'adds {rate}/s' if cause.added_rps > 0 else 'makes other requests'}"
        for cause, rate in zip(causes, rates, strict=True)
    ]
    more = len(tipping.causes) - len(causes)
    return ", ".join(parts) + (f", and {more} more add to it" if more else "")


def rates_told(*rates_rps: float) -> list[str]:
    """Return rates in three digits, or four where those are exact, without zeros behind the point.

    Digits before the point are all told; more behind it where different rates would look alike.
    """
    for digits in range(RATE_DIGITS, RATE_DIGITS + 7):
        texts = [_rounded(rate, digits) for rate in rates_rps]
        if len(set(texts)) == len(set(rates_rps)) and not _hidden(rates_rps, texts):
            return texts
    return [f"{rate:g}" for rate in rates_rps]


def rate_words(rate_rps: float) -> str:
    """Return "12.5/s": a rate that stands alone."""
    return f"{rates_told(rate_rps)[0]}/s"


def _rounded(rate_rps: float, digits: int) -> str:
    """Return a rate in so many digits, or one more where that makes it exact."""
    behind = digits - 1 - (floor(log10(rate_rps)) if rate_rps > 0 else 0)
    exact = f"{rate_rps:.{max(behind + 1, 0)}f}"
    rough = f"{rate_rps:.{max(behind, 0)}f}"
    text = exact if isclose(float(exact), rate_rps, rel_tol=1e-9) else rough
    return text.rstrip("0").rstrip(".") if "." in text else text


def _hidden(rates: Sequence[float], texts: Sequence[str]) -> bool:
    """Whether rounding made a rate that is not 0 read as 0."""
    return any(rate > 0 and float(text) == 0 for rate, text in zip(rates, texts, strict=True))
