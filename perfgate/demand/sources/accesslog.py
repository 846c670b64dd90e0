"""A line of an access log becomes a request: its time, and its fields by name.

How a server writes its lines is told by its :class:`Layout`; what the requests add up to is
:mod:`perfgate.demand.sources.tally`'s to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from perfgate.logfile import LineError, field_s, json_fields, read_log, time_field, time_s

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """How ``server`` writes its lines: as JSON, or as ``text``, whose groups are the fields then.

    ``time`` is the group of the time, ``status`` that of the response. Fields are called alike in
    both. ``caller`` is the one that tells the caller, if no other is named; the first of
    ``methods`` and of ``paths`` that a line has counts, and ``request`` holds both ("GET /token
    HTTP/1.1") where it has none of them.
    """

    server: str
    text: re.Pattern[str]
    time: str
    caller: str
    status: str
    methods: tuple[str, ...]
    paths: tuple[str, ...]
    request: str
    example: str


class Request(NamedTuple):
    """What a line tells: when, and everything else as it stands."""

    at_s: float
    fields: Mapping[str, object]


def requests_in(paths: Iterable[Path], layout: Layout) -> Iterator[Request]:
    """Yield the requests in logs, plain or packed; the logs may come in any order.

    Raises UsageError for a log that cannot be read, and FileFaultsError for lines that are not in
    the layout.
    """
    for path in paths:
        yield from read_log(path, lambda first: _reader(first, layout))


def request_line(fields: Mapping[str, object], layout: Layout) -> tuple[str, str]:
    """Return method and path of a request, without what follows "?"; both may be empty."""
    method, path = (_first(fields, names) for names in (layout.methods, layout.paths))
    if not path:
        method, _, rest = str(fields.get(layout.request) or "").partition(" ")
        path = rest.rpartition(" ")[0] or rest
    return method, path.partition("?")[0]


def _reader(first: str, layout: Layout) -> Callable[[str], Request]:
    if first.startswith("{"):
        name = time_field(first)
        return lambda line: _json_request(line, name)
    _text_request(first, layout)
    return lambda line: _text_request(line, layout)


def _json_request(line: str, time_name: str) -> Request:
    fields = json_fields(line)
    return Request(field_s(fields, time_name), fields)


def _text_request(line: str, layout: Layout) -> Request:
    found = layout.text.match(line)
    if found is None:
        raise LineError(f"is not as {layout.server} writes it", line, layout.example)
    return Request(time_s(found[layout.time]), found.groupdict())


def _first(fields: Mapping[str, object], names: Iterable[str]) -> str:
    return next((str(fields[name]) for name in names if fields.get(name)), "")
