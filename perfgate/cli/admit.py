"""``perfgate demand admit``: whether a dependent may send what it means to send."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from perfgate.cli import options
from perfgate.cli.console import print_report, say
from perfgate.errors import UsageError

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from perfgate.baseline.capacity import CapacityRecord
    from perfgate.demand.ledger import Ledger, Spread
    from perfgate.demand.question import Question

# The names in perfgate.report.admission's registry; a test holds both equal.
FORMAT_NAMES = ("terminal", "json", "markdown")


@click.command()
@options.of
@options.ref
@options.profile
@click.option(
    "--dependent", "-d", required=True, help="Who means to send more; a new one needs --file."
)
@click.option("--scale", type=options.Scale(), help="Factor on its peak: 1.4, or 1.2,1.4,1.7.")
@click.option("--add", type=options.Figure(), help="Requests per second on top of its peak.")
@click.option("--file", type=options.PATH, help="Ledger with its entry as it is to be, or new.")
@click.option(
    "--from",
    "start",
    type=options.Day(),
    help="First day of it; today if not given. Without --scale, --add or --file: what the ledger "
    "plans for that day.",
)
@click.option("--what", default="", help="The change in words; the same words are the same change.")
@click.option(
    "--with",
    "other",
    type=options.PATH,
    help="Measurement or record of another build that is about to ship: in which order, then?",
)
@click.option("--on", "today", type=options.Day(), help="Day of asking; today if not given.")
@options.format_of(FORMAT_NAMES, "How the answer is printed.")
def admit(
    of: str,
    ref: str | None,
    profile: str,
    dependent: str,
    scale: Spread | None,
    add: float | None,
    file: Path | None,
    start: date | None,
    what: str,
    other: Path | None,
    today: date | None,
    format_: str,
) -> int:
    """Judge whether a dependent may send more, without any load.

    The change is held against the service's capacity of record and all else that is planned.
    """
    if sum(each is not None for each in (scale, add, file)) > 1:
        raise UsageError(
            "--scale, --add and --file are three ways to say one thing", hint="Give one."
        )
    # These import pydantic and numpy, which --help need not wait for.
    from perfgate.baseline.origin import read_origin  # noqa: PLC0415 - see above
    from perfgate.cli.otherbuild import build_in  # noqa: PLC0415 - see above
    from perfgate.report.admission import FORMATS  # noqa: PLC0415 - see above
    from perfgate.verdict.admission import admission  # noqa: PLC0415 - see above

    now = today or options.today()
    record = read_origin(of, ref, profile)
    asked = _question(record, dependent, start or now, what, scale, add, file)
    if asked.on < now:
        say(f"note: {asked.on} is past: judged as of {now}")
        asked = replace(asked, on=now)
    answer = admission(record, asked, now, None if other is None else build_in(other, record))
    print_report(FORMATS[format_](answer))
    return int(answer.verdict.exit_code())


def _question(
    record: CapacityRecord,
    name: str,
    on: date,
    what: str,
    scale: Spread | None,
    add: float | None,
    file: Path | None,
) -> Question:
    from perfgate.demand.ledger import Change  # noqa: PLC0415 - as above
    from perfgate.demand.question import changed, planned, replaced  # noqa: PLC0415

    ledger, words = record.ledger, what.strip()
    if file is not None:
        entries = _entries_in(file, record)
        return replaced(ledger, entries, name, on, words or f"its entry in {file}")
    if scale is not None:
        more = words or f"{'-'.join(f'{one:g}' for one in dict.fromkeys(scale))} times its peak"
        return changed(ledger, name, Change(effective_from=on, what=more, scale=scale))
    if add is not None:
        more = words or f"{add:g}/s more"
        return changed(ledger, name, Change(effective_from=on, what=more, add_rps=add))
    return planned(ledger, name, on)


def _entries_in(file: Path, record: CapacityRecord) -> Ledger:
    """Return the ledger in the file, and tell of operations that may be misspelt ones.

    What resembles no operation of the service is a new one.
    """
    from perfgate.demand.ledger import check_operations, load_ledger  # noqa: PLC0415 - as above
    from perfgate.tomlfile import near_match  # noqa: PLC0415 - as above

    entries, work = load_ledger(file), record.work
    known = {*work.mix, *work.weights, *record.ledger.timeouts_s()}
    new = {name for name in entries.timeouts_s() if not near_match(name, known)}
    for own in check_operations(file, entries, known | new):
        place = "" if own.line is None else f":{own.line}"
        say(f"note: {file}{place}: {record.service} has no operation {own.found}: {own.hint}")
    return entries
