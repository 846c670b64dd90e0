"""``perfgate demand``: what dependents send, now and after each planned change, and by sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.cli import admit, explain, export, imports, options
from perfgate.cli.console import print_report
from perfgate.config.load import NoConfigError, load_config
from perfgate.config.models import DemandSource
from perfgate.demand.demand import demand_steps
from perfgate.demand.ledger import check_operations, load_ledger
from perfgate.errors import UsageError
from perfgate.report.demand import render_steps
from perfgate.verdict.entries import entry_doubts, operation_doubts
from perfgate.wish import last_day

if TYPE_CHECKING:
    from datetime import date

    from perfgate.config.load import LoadedConfig


@click.group()
def command() -> None:
    """Ask the ledger of dependents, or bring it up to date."""


for _verb in (admit.admit, explain.explain, export.export, imports.command):
    command.add_command(_verb)


@command.command()
@options.config
@options.ledger
@click.option(
    "--of",
    metavar="PATH",
    help="Show the ledger of this service instead: its directory, or what `perfgate demand export` "
    "wrote.",
)
@options.on
@click.option("--days", type=click.IntRange(min=0), help="Horizon; the configuration's otherwise.")
def show(
    config: Path | None, ledger: Path | None, of: str | None, on: date | None, days: int | None
) -> None:
    """Show who sends what on a day and after each change planned in the days that follow.

    Entries that were measured long ago, plans without figures, and operations that are no tasks of
    the Locust file are told.
    """
    if of is not None:
        if config or ledger:
            raise UsageError("--of stands alone", hint="It brings its own ledger.")
        _show_published(of, on or options.today(), days)
        return
    whole = ledger is not None and days is not None
    loaded = None if whole else _configured(config, needed=ledger is None)
    source = DemandSource() if loaded is None else loaded.config.demand
    path = ledger or _ledger_of(loaded)
    book = load_ledger(path)
    start = on or options.today()
    end = last_day(start, source.horizon_days if days is None else days)
    tasks = None if loaded is None else _tasks(loaded)
    strangers = [] if tasks is None else check_operations(path, book, tasks)
    doubts = [
        *operation_doubts(strangers),
        *entry_doubts(book, start, end, source.stale_days),
    ]
    print_report(render_steps(demand_steps(book, start, end), end, doubts))


def _show_published(of: str, start: date, days: int | None) -> None:
    """Show the ledger that a service publishes, with its own horizon."""
    from perfgate.baseline.origin import read_origin  # noqa: PLC0415 - others need no store

    record = read_origin(of, None, "default")
    end = last_day(start, record.horizon_days if days is None else days)
    doubts = entry_doubts(record.ledger, start, end, record.stale_days)
    print_report(render_steps(demand_steps(record.ledger, start, end), end, doubts))


def _configured(config: Path | None, *, needed: bool) -> LoadedConfig | None:
    """Return the configuration; None where there is none, and a ledger is named instead."""
    try:
        return load_config(config, Path.cwd())
    except NoConfigError:
        if needed:
            raise
        return None


def _tasks(loaded: LoadedConfig) -> list[str] | None:
    """Return the tasks of the Locust file, or None where reading it does not surely tell them."""
    from perfgate.newcomer.tasks import all_tasks_in  # noqa: PLC0415 - others need no syntax tree

    try:
        text = (loaded.root / loaded.config.load.locustfile).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return all_tasks_in(text) or None


def _ledger_of(loaded: LoadedConfig | None) -> Path:
    return Path() if loaded is None else loaded.root / loaded.config.demand.ledger
