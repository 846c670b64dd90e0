"""``perfgate doctor``: what this machine can resolve, measured with the configured service."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import put, say
from perfgate.exitcodes import ExitCode
from perfgate.wish import read_wish

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@options.config
@options.profile
@options.candidate
def command(config: Path | None, profile: str, candidate: str) -> int:
    """Tell how small a loss this machine can show, and how soon: measure a build beside itself.

    It takes about as long as the shortest check. The exit code says whether the configured margin
    can be decided within the budget.
    """
    wish = read_wish(config, profile, candidate, None, options.today())
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli.run import measured_against_itself  # noqa: PLC0415 - see above
    from perfgate.report.doctor import can_decide, render  # noqa: PLC0415 - see above

    case = measured_against_itself(wish)
    if len(case.sessions) < 2:  # noqa: PLR2004 - a spread needs two
        faults = [fault for run in case.measurement.discarded for fault in run.validity.faults]
        told = [*(incident.text for incident in case.measurement.incidents), *faults]
        say(f"too few sessions to tell anything: {'; '.join(told)}")
        return int(ExitCode.UNDECIDED)
    put(render(case).removesuffix("\n"))
    return int(ExitCode.PASS if can_decide(case) else ExitCode.UNDECIDED)
