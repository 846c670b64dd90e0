"""A file about a build that is about to ship becomes what production can do with it.

The file is a saved measurement, a stored baseline, or an exported record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.baseline.capacity import FORMAT as CAPACITY_FORMAT
from perfgate.baseline.capacity import parse_capacity, uncertain
from perfgate.baseline.record import FORMAT as RECORD_FORMAT
from perfgate.baseline.record import parse_record, work_of_record
from perfgate.baseline.sealed import family_of, format_of
from perfgate.baseline.tree import text_of
from perfgate.demand.mix import MixedRate
from perfgate.errors import UsageError
from perfgate.verdict.order import OtherBuild

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.baseline.record import BaselineRecord
    from perfgate.demand.mix import Work
    from perfgate.verdict.case import Case


def build_in(file: Path, record: CapacityRecord) -> OtherBuild:
    """Return the build in the file, with the rate that production has with it.

    Production is as ``record`` describes it. Raises UsageError for a file that is of
    another service or another kind of machine, or that tells no rate, StoreError for a damaged
    record.
    """
    text = _text(file)
    match format_of(text):
        case _ if not text.strip():
            raise UsageError(f"{file} is empty", hint="Name a measurement or a record.")
        case name if family_of(name) == family_of(CAPACITY_FORMAT):
            exported = parse_capacity(text, str(file))
            _same(file, record, exported.service, exported.machine)
            return _of_record(record, exported, exported.work)
        case name if family_of(name) == family_of(RECORD_FORMAT):
            stored = parse_record(text, str(file))
            _same(file, record, stored.service, stored.environment.slug)
            return _of_record(record, stored, work_of_record(stored.conditions, stored.weights))
        case _:
            return _measured(file, record)


def _of_record(
    record: CapacityRecord, other: CapacityRecord | BaselineRecord, work: Work
) -> OtherBuild:
    rate = other.service_rate_rps
    known = record.known_with(rate, other.mu_slo_rps, other.mu_over_rps)
    name = f"{other.service} {other.commit[:12]}, measured {other.measured_at[:10]}"
    return OtherBuild(name, MixedRate(record.rate_with(rate), work), known)


def _measured(file: Path, record: CapacityRecord) -> OtherBuild:
    # It imports pandas and scipy, which takes a second that records need not take.
    from perfgate.verdict.case import capacity_of, read_case, work_of_case  # noqa: PLC0415
    from perfgate.verdict.known import known_of  # noqa: PLC0415

    case = read_case(file)
    _same(file, record, case.terms.config.service, case.measurement.environment.slug)
    config = case.terms.config.model_copy(update={"production": record.production_of_record})
    terms = case.terms.model_copy(update={"config": config})
    case = case.model_copy(update={"terms": terms})
    rate = capacity_of(case, "candidate")
    if rate is None or rate.lower <= 0:
        raise UsageError(
            f"{file} tells no service rate of the build in production",
            hint="Measure it beside the build of record: perfgate measure --base REF.",
        )
    mixed = MixedRate(uncertain(rate), work_of_case(case, "candidate"))
    return OtherBuild(_name(case, record), mixed, known_of(case, rate))


def _name(case: Case, record: CapacityRecord) -> str:
    """Return which build was measured when, and beside which other one, where that matters."""
    own = case.measurement
    name = f"{own.candidate.name}, measured {own.taken_at[:10]}"
    carried = record.production.service_rate_rps is not None
    if not carried or own.base is None or own.base.commit == record.commit:
        return name
    return f"{name} beside {own.base.name}, which is taken for the build of record"


def _text(file: Path) -> str:
    try:
        return text_of(file.read_bytes(), str(file))
    except OSError as error:
        raise UsageError(
            f"{file}: cannot be read: {error.strerror}", hint="Name a measurement or a record."
        ) from error


def _same(file: Path, record: CapacityRecord, service: str, machine: str) -> None:
    if service != record.service:
        raise UsageError(
            f"{file} is of the service {service!r}, not of {record.service!r}",
            hint="Name a measurement or a record of that one.",
        )
    if machine != record.machine:
        raise UsageError(
            f"{file} was measured on another kind of machine ({machine}) than the record "
            f"({record.machine}), so the two rates cannot be held against each other",
            hint="Measure it on a machine like that of the record.",
        )
