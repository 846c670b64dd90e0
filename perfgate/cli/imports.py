"""``perfgate demand import``: each source of demand with its own options."""

from __future__ import annotations

import functools
import re
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from perfgate.cli import options
from perfgate.cli.proposals import into_ledger, with_options
from perfgate.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.demand.sources.accesslog import Layout
    from perfgate.demand.sources.observed import Naming, Observation

    Requests = tuple[str, str]

DAY_S = 86_400
# Of a user agent like "gateway/2.1 (linux)" the name of the product (RFC 9110, 10.1.5).
PRODUCT = r"[^/\s]+"
ANYTHING = r".+"


@click.group("import")
def command() -> None:
    """Propose entries of the ledger from what a source saw of the callers.

    The proposal is shown as a diff; nothing is written without --write.
    """


def _requests(
    _ctx: click.Context, _param: click.Parameter, words: Sequence[str]
) -> tuple[Requests, ...]:
    return tuple(map(_method_and_path, words))


def _operations(
    _ctx: click.Context, _param: click.Parameter, words: Sequence[str]
) -> tuple[tuple[str, Requests], ...]:
    parts = [word.partition("=") for word in words]
    for word, (name, _, requests) in zip(words, parts, strict=True):
        if not (name.strip() and requests.strip()):
            raise click.BadParameter(f"{word!r} is not like 'token=POST /token'")
    return tuple((name.strip(), _method_and_path(requests)) for name, _, requests in parts)


def _method_and_path(text: str) -> Requests:
    match text.split():
        case [path]:
            return "*", path
        case [method, path]:
            return method.upper(), path
    raise click.BadParameter(f"{text!r} is not like 'POST /token' or '/users/*'")


def _pattern(
    _ctx: click.Context, _param: click.Parameter, text: str | None
) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text)
    except re.error as error:
        raise click.BadParameter(f"{text!r} is not a regular expression: {error}") from error


_LOG = (
    click.argument("logs", nargs=-1, required=True, type=options.PATH),
    click.option("--by", help="Field that tells the caller; the user agent's if not given."),
    click.option(
        "--name",
        callback=_pattern,
        metavar="REGEX",
        help="Part of the field that is the caller's name (the first group, if there is one); "
        "all of it, or a user agent's product, if not given.",
    ),
    click.option(
        "--operation",
        "operations",
        multiple=True,
        callback=_operations,
        metavar="'NAME=METHOD PATH'",
        help="Requests that are an operation; * stands for any text. Repeatable.",
    ),
    click.option(
        "--skip",
        multiple=True,
        callback=_requests,
        metavar="'METHOD PATH'",
        help="Requests that are no operation and do not count. Repeatable.",
    ),
    click.option(
        "--window",
        type=options.Duration(),
        default=60.0,
        show_default="60s",
        help="The peak is the rate in the busiest window of this length.",
    ),
)


@command.command()
@click.argument("url")
@click.option("--query", required=True, help="PromQL for requests per second, by caller.")
@click.option("--label", required=True, help="Label that tells the caller.")
@click.option("--operation-label", default="", help="Label that tells the operation, if any does.")
@click.option(
    "--weeks", type=click.IntRange(1, 520), default=2, show_default=True, help="How long to look."
)
@click.option("--until", type=options.Day(), help="Last day (UTC) to look at; now if not given.")
@click.option(
    "--step",
    type=options.Duration(),
    default=60.0,
    show_default="60s",
    help="Time between two figures.",
)
@click.option(
    "--quantile",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.999,
    show_default=True,
    help="The peak is exceeded by no more of the figures than the rest of 1.",
)
@into_ledger
def prometheus(
    naming: Naming,
    url: str,
    query: str,
    label: str,
    operation_label: str,
    weeks: int,
    until: date | None,
    step: float,
    quantile: float,
) -> Observation:
    r"""Take the peaks from the Prometheus at URL.

    \b
    perfgate demand import prometheus http://127.0.0.1:9090 --label caller \\
      --query 'sum by (caller) (rate(http_requests_total{job="auth"}[1m]))'
    """
    step_s = _whole(step)
    from perfgate.demand.sources.prometheus import observe  # noqa: PLC0415 - it takes a while
    from perfgate.demand.sources.series import RangeQuery, moments  # noqa: PLC0415 - as above

    times_s = moments(_end_s(until), weeks, step_s)
    return observe(RangeQuery(url, query, label, operation_label, times_s, quantile), naming)


@command.command()
@functools.partial(with_options, _LOG)
@into_ledger
def nginx(naming: Naming, **given: Any) -> Observation:
    """Take the peaks from access LOGS of nginx: combined or JSON, plain or packed by gzip."""
    from perfgate.demand.sources.nginx import LAYOUT  # noqa: PLC0415 - it takes a while

    return _from_logs(LAYOUT, naming, **given)


@command.command()
@functools.partial(with_options, _LOG)
@into_ledger
def envoy(naming: Naming, **given: Any) -> Observation:
    """Take the peaks from access LOGS of Envoy: default or JSON, plain or packed by gzip."""
    from perfgate.demand.sources.envoy import LAYOUT  # noqa: PLC0415 - it takes a while

    return _from_logs(LAYOUT, naming, **given)


def _from_logs(
    layout: Layout,
    naming: Naming,
    *,
    logs: Sequence[Path],
    by: str | None,
    name: re.Pattern[str] | None,
    operations: Sequence[tuple[str, Requests]],
    skip: Sequence[Requests],
    window: float,
) -> Observation:
    from perfgate.demand.sources.accesslog import requests_in  # noqa: PLC0415 - it takes a while
    from perfgate.demand.sources.tally import (  # noqa: PLC0415 - as above
        UNTOLD,
        Reading,
        Rule,
        observation_of,
    )

    twice = [str(log) for log in logs if [*map(Path.resolve, logs)].count(log.resolve()) > 1]
    if twice:
        raise UsageError(
            f"{twice[0]} is named twice, so that its requests would count twice",
            hint="Name every log once.",
        )
    field = by or layout.caller
    named = name or re.compile(PRODUCT if field == layout.caller else ANYTHING)
    rules = [Rule(operation, *requests) for operation, requests in operations]
    rules += [Rule(None, *requests) for requests in skip]
    rules += [] if operations else [Rule(UNTOLD, "*", "*")]
    reading = Reading(field, named, tuple(rules), window)
    return observation_of(requests_in(logs, layout), layout, reading, naming)


def _whole(step: float) -> int:
    """Return the step in whole seconds."""
    if step != int(step):
        raise UsageError(f"--step {step:g}s is not in whole seconds", hint="Give it like 60s.")
    return int(step)


def _end_s(until: date | None) -> int:
    """Return the end of a day in seconds since 1970, or now, whichever comes first."""
    now_s = int(time.time())
    if until is None:
        return now_s
    midnight = datetime(until.year, until.month, until.day, tzinfo=UTC)
    return min(now_s, int(midnight.timestamp()) + DAY_S)
