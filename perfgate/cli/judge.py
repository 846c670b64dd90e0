"""``perfgate judge``: the verdict on a saved measurement, without any load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.check import as_format, exit_code, on_inconclusive
from perfgate.cli.console import print_report
from perfgate.report.formats import FORMATS
from perfgate.verdict.case import read_case
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@click.argument("file", type=options.READABLE)
@as_format
@on_inconclusive
def command(file: Path, format_: str, on_inconclusive: str | None) -> int:
    """Judge the measurement in FILE, on the terms saved with it."""
    case = read_case(file)
    verdict = judge(case)
    print_report(FORMATS[format_](case, verdict))
    return exit_code(verdict, on_inconclusive)
