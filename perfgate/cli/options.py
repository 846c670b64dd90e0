"""Options that verbs share, spelled once."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH = click.Path(path_type=Path)

# The names in the registry of report formats, which takes a second to import; a test holds both
# equal.
FORMAT_NAMES = ("terminal", "json", "markdown")


class Day(click.ParamType[date]):
    """A date as YYYY-MM-DD."""

    name = "YYYY-MM-DD"

    def convert(
        self, value: str | date, param: click.Parameter | None, ctx: click.Context | None
    ) -> date:
        """Return the date, or fail saying what is wanted."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a date like 2026-12-01", param, ctx)


def today() -> date:
    """Return the day here."""
    return datetime.now().astimezone().date()


def format_of(names: Sequence[str], printed: str) -> Decorator:
    """Return the option that chooses among these formats, for the terminal if not given."""
    return click.option(
        "--format",
        "-f",
        "format_",
        type=click.Choice(names),
        default="terminal",
        show_default=True,
        help=printed,
    )


config = click.option(
    "--config",
    "-c",
    type=PATH,
    help="Configuration; found as perfgate.toml or [tool.perfgate] here or above if not given.",
)
profile = click.option(
    "--profile", "-p", default="default", show_default=True, help="Kind of check, by name."
)
candidate = click.option(
    "--candidate",
    default=".",
    show_default=True,
    help="Build to judge: '.' (the working tree), a git ref, or a directory (/..., ./...).",
)
base = click.option(
    "--base", help="Build to compare with (ref or directory); the stored baseline's if not given."
)
on = click.option(
    "--on", type=Day(), default=None, help="Day whose demand counts, with the horizon after it."
)
seed = click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Seed of all that is drawn; the configuration's load.seed if not given.",
)
as_format = format_of(FORMAT_NAMES, "How the verdict is printed.")
on_inconclusive = click.option(
    "--on-inconclusive",
    type=click.Choice(["pass", "fail"]),
    help="Exit as if it had passed or failed where the evidence decides nothing.",
)
