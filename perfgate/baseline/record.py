"""The record of an accepted measurement: what later checks are held against, sealed.

How a measurement becomes one is :mod:`perfgate.baseline.making`'s work, reading and writing the
files :mod:`perfgate.baseline.store`'s; nothing is judged here, and nothing slow imported.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Field, model_validator

from perfgate.baseline.anchor import Anchor, Concession, Step
from perfgate.baseline.sealed import Sealed, parse_sealed
from perfgate.demand.ledger import Spread
from perfgate.demand.mix import Work
from perfgate.errors import StoreError
from perfgate.measurement.models import Conditions, Environment, Value

FORMAT: Final = "perfgate.baseline/3"
SECOND_FORMAT: Final = "perfgate.baseline/2"
FIRST_FORMAT: Final = "perfgate.baseline/1"
# History of the format:
#   1  capacity of record, cost, quantiles per operation, session spread, provenance, checksum.
#   2  the undisturbed rate, the yardstick, the conditions, and the records that came before.
#      Later, so that records without them are still read: the highest rate within the promises,
#      and what operations weigh.
#   3  what it was made from and by whom it was accepted, the step from the record before it, the
#      anchor with all that has come since, and what is completed under overload.
NEW_IN_2 = ("undisturbed_rps", "yardstick_per_s", "conditions", "history", "mu_slo_rps", "weights")
# What a record of format 2 need not have; where it does not, its checksum does not cover it.
LATER_IN_2 = ("mu_slo_rps", "weights")
NEW_IN_3 = ("provenance", "step", "anchor", "mu_over_rps")
UNKNOWN_TO = {FIRST_FORMAT: (*NEW_IN_2, *NEW_IN_3), SECOND_FORMAT: NEW_IN_3}

AGAIN = (
    "Restore it from git, or remove it and begin anew: perfgate baseline accept FILE. Baselines "
    "change in no other way."
)
# As many records before this one are kept: enough to know how much measurements differ.
HISTORY_LENGTH = 20
RECORD_LEVEL = 0.95


class RateOfRecord(Value):
    """Service rate in correct answers per second, with its two-sided 95 % interval."""

    estimate: float
    lower: float
    upper: float
    runs: int


class PromisedRate(RateOfRecord):
    """The highest rate that keeps every promise, from so many trials instead of runs."""

    first_missed: str


class OperationOfRecord(Value):
    """Latency of one operation at the required rate; None where too few answers came."""

    answers: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class FigureOfRecord(Value):
    """A figure with its two-sided 95 % interval."""

    estimate: float
    lower: float
    upper: float

    @property
    def spread(self) -> Spread:
        """Return it as what recomputing takes."""
        return Spread(self.lower, self.estimate, self.upper)


class WeightsOfRecord(Value):
    """What operations cost, each sent alone: see :class:`perfgate.demand.mix.Work`."""

    operations: dict[str, FigureOfRecord]
    alone: FigureOfRecord


class Past(Value):
    """What is kept of a record that was replaced; None where it did not have that figure."""

    commit: str
    measured_at: str
    service_rate_rps: float
    undisturbed_rps: float | None = None
    cost_ms: float
    yardstick_per_s: float | None = None


class Provenance(Value):
    """What a record was made from, and who accepted it.

    ``build_digest`` tells the sources and the build command (None where git did not know them), the
    other hashes the configuration and the ledger; ``tools`` are versions by name.
    """

    build_digest: str | None
    config_hash: str
    ledger_hash: str
    tools: dict[str, str]
    seed: int
    accepted_by: str
    accepted_at: str


class BaselineRecord(Sealed):
    """What one build could do on one kind of machine, and how that came to be the bar.

    ``history`` holds the records before it in this place, oldest first; ``yardstick_per_s`` is how
    fast the machine was. Both, the conditions and the undisturbed rate are missing in format 1.
    ``mu_slo_rps`` is None where it was not searched, or does not lie among the rates tried,
    ``mu_over_rps`` where recovery was not tried, or too few waited in vain. ``weights`` are None
    where operations were not timed alone. ``step`` is how it compares with the build it was
    measured beside, None where it was measured alone; ``anchor`` is what drift is counted from, at
    first the record itself. Formats 1 and 2 have neither, no provenance and no ``mu_over_rps``.
    """

    format: Literal["perfgate.baseline/1", "perfgate.baseline/2", "perfgate.baseline/3"] = FORMAT
    service: str
    profile: str
    commit: str
    measured_at: str
    accepted_because: str = ""
    verdict: str
    perfgate: str
    environment: Environment
    service_rate_rps: RateOfRecord
    cost_ms: float
    peak_rss_mib: float
    operations: dict[str, OperationOfRecord]
    session_sd: dict[str, float]
    undisturbed_rps: RateOfRecord | None = None
    yardstick_per_s: float | None = None
    conditions: Conditions | None = None
    mu_slo_rps: PromisedRate | None = None
    mu_over_rps: float | None = None
    history: Annotated[tuple[Past, ...], Field(max_length=HISTORY_LENGTH)] = ()
    weights: WeightsOfRecord | None = None

    provenance: Provenance | None = None
    step: Step | None = None
    anchor: Anchor | None = None

    @model_validator(mode="after")
    def _has_what_its_format_has(self) -> Self:
        # The checksum of an older format does not cover what came later.
        unknown = UNKNOWN_TO.get(self.format, ())
        if any(getattr(self, name) for name in unknown):
            raise ValueError(f"{self.format} has no {', '.join(unknown)}")
        if self.format == FORMAT and not (self.provenance and self.anchor):
            raise ValueError(f"{FORMAT} has a provenance and an anchor")
        return self

    @property
    def when(self) -> datetime:
        """Return the time at which it was measured."""
        return datetime.fromisoformat(self.measured_at)

    @property
    def alone(self) -> bool:
        """Tell whether it was measured without a base, so that its cost is that of no pairs."""
        return not self.session_sd

    @property
    def awaiting(self) -> tuple[Concession, ...]:
        """Return what spoke against it without anybody having said why it is the bar still."""
        conceded = self.anchor.concessions if self.anchor else ()
        return tuple(own for own in conceded if not own.because)

    @property
    def awaits_reason(self) -> bool:
        """Tell whether there is any such thing."""
        return bool(self.awaiting)

    def follows(self, older: BaselineRecord) -> bool:
        """Tell whether it was measured beside that record's build, or that of its anchor."""
        known = {older.commit} | ({older.anchor.commit} if older.anchor else set())
        return self.step is not None and self.step.against in known

    def replacing(self, older: BaselineRecord) -> BaselineRecord:
        """Return the sealed record as the one in the place of ``older``, which becomes its past.

        The same measurement accepted once more has no past of its own.
        """
        history = older.history if self.is_again(older) else (*older.history, older.as_past())
        return self.model_copy(update={"history": history[-HISTORY_LENGTH:]}).sealed()

    def is_again(self, older: BaselineRecord) -> bool:
        """Tell whether that record was made of the same measurement."""
        return (older.commit, older.measured_at) == (self.commit, self.measured_at)

    def drifting_from(self, older: BaselineRecord) -> BaselineRecord:
        """Return the sealed record with the anchor of ``older`` and what has come since.

        It is that of ``older`` as it is where both are of the same measurement. A record that was
        not measured beside ``older`` or its anchor keeps its own.
        """
        anchor = older.anchor or Anchor(
            name=older.commit[:12], commit=older.commit, set_at=older.measured_at
        )
        if not self.is_again(older):
            if self.step is None or not self.follows(older):
                return self
            anchor = anchor.after(self.step)
        return self.model_copy(update={"anchor": anchor}).sealed()

    def conceding(self, concession: Concession) -> BaselineRecord:
        """Return the sealed record as one that was accepted although something spoke against it."""
        anchor = None if self.anchor is None else self.anchor.conceding(concession)
        kept = {"accepted_because": concession.because, "anchor": anchor}
        return self.model_copy(update=kept).sealed()

    def differs_under(self, conditions: Conditions, environment: Environment) -> str:
        """Return in words what it was measured with that is another now, "" if nothing.

        A record that does not say what it was measured with is taken to be alike.
        """
        load = "" if self.conditions is None else self.conditions.differ(conditions)
        return load or self.environment.differs(environment)

    def as_past(self) -> Past:
        """Return what is kept of it once it is replaced."""
        undisturbed = self.undisturbed_rps
        return Past(
            commit=self.commit,
            measured_at=self.measured_at,
            service_rate_rps=self.service_rate_rps.estimate,
            undisturbed_rps=None if undisturbed is None else undisturbed.estimate,
            cost_ms=self.cost_ms,
            yardstick_per_s=self.yardstick_per_s,
        )

    def content(self) -> dict[str, Any]:
        """Return what stands in the file: of older formats, nothing that came later."""
        unknown = set(UNKNOWN_TO.get(self.format, ()))
        if self.format == SECOND_FORMAT:
            unknown |= {name for name in LATER_IN_2 if name not in self.model_fields_set}
        return self.model_dump(mode="json", exclude=unknown)


def work_of_record(conditions: Conditions | None, weights: WeightsOfRecord | None) -> Work:
    """Return what a rate of record was measured with, as far as that is said."""
    mix = {} if conditions is None else conditions.mix
    if weights is None:
        return Work(mix)
    figures = {name: figure.spread for name, figure in weights.operations.items()}
    return Work(mix, figures, weights.alone.spread)


def parse_record(text: str, path: str) -> BaselineRecord:
    """Read a record; raises StoreError saying what is wrong with the file at ``path``.

    One that was proposed although it failed is none until somebody has said why.
    """
    record = parse_proposed(text, path)
    if record.awaits_reason:
        raise StoreError(
            f"{path} was proposed although it failed, and nobody has said why it should be the "
            "baseline",
            hint=f'perfgate baseline accept {path} --allow-regression --reason "..."',
        )
    return record


def parse_proposed(text: str, path: str) -> BaselineRecord:
    """Read a record as :func:`parse_record` does, even one that awaits a reason."""
    return parse_sealed(BaselineRecord, text, path, "a baseline", AGAIN)
