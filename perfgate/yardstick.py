"""The machine's speed of the hour becomes a value: fixed work on one CPU, and over loopback.

It takes a sixth of a second and judges nothing. Only CPU time is counted, so that it tells how
fast the CPU is, not how busy: what others took meanwhile is known of each run anyway.
"""

from __future__ import annotations

import hashlib
import os
import socket
import statistics
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from perfgate.measurement.models import Yardstick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# How long each kind of work is repeated, on the clock. A piece takes a quarter of a millisecond.
KIND_S = 0.05
HASHES, HASHED = 24, bytes(range(256)) * 64
TURNS, SLOTS = 4000, 97
ROUND_TRIPS, MESSAGE = 25, b"x" * 64


def read_yardstick(cpu: int | None) -> Yardstick:
    """Return how fast this machine is now, on that CPU; None: on whichever there is.

    Only the calling thread moves there, and it is back where it was at the end. A CPU that may not
    be used is not moved to.
    """
    with _on_cpu(cpu), _loopback() as (one, other):
        return Yardstick(
            hashing_per_s=_pace(_hash),
            looping_per_s=_pace(_loop),
            loopback_per_s=_pace(lambda: _ping(one, other)),
        )


def _pace(piece: Callable[[], None]) -> float:
    """Return pieces per CPU-second, the median's: one that was interrupted does not count."""
    piece()  # The first finds cold caches.
    spent_s: list[float] = []
    end_s = time.monotonic() + KIND_S
    while not spent_s or time.monotonic() < end_s:
        before_s = time.thread_time()
        piece()
        spent_s.append(time.thread_time() - before_s)
    return 1 / max(statistics.median(spent_s), time.get_clock_info("thread_time").resolution)


def _hash() -> None:
    digest = b""
    for _ in range(HASHES):
        digest = hashlib.sha256(HASHED + digest).digest()


def _loop() -> None:
    counts: dict[int, int] = {}
    for turn in range(TURNS):
        counts[turn % SLOTS] = counts.get(turn % SLOTS, 0) + turn * turn


def _ping(one: socket.socket, other: socket.socket) -> None:
    for _ in range(ROUND_TRIPS):
        one.sendall(MESSAGE)
        other.recv(len(MESSAGE), socket.MSG_WAITALL)
        other.sendall(MESSAGE)
        one.recv(len(MESSAGE), socket.MSG_WAITALL)


@contextmanager
def _loopback() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Hold both ends of a connection to ourselves; nobody else's is taken for it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        with one:
            other, caller = server.accept()
            while caller != one.getsockname():
                other.close()
                other, caller = server.accept()
            with other:
                for end in (one, other):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                yield one, other


@contextmanager
def _on_cpu(cpu: int | None) -> Iterator[None]:
    before = os.sched_getaffinity(0)
    if cpu is None or cpu not in before:
        yield
        return
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
