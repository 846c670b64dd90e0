"""A URL passes through and its first words come back: the status, or why there was none.

It asks once and neither waits, retries nor judges.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

_OK = range(200, 300)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: ``ok`` says 2xx, ``told`` is what to show people."""

    ok: bool
    told: str


def ask(url: str, timeout_s: float) -> Answer:
    """GET an ``http://`` URL and read its status line only.

    http.client knows no proxies and follows no redirects: a build cannot send us elsewhere, and
    the environment cannot make something else answer in its place.
    """
    parts = urlsplit(url)
    path = parts.path or "/"
    connection: http.client.HTTPConnection | None = None
    try:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
        connection.request("GET", f"{path}?{parts.query}" if parts.query else path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(ok=False, told=_reason(error))
    finally:
        if connection is not None:
            connection.close()
    return Answer(ok=status in _OK, told=f"status {status}")


def _reason(error: Exception) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case http.client.RemoteDisconnected():
            return "connection closed without an answer"
        case OSError() if error.strerror:
            return error.strerror.lower()
        case _:
            return f"no HTTP answer ({type(error).__name__})"
