"""Options that verbs share, spelled once."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

MOST = 1e9
_NUMBER = r"\d+(?:\.\d+)?"

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from perfgate.demand.ledger import Budget, Spread

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH = click.Path(path_type=Path)

# The names in the registry of report formats, which takes a second to import; a test holds both
# equal.
FORMAT_NAMES = (
    "terminal",
    "json",
    "markdown",
    "comment",
    "html",
    "junit",
    "github",
    "prometheus",
)


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


class Share(click.ParamType[float]):
    """A share as a percentage, like 1% or 0.5%."""

    name = "PERCENT"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the share as a ratio between 0 and 1, or fail saying what is wanted."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(rf"({_NUMBER})\s*%", value.strip())
        share = float(found[1]) / 100 if found else 0.0
        if not 0 < share < 1:
            self.fail(f"{value!r} is not a percentage between 0% and 100%, like 1%", param, ctx)
        return share


class Figure(click.ParamType[float]):
    """A finite number above 0, like 66 or 2.5."""

    name = "NUMBER"

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or fail saying what is wanted."""
        try:
            figure = float(value)
        except ValueError:
            figure = 0.0
        if not 0 < figure <= MOST:
            self.fail(f"{value!r} is not a number above 0 and up to {MOST:g}", param, ctx)
        return figure


class Scale(click.ParamType["Spread"]):
    """A factor, certain or not, like 1.4 or 1.2,1.4,1.7."""

    name = "FACTOR"

    def convert(
        self, value: str | Spread, param: click.Parameter | None, ctx: click.Context | None
    ) -> Spread:
        """Return low, likely and high, or fail saying what is wanted."""
        from perfgate.demand.ledger import spread_of  # noqa: PLC0415 - pydantic: --help needs none

        if not isinstance(value, str):
            return value
        try:
            figures = [float(part) for part in value.split(",")]
        except ValueError:
            self.fail(f"{value!r} is not a factor like 1.4 or 1.2,1.4,1.7", param, ctx)
        try:
            return spread_of(figures if len(figures) > 1 else figures[0])
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


class RetryBudget(click.ParamType["Budget"]):
    """A retry budget as its kind and ratio, like per_success:0.1."""

    name = "KIND:RATIO"

    def convert(
        self, value: str | Budget, param: click.Parameter | None, ctx: click.Context | None
    ) -> Budget:
        """Return the budget, or fail saying what is wanted."""
        from pydantic import ValidationError  # noqa: PLC0415 - --help needs none

        from perfgate.demand.ledger import Budget  # noqa: PLC0415 - as above

        if not isinstance(value, str):
            return value
        kind, colon, ratio = value.partition(":")
        try:
            return Budget.model_validate({"kind": kind, **({"ratio": ratio} if colon else {})})
        except ValidationError as error:
            told = error.errors()[0]["msg"].replace("Input should", "it must")
            told = told.removeprefix("Value error, ")
            self.fail(f"{value!r} is no budget like per_success:0.1: {told}", param, ctx)


class Address(click.ParamType[str]):
    """An address of the web, like http://127.0.0.1:9091."""

    name = "URL"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address, or fail saying what is wanted."""
        if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
            self.fail(f"{value!r} is not an address like http://127.0.0.1:9091", param, ctx)
        return value


class Duration(click.ParamType[float]):
    """A time in seconds or minutes, like 60s or 5m."""

    name = "TIME"
    units: ClassVar[dict[str, float]] = {"s": 1.0, "m": 60.0}

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the time in seconds, or fail saying what is wanted."""
        if isinstance(value, float):
            return value
        found = re.fullmatch(rf"({_NUMBER})\s*([sm])", value.strip())
        seconds = float(found[1]) * self.units[found[2]] if found else 0.0
        if seconds <= 0:
            self.fail(f"{value!r} is not a time like 60s or 5m", param, ctx)
        return seconds


class Seconds(Duration):
    """A time like 2s or 1m; a number alone is of seconds."""

    def convert(
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the time in seconds, or fail saying what is wanted."""
        alone = isinstance(value, str) and re.fullmatch(_NUMBER, value.strip())
        return super().convert(f"{value}s" if alone else value, param, ctx)


class Effort(Duration):
    """A time, or how much is asked for by name."""

    name = "quick|standard|full|TIME"
    levels: ClassVar[tuple[str, ...]] = ("quick", "standard", "full")

    def convert(  # type: ignore[override]
        self, value: str | float, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | float:
        """Return the name, or the time in seconds, or fail saying what is wanted."""
        return value if value in self.levels else super().convert(value, param, ctx)


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
ledger = click.option("--ledger", type=PATH, help="Ledger; the configuration's if not given.")
profile = click.option(
    "--profile", "-p", default="default", show_default=True, help="Kind of check, by name."
)
candidate = click.option(
    "--candidate",
    default=".",
    show_default=True,
    help="Build to judge: '.' (the working tree), a git ref, a directory (/..., ./...), or an "
    "image by its digest (NAME@sha256:...).",
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
margin = click.option(
    "--margin",
    type=Share(),
    help="Slowdown that must be excluded to pass, like 1%; margins.slowdown if not given. A "
    "quarter of it is tolerated, unless margins.tolerance is less.",
)
budget = click.option(
    "--budget",
    type=Duration(),
    help="Time for sessions, like 60s or 5m; budget.sessions_s if not given. It sets how many "
    "there are at most, whatever looks the profile has.",
)
find_capacity = click.option(
    "--find-capacity",
    is_flag=True,
    help="Search the highest rate that keeps every promise, too, as [search] says: for reports and "
    "nightly runs, as it takes minutes.",
)
of = click.option(
    "--of",
    default=".",
    show_default=True,
    metavar="PATH",
    help="The service: the directory of its perfgate.toml, in a clone or not, or a file that "
    "`perfgate demand export` wrote.",
)
_REF = "Where in a clone the files are read: a git ref, or '.' for the working tree"
ref = click.option("--ref", help=f"{_REF}; the branch of record if not given.")
ref_here = click.option("--ref", default=".", show_default=True, help=f"{_REF}.")
as_format = format_of(FORMAT_NAMES, "How the verdict is printed.")
push = click.option(
    "--push",
    type=Address(),
    help="Send the metrics of --format prometheus to this Pushgateway, too; the exit code stays "
    "that of the verdict, whether that succeeds or not.",
)
on_inconclusive = click.option(
    "--on-inconclusive",
    type=click.Choice(["pass", "fail"]),
    help="Exit as if it had passed or failed where the evidence decides nothing.",
)
