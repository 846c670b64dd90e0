"""A range query to Prometheus becomes what each dependent sends at its peak.

It is the one door to the network; what series mean is :mod:`perfgate.demand.sources.series`'
to say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from perfgate.demand.sources.series import chunks, observation_of, series_of, warnings_in
from perfgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from requests import Response

    from perfgate.demand.sources.observed import Naming, Observation
    from perfgate.demand.sources.series import RangeQuery, Series

PATH = "/api/v1/query_range"
CONNECT_S, READ_S = 10.0, 180.0


def observe(query: RangeQuery, naming: Naming) -> Observation:
    """Ask Prometheus and return what each dependent sends.

    Raises UsageError for an address that is none, and SourceError where Prometheus cannot be
    reached, refuses the query, or has no figures for it.
    """
    _check_address(query)
    bodies = [_asked(query, part) for part in chunks(query.times_s)]
    series = [one for body in bodies for one in _read(query, body)]
    warned = [each for body in bodies for each in warnings_in(body)]
    return observation_of(query, series, naming, warned)


def _asked(query: RangeQuery, part: range) -> object:
    """Ask for one part of the moments: the one function that uses the network."""
    import requests  # noqa: PLC0415 - a tenth of a second, which only this source needs

    asked: dict[str, str | int] = {
        "query": query.expression,
        "start": part[0],
        "end": part[-1],
        "step": part.step,
    }
    address = query.url.rstrip("/") + PATH
    try:
        answer = requests.get(address, params=asked, timeout=(CONNECT_S, READ_S))
    except requests.RequestException as error:
        raise SourceError(
            f"{query.place}: cannot be reached: {_reason(error)}",
            hint="Name the address of Prometheus, like http://127.0.0.1:9090, and see that it is "
            "up and can be reached from here.",
        ) from error
    return _answered(query, answer)


def _answered(query: RangeQuery, answer: Response) -> object:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not answer.ok:
        raise _refusal(query, answer, body)
    return body


def _read(query: RangeQuery, body: object) -> list[Series]:
    try:
        return series_of(body)
    except (ValueError, TypeError) as error:
        raise SourceError(
            f"{query.place}: does not answer as Prometheus does: {error}",
            hint=f"The address is that to which {PATH} is added; the query gives rates.",
        ) from error


def _refusal(query: RangeQuery, answer: Response, body: object) -> SourceError:
    told = body.get("error") if isinstance(body, dict) else None
    hints = {
        400: "Try the query on Prometheus's own page first.",
        401: "Credentials can stand in ~/.netrc.",
        403: "Credentials can stand in ~/.netrc.",
        404: f"The address is that to which {PATH} is added.",
    }
    hint = hints.get(answer.status_code, "Ask for less: --weeks 1, or --step 300s.")
    message = f"{query.place}: answered {answer.status_code}: {told or answer.reason}"
    return SourceError(message, hint=hint)


def _check_address(query: RangeQuery) -> None:
    if not re.match(r"https?://[^/\s]+", query.url):
        raise UsageError(
            f"{query.place} is not the address of a Prometheus",
            hint="Give it like http://127.0.0.1:9090.",
        )


def _reason(error: Exception) -> str:
    """Return what the system said, which requests wraps in several layers of its own."""
    found = re.search(r"\[Errno -?\d+\] ([^'\")]+)", str(error))
    return found[1] if found else type(error).__name__
