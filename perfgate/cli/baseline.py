"""``perfgate baseline``: accept a measurement as the bar for later ones; show the bar."""

from __future__ import annotations

from pathlib import Path

import click

from perfgate.cli import options
from perfgate.cli.console import put, say
from perfgate.config.load import load_config
from perfgate.errors import UsageError


@click.group()
def command() -> None:
    """Accept a measurement as baseline; show what is stored."""


@command.command()
@click.argument("file", type=options.PATH)
@options.config
@click.option("--allow-regression", is_flag=True, help="Accept even a build that failed.")
@click.option("--reason", default="", help="Why; kept in the record and shown ever after.")
def accept(file: Path, config: Path | None, allow_regression: bool, reason: str) -> None:
    """Make the measurement in FILE the baseline of its profile and kind of machine."""
    if allow_regression and not reason.strip():
        raise UsageError("--allow-regression needs a --reason", hint="Say why, for the record.")
    if reason and not allow_regression:
        raise UsageError(
            "--reason says why a build that failed is accepted",
            hint="Add --allow-regression, or leave --reason out.",
        )
    loaded = load_config(config, Path.cwd())
    # It imports numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli.acceptance import accept_measurement  # noqa: PLC0415 - see above

    path, record = accept_measurement(file, loaded, reason.strip())
    say(f"{path}: baseline is now {record.commit[:12]}; commit the file to put it in force.")


@command.command()
@options.config
def show(config: Path | None) -> None:
    """Show every stored baseline of the working tree."""
    loaded = load_config(config, Path.cwd())
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli.acceptance import stored_records  # noqa: PLC0415 - see above
    from perfgate.report.baseline import render_records  # noqa: PLC0415 - see above

    put(render_records(stored_records(loaded.root / loaded.config.baseline.directory)))
