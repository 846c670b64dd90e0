"""``perfgate measure``: measure, and keep it for later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.run import measured
from perfgate.errors import UsageError
from perfgate.orders import Wish

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


@click.command()
@options.config
@options.profile
@options.candidate
@click.option("--base", help="Measure this build beside it; alone if not given.")
@options.on
@click.option(
    "--output",
    "-o",
    type=options.READABLE,
    required=True,
    help="File to write the measurement to.",
)
def command(
    config: Path | None,
    profile: str,
    candidate: str,
    base: str | None,
    on: date | None,
    output: Path,
) -> None:
    """Measure a build under real load and save it, for `judge` and `baseline accept`."""
    if not output.parent.is_dir():
        raise UsageError(f"{output.parent} is not a directory", hint="Make it first.")
    wish = Wish(config, profile, candidate, base, on or options.today())
    case = measured(wish, beside_base=base is not None, output=None)
    output.write_text(case.to_text())
    click.echo(f"measurement written to {output}", err=True)
