"""A saved measurement becomes the baseline of its profile and machine, or is refused.

Whether it was good is judged elsewhere; nothing is printed here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from perfgate.baseline.making import record_of
from perfgate.baseline.record import RECORD_LEVEL, PromisedRate, parse_record
from perfgate.baseline.store import record_files, replaced_record, write_record
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
    record = record_of(
        case.measurement,
        service=service,
        verdict=str(verdict.outcome),
        because=although if verdict.outcome is Outcome.FAIL else "",
        mu_slo=_promised_rate(case),
    )
    directory = loaded.root / loaded.config.baseline.directory
    older = replaced_record(record, directory)
    if older is not None:
        record = record.after(older)
    return write_record(record, directory), record


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
