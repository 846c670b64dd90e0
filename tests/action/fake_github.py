"""A GitHub that remembers: every request is held against GitHub's own description of its API.

``openapi.json`` is cut from the npm package @octokit/openapi (MIT): the operations that are used.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import jsonschema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OPENAPI: dict[str, Any] = json.loads((Path(__file__).parent / "openapi.json").read_text())
Body = dict[str, Any]
REPOSITORY = "acme/auth"
TOKEN = "a-token-of-this-test"
SHA = "a" * 40
BOT = {"type": "Bot", "login": "github-actions[bot]"}


@dataclass
class State:
    """What this GitHub holds, and what was wrong with requests."""

    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    check_runs: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add_pull(self, number: int, sha: str, branch: str = "feature", owner: str = "ann") -> None:
        """Open a pull request."""
        head = {"sha": sha, "ref": branch, "label": f"{owner}:{branch}"}
        self.pulls.append({"number": number, "head": head, "state": "open"})

    def add_comment(self, pull: int, body: str, user: dict[str, str]) -> None:
        """Add somebody's comment."""
        number = len(self.comments) + 1
        self.comments.append({"id": number, "issue": pull, "body": body, "user": user})


def event_of(**changes: str | None) -> dict[str, object]:
    """Return the event: the gate has ended for a fork's pull request."""
    run: dict[str, object] = {
        "event": "pull_request",
        "id": 1,
        "head_sha": SHA,
        "head_branch": "feature",
        "head_repository": {"owner": {"login": "ann"}, "full_name": "ann/auth"},
        "conclusion": "success",
        "html_url": "https://github.example/acme/auth/actions/runs/1",
        # Of a fork's pull request GitHub names none here.
        "pull_requests": [],
    }
    return {"workflow_run": run | changes}


@contextmanager
def fake_github(state: State) -> Iterator[str]:
    """Serve the state on a port of this machine; yield the address of its API."""

    class Handler(_Handler):
        held = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    held: ClassVar[State]

    def _answer(self) -> None:
        address = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        query = dict(parse_qsl(address.query))
        operation = self._operation(address.path, query, body)
        status, answer = 404, dict[str, Any](message="Not Found")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            status, answer = 401, {"message": "Bad credentials"}
        elif operation is not None:
            status, answer = CALLS[operation](self.held, address.path, query, body)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _operation(self, path: str, query: dict[str, str], body: object) -> str | None:
        """Return the operation that is asked for; note what is wrong with how it is asked."""
        for template, methods in OPENAPI["paths"].items():
            own = methods.get(self.command.lower())
            pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
            if own is None or not re.fullmatch(pattern, path):
                continue
            self.held.faults += _faults(own, query, body)
            return str(own["operationId"])
        self.held.faults.append(f"there is no {self.command} {path}")
        return None


def _faults(operation: dict[str, Any], query: dict[str, str], body: object) -> list[str]:
    known = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
    faults = [f"{operation['operationId']} has no {name}" for name in query if name not in known]
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    if schema:
        validator = jsonschema.Draft202012Validator(schema["schema"])
        faults += [error.message[:300] for error in validator.iter_errors(body)]
    return faults


def _page(rows: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
    return rows[(page - 1) * size : page * size]


def _list_pulls(state: State, _: str, query: dict[str, str], __: object) -> tuple[int, object]:
    found = [
        own
        for own in state.pulls
        if own["state"] == query["state"] and own["head"]["label"] == query["head"]
    ]
    return 200, _page(found, query)


def _list_comments(
    state: State, path: str, query: dict[str, str], __: object
) -> tuple[int, object]:
    issue = int(path.split("/")[-2])
    return 200, _page([own for own in state.comments if own["issue"] == issue], query)


def _add_comment(state: State, path: str, __: dict[str, str], body: Body) -> tuple[int, object]:
    state.add_comment(int(path.split("/")[-2]), body["body"], BOT)
    return 201, state.comments[-1]


def _change_comment(state: State, path: str, __: dict[str, str], body: Body) -> tuple[int, object]:
    comment = state.comments[int(path.rsplit("/", 1)[-1]) - 1]
    comment["body"] = body["body"]
    return 200, comment


def _add_check_run(state: State, _: str, __: dict[str, str], body: Body) -> tuple[int, object]:
    state.check_runs.append(body)
    return 201, body


CALLS: dict[str, Callable[[State, str, dict[str, str], Any], tuple[int, Any]]] = {
    "pulls/list": _list_pulls,
    "issues/list-comments": _list_comments,
    "issues/create-comment": _add_comment,
    "issues/update-comment": _change_comment,
    "checks/create": _add_check_run,
}
