"""When the kernel received an answer: the generator's own wake-up noise is not in that time.

Sockets of Python's clients pass through and tell, for every answer over plain TCP, the moment its
last bytes arrived; they send and read with fewer system calls and turns of gevent's loop than it
needs by itself. TLS keeps its own way of reading and gets no stamps.
"""

from __future__ import annotations

import errno
import socket
import struct
import time
from functools import wraps
from typing import TYPE_CHECKING, Any, Protocol

from gevent.socket import socket as GeventSocket  # noqa: N812 - it is a class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; Python's socket module has no name for it
_TIMESPEC = struct.Struct("@qq")
_ANCILLARY_BYTES = socket.CMSG_SPACE(_TIMESPEC.size)
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_NS_PER_S = 1_000_000_000
CLOCK_READINGS = 9
# What this machine, not the other end, says: no file, port or memory is left for a connection.
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL, errno.ENOBUFS, errno.ENOMEM)


def clock_offset_s() -> float:
    """Return by how much the kernel's stamps, of the real-time clock, are ahead of monotonic.

    From the quickest of a few readings: whoever is interrupted between the clocks is off by that.
    """
    readings = []
    for _ in range(CLOCK_READINGS):
        before_s = time.monotonic()
        now_s = time.clock_gettime(time.CLOCK_REALTIME)
        after_s = time.monotonic()
        readings.append((after_s - before_s, now_s - (before_s + after_s) / 2))
    return min(readings)[1]


class Watcher(Protocol):
    """Who is told what the sockets do, in the greenlet that uses one."""

    def on_connected(self) -> None:
        """Hear that a TCP connection has been made."""

    def on_sent(self) -> None:
        """Hear that something is about to be sent, if only to connect."""

    def on_received(self, moment_s: float) -> None:
        """Hear at which moment of ``time.monotonic`` what is being read had arrived."""

    def awaits_answer(self) -> bool:
        """Return whether nothing has been received since something was sent."""

    def on_exhausted(self, error: OSError) -> None:
        """Hear that this machine has nothing left to make a connection with."""


def watch_sockets(watcher: Watcher) -> socket.socket:
    """From now on tell of every TCP connection that is made or could not be, and what goes over it.

    To be called once. Returns a socket to be kept open meanwhile: the kernel begins to stamp some
    time after a first one has asked it to, and an answer before that has no stamp.
    """
    GeventSocket.__init__ = _told_failing(GeventSocket.__init__, watcher)
    GeventSocket.connect = _told_failing(_stamped(GeventSocket.connect, watcher), watcher)
    GeventSocket.sendall = _told(GeventSocket.sendall, watcher.on_sent)
    _watch_reads(watcher)
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    return asking


def _told_failing(plain: Callable[..., Any], watcher: Watcher) -> Callable[..., Any]:
    """Return the same, which tells where this machine is why it fails.

    Clients have words of their own for that, and tell it as if the server had refused them.
    """

    @wraps(plain)
    def call(self: Any, *words: Any, **given: Any) -> Any:
        try:
            return plain(self, *words, **given)
        except OSError as error:
            if error.errno in _EXHAUSTED:
                watcher.on_exhausted(error)
            raise

    return call


def _told(plain_sendall: Callable[..., Any], sent: Callable[[], None]) -> Callable[..., Any]:
    """Return a way to send that tells of it first, and needs one system call for a small request.

    gevent's own asks for the size of the socket's buffer each time, and cuts what it sends.
    """

    def sendall(self: Any, data: Any, flags: int = 0) -> Any:
        sent()
        if type(data) is not bytes or not data or self.timeout == 0.0:
            return plain_sendall(self, data, flags)
        # Not self._sock's: TLS sockets pass through here too, and it is their send that encrypts.
        count = self.send(data, flags)
        if count < len(data):
            plain_sendall(self, memoryview(data)[count:], flags)
        return None

    return sendall


def _watch_reads(watcher: Watcher) -> None:
    """Read with the kernel's stamps from now on."""
    offset_s = clock_offset_s()
    received = watcher.on_received
    plain_recv, plain_recv_into = GeventSocket.recv, GeventSocket.recv_into
    # The class's own, for TLS sockets that are not connected have none.
    recvmsg, recvmsg_into = GeventSocket.recvmsg, GeventSocket.recvmsg_into

    def recv(self: Any, size: int, flags: int = 0) -> Any:
        if flags or not size:
            return plain_recv(self, size, flags)
        _await_answer(self, watcher)
        data, ancillary, _, _ = recvmsg(self, size, _ANCILLARY_BYTES)
        for moment_s in _stamps(ancillary):
            received(moment_s - offset_s)
        return data

    def recv_into(self: Any, buffer: Any, size: int = 0, flags: int = 0) -> Any:
        if size or flags:
            return plain_recv_into(self, buffer, size, flags)
        _await_answer(self, watcher)
        count, ancillary, _, _ = recvmsg_into(self, [buffer], _ANCILLARY_BYTES)
        for moment_s in _stamps(ancillary):
            received(moment_s - offset_s)
        return count

    GeventSocket.recv, GeventSocket.recv_into = recv, recv_into


def _await_answer(sock: Any, watcher: Watcher) -> None:
    """Wait until there is something to read, where it cannot have come yet.

    gevent tries to read first, which fails then. Sockets that must not wait, are closed or are
    waited for by another greenlet are left to it.
    """
    event = sock._read_event
    may_wait = sock.timeout != 0.0 and event is not None and event.callback is None
    if may_wait and watcher.awaits_answer():
        sock._wait(event)


def _stamped(plain_connect: Callable[..., Any], watcher: Watcher) -> Callable[..., Any]:
    """Return a way to connect that asks the kernel for stamps, and tells of it."""

    def connect(self: Any, address: Any) -> Any:
        watcher.on_sent()
        result = plain_connect(self, address)
        if self.family in _FAMILIES and self.type == socket.SOCK_STREAM:
            self.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            watcher.on_connected()
        return result

    return connect


def _stamps(ancillary: Any) -> Iterator[float]:
    """Yield the stamps, seconds of the real-time clock, among a message's ancillary data."""
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(content)
            yield seconds + nanoseconds / _NS_PER_S
