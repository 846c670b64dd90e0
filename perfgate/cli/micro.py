"""``perfgate micro``: benchmarks of hot paths held against those of record."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import print_report, say
from perfgate.config.load import load_config
from perfgate.errors import UsageError
from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from perfgate.baseline.micro import MicroRecord
    from perfgate.config.load import LoadedConfig
    from perfgate.verdict.explanation import Explanation
    from perfgate.verdict.micro import MicroCase

# The names in perfgate.report.micro's registry; a test holds both equal.
FORMAT_NAMES = ("terminal", "json", "markdown")


@click.command()
@click.argument("files", metavar="FILE...", type=options.PATH, nargs=-1, required=True)
@options.config
@click.option(
    "--profile", "-p", default="default", show_default=True, help="Suite of benchmarks, by name."
)
@click.option(
    "--against",
    type=options.PATH,
    multiple=True,
    help="File of other times to compare with, instead of those of record; one for each run.",
)
@click.option(
    "--ref", help="Where those of record are read; where HEAD left the branch if not given."
)
@click.option("--accept", is_flag=True, help="Make these the times of record; commit them then.")
@click.option("--allow-regression", is_flag=True, help="Accept even what failed.")
@click.option("--reason", default="", help="Why; kept in the record.")
@click.option(
    "--explains",
    type=options.PATH,
    help="Saved measurement: which slower call explains what its operations cost more?",
)
@options.format_of(FORMAT_NAMES, "How the verdict is printed.")
@options.on_inconclusive
def command(
    files: tuple[Path, ...],
    config: Path | None,
    profile: str,
    against: tuple[Path, ...],
    ref: str | None,
    accept: bool,
    allow_regression: bool,
    reason: str,
    explains: Path | None,
    format_: str,
    on_inconclusive: str | None,
) -> int:
    """Compare the benchmarks in FILE, which pytest-benchmark wrote, with those of record.

    Several files are several runs of the same build: they tell how much runs differ, and so let
    smaller changes be seen.
    """
    _refuse_contradictions(accept, bool(against or ref or explains), allow_regression, reason)
    loaded = load_config(config, Path.cwd())
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli.times import comparable, read_times, times_of_record  # noqa: PLC0415 - as said
    from perfgate.report.micro import FORMATS  # noqa: PLC0415 - see above
    from perfgate.verdict.finding import Outcome  # noqa: PLC0415 - see above
    from perfgate.verdict.micro import judge_micro  # noqa: PLC0415 - see above

    now = read_times(files, loaded, profile)
    if accept:
        return _accepted(now, loaded, reason.strip())
    if against:
        then = comparable(now, read_times(against, loaded, profile))
    else:
        then = times_of_record(now, loaded, ref)
    micro = judge_micro(now, then, loaded.config.margins)
    print_report(FORMATS[format_](micro, _explained(explains, micro)))
    choice = None if on_inconclusive is None else Outcome(on_inconclusive.upper())
    return int(micro.verdict.exit_code(on_inconclusive=choice))


def _refuse_contradictions(
    accept: bool, compares: bool, allow_regression: bool, reason: str
) -> None:
    if accept and compares:
        raise UsageError("--accept compares with nothing else", hint="Leave the others out.")
    if allow_regression != bool(reason.strip()) or (reason and not accept):
        raise UsageError(
            '--accept --allow-regression --reason "..." belong together', hint="Or leave them out."
        )


def _accepted(now: MicroRecord, loaded: LoadedConfig, although: str) -> int:
    from perfgate.cli.times import accept_times  # noqa: PLC0415 - as above

    path, record = accept_times(now, loaded, although)
    say(f"{path}: times of record are now those of {record.commit[:12]}; commit the file.")
    return int(ExitCode.PASS)


def _explained(measurement: Path | None, micro: MicroCase) -> Explanation | None:
    if measurement is None:
        return None
    from perfgate.verdict.case import read_case  # noqa: PLC0415 - as above
    from perfgate.verdict.explanation import explained  # noqa: PLC0415 - as above

    return explained(read_case(measurement), micro)
