"""A service passes through and is put behind a proxy, which does a harm to its requests.

It runs on its own (``python -I -m perfgate.selftest.proxy HOST PORT COMMAND...``) in a directory
that says which build the command belongs to, and what the harm is. It listens in the service's
place and gives that another port. Bytes pass as they are, but for the status of an answer that is
to be an error. Of HTTP/1 it reads no more than that status: whatever a caller sends after an answer
is a request.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time
from contextlib import suppress
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, cast

from perfgate.selftest.harm import Tally, note_tally, read_place
from perfgate.target.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perfgate.selftest.harm import Place

# In the command, where the service's own port belongs.
SERVICE_PORT = "{service_port}"
BACKLOG = 1024
# What a shell answers in the same cases.
CANNOT_RUN = 126
SIGNAL_BASE = 128

HTTP = b"HTTP/1."
# Where the status of an answer stands: "HTTP/1.1 200 OK".
STATUS = slice(9, 12)
SWITCHING = b"101"
BODILESS = (b"204", b"304")
ERROR = b" 500 Internal Server Error"


def main(argv: Sequence[str]) -> int:
    """Serve until the service ends; return its exit code, 128 + n where signal n ended it."""
    host, port, *command = argv
    return asyncio.run(_serve(host, int(port), command))


async def _serve(host: str, port: int, command: Sequence[str]) -> int:
    place = read_place(Path.cwd())
    loop = asyncio.get_running_loop()
    front = Front(place, host, free_port(host))
    await listen(front, host, port)
    words = [word.replace(SERVICE_PORT, str(front.port)) for word in command]
    try:
        # In a group of its own, so that it hears of its end once: from here.
        service = await asyncio.create_subprocess_exec(*words, cwd=place.directory, process_group=0)
    except OSError as error:
        sys.stderr.write(f"{words[0]}: {error.strerror}\n")
        return CANNOT_RUN
    loop.add_signal_handler(signal.SIGTERM, _end, front, service.pid)
    code = await service.wait()
    front.note()
    return SIGNAL_BASE - code if code < 0 else code


def _end(front: Front, pid: int) -> None:
    """Ask the service to end, and keep what was seen: there may be no time for that later."""
    front.note()
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)


class Front:
    """What all connections share: where the service is, the harm, and what they have met."""

    def __init__(self, place: Place, host: str, port: int) -> None:
        self.host, self.port, self.harm = host, port, place.harm
        self.requests = self.harmed = 0
        self.errors = one_in(place.harm.one_in, place.seed)
        self._noted = False

    def note(self) -> None:
        """Write down, once, what was seen."""
        if not self._noted:
            self._noted = True
            note_tally(Path.cwd(), Tally(self.requests, self.harmed))


async def listen(front: Front, host: str, port: int) -> asyncio.Server:
    """Take callers' connections from now on."""
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Caller(front), host, port, backlog=BACKLOG)


def one_in(count: int, seed: int) -> Iterator[bool]:
    """Yield True once in every ``count`` turns, at a place that is drawn; never for a count of 0.

    So the share is exact, and in step with no habit of the callers'.
    """
    if not count:
        yield from repeat(False)
    places = random.Random(seed)  # noqa: S311 - drawing requests is not cryptography
    while True:
        chosen = places.randrange(count)
        yield from (place == chosen for place in range(count))


def spend(seconds: float) -> None:
    """Take so much CPU time, however fast or busy the CPU is."""
    end_s = time.thread_time() + seconds
    while time.thread_time() < end_s:
        pass


def final_at(answer: bytes) -> int:
    """Return where the final answer begins, after those that announce one (100, 103).

    That is the end where it has not come yet.
    """
    start = 0
    while answer.startswith(HTTP + b"1 1", start) and answer[start + 9 : start + 12] != SWITCHING:
        end = answer.find(b"\r\n\r\n", start)
        if end < 0:
            return len(answer)
        start = end + 4
    return start


def spoilt(answer: bytes) -> bytes:
    """Return the beginning of an answer with status 500 in place of its own.

    The rest stays, and so does how long it is told to be; what had no body says so.
    """
    line, end, rest = answer.partition(b"\r\n")
    length = b"Content-Length: 0\r\n" if line[STATUS] in BODILESS else b""
    return line[: STATUS.start - 1] + ERROR + end + length + rest


class _End(asyncio.Protocol):
    """One of two connections that belong together: the other does whatever is done to it."""

    transport: asyncio.Transport
    other: _End | None = None
    heard_all = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def pause_writing(self) -> None:
        if self.other:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other:
            self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        """Pass the end of this direction on; keep the connection while the other one is open."""
        self.heard_all = True
        if not self.other:
            return False
        self.other.transport.write_eof()
        return not self.other.heard_all

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self.other:
            self.other.transport.close()


class _Caller(_End):
    """A caller's connection, which gets one to the service, and how far its request is.

    While a request waits nothing more is read.
    """

    def __init__(self, front: Front) -> None:
        self._front = front
        self._asking = self._erring = self.waiting = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.pause_reading()
        self._dialling = asyncio.ensure_future(self._dial())

    async def _dial(self) -> None:
        front = self._front
        try:
            _, self.other = await asyncio.get_running_loop().create_connection(
                lambda: _Service(self), front.host, front.port
            )
        except OSError:  # it does not listen yet, or not any more
            self.transport.close()
        else:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self._asking:
            self._pass_on(data)
            return
        front, harm = self._front, self._front.harm
        self._asking, self._erring = True, next(front.errors)
        front.requests += 1
        front.harmed += bool(harm.burn_s or harm.wait_s)
        spend(harm.burn_s)
        if not harm.wait_s:
            self._pass_on(data)
            return
        self.waiting = True
        self.transport.pause_reading()
        asyncio.get_running_loop().call_later(harm.wait_s, self._waited, data)

    def _waited(self, data: bytes) -> None:
        self.waiting = False
        self._pass_on(data)
        self.transport.resume_reading()

    def _pass_on(self, data: bytes) -> None:
        if self.other:
            self.other.transport.write(data)

    def answer(self, data: bytes) -> bytes:
        """Return what the caller gets to see of what the service has said."""
        start = final_at(data) if self._asking else len(data)
        if start == len(data):
            return data
        self._asking = False
        if not self._erring or not data.startswith(HTTP, start):
            return data
        self._front.harmed += 1
        return data[:start] + spoilt(data[start:])


class _Service(_End):
    """The connection to the service that a caller's has got."""

    def __init__(self, caller: _Caller) -> None:
        self._caller = self.other = caller

    def data_received(self, data: bytes) -> None:
        self._caller.transport.write(self._caller.answer(data))

    def resume_writing(self) -> None:
        if not self._caller.waiting:
            super().resume_writing()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
