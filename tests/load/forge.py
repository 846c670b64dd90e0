"""A stranger at a Locust master: started as a process by the tests.

Usage: forge.py PORT connect, or forge.py PORT KEY WHAT RUN [NAME], to send a message of that kind
in that run, as oneself or in the name of somebody else. Prints what the master answers, if it does.
"""

from __future__ import annotations

import sys

import gevent
import locust
from locust.rpc import Message
from locust.rpc.zmqrpc import Client

from perfgate.load.inside.seal import Seal
from perfgate.load.inside.worker import REPLY, REQUEST

STRANGER = "stranger"
PATIENCE_S = 2.0
# Higher than any that a worker has reached.
NUMBER = 10**9
GIVEN = {"manifest": {"text": "{}"}, "hello": {"sha256": ""}}


def main() -> None:
    """Send one message and wait for the master to have it."""
    port, key, *words = sys.argv[1:]
    client = Client("127.0.0.1", int(port), STRANGER)  # type: ignore[no-untyped-call] # as below
    seal = Seal(key.encode())
    kind, content = (
        (REQUEST, seal.close(REQUEST, message(*words)))
        if words
        else ("client_ready", locust.__version__)
    )
    client.send(Message(kind, content, STRANGER))  # type: ignore[no-untyped-call] # as below
    with gevent.Timeout(PATIENCE_S if words else 0.0, False):
        answer = client.recv()  # type: ignore[no-untyped-call] # as below
        sys.stdout.write(f"{seal.open(REPLY, answer.data)}\n")
    client.close()  # type: ignore[no-untyped-call] # Locust is not annotated


def message(what: str, run: str, name: str = STRANGER) -> dict[str, object]:
    """Return what is sealed."""
    given = {"run": run, "from": name, "number": NUMBER, "what": what}
    return given | GIVEN.get(what, {})


if __name__ == "__main__":
    main()
