"""A server of threads for one test process, over plain TCP or TLS: the path says how it behaves.

It tells how many connections it has accepted. Bodies are read slowly through a small buffer.
"""

from __future__ import annotations

import hashlib
import socket
import ssl
import threading
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PIECES = 5
GAP_S = 0.03
BUFFER_BYTES = 16384
SLOW_READS_S = 0.0005
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANSWERS = {
    "/ok": OK,
    "/once": OK,
    "/close": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "/error": b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy",
    "/moved": b"HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n",
    "/empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "/chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;x=y\r\nhello\r\nA\r\n, world!!!\r\n0\r\nX-Sum: 1\r\n\r\n",
    "/early": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
    "/ahead": OK + OK.replace(b"ok", b"no"),  # an answer to what was not asked yet
    "/old": b"HTTP/1.0 200 OK\r\n\r\nto the end",
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nto",
    "/squeezed": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "/noise": b"220 mail.example ESMTP\r\n\r\n",
}
HANGING_UP = ("/once", "/close", "/old", "/cut", "/squeezed", "/noise")


class PlainServer:
    """Accepts connections until it is closed."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        # Accepted sockets inherit it.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self.accepted = 0
        self.seen: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The address of the server."""
        scheme = "https" if self._context else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Accept nobody from now on."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                self.accepted += 1
                threading.Thread(target=self._converse, args=(caller,), daemon=True).start()

    def _converse(self, caller: socket.socket) -> None:
        with suppress(OSError):  # callers hang up as they like; plain text is no TLS
            if self._context:
                caller = self._context.wrap_socket(caller, server_side=True)
            with caller:
                while self._answer(caller):
                    pass

    def _answer(self, caller: socket.socket) -> bool:
        """Read a request and answer it; return whether there may be another one."""
        head, body = self._read(caller)
        self.seen.append(head)
        path = head.split(b" ", 2)[1].decode()
        if path == "/mute":
            return bool(caller.recv(1))  # until the caller gives up
        if path == "/digest":
            digest = hashlib.sha256(body).hexdigest().encode()
            caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 64\r\n\r\n" + digest)
        elif path == "/pieces":
            _send_slowly(caller, b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + b"p" * 500)
        else:
            caller.sendall(ANSWERS[path])
        return path not in HANGING_UP

    def _read(self, caller: socket.socket) -> tuple[bytes, bytes]:
        read = b""
        while b"\r\n\r\n" not in read:
            read += _some(caller)
        head, _, body = read.partition(b"\r\n\r\n")
        parts = [body]
        missing = _length(head) - len(body)
        while missing:
            time.sleep(SLOW_READS_S)
            parts.append(_some(caller))
            missing -= len(parts[-1])
        return head, b"".join(parts)


def _send_slowly(caller: socket.socket, answer: bytes) -> None:
    """Send in pieces of equal size, with gaps."""
    size = -(-len(answer) // PIECES)
    for start in range(0, len(answer), size):
        time.sleep(GAP_S)
        caller.sendall(answer[start : start + size])


def _some(caller: socket.socket) -> bytes:
    some = caller.recv(BUFFER_BYTES)
    if not some:
        raise ConnectionError("the caller has hung up")
    return some


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@contextmanager
def plain_server(certificate: Path | None = None) -> Iterator[PlainServer]:
    """Serve for as long as the block lasts; with a certificate, over TLS."""
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = PlainServer(context)
    try:
        yield server
    finally:
        server.close()


def write_certificate(file: Path) -> None:
    """Write a key and a certificate that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + certificate.public_bytes(pem))
