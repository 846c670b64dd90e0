"""A service of two processes with sixteen threads each; standard library only.

Both accept on one socket. A connection waits for its next request in its process's selector and
holds a thread only while that request is served, so that more callers than threads are served too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import selectors
import signal
import socket
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler

WORKERS = 2
THREADS = 16
BACKLOG = 256
# How dear a request is: rounds of a hash that lets other threads run, and of plain Python.
HASH_ROUNDS = 400
PLAIN_ROUNDS = 2000


class Caller(BaseHTTPRequestHandler):
    """A connection, which serves one request at a time when it is told to."""

    protocol_version = "HTTP/1.1"
    # Headers and body leave together: apart, the second would wait for the first's receipt.
    wbufsize = -1

    def __init__(self, connection: socket.socket) -> None:
        self.connection = self.request = connection
        self.close_connection = True
        self.setup()

    def serve(self) -> bool:
        """Serve a request; tell whether the connection stays open."""
        try:
            self.handle_one_request()
            self.wfile.flush()
        except OSError:
            self.close_connection = True
        return not self.close_connection

    def do_GET(self) -> None:
        """Answer with a digest of the path; ``/healthz`` costs nothing."""
        if self.path == "/healthz":
            self._answer({"ready": True})
            return
        salt = self.path.encode()
        digest = hashlib.pbkdf2_hmac("sha256", b"pepper", salt, HASH_ROUNDS)
        total = 0
        for number in range(PLAIN_ROUNDS):
            total = (total * 31 + number) & 0xFFFF
        self._answer({"digest": digest.hex(), "total": total})

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the base
        """Print nothing."""

    def _answer(self, document: dict[str, object]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Worker:
    """One process: a selector for connections that wait, threads for those that are served."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._selector = selectors.DefaultSelector()
        self._pool = ThreadPoolExecutor(THREADS)
        self._served: deque[Caller] = deque()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        self._selector.register(self._woken, selectors.EVENT_READ, self._take_back)

    def run(self) -> None:
        """Serve until the process is stopped."""
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.data, Caller):
                    self._selector.unregister(key.fileobj)
                    self._pool.submit(self._serve, key.data)
                else:
                    key.data()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return  # the other process was quicker
        connection.setblocking(True)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._await(Caller(connection))

    def _await(self, caller: Caller) -> None:
        self._selector.register(caller.connection, selectors.EVENT_READ, caller)

    def _serve(self, caller: Caller) -> None:
        if caller.serve():
            self._served.append(caller)
            self._wake.send(b".")
        else:
            caller.connection.close()

    def _take_back(self) -> None:
        self._woken.recv(4096)
        while self._served:
            self._await(self._served.popleft())


def main() -> None:
    """Serve on 127.0.0.1 until SIGTERM."""
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    listener = socket.create_server(("127.0.0.1", options.parse_args().port), backlog=BACKLOG)
    listener.setblocking(False)
    children = [child for _ in range(WORKERS) if (child := _forked(listener))]

    def stop(_number: int, _frame: object) -> None:
        for child in children:
            os.kill(child, signal.SIGTERM)
        os._exit(0)

    signal.signal(signal.SIGTERM, stop)
    # One that is gone takes the service with it: half a service would be measured otherwise.
    os.wait()
    stop(0, None)


def _forked(listener: socket.socket) -> int:
    """Start a worker and return its process."""
    child = os.fork()
    if child == 0:
        try:
            Worker(listener).run()
        finally:
            os._exit(1)
    return child


if __name__ == "__main__":
    main()
