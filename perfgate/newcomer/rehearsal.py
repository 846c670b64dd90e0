"""A guess of how a service starts passes through, and is tried: what it answers comes out.

The service is started once, asked a few dozen times, and stopped. It gets no load.
"""

from __future__ import annotations

import http.client
import json
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from perfgate.config.models import Target
from perfgate.errors import TargetError
from perfgate.newcomer.openapi import Request, requests_of
from perfgate.tail import tail
from perfgate.target.ports import ports_of
from perfgate.target.process import start_target
from perfgate.target.readiness import ask
from perfgate.verdict.finding import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from perfgate.newcomer.clues import Start
    from perfgate.target.process import RunningTarget

SPEC_PATHS = ("/openapi.json", "/swagger.json", "/v3/api-docs", "/api/openapi.json")
READY_PATHS = (
    *("/healthz", "/health", "/readyz", "/ready", "/livez", "/ping", "/status", "/"),
    *SPEC_PATHS,
)
# Beyond these, nobody would read the Locust file.
MOST_REQUESTS = 12
PATIENCE_S = 20.0
ANSWER_S = 2.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Tried:
    """A request, and what the service said to it: a status, or why there was none."""

    request: Request
    told: str
    good: bool


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A start that works, where it answers 2xx, and the requests that were tried.

    ``described``: they are those of an OpenAPI document.
    """

    start: Start
    ready: str
    tried: tuple[Tried, ...]
    described: bool

    @property
    def operations(self) -> tuple[Request, ...]:
        """Return the requests that were answered well."""
        return tuple(own.request for own in self.tried if own.good)


def rehearse(
    root: Path, starts: Sequence[Start], spec: str | None, ready: Sequence[str] = READY_PATHS
) -> Rehearsal:
    """Return what came of the first start that works, which answers 2xx at one of ``ready``.

    Raises TargetError, with what each said, where none does.
    """
    faults = []
    for start in starts:
        try:
            return _rehearsed(root, start, spec, ready)
        except TargetError as error:
            faults.append(f"{start.command}  ({start.because})\n{error.message}")
    raise TargetError(
        "\n".join(["the service could not be started:", *faults]),
        hint="Name the command: perfgate init --start '{python} -m yours --port {port}'. It must "
        "listen on {port}; variables that it needs stand before it: 'env PORT={port} DEBUG=1 "
        "./yours'. What it imports must be installed where perfgate is. --ready /PATH says "
        "where it answers 2xx.",
    )


def _rehearsed(root: Path, start: Start, spec: str | None, paths: Sequence[str]) -> Rehearsal:
    with tempfile.TemporaryDirectory(prefix="perfgate-init-") as place:
        log = Path(place) / "service.log"
        with start_target(root, start.command, Target(start=start.command), log=log) as target:
            ready = _ready_path(target, paths)
            document = _described(target, root, spec)
            requests = _asked_for(document, ready)
            tried = tuple(_try(target, request) for request in requests)
    if not any(own.good for own in tried):
        home = Request("home" if ready == "/" else "ready", "GET", ready)
        tried = (Tried(home, "status 200", good=True), *tried)
    return Rehearsal(start, ready, tried, described=document is not None)


def _ready_path(target: RunningTarget, paths: Sequence[str]) -> str:
    """Return the first of the paths that answers 2xx, once anything answers at all."""
    until_s = time.monotonic() + PATIENCE_S
    while not (answer := ask(f"{target.url}/", ANSWER_S)).told.startswith("status"):
        code = target.exit_code()
        if code is not None:
            raise TargetError(f"  it exited with code {code}:\n{_log(target)}")
        if time.monotonic() > until_s:
            raise TargetError(_silence(target, answer.told))
        time.sleep(POLL_S)
    refused: dict[str, list[str]] = {}
    for path in paths:
        answer = ask(f"{target.url}{path}", ANSWER_S)
        if answer.ok:
            return path
        refused.setdefault(answer.told, []).append(path)
    told = "; ".join(f"{answer} at {', '.join(paths)}" for answer, paths in refused.items())
    raise TargetError(f"  it answers, but nowhere with 2xx: {told}\n{_log(target)}")


def _silence(target: RunningTarget, told: str) -> str:
    """Return that nothing answers where it should, and where the service listens instead."""
    others = [str(port) for port in ports_of(target.members()) if port != target.port]
    head = f"  no answer within {PATIENCE_S:g} s at port {target.port}: {told}"
    if others:
        head += f"; it listens on {listed(others)}, whatever port the command names"
    return f"{head}\n{_log(target)}"


def _log(target: RunningTarget) -> str:
    return "\n".join(f"  | {line}" for line in tail(target.log)) or "  | (nothing)"


def _described(target: RunningTarget, root: Path, spec: str | None) -> Any:  # noqa: ANN401 - JSON of any kind
    """Return the service's OpenAPI document, its own word before a file's; None without any."""
    for path in SPEC_PATHS:
        status, body = _send(target, Request("", "GET", path))
        if status == http.client.OK:
            with suppress(ValueError):
                return json.loads(body)
    if spec is not None and spec.endswith(".json"):
        with suppress(OSError, ValueError):
            return json.loads((root / spec).read_text(encoding="utf-8"))
    return None


def _asked_for(document: Any, ready: str) -> tuple[Request, ...]:  # noqa: ANN401 - as above
    described = requests_of(document) if isinstance(document, dict) else ()
    home = Request("home", "GET", "/")
    asked = described or ((home,) if ready != "/" else ())
    # What takes something away would leave nothing for whoever asks next.
    return tuple(own for own in asked if own.method != "DELETE" and own.path != ready)[
        :MOST_REQUESTS
    ]


def _try(target: RunningTarget, request: Request) -> Tried:
    status, told = _send(target, request)
    good = status is not None and 200 <= status < 300  # noqa: PLR2004 - HTTP's own classes
    return Tried(request, f"status {status}" if status is not None else told, good)


def _send(target: RunningTarget, request: Request) -> tuple[int | None, str]:
    """Return status and body of an answer, or None and why there was none."""
    parts = urlsplit(target.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=ANSWER_S)
    body = None if request.body is None else json.dumps(request.body)
    headers = {} if body is None else {"Content-Type": "application/json"}
    try:
        connection.request(request.method, request.path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return None, str(error) or type(error).__name__
    finally:
        connection.close()
