"""``perfgate doctor``: what this machine can resolve, and what would help."""

from __future__ import annotations

import time
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


@click.command()
@options.config
@options.profile
@options.on
@click.option("--quick", is_flag=True, help="Try the machine only, not the configured service.")
@click.option(
    "--sessions",
    type=click.IntRange(min=3),
    default=4,
    show_default=True,
    help="Sessions of the service beside itself: more know its noise better.",
)
@options.format_of(FORMAT_NAMES, "How the findings are printed.")
def command(
    config: Path | None, profile: str, on: date | None, quick: bool, sessions: int, format_: str
) -> int:
    """Tell what this machine can resolve, in what time, and what would help.

    It tries timer, clock and load generator, then the working tree of the configured service beside
    itself. Exit code 0: a slowdown as large as margins.slowdown is found within the budget; 3: it
    is not. Where no service is configured, or with --quick, 0 only says that load can be trusted.
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
    wish: Wish, sessions: int, environment: Environment, progress: Progress
) -> Rehearsal:
    """Measure the service beside itself, as a check would."""
    from perfgate.cli.run import carried_out, rigged  # noqa: PLC0415 - as above
    from perfgate.gate import session_s  # noqa: PLC0415 - as above
    from perfgate.orders import twin_order  # noqa: PLC0415 - as above
    from perfgate.verdict.fitness import rehearsal_of  # noqa: PLC0415 - as above

    with rigged(wish, environment, None, progress) as rig:
        order = twin_order(wish, sessions, environment, progress)
        start_s = time.monotonic()
        case = carried_out(wish, order, rig)
        seconds = time.monotonic() - start_s
    return rehearsal_of(
        case,
        wish.loaded.config,
        sessions=sessions,
        seconds=seconds,
        expected_s=session_s(order.shape),
    )
