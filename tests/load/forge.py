"""A stranger at a Locust master: started as a process by the tests.

Usage: forge.py PORT connect, or forge.py PORT KEY [RUN], to send a message of that run. Prints
what the master answers to one with its key.
"""

from __future__ import annotations

import sys

import locust
from locust.rpc import Message
from locust.rpc.zmqrpc import Client

from perfgate.load.inside.seal import Seal
from perfgate.load.inside.worker import REPLY, REQUEST

NAME = "stranger"


def main() -> None:
    """Send one message and wait for the master to have it."""
    port, key, *run = sys.argv[1:]
    client = Client("127.0.0.1", int(port), NAME)  # type: ignore[no-untyped-call] # as below
    seal = Seal(key.encode())
    hello = {"run": "".join(run), "from": NAME, "number": 1, "what": "hello", "sha256": ""}
    kind, content = (
        ("client_ready", locust.__version__)
        if key == "connect"
        else (REQUEST, seal.close(REQUEST, hello))
    )
    client.send(Message(kind, content, NAME))  # type: ignore[no-untyped-call] # as below
    if run:
        answer = client.recv()  # type: ignore[no-untyped-call] # as below
        sys.stdout.write(f"{seal.open(REPLY, answer.data)}\n")
    client.close()  # type: ignore[no-untyped-call] # Locust is not annotated


if __name__ == "__main__":
    main()
