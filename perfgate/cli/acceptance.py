"""A saved measurement becomes the baseline of its profile and machine, or is refused.

Whether it was good is judged elsewhere; nothing is printed here.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perfgate.baseline.anchor import Concession
from perfgate.baseline.hashes import config_hash, ledger_hash
from perfgate.baseline.making import record_of
from perfgate.baseline.record import RECORD_LEVEL, PromisedRate, Provenance, parse_record
from perfgate.baseline.sealed import rounded
from perfgate.baseline.store import held, record_files, replaced_record, write_record
from perfgate.cli.identity import who
from perfgate.errors import StoreError, UsageError
from perfgate.verdict.case import read_case
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge
from perfgate.verdict.limit import limit_of

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.baseline.record import BaselineRecord
    from perfgate.config.load import LoadedConfig
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

BESIDE_IT = (
    "Measure it beside the baseline: perfgate check --output DIR, then perfgate baseline accept "
    "DIR/measurement.json. Or say why drift is to be counted anew: --allow-regression --reason "
    '"..."'
)
MAKE_ONE = (
    "Make the first one:  perfgate measure --output first.json && perfgate baseline accept "
    "first.json"
)


def accept_measurement(
    file: Path, loaded: LoadedConfig, although: str
) -> tuple[Path, BaselineRecord]:
    """Store the measurement in ``file`` as baseline; return where it is stored, and the record.

    ``although`` is the reason to take even a build that failed, "" without one. Raises UsageError
    for a file that is no measurement of this service, StoreError for one that must not become
    the bar.
    """
    case = read_case(file)
    service = case.terms.config.service
    if service != loaded.config.service:
        raise UsageError(
            f"{file} measured the service {service!r}, and {loaded.path} is of "
            f"{loaded.config.service!r}",
            hint="Accept it with the configuration it was measured with: --config FILE.",
        )
    verdict = _acceptable(case, although)
    directory = loaded.root / loaded.config.baseline.directory
    by, at = who(loaded.root), datetime.now(UTC).isoformat(timespec="seconds")
    record = record_of(
        case.measurement,
        service=service,
        verdict=str(verdict.outcome),
        provenance=_provenance(case, by, at),
        mu_slo=_promised_rate(case),
    )
    with held(directory):
        record, unlinked = _in_line(record, directory)
        if unlinked and not although:
            raise StoreError(unlinked, hint=BESIDE_IT)
        if unlinked or verdict.outcome is Outcome.FAIL:
            found = verdict.reason if verdict.outcome is Outcome.FAIL else unlinked
            record = record.conceding(
                Concession(
                    commit=record.commit,
                    by=by,
                    at=at,
                    because=although,
                    found=found,
                    worse_percent=_worse(verdict),
                )
            )
        return write_record(record, directory), record


def _in_line(record: BaselineRecord, directory: Path) -> tuple[BaselineRecord, str]:
    """Return the record with its past and its anchor, and what keeps it from having one, or ""."""
    older = replaced_record(record, directory)
    before = sorted(_of_profile(record, directory), key=lambda own: own.measured_at, reverse=True)
    if older is not None:
        record = record.replacing(older)
        before = [older, *(own for own in before if own != older)]
    for own in before:
        if record.is_again(own) or record.follows(own):
            return record.drifting_from(own), ""
    anchored = next((own for own in before if own.anchor), None)
    return record, "" if anchored is None else _unlinked(record, anchored)


def _of_profile(record: BaselineRecord, directory: Path) -> list[BaselineRecord]:
    paths = [path for path in record_files(directory) if path.parent.name == record.profile]
    return [parse_record(_text(path), str(path)) for path in paths]


def _unlinked(record: BaselineRecord, before: BaselineRecord) -> str:
    beside = f"beside {record.step.against[:12]}" if record.step else "alone"
    return (
        f"{record.commit[:12]} was measured {beside}, and the baseline is {before.commit[:12]}: "
        "how the two compare is not known"
    )


def _provenance(case: Case, by: str, at: str) -> Provenance:
    measured = case.measurement
    return Provenance(
        build_digest=measured.candidate.digest,
        config_hash=config_hash(case.terms.config),
        ledger_hash=ledger_hash(case.terms.ledger),
        tools=measured.tools,
        seed=measured.seed,
        accepted_by=by,
        accepted_at=at,
    )


def _worse(verdict: Verdict) -> dict[str, float]:
    """Return by how many percent each finding that failed is worse, where it says so."""
    return {
        own.check: rounded(own.observed)
        for own in verdict.findings
        if own.outcome is Outcome.FAIL and own.unit.startswith("%") and own.observed is not None
    }


def _promised_rate(case: Case) -> PromisedRate | None:
    """Return the highest rate that keeps every promise, as it is stored; None: not found."""
    search, limit = case.measurement.search, limit_of(case, RECORD_LEVEL)
    if search is None or limit is None or not limit.found:
        return None
    return PromisedRate(
        estimate=limit.rate_rps.estimate,
        lower=limit.rate_rps.lower,
        upper=limit.rate_rps.upper,
        runs=len(search.trials),
        first_missed=limit.promise.words,
    )


def stored_records(directory: Path) -> list[BaselineRecord]:
    """Return every record below ``directory``; raises StoreError without any, or for a bad one."""
    files = record_files(directory)
    if not files:
        raise StoreError(f"{directory}: no baseline is stored", hint=MAKE_ONE)
    return [parse_record(_text(path), str(path)) for path in files]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}", hint="Restore it from git.") from error


def _acceptable(case: Case, although: str) -> Verdict:
    verdict = judge(case)
    if any(finding.outcome is Outcome.INVALID for finding in verdict.findings):
        raise StoreError(f"the measurement is invalid: {verdict.reason}", hint="Measure again.")
    if verdict.outcome is Outcome.FAIL and not although:
        raise StoreError(
            f"the measurement failed: {verdict.reason}",
            hint='To lower the bar on purpose: --allow-regression --reason "..."',
        )
    return verdict
