"""``perfgate bisect``: which commit made the service slower."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import print_report, say, shown_progress
from perfgate.cli.places import prepared
from perfgate.errors import UsageError
from perfgate.wholefile import write_whole
from perfgate.wish import held_to, read_wish, sent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from perfgate.measurement.models import Environment
    from perfgate.verdict.bisection import Bisection
    from perfgate.wish import Wish

FILE = "bisection.json"
# The names in perfgate.verdict.metric, which takes a second to import; a test holds both equal.
PRIMARIES = ("cost", "capacity")
OF_OPERATION = "regression"
FIGURES = ("cost", "p50", "p95")


class Check(click.ParamType[tuple[str, ...]]):
    """What may have got worse, like capacity or regression:token:p95."""

    name = "CHECK"

    def convert(
        self,
        value: str | tuple[str, ...],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, ...]:
        """Return the metrics that may tell, or fail saying what is wanted."""
        if isinstance(value, tuple):
            return value
        match value.split(":"):
            case [name] if name in PRIMARIES:
                return (name,)
            case [kind, operation, figure] if (
                kind == OF_OPERATION and operation and figure in FIGURES
            ):
                return (value,)
        known = [*PRIMARIES, *(f"{OF_OPERATION}:OPERATION:{own}" for own in FIGURES)]
        return self.fail(f"{value!r} is none of {', '.join(known)}", param, ctx)


@click.command()
@options.config
@options.profile
@click.option("--good", required=True, metavar="REF", help="Commit that was fast enough.")
@click.option(
    "--bad",
    default="HEAD",
    show_default=True,
    metavar="REF",
    help="Later commit that is slower.",
)
@click.option(
    "--check",
    type=Check(),
    default=PRIMARIES,
    help="What got worse: capacity, cost, or of one operation regression:OPERATION:cost, p50 or "
    "p95. Cost or capacity, whichever shows it more clearly, if not given.",
)
@options.on
@options.seed
@options.margin
@click.option(
    "--budget",
    type=options.Duration(),
    help="Most time for the sessions of one commit, like 60s or 5m; budget.sessions_s if not "
    "given. Clear cases take a fraction of it.",
)
@click.option(
    "--output",
    "-o",
    type=options.PATH,
    help="Directory to keep what is found, journals and logs in; a search that was interrupted "
    "goes on there. Without it, what is found is kept in .git until the search ends.",
)
@click.option("--restart", is_flag=True, help="Forget what an interrupted search has found.")
def command(
    config: Path | None,
    profile: str,
    good: str,
    bad: str,
    check: tuple[str, ...],
    on: date | None,
    seed: int | None,
    margin: float | None,
    budget: float | None,
    output: Path | None,
    restart: bool,
) -> int:
    """Find the commit that made the service slower, by measuring few of those in between.

    Each is measured beside the good one, as `check` does. Interrupted, the same command goes on
    where it was. Exit code 1: a commit is to blame, or one of those that are left; 0: the bad build
    is no slower than the good one; 3: the sessions cannot tell.
    """
    wish = read_wish(config, profile, bad, good, on or options.today(), seed=seed)
    wish = held_to(wish, margin=margin, budget_s=budget)
    _refuse_unsent(check, wish)
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.blame import Range, begin, shaped  # noqa: PLC0415 - see above
    from perfgate.machine import read_environment  # noqa: PLC0415 - see above
    from perfgate.report.blame import render  # noqa: PLC0415 - see above
    from perfgate.verdict.blame import blame_of  # noqa: PLC0415 - see above

    environment, wish = read_environment(), shaped(wish, check)
    begun = begin(wish, Range(good, bad, check, margin), environment)
    file = _file(wish, begun, output)
    with _alone(file):
        bisection = _found(_known(file, begun, restart=restart), wish, environment, file, output)
        print_report(render(bisection))
        if output is None:
            file.unlink(missing_ok=True)
    return int(blame_of(bisection).exit_code)


def _found(
    bisection: Bisection, wish: Wish, environment: Environment, file: Path, output: Path | None
) -> Bisection:
    """Go on with the search to its end, and keep what is known after every session."""
    from perfgate.blame import pursue  # noqa: PLC0415 - as above
    from perfgate.cli.outlook import bisection_ahead  # noqa: PLC0415 - as above
    from perfgate.cli.run import ledger_blamed, rigged  # noqa: PLC0415 - as above

    _keep(bisection, file)
    for line in bisection_ahead(bisection, wish):
        say(line)
    try:
        with (
            shown_progress() as progress,
            rigged(wish, environment, output, progress) as rig,
            ledger_blamed(wish),
        ):
            for known in pursue(bisection, wish, environment, rig):
                _keep(known, file)
                bisection = known
    except KeyboardInterrupt:
        say(f"what is known is kept in {file}; the same command goes on from there")
        raise
    return bisection


def _keep(bisection: Bisection, file: Path) -> None:
    """Write what is known; raises UsageError where that cannot be."""
    try:
        write_whole(file, bisection.to_text())
    except OSError as error:
        raise UsageError(
            f"{file}: cannot be written: {error.strerror}",
            hint="Look for free space; what was known before is still there.",
        ) from error


def _refuse_unsent(check: tuple[str, ...], wish: Wish) -> None:
    """Raise UsageError where the operation asked about is not sent."""
    operations = {metric.split(":")[1] for metric in check if metric.startswith(OF_OPERATION)}
    for operation in operations - sent(wish).keys():
        raise UsageError(
            f"--check: {wish.ledger_path} sends no {operation!r}",
            hint=f"It sends: {', '.join(sorted(sent(wish)))}.",
        )


def _file(wish: Wish, begun: Bisection, output: Path | None) -> Path:
    """Return where what is known is kept; raises UsageError where it cannot be."""
    from perfgate.baseline.hashes import short_hash  # noqa: PLC0415 - as above
    from perfgate.build.gitio import open_repository  # noqa: PLC0415 - as above

    if output is not None:
        return (output if (output / FILE).exists() else prepared(output)) / FILE
    with open_repository(wish.loaded.root) as repository:
        directory = repository.common_directory / "perfgate"
    try:
        directory.mkdir(exist_ok=True)
        if not os.access(directory, os.W_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as error:
        raise UsageError(
            f"{directory}: cannot be written to: {error.strerror}",
            hint="Keep what is found elsewhere: --output DIRECTORY",
        ) from error
    return directory / f"bisect-{short_hash(begun.question.model_dump_json().encode())}.json"


def _known(file: Path, begun: Bisection, *, restart: bool) -> Bisection:
    """Return what is known already; raises UsageError for what another search has found."""
    from perfgate.verdict.bisection import read_bisection  # noqa: PLC0415 - as above

    if restart or not file.exists():
        return begun
    known = read_bisection(file)
    if (known.question, known.perfgate) != (begun.question, begun.perfgate):
        raise UsageError(
            f"{file} is of another search, or of one with another configuration or perfgate",
            hint="Name another directory, or begin anew: --restart.",
        )
    return known


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Hold the file alone; raises UsageError where another search does."""
    from perfgate.build.cache import locked_if_free  # noqa: PLC0415 - as above

    with locked_if_free(file.with_suffix(".lock")) as free:
        if not free:
            raise UsageError(
                f"another search is at work with {file}", hint="Wait for it, or stop it."
            )
        yield
