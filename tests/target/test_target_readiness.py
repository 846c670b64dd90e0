"""One question to a real socket: the status, or in plain words why there is none."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from perfgate.target.ports import free_port
from perfgate.target.readiness import Answer, ask

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def answering(answer: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """Serve one caller these bytes (None: be silent); yield the URL and what was asked."""
    heard: list[bytes] = []
    hold = threading.Event()

    def serve() -> None:
        caller, _ = listener.accept()
        with caller:
            heard.append(caller.recv(65536))
            if answer is None:
                hold.wait(5)
            else:
                caller.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        finally:
            hold.set()
            thread.join()


@pytest.mark.parametrize(
    ("line", "ok"),
    [("200 OK", True), ("204 No Content", True), ("503 Busy", False), ("404 No", False)],
)
def test_only_2xx_is_ready(line: str, ok: bool) -> None:
    """Law: an answer is ok exactly when its status is 2xx, and says the status."""
    with answering(f"HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n".encode()) as (url, _):
        assert ask(url, 2) == Answer(ok=ok, told=f"status {line[:3]}")


def test_a_redirect_is_not_followed() -> None:
    """Law: a build cannot send the question elsewhere."""
    with answering(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\n\r\n") as (url, _):
        assert ask(url, 2) == Answer(ok=False, told="status 302")


def test_no_proxy_answers_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Law: proxies in the environment are not asked."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (url, _):
        assert ask(url, 2).ok


def test_path_and_query_are_asked_for() -> None:
    """Law: the request line carries the whole path and query."""
    with answering(b"HTTP/1.1 200 OK\r\n\r\n") as (url, heard):
        ask(url + "/a/b?c=d", 2)

    assert heard[0].startswith(b"GET /a/b?c=d HTTP/1.1\r\n")


def test_the_body_is_not_waited_for() -> None:
    """Law: a status is enough, a body that never ends does not matter."""
    with answering(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx") as (url, _):
        assert ask(url, 2).ok


def test_silence_is_told_as_silence() -> None:
    """Law: a listener that never answers is not ok."""
    with answering(None) as (url, _):
        assert ask(url, 0.05) == Answer(ok=False, told="no answer in time")


def test_refusal_is_told_as_refusal() -> None:
    """Law: without a listener the answer says so."""
    assert ask(f"http://127.0.0.1:{free_port()}", 2) == Answer(ok=False, told="connection refused")


@pytest.mark.parametrize("answer", [b"", b"\x00\xff\x1b[2J garbage\r\n\r\n", b"SSH-2.0-x\r\n"])
def test_what_is_no_http_is_not_ok(answer: bytes) -> None:
    """Law: whatever a listener says, the answer is a value fit to print, never an exception."""
    with answering(answer) as (url, _):
        told = ask(url, 2)

    assert not told.ok
    assert told.told.isprintable()


@pytest.mark.parametrize("url", ["http://", "http://127.0.0.1:99999/", "http://127.0.0.1:x/"])
def test_a_url_that_leads_nowhere_is_not_ok(url: str) -> None:
    """Law: an impossible URL is an answer too, never an exception."""
    assert not ask(url, 0.2).ok
