"""The Locust file: content with the good service, and with no other."""

from __future__ import annotations

import base64
import csv
import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs

import pytest
from running_service import running

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCUSTFILE = Path(__file__).parents[2] / "locustfiles" / "auth.py"
DRIVER = Path(__file__).with_name("drive_locustfile.py")
SIGNATURE = "SIGNATURE"
OPERATIONS = {"token", "login", "introspect", "refresh", "jwks"}

Step = tuple[str, int, str]


def a_jwt(kid: str = "k1") -> str:
    """Return what looks like a signed JWT from outside; the driver makes each one different."""
    header = base64.urlsafe_b64encode(json.dumps({"kid": kid}).encode()).decode().rstrip("=")
    return f"{header}.e30.{SIGNATURE}"


def run_tasks(cases: list[list[Step]], home: Path) -> list[list[list[str]]]:
    """Return, for each case, name and reason of every request that Locust was told of.

    A case is a list of tasks with status and body of the answers they get.
    """
    ended = subprocess.run(
        [sys.executable, str(DRIVER), str(LOCUSTFILE)],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=False,
        cwd=home,
        env={"HOME": str(home)},
    )
    assert ended.returncode == 0, ended.stderr
    outcomes: list[list[list[str]]] = json.loads(ended.stdout)
    return outcomes


def changed(body: dict[str, Any], **members: object) -> str:
    """Return the body as JSON with members replaced, or removed where the value is ``...``."""
    return json.dumps({k: v for k, v in {**body, **members}.items() if v is not ...})


TOKEN = {"access_token": a_jwt(), "token_type": "Bearer", "expires_in": 3600, "scope": "SCOPE"}
LOGIN = {**TOKEN, "refresh_token": "first"}
REFRESHED = {**LOGIN, "refresh_token": "second"}
KEYS = {"keys": [{"kty": "EC", "kid": "k1", "crv": "P-256", "x": "x", "y": "y"}]}
ACTIVE = {
    "active": True,
    "sub": "USERNAME",
    "username": "USERNAME",
    "client_id": "web-app",
    "scope": "SCOPE",
    "token_type": "Bearer",
    "exp": 2_000_000_000,
}
GOOD: dict[str, dict[str, Any]] = {
    "token": TOKEN,
    "login": LOGIN,
    "introspect": ACTIVE,
    "refresh": REFRESHED,
    "jwks": KEYS,
}

JWT_FAULT = "access_token is not a signed JWT"
EXPIRY_FAULT = "expires_in is not a positive integer"

# Members that are wrong in any answer that brings a token, and the reason that must be given.
WRONG_TOKEN: list[tuple[dict[str, Any], str]] = [
    ({"access_token": ...}, JWT_FAULT),
    ({"access_token": "opaque"}, JWT_FAULT),
    ({"access_token": 7}, JWT_FAULT),
    ({"access_token": "\u20ac.e30.e30"}, JWT_FAULT),
    ({"access_token": "e30.e30.e30"}, JWT_FAULT),
    ({"token_type": ...}, "token_type is wrong"),
    ({"token_type": "mac"}, "token_type is wrong"),
    ({"expires_in": "3600"}, EXPIRY_FAULT),
    ({"expires_in": True}, EXPIRY_FAULT),
    ({"expires_in": 0}, EXPIRY_FAULT),
    ({"scope": "everything"}, "scope is wrong"),
]
WRONG: list[tuple[str, dict[str, Any], str]] = [
    *(("token", *wrong) for wrong in WRONG_TOKEN),
    *(("login", *wrong) for wrong in WRONG_TOKEN),
    *(("refresh", *wrong) for wrong in WRONG_TOKEN),
    ("login", {"refresh_token": ...}, "refresh_token is missing"),
    ("refresh", {"refresh_token": ...}, "refresh_token is missing"),
    ("refresh", {"refresh_token": "first"}, "refresh_token is not a new one"),
    ("introspect", {"active": False}, "active is wrong"),
    ("introspect", {"active": ...}, "active is wrong"),
    ("introspect", {"active": "true"}, "active is wrong"),
    ("introspect", {"sub": "user-999"}, "sub is wrong"),
    ("introspect", {"username": "user-999"}, "username is wrong"),
    ("introspect", {"client_id": "gateway"}, "client_id is wrong"),
    ("introspect", {"scope": "everything"}, "scope is wrong"),
    ("introspect", {"token_type": ...}, "token_type is wrong"),
    ("introspect", {"exp": ...}, "exp is not a time"),
    ("introspect", {"exp": "tomorrow"}, "exp is not a time"),
    ("jwks", {"keys": ...}, "keys is not a list of keys"),
    ("jwks", {"keys": {}}, "keys is not a list of keys"),
    ("jwks", {"keys": ["k1"]}, "keys is not a list of keys"),
    ("jwks", {"keys": []}, "no key with kty and kid"),
    ("jwks", {"keys": [{"kid": "k1"}]}, "no key with kty and kid"),
    ("jwks", {"keys": [{"kty": "EC", "kid": "k2"}]}, "the signing key is missing"),
    ("jwks", {"keys": [{"kty": "EC", "kid": "k1", "d": "d"}]}, "a private key is published"),
]


