"""``perfgate baseline``: accept a measurement as the bar for later ones; show the bar."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.baseline.record import parse_record, record_of
from perfgate.baseline.store import record_files, write_record
from perfgate.cli import options
from perfgate.config.load import load_config
from perfgate.errors import StoreError, UsageError
from perfgate.report.baseline import render_records
from perfgate.verdict.case import read_case
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from perfgate.verdict.case import Case


@click.group()
def command() -> None:
    """Accept a measurement as baseline; show what is stored."""


@command.command()
@click.argument("file", type=options.READABLE)
@options.config
@click.option("--allow-regression", is_flag=True, help="Accept even a build that failed.")
@click.option("--reason", default="", help="Why; kept in the record and shown ever after.")
def accept(file: Path, config: Path | None, allow_regression: bool, reason: str) -> None:
    """Make the measurement in FILE the baseline of its profile and kind of machine."""
    if allow_regression and not reason:
        raise UsageError("--allow-regression needs a --reason", hint="Say why, for the record.")
    case = read_case(file)
    outcome = _acceptable(case, allow_regression=allow_regression)
    loaded = load_config(config, Path.cwd())
    record = record_of(
        case.measurement,
        service=case.terms.config.service,
        verdict=outcome,
        because=reason if allow_regression else "",
    )
    path = write_record(record, loaded.root / loaded.config.baseline.directory)
    click.echo(f"{path}: baseline is now {record.commit[:12]}; commit the file to put it in force.")


@command.command()
@options.config
def show(config: Path | None) -> None:
    """Show every stored baseline of the working tree."""
    loaded = load_config(config, Path.cwd())
    directory = loaded.root / loaded.config.baseline.directory
    files = record_files(directory)
    if not files:
        raise StoreError(
            f"{directory}: no baseline is stored", hint="See: perfgate baseline accept"
        )
    records = [parse_record(path.read_text(), str(path)) for path in files]
    click.echo(render_records(records))


def _acceptable(case: Case, *, allow_regression: bool) -> str:
    """Return the measurement's verdict; raises StoreError for one that must not become the bar."""
    verdict = judge(case)
    invalid = any(finding.outcome is Outcome.INVALID for finding in verdict.findings)
    if invalid:
        raise StoreError(f"the measurement is invalid: {verdict.reason}", hint="Measure again.")
    if verdict.outcome is Outcome.FAIL and not allow_regression:
        raise StoreError(
            f"the measurement failed: {verdict.reason}",
            hint='To lower the bar on purpose: --allow-regression --reason "..."',
        )
    return str(verdict.outcome)
