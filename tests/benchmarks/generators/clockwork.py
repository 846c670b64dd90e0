"""A server whose answers come at moments known beforehand, run as a program of its own.

Numbers in the path, as in ``/1.05/400``, ask for an answer their product in microseconds after the
request was read, however many are under way. With ``--service-us`` there is one queue instead:
each request takes that long, one after the other, and none is begun during a stall of
``--stall-s``, which comes every ``--every-s`` from the start on. With ``--awake`` it never sleeps,
so that waking up is in no answer's time. It prints its port and its start in seconds of
``time.monotonic``.
"""

from __future__ import annotations

import argparse
import heapq
import math
import selectors
import socket
import sys
import time
from contextlib import suppress

# Waiting in the kernel is up to this much late, so the rest is waited for without sleeping.
AWAKE_S = 0.002
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok"


class Clockwork:
    """Reads requests, and answers each at its moment."""

    def __init__(self, options: argparse.Namespace, start_s: float) -> None:
        self.options = options
        self.start_s = start_s
        self.free_s = start_s
        self.due: list[tuple[float, int, socket.socket]] = []
        self.selector = selectors.DefaultSelector()

    def serve(self, listener: socket.socket) -> None:
        """Serve until the end of the process."""
        self.selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in self.selector.select(self.patience_s()):
                caller = key.fileobj
                assert isinstance(caller, socket.socket)
                if caller is listener:
                    self.welcome(listener)
                else:
                    self.read(caller)
            self.answer()

    def patience_s(self) -> float | None:
        """Return how long the kernel may wait: not at all shortly before an answer is due."""
        if self.options.awake:
            return 0.0
        return max(0.0, self.due[0][0] - time.monotonic() - AWAKE_S) if self.due else None

    def welcome(self, listener: socket.socket) -> None:
        """Take a new caller."""
        caller, _ = listener.accept()
        caller.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.selector.register(caller, selectors.EVENT_READ)

    def read(self, caller: socket.socket) -> None:
        """Read one whole request (those of a benchmark are small), or hear the caller hang up."""
        request = b""
        with suppress(ConnectionError):
            request = caller.recv(65536)
        if request:
            moment_s = self.moment_s(time.monotonic(), request)
            heapq.heappush(self.due, (moment_s, caller.fileno(), caller))
        else:
            self.selector.unregister(caller)
            caller.close()

    def moment_s(self, read_s: float, request: bytes) -> float:
        """Return when the request that was read at ``read_s`` is to be answered."""
        if not self.options.service_us:
            path = request.split(b" ", 2)[1].decode()
            return read_s + math.prod(float(part) for part in path.split("/") if part) / 1e6
        begin_s = max(read_s, self.free_s)
        into_s = (begin_s - self.start_s) % self.options.every_s
        begin_s += max(0.0, self.options.stall_s - into_s)
        self.free_s = begin_s + self.options.service_us / 1e6
        return self.free_s

    def answer(self) -> None:
        """Send every answer that is due."""
        while self.due and self.due[0][0] <= time.monotonic():
            _, _, caller = heapq.heappop(self.due)
            if caller.fileno() >= 0:
                with suppress(ConnectionError):
                    caller.sendall(ANSWER)


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--service-us", type=int, default=0)
    parser.add_argument("--awake", action="store_true")
    parser.add_argument("--stall-s", type=float, default=0.0)
    parser.add_argument("--every-s", type=float, default=1.0)
    options = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        start_s = time.monotonic()
        sys.stdout.write(f"{listener.getsockname()[1]} {start_s}\n")
        sys.stdout.flush()
        Clockwork(options, start_s).serve(listener)


if __name__ == "__main__":
    main()