def after_login(task: str, status: int, body: str) -> list[Step]:
    """Return a case in which a user that is logged in does one task."""
    return [("on_start", 200, json.dumps(LOGIN)), (task, status, body)]


def test_every_wrong_member_is_a_failure_with_a_constant_reason(tmp_path: Path) -> None:
    """A body with one wrong member fails its own operation, for a reason in plain words."""
    cases = [after_login(task, 200, changed(GOOD[task], **wrong)) for task, wrong, _ in WRONG]

    for (task, wrong, reason), told in zip(WRONG, run_tasks(cases, tmp_path), strict=True):
        assert told == [["login", ""], [task, reason]], wrong


@pytest.mark.parametrize("task", ["token", "refresh"])
def test_the_same_token_again_is_a_failure(tmp_path: Path, task: str) -> None:
    """A token that was issued before is no new one, however well it looks: someone skipped work."""
    again = json.dumps(GOOD[task]).replace(SIGNATURE, "c2lnbmVk")
    steps = [("on_start", 200, json.dumps(LOGIN)), (task, 200, again), (task, 200, again)]
    (told,) = run_tasks([steps], tmp_path)

    # After a refresh that brought the same refresh token once more, the body check is first.
    assert told[:2] == [["login", ""], [task, ""]]
    assert told[2][0] == task
    assert told[2][1] in {"access_token is not a new one", "refresh_token is not a new one"}


def test_good_bodies_are_no_failures(tmp_path: Path) -> None:
    """What the tests above change is accepted unchanged."""
    tasks = sorted(OPERATIONS)
    outcomes = run_tasks([after_login(t, 200, json.dumps(GOOD[t])) for t in tasks], tmp_path)

    assert outcomes == [[["login", ""], [task, ""]] for task in tasks]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (500, "{}", "status 500"),
        (503, "", "status 503"),
        (204, "", "status 204"),
        (200, "", "body is not a JSON object"),
        (200, "[]", "body is not a JSON object"),
        (200, "<html>", "body is not a JSON object"),
    ],
)
def test_wrong_answers_fail_every_task(tmp_path: Path, status: int, body: str, reason: str) -> None:
    """Whatever the operation, an answer of another kind is a failure."""
    tasks = sorted(OPERATIONS)
    outcomes = run_tasks([after_login(task, status, body) for task in tasks], tmp_path)

    assert outcomes == [[["login", ""], [task, reason]] for task in tasks]


