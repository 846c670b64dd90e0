"""A server for the tests of upsets: all requests wait in order for a few places at a time.

It prints its port. ``/given-up`` returns how many callers had gone when their answer was ready.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"


class Pool:
    """So many places, each taken for so long."""

    def __init__(self, places: int, seconds: float) -> None:
        self._places, self._seconds = asyncio.Semaphore(places), seconds
        self._given_up = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer whatever comes over a connection."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await self._answer(head, reader)
                writer.write(HEAD % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, head: bytes, reader: asyncio.StreamReader) -> bytes:
        if head.startswith(b"GET /given-up"):
            return b"%d" % self._given_up
        async with self._places:
            await asyncio.sleep(self._seconds)
        self._given_up += reader.at_eof()
        return b"ok"


async def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--places", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.02)
    options = parser.parse_args()
    pool = Pool(options.places, options.seconds)
    server = await asyncio.start_server(pool.serve, "127.0.0.1", 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
