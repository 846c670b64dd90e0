"""``perfgate judge``: the verdict on a saved measurement, without any load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("file", type=options.PATH)
@options.as_format
@options.push
@options.on_inconclusive
def command(file: Path, format_: str, push: str | None, on_inconclusive: str | None) -> int:
    """Judge the measurement in FILE, on the terms saved with it."""
    # These import numpy, pandas and scipy, which takes a second that --help need not take.
    from perfgate.cli.verdicts import tell  # noqa: PLC0415 - see above
    from perfgate.verdict.case import read_case  # noqa: PLC0415 - see above

    return tell(read_case(file), format_, on_inconclusive, push_to=push)
