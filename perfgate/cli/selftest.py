"""``perfgate selftest``: whether the gate of this repository is awake."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import print_report, say, shown_progress
from perfgate.cli.places import prepared
from perfgate.selftest.harm import HARMS, Kind
from perfgate.wish import held_to, read_wish

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from perfgate.selftest.outcome import Trial
    from perfgate.wish import Wish

# The names in the registry of its formats, which takes a second to import; a test holds both equal.
FORMAT_NAMES = ("terminal", "json")


class Harms(click.ParamType[tuple[Kind, ...]]):
    """Some of the harms, like latency,cpu."""

    name = "HARMS"

    def convert(
        self,
        value: str | tuple[Kind, ...],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[Kind, ...]:
        """Return the harms that are named, in the order in which they are tried, or fail."""
        if isinstance(value, tuple):
            return value
        names = [name.strip() for name in value.split(",")]
        for name in names:
            if name not in HARMS:
                self.fail(f"{name!r} is none of {', '.join(HARMS)}", param, ctx)
        return tuple(kind for kind in HARMS if kind in names)


@click.command()
@options.config
@options.profile
@click.option(
    "--only",
    type=Harms(),
    default=HARMS,
    help=f"Harms to put in front, of {','.join(HARMS)}; all of them if not given. Nothing is put "
    "in front in any case: it tells how large a harm must be.",
)
@options.on
@options.seed
@options.margin
@options.budget
@options.format_of(FORMAT_NAMES, "How the answers are printed.")
@click.option(
    "--output",
    "-o",
    type=options.PATH,
    help="Empty directory to keep measurements, reports, journals and logs of all checks in.",
)
def command(
    config: Path | None,
    profile: str,
    only: tuple[Kind, ...],
    on: date | None,
    seed: int | None,
    margin: float | None,
    budget: float | None,
    format_: str,
    output: Path | None,
) -> int:
    """Prove that the gate of this repository is awake, in about four minutes.

    The service as it lies there is checked beside itself, with the configuration, Locust file and
    ledger that `check` has, and a proxy before both: first with nothing in front, which must be let
    ship, then with latency, CPU time and errors put in front of one of them, each of which must
    fail. Baselines are neither read nor changed. Exit code 0: it was so; 1: the gate let harm ship,
    or failed the service as it is; 3: some check decided nothing.
    """
    asked = read_wish(config, profile, ".", None, on or options.today(), seed=seed)
    wish = held_to(asked, margin=margin, budget_s=budget)
    keep_in = None if output is None else prepared(output)
    wanted = (Kind.NOTHING, *only)
    # These import numpy, pandas and scipy, which takes a second: first what needs none of them.
    from perfgate.cli.outlook import selftest_ahead  # noqa: PLC0415 - see above
    from perfgate.selftest.outcome import Selftest  # noqa: PLC0415 - see above
    from perfgate.selftest.telling import FORMATS  # noqa: PLC0415 - see above
    from perfgate.selftest.trials import behind_proxy  # noqa: PLC0415 - see above

    behind = behind_proxy(wish)
    say(selftest_ahead(wish, wanted))
    selftest = Selftest(wish.loaded.config.service, wanted, _tried(behind, wanted, keep_in))
    print_report(FORMATS[format_](selftest))
    return int(selftest.exit_code)


def _tried(behind: Wish, wanted: tuple[Kind, ...], keep_in: Path | None) -> tuple[Trial, ...]:
    """Carry out the trials behind the proxy, and keep each where a directory is given."""
    from perfgate.build.provide import WorkingTree  # noqa: PLC0415 - as above
    from perfgate.cli.run import ledger_blamed, rigged  # noqa: PLC0415 - as above
    from perfgate.machine import read_environment  # noqa: PLC0415 - as above
    from perfgate.orders import provided  # noqa: PLC0415 - as above
    from perfgate.selftest.trials import tried  # noqa: PLC0415 - as above

    environment = read_environment()
    trials: list[Trial] = []
    with (
        shown_progress() as progress,
        rigged(behind, environment, keep_in, progress) as rig,
        ledger_blamed(behind),
    ):
        build = provided(WorkingTree(), behind.loaded, progress)
        for trial in tried(behind, build, wanted, environment, rig):
            _keep(trial, keep_in)
            trials.append(trial)
    return tuple(trials)


def _keep(trial: Trial, keep_in: Path | None) -> None:
    """Keep what `check --output` keeps, in a directory of the trial's own."""
    from perfgate.cli.verdicts import keep  # noqa: PLC0415 - as above

    if keep_in is not None and trial.case and trial.verdict:
        directory = keep_in / trial.harm.kind
        directory.mkdir()
        keep(trial.case, trial.verdict, directory)
