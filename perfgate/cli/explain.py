"""``perfgate demand explain``: what each lever does to headroom and retries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import put
from perfgate.errors import UsageError

if TYPE_CHECKING:
    from datetime import date

    from perfgate.demand.ledger import Budget
    from perfgate.demand.levers import Lever
    from perfgate.verdict.matter import State


@click.command()
@options.of
@options.ref_here
@options.profile
@click.option("--on", type=options.Day(), help="Day whose demand counts; today if not given.")
@click.option("--dependent", "-d", help="Who does it; if not given, all who then retry less.")
@click.option("--attempts", type=click.IntRange(1, 1000), help="Most attempts per call.")
@click.option("--budget", type=options.RetryBudget(), help="Retry budget, like per_success:0.1.")
@click.option("--timeout", type=options.Seconds(), help="Time waited for an answer, like 2s.")
@click.option(
    "--instances",
    type=click.IntRange(-100_000, 100_000),
    default=0,
    help="So many more or fewer, like +1.",
)
@click.option(
    "--imbalance", type=float, help="Load of the busiest instance over the mean; 1: even."
)
@click.option(
    "--picture",
    is_flag=True,
    help="Show instead queue and goodput around a stall, as it is and with all that is given; if "
    "that is nothing, with the least that ends the danger.",
)
def explain(
    of: str,
    ref: str,
    profile: str,
    on: date | None,
    dependent: str | None,
    attempts: int | None,
    budget: Budget | None,
    timeout: float | None,
    instances: int,
    imbalance: float | None,
    picture: bool,
) -> None:
    """Show how levers, alone and together, would move headroom and the danger of retries.

    Without levers, those that would help most are shown.
    """
    # These import pydantic and numpy, which --help need not wait for.
    from perfgate.baseline.origin import read_origin  # noqa: PLC0415 - see above
    from perfgate.demand.levers import Lever  # noqa: PLC0415 - see above
    from perfgate.demand.remedies import suggestions  # noqa: PLC0415 - see above
    from perfgate.report.levers import render_levers  # noqa: PLC0415 - see above
    from perfgate.verdict.matter import State, capacity_of  # noqa: PLC0415 - see above

    record = read_origin(of, ref, profile)
    day = on or options.today()
    state = State(record.ledger, day, capacity_of(record, record.mixed))
    scene = state.scene
    asked = Lever(attempts, budget, timeout, instances, imbalance, dependent)
    _refuse_impossible(scene.instances, asked)
    if picture:
        put(_drawn(state, asked))
        return
    each = asked.each or suggestions(scene, dependent)
    together = asked if len(asked.each) > 1 else None
    put(render_levers(record, state, each, together))


def _drawn(state: State, asked: Lever) -> str:
    from perfgate.report.picture import render_picture  # noqa: PLC0415 - as above

    return render_picture(state, asked if asked.each else None)


def _refuse_impossible(there: int, asked: Lever) -> None:
    from perfgate.verdict.finding import counted  # noqa: PLC0415 - as above

    left = there + asked.instances
    if left < 1:
        raise UsageError(
            f"--instances {asked.instances:+d} would leave none of {counted(there, 'instance')}",
            hint="Leave one at least.",
        )
    if asked.imbalance is not None and not 1 <= asked.imbalance <= left:
        raise UsageError(
            f"--imbalance {asked.imbalance:g} cannot be with {counted(left, 'instance')}",
            hint="A single one gets just the mean load, 1."
            if left == 1
            else f"The busiest one gets from 1 to {left} times the mean load.",
        )
