"""``perfgate calibrate``: how much sessions of one build differ here, kept for later plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import put, say, shown_progress
from perfgate.wish import read_wish

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


@click.command()
@options.config
@options.profile
@options.candidate
@options.on
@click.option(
    "--sessions",
    type=click.IntRange(min=3),
    default=12,
    show_default=True,
    help="Sessions of the build beside itself: more know the noise better.",
)
def command(
    config: Path | None, profile: str, candidate: str, on: date | None, sessions: int
) -> int:
    """Measure a build beside itself, and keep how much the sessions differ.

    By that record `check` tells ahead what it can find and `doctor` what this machine can. It lies
    beside the baselines, for one profile and kind of machine. Exit code 0: sessions differ by at
    most 1.5 % in cost and in capacity; 3: by more, which is kept too, or they could not be made.
    """
    wish = read_wish(config, profile, candidate, None, on or options.today())
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.baseline.noise import noise_path, write_noise  # noqa: PLC0415 - see above
    from perfgate.cli.outlook import store_of  # noqa: PLC0415 - see above
    from perfgate.cli.run import rehearsed  # noqa: PLC0415 - see above
    from perfgate.machine import read_environment  # noqa: PLC0415 - see above
    from perfgate.report.calibration import render  # noqa: PLC0415 - see above
    from perfgate.verdict.noise import calibrated, record_of  # noqa: PLC0415 - see above

    environment, store = read_environment(), store_of(wish)
    noise_path(store, profile, environment)  # a profile that names no directory is refused now
    with shown_progress() as progress:
        rehearsal, case = rehearsed(wish, sessions, environment, progress)
    put(render(rehearsal, environment))
    if rehearsal.resolution is not None:
        path = write_noise(record_of(rehearsal, case), store)
        say(f"{path}: written; commit it, for checks on this kind of machine.")
    return int(calibrated(rehearsal))
