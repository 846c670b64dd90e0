"""Lets Locust's clients use watched sockets; started as a process by the tests.

Arguments are addresses of a server by name. Rows of the journal go to standard output as JSON.
"""

from __future__ import annotations

# First of all, for it changes modules that others import.
import locust  # isort: skip

import hashlib
import json
import resource
import sys
import warnings
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
import gevent.socket
from locust.env import Environment

from load.exercise_inside import Columns
from perfgate.lean import LeanClient, LeanHttpUser
from perfgate.load.inside.pools import keep_connections
from perfgate.load.inside.stamps import watch_sockets

if TYPE_CHECKING:
    from collections.abc import Callable

LARGE = bytes(range(256)) * (6 << 12)  # 6 MiB: more than any buffer of a socket here
PAUSE_S = 0.05
PATIENCE_S = 0.3
MANY_FILES = 1100
FILES = 2 * MANY_FILES


class Fast(locust.FastHttpUser):
    """Locust's faster client."""

    network_timeout = PATIENCE_S
    abstract = True


class Plain(locust.HttpUser):
    """Locust's standard client."""

    abstract = True

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)  # type: ignore[no-untyped-call] # Locust's is not annotated
        self.client.verify = False
        self.client.trust_env = False


class Lean(LeanHttpUser):
    """perfgate's own client."""

    network_timeout = PATIENCE_S
    abstract = True


# The lean client knows no TLS.
TURNS: dict[str, tuple[type[locust.User], ...]] = {
    "http": (Fast, Plain, Lean),
    "https": (Fast, Plain),
}


Client = locust.clients.HttpSession | locust.contrib.fasthttp.FastHttpSession | LeanClient


def call(client: Client, method: str, path: str, **given: Any) -> Callable[[], object]:
    """Return a task that asks once, with a limit to its patience."""
    limit = {"timeout": PATIENCE_S} if isinstance(client, locust.clients.HttpSession) else {}
    return lambda: client.request(method, path, name=path, **limit | given)


def use(client: Client, columns: Columns) -> None:
    """Ask in every way; the rows are those of one client after the other, in this order."""

    def send_much() -> None:
        answer = call(client, "POST", "/digest", data=LARGE, **patient(client))()
        assert answer.text == hashlib.sha256(LARGE).hexdigest()  # type: ignore[attr-defined]

    columns.run(send_much)
    columns.run(call(client, "GET", "/pieces"))
    columns.run(call(client, "GET", "/mute"))
    for path in ("/ok", "/ok", "/once", "/once", "/ok", "/close", "/ok"):
        columns.run(call(client, "POST", path, data=b"x"))
        gevent.sleep(PAUSE_S)  # the server has time to hang up
    # Without a connection left behind, whose low number the next one would have.
    columns.run(call(client, "GET", "/close"))
    with many_files():
        for _ in range(3):
            columns.run(call(client, "GET", "/ok"))


def patient(client: Client) -> dict[str, object]:
    """Return what keeps a client from giving up a long upload."""
    return {"timeout": 30.0} if isinstance(client, locust.clients.HttpSession) else {}


def many_files() -> ExitStack:
    """Open so many files that sockets have numbers which select does not know."""
    stack = ExitStack()
    for _ in range(MANY_FILES):
        stack.enter_context(Path("/dev/null").open("rb"))  # noqa: SIM115 - the stack closes them
    return stack


def at_once(address: str, columns: Columns) -> bool:
    """Return whether a socket that must not wait says so, with an answer outstanding."""
    host, port = address.removeprefix("http://").split(":")
    said = []

    def ask() -> None:
        with gevent.socket.create_connection((host, int(port))) as sock:
            sock.sendall(b"GET /mute HTTP/1.1\r\n\r\n")
            sock.setblocking(False)
            for read in (sock.recv, lambda size: sock.recv_into(bytearray(size))):
                try:
                    read(1)
                except BlockingIOError:
                    said.append(True)

    columns.run(ask)
    return said == [True, True]


def main() -> None:
    """Exercise every client at every server."""
    warnings.simplefilter("ignore")  # of certificates that nobody vouches for
    with suppress(ValueError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))
    columns = Columns()
    locust.events.request.add_listener(columns.recorder.on_request)  # type: ignore[no-untyped-call] # Locust's is not annotated
    asking = watch_sockets(columns.recorder)
    keep_connections()
    environment = Environment(events=locust.events)
    for address in sys.argv[1:]:
        for user_class in TURNS[address.partition(":")[0]]:
            user = type("Caller", (user_class,), {"host": address, "abstract": False})(environment)
            use(user.client, columns)
    waits_not = at_once(sys.argv[1], columns)
    asking.close()
    json.dump(columns.written() | {"at_once": waits_not}, sys.stdout)


if __name__ == "__main__":
    main()
