"""A saved measurement becomes the baseline of its profile and machine, or is refused.

Whether it was good is judged elsewhere; nothing is printed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from perfgate.baseline.anchor import Concession
from perfgate.baseline.hashes import config_hash, ledger_hash
from perfgate.baseline.making import record_of
from perfgate.baseline.record import (
    FORMAT,
    RECORD_LEVEL,
    PromisedRate,
    Provenance,
    parse_proposed,
)
from perfgate.baseline.sealed import family_of, format_of, rounded
from perfgate.baseline.store import held, write_record
from perfgate.baseline.succession import in_line
from perfgate.cli.identity import who
from perfgate.cli.upkeep import store_of
from perfgate.errors import StoreError, UsageError
from perfgate.verdict.case import read_case
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge
from perfgate.verdict.known import mu_over_of
from perfgate.verdict.limit import limit_of
from perfgate.verdict.renewal import worse_than_bar

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.baseline.record import BaselineRecord
    from perfgate.baseline.store import Store
    from perfgate.config.load import LoadedConfig
    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

BESIDE_IT = (
    "Measure it beside the baseline: perfgate check --output DIR, then perfgate baseline accept "
    "DIR/measurement.json. Or say why drift is to be counted anew: --allow-regression --reason "
    '"..."'
)
ON_PURPOSE = 'To lower the bar on purpose: --allow-regression --reason "..."'
MAKE_ONE = (
    "Make the first one:  perfgate measure --output ../first.json && perfgate baseline accept "
    "../first.json"
)


@dataclass(frozen=True, slots=True)
class Signature:
    """Who accepts a record, when, and why if something speaks against it ("" else)."""

    by: str
    at: str
    because: str


def signed(loaded: LoadedConfig, because: str) -> Signature:
    """Return the signature of whoever runs this, now."""
    return Signature(who(loaded.root), datetime.now(UTC).isoformat(timespec="seconds"), because)


def accept_file(file: Path, loaded: LoadedConfig, although: str) -> tuple[Path, BaselineRecord]:
    """Store what is in ``file`` as baseline; return where it is stored, and the record.

    The file is a measurement, or a record that was proposed and awaits a reason. ``although`` is
    the reason to take even a build that failed, "" without one. Raises UsageError for a file that
    is neither or is of another service, StoreError for one that must not become the bar.
    """
    record = _proposed(file, loaded)
    signature = signed(loaded, although)
    with held(loaded.root / loaded.config.baseline.directory) as directory:
        if record is None:
            case = case_of(file, loaded)
            verdict = judge(case)
            refuse_invalid(verdict)
            if not although and (why := why_failed(verdict)):
                raise StoreError(f"the measurement failed: {why}", hint=ON_PURPOSE)
            record, unlinked = record_in_line(case, verdict, store_of(loaded), signature)
            if unlinked and not although:
                raise StoreError(f"drift would lose count: {unlinked}", hint=BESIDE_IT)
            if record.awaits_reason:
                found = record.awaiting[0].found
                raise StoreError(f"it is slower than the baseline: {found}", hint=ON_PURPOSE)
        else:
            _same_service(file, record.service, loaded)
            record = _reasoned(file, record, signature)
        return write_record(record, directory), record


def case_of(file: Path, loaded: LoadedConfig) -> Case:
    """Return the measurement in the file, held to the margins that are configured now.

    A check may have been held to others, by ``--margin``. Raises UsageError where it is not of this
    service.
    """
    case = read_case(file)
    _same_service(file, case.terms.config.service, loaded)
    config = case.terms.config.model_copy(update={"margins": loaded.config.margins})
    return case.model_copy(update={"terms": case.terms.model_copy(update={"config": config})})


def record_in_line(
    case: Case, verdict: Verdict, store: Store, signature: Signature, worse: str = ""
) -> tuple[BaselineRecord, str]:
    """Return the record of a measurement after those in the store, and what keeps it apart, or "".

    Where the build failed, as the verdict says, is kept apart, or is ``worse`` or surely worse than
    what it replaces, that is conceded with the reason that the signature has, be it "": then the
    record awaits one.
    """
    record = record_of(
        case.measurement,
        service=case.terms.config.service,
        verdict=str(verdict.outcome),
        provenance=_provenance(case, signature),
        mu_slo=_promised_rate(case),
        mu_over_rps=mu_over_of(case),
    )
    record, unlinked = in_line(record, store)
    bar, margins = store.replaced(record), case.terms.config.margins
    worse = worse or ("" if bar is None else worse_than_bar(record, bar, margins))
    against = why_failed(verdict) or unlinked or worse
    if not against:
        return record, ""
    concession = Concession(
        commit=record.commit,
        by=signature.by,
        at=signature.at,
        because=signature.because,
        found=against,
        worse_percent=_worse(verdict),
    )
    return record.conceding(concession), unlinked


def refuse_invalid(verdict: Verdict) -> None:
    """Raise StoreError for a measurement that cannot be trusted."""
    if any(finding.outcome is Outcome.INVALID for finding in verdict.findings):
        raise StoreError(f"the measurement is invalid: {verdict.reason}", hint="Measure again.")


def why_failed(verdict: Verdict) -> str:
    """Return why the build failed, "" if it did not."""
    return verdict.reason if verdict.outcome is Outcome.FAIL else ""


def _proposed(file: Path, loaded: LoadedConfig) -> BaselineRecord | None:
    """Return the record in the file, None where it is none: then it should be a measurement.

    What is in the place of a record is one, however little of it can be read. Raises StoreError as
    :func:`perfgate.baseline.record.parse_proposed` does.
    """
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    stored = file.resolve() in {(loaded.root / path).resolve() for path in store_of(loaded).paths()}
    if not stored and family_of(format_of(text)) != family_of(FORMAT):
        return None
    return parse_proposed(text, str(file))


def _reasoned(file: Path, record: BaselineRecord, signature: Signature) -> BaselineRecord:
    """Return the record with the reason that it awaits; raises UsageError where it awaits none."""
    awaiting = record.awaiting
    if not awaiting:
        raise UsageError(
            f"{file} is a record that awaits no reason", hint="Name a measurement to accept."
        )
    if not signature.because:
        raise StoreError(f"{file} needs a reason: {awaiting[0].found}", hint=ON_PURPOSE)
    given = {"by": signature.by, "at": signature.at, "because": signature.because}
    for concession in awaiting:
        record = record.conceding(concession.model_copy(update=given))
    return record


def _same_service(file: Path, service: str, loaded: LoadedConfig) -> None:
    if service != loaded.config.service:
        raise UsageError(
            f"{file} measured the service {service!r}, and {loaded.path} is of "
            f"{loaded.config.service!r}",
            hint="Accept it with the configuration it was measured with: --config FILE.",
        )


def _provenance(case: Case, signature: Signature) -> Provenance:
    measured = case.measurement
    return Provenance(
        build_digest=measured.candidate.digest,
        config_hash=config_hash(case.terms.config),
        ledger_hash=ledger_hash(case.terms.ledger),
        tools=measured.tools,
        seed=measured.seed,
        accepted_by=signature.by,
        accepted_at=signature.at,
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


def stored_records(loaded: LoadedConfig) -> list[BaselineRecord]:
    """Return every record of the working tree; raises StoreError without any, or for a bad one."""
    records = list(store_of(loaded).records().values())
    if not records:
        directory = loaded.root / loaded.config.baseline.directory
        raise StoreError(f"{directory}: no baseline is stored", hint=MAKE_ONE)
    return records
