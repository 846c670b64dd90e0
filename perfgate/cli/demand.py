"""``perfgate demand``: what dependents send, now and after each planned change, and by sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.cli import admit, explain, export, imports, options
from perfgate.cli.console import put
from perfgate.config.load import load_config
from perfgate.demand.demand import demand_steps
from perfgate.demand.ledger import load_ledger
from perfgate.report.demand import render_steps
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
@options.on
@click.option("--days", type=click.IntRange(min=0), help="Horizon; the configuration's otherwise.")
def show(config: Path | None, ledger: Path | None, on: date | None, days: int | None) -> None:
    """Show who sends what on a day and after each change planned in the days that follow."""
    loaded = None if ledger and days is not None else load_config(config, Path.cwd())
    path = ledger or _ledger_of(loaded)
    horizon = days if days is not None else _horizon_of(loaded)
    start = on or options.today()
    end = last_day(start, horizon)
    put(render_steps(demand_steps(load_ledger(path), start, end), end))


def _ledger_of(loaded: LoadedConfig | None) -> Path:
    return Path() if loaded is None else loaded.root / loaded.config.demand.ledger


def _horizon_of(loaded: LoadedConfig | None) -> int:
    return 0 if loaded is None else loaded.config.demand.horizon_days
