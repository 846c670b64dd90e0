"""A server for the load tests, run as a program of its own: the path says how it behaves.

It prints its port. ``/seen`` returns every path it was asked for, ``/enter`` a new token, which it
sets as a cookie too, ``/known`` the cookies that came along. When ``--at N`` requests have come, it
does what ``--then`` says: ``stall`` for a while, ``refuse`` everybody from then on,
``exit``, be ``killed``, ``lose`` a process of its own, or ``hide`` one that works on. A
``--daemon`` is a process in a session of its own that has left the first one's tree.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

SLOW_S = 0.2
STALL_S = 0.8
EXIT_CODE = 7
# An answer with this habit takes so much longer than the one before.
GROWTH_S = 0.0003
# With this one it takes its time.
CRAWL_S = 0.5
# With this one it keeps so much of each request.
LEAK_BYTES = 16384
# An answer costs so much, but at first so many times that, falling to it within some seconds.
WARM_S, COLD_RATIO, WARMING_S = 0.001, 5.0, 8.0
HABITS = (
    "reset",
    "redirect",
    "wrong",
    "close",
    "slower",
    "crawl",
    "cold",
    "threads",
    "lock",
    "leak",
    "later",
    "mute",
    "script",
)
THENS = ("stall", "refuse", "exit", "killed", "lose", "hide")
EXTRA = {302: "location: /elsewhere\r\n"}
RESET = (0, "")
# What is answered with this habit.
ANSWERS = {
    "reset": RESET,
    "redirect": (302, ""),
    "wrong": (200, "an error has occurred"),
    "script": (200, "<script>alert('a body')</script>"),
}
# So long after an answer it is worked on, for so long.
PUT_OFF_S, PUT_OFF_WORK_S = 0.01, 0.001
# What a hidden process takes.
HIDDEN_S = 0.6
# Work of about 1 ms that lets other threads run, and the wait that a lock is held for.
ROUNDS, THREADS, LOCKED_S = 2000, 16, 0.001


def spend(seconds: float) -> None:
    """Take so much CPU time."""
    ended_s = time.thread_time() + seconds
    while time.thread_time() < ended_s:
        pass


def cookie_in(head: str) -> str:
    """Return the cookies that a request has brought along."""
    lines = (line.partition(": ") for line in head.splitlines())
    return next((value for name, _, value in lines if name.lower() == "cookie"), "")


def leave() -> bool:
    """Fork twice; return whether this is the grandchild, which nobody here is the parent of."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return False
    os.setsid()
    if os.fork():
        os._exit(0)
    return True


