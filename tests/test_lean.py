"""Laws of the lean client: under plain Locust and under perfgate, at real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from load.plain_server import plain_server
from load.runs import HEADER, completed, open_plan, steady, tiny_server

from perfgate.load.plan import Outcome, Phase

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCUSTFILE = Path(__file__).parent / "lean_locustfile.py"
LIMIT_S = 60
IDENTITIES = 4

UNDER_LOAD = """
from perfgate.lean import LeanHttpUser

class Caller(LeanHttpUser):
    @task
    def fetch(self):
        assert self.client.get("/ok", name="fetch").text == "ok"

    @task
    def wrong(self):
        assert self.client.get("/wrong").text == "ok", "a wrong body"

    @task
    def error(self):
        self.client.get("/error")
"""


def locust(url: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run plain Locust with the Locust file until it ends by itself."""
    return subprocess.run(
        (
            *(sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless", "--users", "1"),
            *("-H", url, "--json", "--exit-code-on-error", "0"),
        ),
        cwd=directory,
        env=os.environ | {"ANSWERS_FILE": str(directory / "answers.json")},
        check=False,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what Locust and the server were told in a run of plain Locust."""
    directory = tmp_path_factory.mktemp("lean")
    with plain_server() as server:
        done = locust(server.url, directory)
        assert done.returncode == 0, done.stderr
        heads = [head.decode("latin-1") for head in server.seen]
    noted: dict[str, Any] = json.loads((directory / "answers.json").read_text())
    named = {told["name"]: told for told in noted["told"]}
    return noted | {"named": named, "heads": heads, "accepted": server.accepted, "log": done}


def texts(told: Iterable[dict[str, Any]]) -> list[tuple[int, str, str]]:
    """Return status, body and failure of requests."""
    return [(row["status"], row["text"], row["failure"]) for row in told]


def test_answers_are_read_whole(seen: dict[str, Any]) -> None:
    """Law: bodies with a length, in chunks, to the end of the connection or absent are whole."""
    assert texts(seen["told"][:9]) == [
        (200, "ok", ""),
        (204, "", ""),
        (200, "hello, world!!!", ""),
        (200, "ok", ""),
        (200, "ok", ""),
        (200, "ok", ""),
        (200, "to the end", ""),
        (200, "ok", ""),
        (200, "ok", ""),
    ]


def test_what_went_wrong_is_told(seen: dict[str, Any]) -> None:
    """Law: an error, a redirect and an answer that cannot be read are failures that say so."""
    assert texts(seen["told"][9:15]) == [
        (503, "busy", "ResponseError: code=503"),
        (302, "", "ResponseError: code=302: LeanHttpUser follows no redirect, as here to /ok"),
        (0, "", "ConnectionError: the server closed the connection before a whole answer"),
        (
            *(0, ""),
            "ValueError: LeanHttpUser knows no transfer encoding but chunked: gzip, chunked",
        ),
        (0, "", "ValueError: no answer of HTTP/1.1: 220 mail.example ESMTP"),
        (0, "", "TimeoutError: timed out"),
    ]
    assert texts(seen["told"][15:16]) == [(200, "ok", "")]


def test_one_connection_is_kept_while_it_can_be(seen: dict[str, Any]) -> None:
    """Law: there is a new connection only after the old one ended, by either side or in words.

    That is after /close, /old, /once, /cut, /squeezed, /noise and /mute; and after /ahead, whose
    server answers what was not asked yet.
    """
    assert seen["accepted"] == 9


def test_requests_are_as_asked(seen: dict[str, Any]) -> None:
    """Law: methods, bodies and headers go out as given, a body with its length and type."""
    form, text, own_json, delete, head = seen["heads"][-5:]

    assert form.startswith("POST /ok HTTP/1.1\r\nHost: 127.0.0.1:")
    assert "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 14" in form
    assert "X-Test: default\r\n" in form
    assert "X-Test: own\r\nContent-Length: 5" in text
    assert "Content-Type: application/json\r\nContent-Length: 10" in own_json
    assert own_json.startswith("PUT /ok ")
    assert delete.startswith("DELETE /ok ")
    assert "Content-" not in delete
    assert head.startswith("HEAD /ok ")


def test_locust_is_told_as_by_its_own_clients(seen: dict[str, Any]) -> None:
    """Law: Locust's statistics get type, name, time and length of each request."""
    first, named = seen["told"][0], seen["named"]

    assert (first["request_type"], first["name"], first["response_length"]) == ("GET", "/ok", 2)
    assert first["url"].endswith("/ok")
    assert named["/mute"]["response_time"] >= 300
    assert {"form", "text", "json", "delete", "head"} <= set(named)
    stats = {row["name"]: row["num_requests"] for row in json.loads(seen["log"].stdout)}
    assert stats["/ok"] == 3
    assert stats["json"] == 1


def test_paths_that_would_break_a_request_are_refused(seen: dict[str, Any]) -> None:
    """Law: a path that cannot be sent as it is raises in the task, and names itself."""
    assert [
        words.endswith(repr(path))
        for words, path in zip(
            seen["refused"], ("ok", "http://127.0.0.1/ok", "/not encoded"), strict=True
        )
    ] == [True] * 3


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "http://me:secret@127.0.0.1:1"])
def test_hosts_it_cannot_ask_are_refused(tmp_path: Path, url: str) -> None:
    """Law: a host with TLS or a password ends the run with a message that says what is needed."""
    done = locust(url, tmp_path)

    assert "LeanHttpUser needs a host like http://127.0.0.1:80, " in done.stderr
    assert "secret" not in done.stderr
    assert not (tmp_path / "answers.json").exists()


@pytest.mark.slow
def test_under_perfgate_it_is_a_client_like_others(tmp_path: Path) -> None:
    """Law: its arrivals have status, outcome, the kernel's stamp, and one connection each."""
    mix = {"fetch": 2.0, "wrong": 1.0, "error": 1.0}
    with tiny_server() as server:
        plan = open_plan(server.host(), mix=mix, identities=IDENTITIES)
        journal = completed(tmp_path, HEADER + UNDER_LOAD, plan, steady(100, 1.0, mix))
    rows = {
        name: column[journal.rows["phase"] == Phase.OPEN] for name, column in journal.rows.items()
    }
    by_name = {
        name: rows["operation"] == journal.operations.index(name) for name in journal.operations
    }

    assert set(rows["outcome"][by_name["fetch"]]) == {Outcome.OK}
    assert set(rows["outcome"][by_name["error"]]) == {Outcome.FAILED}
    assert set(rows["status"][by_name["error"]]) == {500}
    assert set(rows["status"][by_name["wrong"]]) == {200}
    assert {journal.failures[code] for code in rows["failure"]} == {
        "",
        "AssertionError: a wrong body",
        "ResponseError: code=500",
    }
    assert (rows["sent_s"] <= rows["received_s"]).all()
    assert np.all(rows["received_s"] <= rows["ended_s"])
    assert rows["connects"].sum() <= IDENTITIES
