"""A stranger's message to a Locust master: started as a process by the tests.

Usage: forge.py PORT
"""

from __future__ import annotations

import sys

from locust.rpc import Message
from locust.rpc.zmqrpc import Client

from perfgate.load.inside.seal import Seal
from perfgate.load.inside.worker import REQUEST

NAME = "stranger"
HELLO = {"run": "", "from": NAME, "number": 1, "what": "hello", "locustfile": ""}


def main() -> None:
    """Send one message and wait for the master to have it."""
    client = Client("127.0.0.1", int(sys.argv[1]), NAME)  # type: ignore[no-untyped-call] # as below
    message = Seal(b"a guess").close(REQUEST, HELLO)
    client.send(Message(REQUEST, message, NAME))  # type: ignore[no-untyped-call] # as below
    client.close()  # type: ignore[no-untyped-call] # Locust is not annotated


if __name__ == "__main__":
    main()
