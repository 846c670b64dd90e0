"""The server with which the load generator is tried: the same short answer to every request.

A program of its own that costs next to nothing; it is no service to be measured.
"""

from __future__ import annotations

import argparse
import asyncio

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
END = b"\r\n\r\n"


class Answerer(asyncio.Protocol):
    """Answers on one connection until the caller hangs up."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back to the caller."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole; none has a body."""
        *whole, self._rest = (self._rest + data).split(END)
        if self._transport:
            self._transport.write(ANSWER * len(whole))


async def serve(host: str, port: int) -> None:
    """Serve until the end of the process."""
    server = await asyncio.get_running_loop().create_server(Answerer, host, port)
    await server.serve_forever()


def main() -> None:
    """Serve at the place that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    words = parser.parse_args()
    asyncio.run(serve(words.host, words.port))


if __name__ == "__main__":
    main()
