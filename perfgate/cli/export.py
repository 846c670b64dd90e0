"""``perfgate demand export``: what other teams need to ask for themselves, in one file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import say
from perfgate.cli.places import writable

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@options.of
@options.ref
@options.profile
@click.option("--output", "-o", type=options.PATH, required=True, help="File to write it to.")
def export(of: str, ref: str | None, profile: str, output: Path) -> None:
    """Write capacity of record and ledger to one small file, for --of of other teams."""
    # These import pydantic and numpy, which --help need not wait for.
    from perfgate.baseline.origin import read_origin  # noqa: PLC0415 - see above
    from perfgate.baseline.store import write_text  # noqa: PLC0415 - see above

    record = read_origin(of, ref, profile)
    write_text(writable(output), record.to_text())
    say(f"{output}: capacity of {record.service} {record.commit[:12]}, with its ledger")
