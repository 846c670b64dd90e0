"""Does the build still carry the demand? Its service rate against all that dependents will send.

The demand itself is worked out in :mod:`perfgate.demand.demand`.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from perfgate.analysis.capacity import BOUNDS_LEVEL
from perfgate.demand.demand import peak_demand, rates_told, senders_told, tipping_sentence
from perfgate.demand.mix import MixedRate
from perfgate.demand.risk import UncertainRate
from perfgate.demand.standing import NOTHING
from perfgate.verdict.case import capacity_of, steps_of, work_of_case
from perfgate.verdict.dangers import chance, cold, retries
from perfgate.verdict.finding import Finding, Outcome, sentence
from perfgate.verdict.known import known_of
from perfgate.verdict.matter import Capacity, State
from perfgate.verdict.mixture import rate_told, untold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.analysis.interval import Interval
    from perfgate.demand.demand import Demand, TippingPoint
    from perfgate.demand.ledger import Ledger
    from perfgate.measurement.models import BuildRole
    from perfgate.verdict.case import Case

CHECK = "demand"
OTHER_LEDGER = (
    "A new measurement is needed, beside a base and with the mix of that day: what is measured is "
    "the mix of a ledger's highest demand."
)
ENOUGH = {
    Outcome.PASS: "enough for",
    Outcome.WARN: "just enough, for up to",
    Outcome.INCONCLUSIVE: "surely enough only for",
    Outcome.FAIL: "enough for no more than",
}


def check(case: Case) -> list[Finding]:
    """Return whether the service rate covers the required rate, and what may come of the demand.

    Every step of the demand within the horizon is held against the rate with its own mix.
    """
    steps = steps_of(case.terms)
    peak, rate = peak_demand(steps), capacity_of(case, "candidate")
    if peak.first_try_rps == 0:
        words = "The ledger has no demand, so any service rate is enough."
        return [Finding(CHECK, Outcome.WARN, words)]
    if rate is None:
        return [_unmeasured(case)]
    if rate.lower <= 0:
        return [_silent(case, rate, peak)]
    return _held_to(case, _capacity(case, rate, "candidate"), steps)


def _held_to(case: Case, capacity: Capacity, steps: list[Demand]) -> list[Finding]:
    """Hold every step against the rate with its mix, as far as that can be told."""
    ledger = case.terms.ledger
    unknown = _untold(capacity, steps, ledger)
    told = [step for step in steps if not capacity.untold(step)]
    if not told:
        return unknown
    heaviest = State(ledger, max(told, key=capacity.used).on, capacity)
    carried = _carried(case, capacity, told, heaviest)
    if carried.outcome is Outcome.FAIL:
        return [carried]
    worst = _worst(case, capacity, steps)
    known = carried.outcome is not Outcome.INCONCLUSIVE
    return [carried, *unknown, *_dangers(heaviest, worst, known=known)]


def states_of(case: Case, role: BuildRole) -> tuple[State, State] | None:
    """Return the service with a build on the day with most first tries, and with most retries.

    Where the first tries of a day are too many, that is the second day too. None where no service
    rate is certain.
    """
    capacity = capacity_in(case, role)
    if capacity is None:
        return None
    steps = steps_of(case.terms)
    peak = State(case.terms.ledger, peak_demand(steps).on, capacity)
    return peak, _worst(case, capacity, steps)


def capacity_in(case: Case, role: BuildRole = "candidate") -> Capacity | None:
    """Return what the demand is held to with a build; None where no rate is certain."""
    rate = capacity_of(case, role)
    return None if rate is None or rate.lower <= 0 else _capacity(case, rate, role)


def tipping_of(case: Case) -> TippingPoint | None:
    """Return where the demand first exceeds what is surely enough; None where it does not."""
    rate = capacity_of(case, "candidate")
    if rate is None or rate.lower <= 0:
        return None
    return _capacity(case, rate, "candidate").tipping(steps_of(case.terms))


def _worst(case: Case, capacity: Capacity, steps: list[Demand]) -> State:
    peak = State(case.terms.ledger, peak_demand(steps).on, capacity)
    if peak.demand.first_try_rps >= peak.rate.lower_rps:
        return peak
    return State(peak.ledger, max(steps, key=lambda step: step.worst_rps).on, capacity)


def base_carries(case: Case) -> bool:
    """Tell whether the base surely has the rate that is required."""
    capacity = capacity_in(case, "base")
    steps = steps_of(case.terms)
    return capacity is not None and all(
        step.first_try_rps <= capacity.limit_rps(step) for step in steps
    )


def _capacity(case: Case, rate: Interval, role: BuildRole) -> Capacity:
    config = case.terms.config
    known = known_of(case, rate) if role == "candidate" else NOTHING
    measured = UncertainRate(rate.estimate, rate.lower, rate.upper, BOUNDS_LEVEL)
    return Capacity(
        MixedRate(measured, work_of_case(case, role)),
        config.margins.headroom,
        config.margins.overload_risk,
        config.production.instances,
        config.production.imbalance,
        known,
        declared=config.production.service_rate_rps is not None,
    )


def _carried(case: Case, capacity: Capacity, steps: list[Demand], heaviest: State) -> Finding:
    rate, demand = heaviest.rate, heaviest.demand.first_try_rps
    required = demand * capacity.headroom
    tipping = capacity.tipping(steps)
    outcome = _outcome(tipping, thin=heaviest.thin)
    early = len(case.measurement.sessions) < case.looks[0]
    if outcome is Outcome.FAIL and early and rate.upper_rps >= required:
        outcome = Outcome.INCONCLUSIVE  # two or three runs leave almost any rate possible
    enough, sent = rates_told(heaviest.limit_rps, demand)
    why = "" if tipping is None else f" {sentence(tipping_sentence(tipping))}"
    return Finding(
        check=CHECK,
        outcome=outcome,
        reason=f"The service rate {rate_told(heaviest)}: with headroom {capacity.headroom:g} that "
        f"is {ENOUGH[outcome]} {enough}/s; the demand is "
        f"{sent}/s{senders_told(heaviest.demand, tipping)}.{why}",
        observed=rate.estimate_rps,
        limit=required,
        interval=(rate.lower_rps, rate.upper_rps),
        unit="requests/s",
        hint="" if tipping is None else _hint(rate, required, tipping),
    )


def _outcome(tipping: TippingPoint | None, *, thin: bool) -> Outcome:
    if tipping is not None:
        return Outcome.FAIL
    return Outcome.WARN if thin else Outcome.PASS


def _hint(rate: UncertainRate, required: float, tipping: TippingPoint) -> str:
    if rate.estimate_rps >= required:
        return "More sessions, or a quieter machine, would leave more of the rate certain."
    if tipping.from_start:
        return "Make the build faster, or add instances."
    return "Ship the change that tips it later, or make the build faster, or add instances."


def _untold(capacity: Capacity, steps: list[Demand], ledger: Ledger) -> list[Finding]:
    """Return the first day of whose demand it cannot be told whether it is carried."""
    days = (step.on for step in steps if capacity.untold(step))
    return [
        untold(State(ledger, on, capacity), f"{CHECK}:mix", Outcome.INCONCLUSIVE, OTHER_LEDGER)
        for on in islice(days, 1)
    ]


def _dangers(heaviest: State, worst: State, *, known: bool) -> Iterator[Finding]:
    """Yield what may become of the demand; the chance of an overload once the rate is known."""
    if known and heaviest.doubtful:
        yield chance(heaviest, Outcome.FAIL)
    # First tries that are too much by themselves have been judged as demand.
    yield retries(worst, Outcome.WARN if worst.standing.outlook.too_much else Outcome.FAIL)
    yield from (own for own in cold(heaviest) if own.outcome is not Outcome.PASS)


def _silent(case: Case, rate: Interval, peak: Demand) -> Finding:
    """Return what a build that once, saturated, answered nothing leaves of the rate: nothing."""
    required = peak.first_try_rps * case.terms.config.margins.headroom
    early = len(case.measurement.sessions) < case.looks[0]
    enough = early and rate.upper >= required
    served, sent = rates_told(rate.estimate, peak.first_try_rps)
    return Finding(
        check=CHECK,
        outcome=Outcome.INCONCLUSIVE if enough else Outcome.FAIL,
        reason=f"The service rate is {served}/s, but nothing of it is certain, as a run "
        f"had no correct answer while saturated; the demand is {sent}/s"
        f"{senders_told(peak)}.",
        observed=rate.estimate,
        limit=required,
        interval=(rate.lower, rate.upper),
        unit="requests/s",
        hint="See what it answered then, and make it answer under load.",
    )


def _unmeasured(case: Case) -> Finding:
    declared = case.terms.config.production.service_rate_rps is not None
    why = (
        "production's rate is declared, and there is no base to carry it over from"
        if declared and case.measurement.base is None
        else "fewer than two runs gave a service rate"
    )
    return Finding(CHECK, Outcome.INCONCLUSIVE, f"Whether the demand is carried is unknown: {why}.")
