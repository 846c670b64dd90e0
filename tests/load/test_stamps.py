"""Laws of watched sockets, with Locust's own clients in a process of their own and real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from load.plain_server import GAP_S, PIECES, plain_server, write_certificate
from perfgate.load.plan import Outcome

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parent.parent
PATIENCE_S = 0.3
LIMIT_S = 120
# In the order of the exercise: the task's number within a client's turn.
LARGE, PIECEWISE, MUTE, ASKED, CROWDED = 0, 1, 2, slice(3, 10), slice(11, 14)
TASKS = 14
CLIENTS = {"http": ["fast", "plain", "lean"], "https": ["fast", "plain"]}
TURNS = [(scheme, client) for scheme, clients in CLIENTS.items() for client in clients]

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, Any]:
    """Return what the exercise wrote: rows by (scheme, client), and more."""
    certificate = tmp_path_factory.mktemp("tls") / "certificate.pem"
    write_certificate(certificate)
    with plain_server() as plain, plain_server(certificate) as tls:
        done = subprocess.run(
            (sys.executable, "-m", "load.exercise_sockets", plain.url, tls.url),
            env=os.environ | {"PYTHONPATH": str(TESTS)},
            check=True,
            stdout=subprocess.PIPE,
            timeout=LIMIT_S,
        )
    told: dict[Any, Any] = json.loads(done.stdout)
    columns = {n: values for n, values in told["rows"].items() if not n.startswith("window_")}
    rows = iter(
        [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    )
    return told | {turn: list(islice(rows, TASKS)) for turn in TURNS}


def of(seen: dict[Any, Any], scheme: str, client: str) -> Rows:
    """Return the rows of one client at one server."""
    rows: Rows = seen[scheme, client]
    return rows


every_turn = pytest.mark.parametrize(("scheme", "client"), TURNS)
every_client = pytest.mark.parametrize("client", CLIENTS["http"])


@every_turn
def test_a_large_body_arrives_whole(seen: dict[Any, Any], scheme: str, client: str) -> None:
    """Law: a body larger than every buffer arrives as it was, through TLS encrypted.

    The server reads slowly; one of TLS hangs up on whatever is not encrypted.
    """
    row = of(seen, scheme, client)[LARGE]

    assert row["failure"] == ""
    assert row["status"] == 200


@every_turn
def test_an_answer_in_pieces_is_read_whole(seen: dict[Any, Any], scheme: str, client: str) -> None:
    """Law: an answer has ended when its last piece has come."""
    row = of(seen, scheme, client)[PIECEWISE]

    assert (row["failure"], row["size_bytes"]) == ("", 500)
    assert row["ended_s"] - row["sent_s"] >= GAP_S * PIECES


@every_client
def test_the_stamp_is_that_of_the_last_piece(seen: dict[Any, Any], client: str) -> None:
    """Law: an answer was received when its last piece was, and only then."""
    row = of(seen, "http", client)[PIECEWISE]

    assert row["received_s"] - row["sent_s"] >= GAP_S * PIECES
    assert row["received_s"] <= row["ended_s"]


@every_turn
def test_a_client_does_not_wait_for_ever(seen: dict[Any, Any], scheme: str, client: str) -> None:
    """Law: a client's own timeout ends the wait for an answer that never comes."""
    row = of(seen, scheme, client)[MUTE]

    assert row["outcome"] == Outcome.FAILED
    assert "timed out" in row["failure"].lower()
    assert row["ended_s"] - row["started_s"] >= PATIENCE_S


@every_turn
def test_what_the_server_closed_is_not_used_again(
    seen: dict[Any, Any], scheme: str, client: str
) -> None:
    """Law: an idle connection is used again if it is open; if it was closed, nobody fails for it.

    After a connection was given up for its silence comes a new one; the server hangs up after
    the third, fourth and sixth answer.
    """
    rows = of(seen, scheme, client)[ASKED]

    assert [row["failure"] for row in rows] == [""] * 7
    assert [row["connects"] for row in rows] == [1, 0, 0, 1, 1, 0, 1]


@every_turn
def test_connections_are_kept_among_many_files(
    seen: dict[Any, Any], scheme: str, client: str
) -> None:
    """Law: with more than 1024 files open, connections are used again just as well."""
    rows = of(seen, scheme, client)[CROWDED]

    assert [row["failure"] for row in rows] == [""] * 3
    assert [row["connects"] for row in rows] == [1, 0, 0]


def test_what_must_not_wait_does_not(seen: dict[Any, Any]) -> None:
    """Law: to read from a socket without patience fails at once while nothing has come."""
    assert seen["at_once"] is True
