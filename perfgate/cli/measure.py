"""``perfgate measure``: measure, and keep it for later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import say
from perfgate.cli.places import writable
from perfgate.wish import held_to, read_wish, searching

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


@click.command()
@options.config
@options.profile
@options.candidate
@click.option("--base", help="Measure this build beside it; alone if not given.")
@options.on
@options.seed
@options.margin
@options.budget
@options.find_capacity
@click.option(
    "--output", "-o", type=options.PATH, required=True, help="File to write the measurement to."
)
def command(
    config: Path | None,
    profile: str,
    candidate: str,
    base: str | None,
    on: date | None,
    seed: int | None,
    margin: float | None,
    budget: float | None,
    find_capacity: bool,
    output: Path,
) -> None:
    """Measure a build under real load and save it, for `judge` and `baseline accept`."""
    wish = read_wish(config, profile, candidate, base, on or options.today(), seed=seed)
    wish = held_to(wish, margin=margin, budget_s=budget)
    wish = searching(wish) if find_capacity else wish
    file = writable(output)
    # It imports numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli.outlook import search_ahead  # noqa: PLC0415 - see above
    from perfgate.cli.run import measured  # noqa: PLC0415 - see above
    from perfgate.machine import read_environment  # noqa: PLC0415 - see above
    from perfgate.orders import found_alone, found_to_compare  # noqa: PLC0415 - see above

    environment = read_environment()
    found = found_alone(wish) if base is None else found_to_compare(wish, environment)
    if find_capacity:
        say(search_ahead(wish).told)
    case = measured(wish, found, environment, keep_in=None)
    file.write_text(case.to_text(), encoding="utf-8")
    say(f"measurement written to {file}")
