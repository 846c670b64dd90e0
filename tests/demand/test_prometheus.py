"""Prometheus is asked in parts, and whatever goes wrong with it is told."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from cli.peers import answering

from perfgate.demand.sources.observed import Naming
from perfgate.demand.sources.prometheus import observe
from perfgate.demand.sources.series import RangeQuery
from perfgate.errors import SourceError, UsageError

if TYPE_CHECKING:
    from perfgate.demand.sources.observed import Observation

TIMES_S = range(1_782_864_000, 1_782_864_000 + 60 * 25_000, 60)


def ask(url: str) -> Observation:
    """Ask the server at ``url`` for 25,000 moments."""
    return observe(RangeQuery(url, "q{a=b}", "caller", "", TIMES_S, 1.0), Naming({}))


def matrix(*rows: object) -> str:
    """Return the text of a good answer."""
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": rows}})


def test_all_parts_are_asked_for_and_count() -> None:
    """Law: the moments are asked for in parts of at most 11,000, and each part can be the peak."""
    asked: list[dict[str, str]] = []

    def answer(query: dict[str, str]) -> tuple[int, str]:
        asked.append(query)
        rate = str(len(asked))
        values = [[int(query["start"]), rate], [int(query["end"]), rate]]
        return 200, matrix({"metric": {"caller": "gateway"}, "values": values})

    with answering(answer) as url:
        found = ask(f"{url}/")

    assert [one.peak_rps for one in found.dependents] == [3.0]
    assert {(query["query"], query["step"]) for query in asked} == {("q{a=b}", "60")}
    covered = [range(int(query["start"]), int(query["end"]) + 60, 60) for query in asked]
    assert [at_s for part in covered for at_s in part] == list(TIMES_S)
    assert max(map(len, covered)) <= 11_000


def test_warnings_are_passed_on() -> None:
    """What Prometheus warns of, an answer that is not whole say, stands by the figures, once."""
    told = json.loads(matrix({"metric": {"caller": "gateway"}, "values": [[TIMES_S[0], "3"]]}))
    text = json.dumps(told | {"warnings": ["a remote store did not answer"]})
    with answering(lambda _: (200, text)) as url:
        remarks = ask(url).remarks
    warned = "Prometheus warns: a remote store did not answer"
    assert [own for own in remarks if own == warned] == [warned]


@pytest.mark.parametrize(
    ("code", "text", "told", "hint"),
    [
        (400, '{"status": "error", "error": "parse error: x"}', "400: parse error: x", "own page"),
        (401, "no", "answered 401: Unauthorized", "netrc"),
        (404, "no", "answered 404: Not Found", "/api/v1/query_range"),
        (422, '{"status": "error", "error": "too many samples"}', "too many samples", "--step"),
        (503, '{"status": "error", "error": "timed out"}', "503: timed out", "--weeks 1"),
        (200, "<html>", "does not answer as Prometheus does", "/api/v1/query_range"),
        (200, '{"status": "success"}', "does not answer as Prometheus does", "/api/v1"),
        (200, matrix({"metric": {}, "histograms": []}), "gives histograms", "gives rates"),
        (200, matrix({"metric": {"caller": "a"}, "values": [3]}), "does not answer as", "rates"),
        (200, matrix(), "there are no figures from 2026-07-01 00:00 to 2026-07-18", "mistyped"),
    ],
)
def test_what_is_no_answer_is_told(code: int, text: str, told: str, hint: str) -> None:
    """Law: a refusal comes with Prometheus's own words, and with what to do about it."""
    with answering(lambda _: (code, text)) as url, pytest.raises(SourceError) as caught:
        ask(url)
    assert told in caught.value.message
    assert hint in caught.value.hint


def test_nobody_there() -> None:
    """Law: a server that does not listen is told with the system's reason, without a password."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(SourceError) as caught:
            ask(f"http://user:secret@{address}")
    assert caught.value.message == f"http://{address}: cannot be reached: Connection refused"


def test_whoever_hangs_up_is_told() -> None:
    """Law: a server that closes the connection without a word is one that cannot be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            server.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(SourceError, match=r"cannot be reached: \w+"):
            ask(f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()


@pytest.mark.parametrize("url", ["127.0.0.1:9090", "http://", "file:///etc/passwd", "ftp://host"])
def test_what_is_no_address_is_refused(url: str) -> None:
    """Law: nothing is asked where the address cannot be that of a Prometheus."""
    with pytest.raises(UsageError, match="is not the address of a Prometheus"):
        ask(url)
