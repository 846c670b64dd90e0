"""Lines of access logs become requests, in the formats that servers have."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perfgate.demand.sources import envoy, nginx
from perfgate.demand.sources.accesslog import Layout, Request, request_line, requests_in
from perfgate.errors import FileFaultsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAYOUTS = {"nginx": nginx.LAYOUT, "envoy": envoy.LAYOUT}

visible = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='"\\?'), min_size=1
)
agents = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters='"\\'))
methods = st.sampled_from(["GET", "POST", "DELETE"])
instants = st.datetimes(datetime(1975, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


def combined(at: datetime, method: str, path: str, agent: str) -> str:
    """Return a line as nginx writes it."""
    stamp = at.strftime("%d/%b/%Y:%H:%M:%S %z")
    return f'10.0.0.1 - ann lee [{stamp}] "{method} {path}?a=b HTTP/1.1" 200 52 "-" "{agent}"'


def default(at: datetime, method: str, path: str, agent: str) -> str:
    """Return a line as Envoy writes it."""
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"
    return (
        f'[{stamp}] "{method} {path}?a=b HTTP/2" 200 - 12 34 5 4 "-" "{agent}" '
        '"1-2-3" "auth:8080" "10.0.0.9:80"'
    )


def nginx_json(at: datetime, method: str, path: str, agent: str) -> str:
    """Return a line of JSON with names of nginx's."""
    fields = {"msec": f"{at.timestamp():.3f}", "request": f"{method} {path}?a=b HTTP/1.1"}
    return json.dumps({**fields, "http_user_agent": agent})


def envoy_json(at: datetime, method: str, path: str, agent: str) -> str:
    """Return a line of JSON with names of Istio's."""
    fields = {"start_time": at.isoformat(), "method": method, "path": f"{path}?a=b"}
    return json.dumps({**fields, "user_agent": agent, "duration": 5})


WAYS: dict[str, tuple[Layout, Callable[[datetime, str, str, str], str]]] = {
    "nginx": (nginx.LAYOUT, combined),
    "nginx json": (nginx.LAYOUT, nginx_json),
    "envoy": (envoy.LAYOUT, default),
    "envoy json": (envoy.LAYOUT, envoy_json),
}


def read(directory: Path, layout: Layout, *lines: str) -> list[Request]:
    """Return the requests in a log with these lines."""
    path = directory / "access.log"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return list(requests_in([path], layout))


@pytest.mark.parametrize("way", WAYS)
@given(at=instants, method=methods, path=visible.map("/".__add__), agent=agents)
def test_lines_say_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    way: str,
    at: datetime,
    method: str,
    path: str,
    agent: str,
) -> None:
    """Law: time, method, path and caller of each line are those that were written."""
    layout, line = WAYS[way]
    [request] = read(tmp_path_factory.mktemp("log"), layout, line(at, method, path, agent))
    assert 0 <= at.timestamp() - request.at_s + 1e-3 <= 1.002
    assert request_line(request.fields, layout) == (method, path)
    assert request.fields[layout.caller] == agent


@pytest.mark.parametrize(
    "agent", ["a \\x22quoted\\x22 one", 'an \\"Apache\\" one', "with \\\\ in it", ""]
)
def test_escapes_do_not_end_a_value(tmp_path: Path, agent: str) -> None:
    """Law: a quote that nginx or Apache escaped is part of the value."""
    at = datetime(2026, 7, 1, tzinfo=UTC)
    [request] = read(tmp_path, nginx.LAYOUT, combined(at, "GET", "/", agent))
    assert request.fields["http_user_agent"] == agent


def test_quotes_that_envoy_does_not_escape(tmp_path: Path) -> None:
    """Law: Envoy escapes nothing; a user agent with quotes in it is read whole all the same."""
    at = datetime(2026, 7, 1, tzinfo=UTC)
    [request] = read(tmp_path, envoy.LAYOUT, default(at, "GET", "/", 'a "b" "c'))
    assert request.fields["user_agent"] == 'a "b" "c'


def test_longer_formats_are_read(tmp_path: Path) -> None:
    """Law: what a format of the user's adds at the end of nginx's own does no harm."""
    at = datetime(2026, 7, 1, tzinfo=UTC)
    line = combined(at, "GET", "/", "gateway/1") + ' "10.1.2.3" 0.005'
    [request] = read(tmp_path, nginx.LAYOUT, line)
    assert request.fields["http_user_agent"] == "gateway/1"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"request": "GET / HTTP/1.1"}, ("GET", "/")),
        ({"request": "GET /a b HTTP/1.1"}, ("GET", "/a b")),
        ({"request": "GET /old"}, ("GET", "/old")),
        ({"request": "\\x16\\x03"}, ("\\x16\\x03", "")),
        ({"request": ""}, ("", "")),
        ({"request": None}, ("", "")),
        ({}, ("", "")),
        ({"request_method": "PUT", "uri": "/b", "request": "GET /c HTTP/1.0"}, ("PUT", "/b")),
        ({"request_method": "PUT", "request_uri": "/a?x", "uri": "/b"}, ("PUT", "/a")),
    ],
)
def test_method_and_path(fields: dict[str, object], expected: tuple[str, str]) -> None:
    """Law: method and path come from fields of their own, else from the request's first line."""
    assert request_line(fields, nginx.LAYOUT) == expected


def test_the_path_that_the_caller_sent_counts() -> None:
    """Law: where Envoy rewrote the path, the original one tells the operation."""
    fields = {"method": "GET", "path": "/v2/x", "x-envoy-original-path": "/x"}
    assert request_line(fields, envoy.LAYOUT) == ("GET", "/x")


@pytest.mark.parametrize("name", LAYOUTS)
def test_another_format_is_one_fault(tmp_path: Path, name: str) -> None:
    """Law: a log of another kind is told once, with what would be right."""
    with pytest.raises(FileFaultsError) as caught:
        read(tmp_path, LAYOUTS[name], *["what is this"] * 100)
    [fault] = caught.value.faults
    assert (fault.line, fault.found) == (1, '"what is this"')
    assert fault.hint.endswith("JSON object on every line")


def test_each_line_that_differs_is_told(tmp_path: Path) -> None:
    """Law: single lines that are not in the format are faults with their lines."""
    good = combined(datetime(2026, 7, 1, tzinfo=UTC), "GET", "/", "a")
    with pytest.raises(FileFaultsError) as caught:
        read(tmp_path, nginx.LAYOUT, good, "oops", good, good.replace("Jul", "Jux"))
    assert [fault.line for fault in caught.value.faults] == [2, 4]


def test_examples_are_in_their_format() -> None:
    """Law: the line that is shown as an example of nginx's is one."""
    example = nginx.LAYOUT.example.removeprefix("like ").partition(", or")[0]
    assert nginx.LAYOUT.text.fullmatch(example)