class TinyServer:
    """Answers one request after the other on each connection."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.seen: list[str] = []
        self.kept: list[bytes] = []
        self.tokens: set[str] = set()
        self.numbers = itertools.count()
        self.server: asyncio.Server | None = None
        self.callers: set[asyncio.StreamWriter] = set()
        self.begun_s = 0.0
        self.lock = threading.Lock()
        self.threads = ThreadPoolExecutor(THREADS)
        self.closes = "close" in options.habit
        self.child = subprocess.Popen(("sleep", "300")) if options.then == "lose" else None

    async def serve(self) -> None:
        """Listen on the port until the end of the process."""
        options = self.options
        self.server = await asyncio.start_server(
            self.converse, options.host, options.port, reuse_port=options.shared or None
        )
        sys.stdout.write(f"{self.server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer until the caller hangs up, or is to be hung up on."""
        self.callers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                target = head.split()[1]
                answer = await self.answer(target, cookie_in(head))
                if answer is None:
                    break
                if answer is RESET:
                    # Closed without lingering, a connection is reset.
                    lingering = struct.pack("ii", 1, 0)
                    caller = writer.get_extra_info("socket")
                    caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
                    writer.transport.abort()
                    break
                status, body = answer
                length = f"HTTP/1.1 {status} -\r\ncontent-length: {len(body)}\r\n"
                extra = EXTRA.get(status, "") + ("connection: close\r\n" if self.closes else "")
                extra += f"set-cookie: guest={body}\r\n" if target == "/enter" else ""
                writer.write(f"{length}{extra}\r\n{body}".encode())
                await writer.drain()
                if self.closes:
                    break
        self.callers.discard(writer)
        writer.close()

    async def answer(self, target: str, cookie: str) -> tuple[int, str] | None:
        """Return status and body, or None to hang up."""
        parts = urlsplit(target)
        if parts.path == "/seen":
            return 200, json.dumps(self.seen)
        self.seen.append(target)
        if len(self.seen) == self.options.at:
            self.change()
        if parts.path == "/known":
            return 200, cookie
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if "leak" in self.options.habit:
            self.kept.append(b"x" * LEAK_BYTES)
        if parts.path == "/ok":
            number, answer = len(self.seen), (200, "ok")
            for habit in self.options.habit:
                answer = await self.indulge(habit, number) or answer
            return answer
        return await self.behave(parts.path, query)

    async def indulge(self, habit: str, number: int) -> tuple[int, str] | None:
        """Do what is this server's habit, and return the answer if it is another one for that."""
        match habit:
            case "mute":
                await asyncio.Event().wait()
            case "slower" | "crawl":
                await asyncio.sleep(CRAWL_S if habit == "crawl" else number * GROWTH_S)
            case "threads" | "lock":
                loop = asyncio.get_running_loop()
                await loop.run_in_executor(self.threads, self.work)
            case "cold":
                self.begun_s = self.begun_s or time.monotonic()
                left_ratio = max(1 - (time.monotonic() - self.begun_s) / WARMING_S, 0.0)
                spend(WARM_S * COLD_RATIO**left_ratio)
            case "later":
                asyncio.get_running_loop().call_later(PUT_OFF_S, spend, PUT_OFF_WORK_S)
        return ANSWERS.get(habit)

    def work(self) -> None:
        """Work in a thread, and hold a lock for a while if that is the habit."""
        hashlib.pbkdf2_hmac("sha256", b"password", b"salt", ROUNDS)
        if "lock" in self.options.habit:
            with self.lock:
                time.sleep(LOCKED_S)

    async def behave(self, path: str, query: dict[str, str]) -> tuple[int, str] | None:
        """Do what the path says."""
        match path:
            case "/never":
                await asyncio.Event().wait()
            case "/hang-up":
                return None
            case "/slow":
                await asyncio.sleep(SLOW_S)
            case "/wrong":
                return 200, "wrong"
            case "/error":
                return 500, "error"
            case "/enter":
                return 200, self.token()
            case "/rotate":
                return self.rotate(query.get("token", ""))
        return 200, "ok"

    def token(self) -> str:
        """Issue a token that no other server has."""
        token = f"{os.getpid()}-{next(self.numbers)}"
        self.tokens.add(token)
        return token

    def rotate(self, token: str) -> tuple[int, str]:
        """Exchange a token; each works once."""
        if token not in self.tokens:
            return 409, "spent"
        self.tokens.remove(token)
        return 200, self.token()

    def change(self) -> None:
        """Do what was to be done at this request."""
        match self.options.then:
            case "stall":
                time.sleep(STALL_S)  # not asyncio's: everybody shall wait
            case "refuse":
                self.refuse()
            case "exit":
                sys.stderr.write("out of file descriptors\n")
                os._exit(EXIT_CODE)
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "lose":
                assert self.child is not None
                self.child.kill()
                self.child.wait()
            case "hide":
                if leave():
                    spend(HIDDEN_S)
                    os._exit(0)

    def refuse(self) -> None:
        """Stop listening and hang up on everybody."""
        if self.server:
            self.server.close()
        for writer in self.callers:
            writer.close()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--shared", action="store_true")
    parser.add_argument("--at", type=int, default=0)
    parser.add_argument("--then", choices=THENS)
    parser.add_argument("--daemon", action="store_true")
    parser.add_argument("--habit", choices=HABITS, action="append", default=[])
    options = parser.parse_args()
    while options.daemon and not leave():
        signal.pause()
    asyncio.run(TinyServer(options).serve())


if __name__ == "__main__":
    main()
