"""``perfgate doctor``: what this machine can resolve, and what would help."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import put, shown_progress
from perfgate.config.load import NoConfigError
from perfgate.wish import read_wish

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from perfgate.measurement.models import Environment
    from perfgate.progress import Progress
    from perfgate.verdict.fitness import Rehearsal
    from perfgate.wish import Wish

# The names in the registry of its formats, which takes a second to import; a test holds both equal.
FORMAT_NAMES = ("terminal", "json")
FEWEST_SESSIONS = 4


@click.command()
@options.config
@options.profile
@options.on
@click.option("--quick", is_flag=True, help="Try the machine only, not the configured service.")
@click.option(
    "--sessions",
    type=click.IntRange(min=3),
    help="Sessions of the service beside itself: more know its noise better.  [default: none where "
    "`perfgate calibrate` has kept its noise, else 4]",
)
@options.format_of(FORMAT_NAMES, "How the findings are printed.")
def command(
    config: Path | None,
    profile: str,
    on: date | None,
    quick: bool,
    sessions: int | None,
    format_: str,
) -> int:
    """Tell what this machine can resolve, in what time, and what would help.

    It tries timer, clock and load generator, then the working tree of the configured service beside
    itself, unless `calibrate` has kept its noise. Exit code 0: a slowdown as large as
    margins.slowdown is found within the budget; 3: it is not. Where no service is configured, or
    with --quick, 0 only says that load can be trusted.
    """
    wish = None if quick else _wish(config, profile, on or options.today())
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.machine import read_environment  # noqa: PLC0415 - see above
    from perfgate.probe.trial import try_machine  # noqa: PLC0415 - see above
    from perfgate.report.doctor import FORMATS  # noqa: PLC0415 - see above
    from perfgate.verdict.fitness import Examination  # noqa: PLC0415 - see above

    environment = read_environment()
    with shown_progress() as progress:
        footing = try_machine(environment, progress)
        rehearsal = None if wish is None else _rehearsed(wish, sessions, environment, progress)
    examination = Examination(environment, footing, rehearsal)
    put(FORMATS[format_](examination).removesuffix("\n"))
    return int(examination.exit_code)


def _wish(config: Path | None, profile: str, on: date) -> Wish | None:
    """Return the wish to try the working tree, or None where no service is configured here."""
    try:
        return read_wish(config, profile, ".", None, on)
    except NoConfigError:
        return None


def _rehearsed(
    wish: Wish, sessions: int | None, environment: Environment, progress: Progress
) -> Rehearsal:
    """Return what is known of the service beside itself, or measure it."""
    from perfgate.cli.outlook import known_noise  # noqa: PLC0415 - as above
    from perfgate.cli.run import rehearsed  # noqa: PLC0415 - as above

    known = known_noise(wish, environment) if sessions is None else None
    return known or rehearsed(wish, sessions or FEWEST_SESSIONS, environment, progress)[0]
