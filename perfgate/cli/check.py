"""``perfgate check``: measure, judge, say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import print_report
from perfgate.cli.run import measured, prepared
from perfgate.orders import Wish
from perfgate.report.formats import FORMATS
from perfgate.verdict.finding import Outcome
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from perfgate.verdict.case import Case
    from perfgate.verdict.finding import Verdict

as_format = click.option(
    "--format",
    "-f",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="terminal",
    show_default=True,
    help="How the verdict is printed.",
)
on_inconclusive = click.option(
    "--on-inconclusive",
    type=click.Choice(["pass", "fail"]),
    help="Exit as if it had passed or failed where the evidence decides nothing.",
)


@click.command()
@options.config
@options.profile
@options.candidate
@options.base
@options.on
@as_format
@click.option(
    "--output",
    "-o",
    type=options.READABLE,
    help="Empty directory to keep measurement, verdict, journals and logs in.",
)
@on_inconclusive
def command(
    config: Path | None,
    profile: str,
    candidate: str,
    base: str | None,
    on: date | None,
    format_: str,
    output: Path | None,
    on_inconclusive: str | None,
) -> int:
    """Measure a build beside its base under real load, and judge whether it may ship."""
    wish = Wish(config, profile, candidate, base, on or options.today())
    case = measured(wish, beside_base=True, output=prepared(output))
    verdict = judge(case)
    if output is not None:
        keep(case, verdict, output)
    print_report(FORMATS[format_](case, verdict))
    return exit_code(verdict, on_inconclusive)


def exit_code(verdict: Verdict, on_inconclusive: str | None) -> int:
    """Return the exit code, by the user's choice where nothing is decided."""
    choice = None if on_inconclusive is None else Outcome(on_inconclusive.upper())
    return int(verdict.exit_code(on_inconclusive=choice))


def keep(case: Case, verdict: Verdict, output: Path) -> None:
    """Write the measurement and every report."""
    (output / "measurement.json").write_text(case.to_text())
    (output / "verdict.json").write_text(FORMATS["json"](case, verdict))
    (output / "report.md").write_text(FORMATS["markdown"](case, verdict))
    (output / "report.txt").write_text(FORMATS["terminal"](case, verdict))
