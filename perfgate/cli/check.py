"""``perfgate check``: measure, judge, say so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import say
from perfgate.cli.places import prepared
from perfgate.errors import UsageError
from perfgate.wish import held_to, read_wish, searching

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


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
@options.budget
@options.find_capacity
@click.option(
    "--recovery",
    is_flag=True,
    help="Overload the build on purpose, too, with callers that retry, and see whether it recovers "
    "when that ends: one to five minutes more.",
)
@options.as_format
@click.option(
    "--output",
    "-o",
    type=options.PATH,
    help="Empty directory to keep measurement, verdict, journals and logs in.",
)
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
    budget: float | None,
    find_capacity: bool,
    recovery: bool,
    format_: str,
    output: Path | None,
    on_inconclusive: str | None,
) -> int:
    """Measure a build beside its base under real load, and judge whether it may ship."""
    if stored and base is not None:
        raise UsageError(
            "--stored measures no base, and --base names one", hint="Leave one of them out."
        )
    asked = read_wish(config, profile, candidate, base, on or options.today(), seed=seed)
    held = held_to(asked, margin=margin, budget_s=budget)
    wish = replace(held, stored=stored, recovery=recovery)
    wish = searching(wish) if find_capacity else wish
    keep_in = None if output is None else prepared(output)
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli.outlook import (  # noqa: PLC0415 - see above
        plan_ahead,
        recovery_ahead,
        search_ahead,
    )
    from perfgate.cli.run import measured  # noqa: PLC0415 - see above
    from perfgate.cli.verdicts import tell  # noqa: PLC0415 - see above

    if not stored:
        say(plan_ahead(wish))
    if recovery:
        say(recovery_ahead(wish))
    if find_capacity:
        say(search_ahead(wish))
    case = measured(wish, beside_base=True, keep_in=keep_in)
    return tell(case, format_, on_inconclusive, keep_in)