@pytest.mark.parametrize("status", [500, 401, 0])
def test_user_recovers_after_a_failed_refresh(tmp_path: Path, status: int) -> None:
    """A spent token is never sent again: the user logs in the next time, and all goes on.

    Until then it has the access token that it had. Were it to log in instead of being introspected,
    an overload would make logins, which are dear, of requests that are not.
    """
    steps = [
        ("on_start", 200, json.dumps(LOGIN)),
        ("refresh", status, ""),
        ("introspect", 200, json.dumps(ACTIVE)),
        ("refresh", 200, json.dumps(LOGIN)),
        ("refresh", 200, json.dumps(REFRESHED)),
        ("introspect", 200, json.dumps(ACTIVE)),
    ]

    (told,) = run_tasks([steps], tmp_path)

    failed = told.pop(1)
    assert failed[0] == "refresh"
    assert failed[1]
    assert told == [
        ["login", ""],
        ["introspect", ""],
        ["login", ""],
        ["refresh", ""],
        ["introspect", ""],
    ]


def test_user_recovers_when_its_token_or_its_login_failed(tmp_path: Path) -> None:
    """Without a valid token a user logs in instead of asking in vain for ever."""
    inactive = [
        ("on_start", 200, json.dumps(LOGIN)),
        ("introspect", 200, '{"active": false}'),
        ("introspect", 200, json.dumps(LOGIN)),
        ("introspect", 200, json.dumps(ACTIVE)),
    ]
    refused = [
        ("on_start", 503, ""),
        ("introspect", 200, json.dumps(LOGIN)),
        ("introspect", 200, json.dumps(ACTIVE)),
    ]
    about_to_expire = [
        ("on_start", 200, changed(LOGIN, expires_in=5)),
        ("introspect", 200, json.dumps(LOGIN)),
    ]

    outcomes = run_tasks([inactive, refused, about_to_expire], tmp_path)

    assert [[name for name, _ in told] for told in outcomes] == [
        ["login", "introspect", "login", "introspect"],
        ["login", "login", "introspect"],
        ["login", "login"],
    ]


def run_locust(url: str, home: Path) -> tuple[int, dict[str, tuple[int, int]]]:
    """Run the file as its users do; return the exit status, and requests and failures by name."""
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--headless"]
    options = ["-u", "5", "-r", "5", "-t", "5s", "-H", url, "--csv", "run", "--only-summary"]
    ended = subprocess.run(
        [*command, *options], check=False, capture_output=True, cwd=home, env={"HOME": str(home)}
    )
    with (home / "run_stats.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    counts = {row["Name"]: (int(row["Request Count"]), int(row["Failure Count"])) for row in rows}
    del counts["Aggregated"]
    return ended.returncode, counts


@pytest.mark.slow
def test_plain_locust_finds_no_fault_with_the_good_service(tmp_path: Path) -> None:
    """Every operation is requested and none fails."""
    with running(tmp_path / "service") as service:
        status, counts = run_locust(service.url, tmp_path)

    assert status == 0
    assert counts.keys() == OPERATIONS
    assert all(requests > 0 for requests, _ in counts.values())
    assert all(failures == 0 for _, failures in counts.values())


class WrongService(BaseHTTPRequestHandler):
    """Lets each user log in once, and then says that everything is active, and no more."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    seen: ClassVar[set[str]] = set()

    def do_POST(self) -> None:
        """Answer a form."""
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        name = form.get("username", [""])[0]
        if not name or name in self.seen:
            self.do_GET()
            return
        self.seen.add(name)
        self._answer(changed(LOGIN, scope=form["scope"][0]))

    def do_GET(self) -> None:
        """Answer with a body that is right for no operation."""
        self._answer('{"active": true}')

    def _answer(self, body: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def wrong_service() -> Iterator[str]:
    """Serve wrong bodies and give the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), WrongService) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.slow
def test_plain_locust_finds_fault_with_wrong_bodies(tmp_path: Path) -> None:
    """Although every status is 200, every operation fails, and so does the run."""
    with wrong_service() as url:
        status, counts = run_locust(url, tmp_path)

    assert status == 1
    assert counts.keys() == OPERATIONS
    assert all(failures > 0 for _, failures in counts.values())
    assert counts["login"][0] - counts["login"][1] == 5
    assert all(counts[name][0] == counts[name][1] for name in OPERATIONS - {"login"})
