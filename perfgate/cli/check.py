"""``perfgate check``: measure, judge, say so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import say
from perfgate.cli.places import prepared
from perfgate.errors import UsageError
from perfgate.wish import fully, held_to, quickly, read_wish, searching, upsetting

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from perfgate.wish import Wish


@click.command()
@options.config
@options.profile
@options.candidate
@options.base
@click.option(
    "--stored",
    is_flag=True,
    help="Measure no base: the stored baseline alone decides. Quicker, but it sees large losses "
    "only.",
)
@options.on
@options.seed
@options.margin
@click.option(
    "--budget",
    type=options.Effort(),
    default="standard",
    show_default=True,
    help="How much is asked. quick, a minute: does it carry the demand? standard: did it get worse "
    "than its base, too? full, up to 11 minutes: does it recover, and what is the highest rate "
    "that keeps every promise, too? A TIME like 60s or 5m is standard with that for its sessions, "
    "instead of budget.sessions_s and of the looks that the profile has.",
)
@options.find_capacity
@click.option(
    "--recovery",
    is_flag=True,
    help="Overload the build on purpose, too, with callers that retry, and see whether it recovers "
    "when that ends: half a minute more, and up to 7 minutes where it does not.",
)
@options.as_format
@click.option(
    "--output",
    "-o",
    type=options.PATH,
    help="Empty directory to keep measurement, verdict, journals and logs in.",
)
@options.push
@options.on_inconclusive
def command(
    config: Path | None,
    profile: str,
    candidate: str,
    base: str | None,
    stored: bool,
    on: date | None,
    seed: int | None,
    margin: float | None,
    budget: str | float,
    find_capacity: bool,
    recovery: bool,
    format_: str,
    output: Path | None,
    push: str | None,
    on_inconclusive: str | None,
) -> int:
    """Measure a build beside its base under real load, and judge whether it may ship."""
    if stored and base is not None:
        raise UsageError(
            "--stored measures no base, and --base names one", hint="Leave one of them out."
        )
    if budget == "quick" and stored:
        raise UsageError(
            "--budget quick does not ask whether a build got worse, and --stored does",
            hint="Leave one of them out.",
        )
    if budget == "quick" and base is not None:
        raise UsageError(
            "--budget quick measures no base, and --base names one",
            hint="Leave it out, or take --budget standard.",
        )
    asked = read_wish(config, profile, candidate, base, on or options.today(), seed=seed)
    wish = replace(_spending(asked, margin, budget), stored=stored)
    wish = upsetting(wish) if recovery else wish
    wish = searching(wish) if find_capacity else wish
    keep_in = None if output is None else prepared(output)
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli.outlook import ahead  # noqa: PLC0415 - see above
    from perfgate.cli.run import measured  # noqa: PLC0415 - see above
    from perfgate.cli.verdicts import tell  # noqa: PLC0415 - see above
    from perfgate.machine import read_environment  # noqa: PLC0415 - see above
    from perfgate.orders import found_to_compare  # noqa: PLC0415 - see above

    environment = read_environment()
    found = found_to_compare(wish, environment)
    for sentence in ahead(wish):
        say(sentence)
    case = measured(wish, found, environment, keep_in)
    return tell(case, format_, on_inconclusive, keep_in, push)


def _spending(wish: Wish, margin: float | None, budget: str | float) -> Wish:
    """Return the wish with what the budget pays for."""
    seconds = None if isinstance(budget, str) else budget
    held = held_to(wish, margin=margin, budget_s=seconds)
    match budget:
        case "quick":
            return quickly(held)
        case "full":
            return fully(held)
    return held
