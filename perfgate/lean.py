"""For Locust files: a user whose client spends little CPU on requests that need little.

``LeanHttpUser`` stands where ``FastHttpUser`` would, with or without perfgate::

    from perfgate.lean import LeanHttpUser

    class Caller(LeanHttpUser):
        @task
        def fetch(self):
            self.client.get("/page", name="fetch")

It speaks HTTP/1.1 without TLS, over one connection that it keeps; it has no cookies, takes no
compressed bodies, follows no redirect (one is a failure) and has no ``catch_response``: a task that
finds a wrong body raises an exception. Nothing is sent twice: where a connection breaks, its
request has failed.
"""

from __future__ import annotations

import time
from functools import partialmethod
from http import HTTPStatus
from json import dumps, loads
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import gevent.socket
from locust import User
from locust.exception import ResponseError, StopTest

from perfgate.load.inside.pools import is_quiet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from locust.env import Environment

READ_BYTES = 65536
LONGEST_HEAD_BYTES = 65536
CUT_SHORT = "the server closed the connection before a whole answer"
WITH_BODY = ("POST", "PUT", "PATCH")
BODILESS = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
REDIRECTS = (301, 302, 303, 307, 308)


class LeanHttpUser(User):
    """A Locust user with a ``LeanClient``; its attributes have the names of FastHttpUser's."""

    abstract = True
    network_timeout = 60.0
    connection_timeout = 60.0
    default_headers: Mapping[str, str] | None = None

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.client = LeanClient(self)


class LeanResponse:
    """An answer and its body; status 0 if none came."""

    __slots__ = ("_head", "content", "status_code")

    def __init__(self, status_code: int, head: bytes, content: bytes) -> None:
        self.status_code, self._head, self.content = status_code, head, content

    @property
    def headers(self) -> dict[str, str]:
        """The headers, by their names in lower case; read anew each time."""
        lines = self._head.decode("latin-1").split("\r\n")[1:]
        fields = (line.partition(":") for line in lines)
        return {name.lower(): value.strip() for name, _, value in fields}

    @property
    def text(self) -> str:
        """The body as text, taken for UTF-8."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:  # noqa: ANN401 - whatever the server sends
        """Return the body's content; raises ValueError if it is no JSON."""
        return loads(self.content)


class LeanClient:
    """Sends requests to the user's host, one after the other, and tells Locust of each."""

    def __init__(self, user: LeanHttpUser) -> None:
        host = urlsplit(user.host or "")
        if host.scheme != "http" or not host.hostname or host.username or host.query:
            given = host._replace(netloc=host.netloc.rpartition("@")[2]).geturl()
            raise StopTest(
                "LeanHttpUser needs a host like http://127.0.0.1:80, without TLS or password, "
                f"not {given!r}"
            )
        self._user, self._base, self._prefix = user, user.host, host.path
        self._address = (host.hostname, host.port or 80)
        self._headers = {"Host": host.netloc, **(user.default_headers or {})}
        self._lines = _lines(self._headers)
        self._fire = user.environment.events.request.fire
        self._idle: _Connection | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        name: str | None = None,
        headers: Mapping[str, str] | None = None,
        data: str | bytes | Mapping[str, str] | None = None,
        json: object = None,
    ) -> LeanResponse:
        """Send a request and return the answer; what fails is told to Locust, not raised.

        ``path`` begins with a slash and is encoded already. A mapping as ``data`` is sent as a
        form, ``json`` as JSON. ``headers`` replace default ones that are spelled alike.
        """
        if not path.startswith("/") or " " in path:
            raise ValueError(f"a path is to begin with / and to be encoded, unlike {path!r}")
        message = self._message(method, path, headers, *_body(data, json))
        response, failure = LeanResponse(0, b"", b""), None
        start_time, begun_s = time.time(), time.perf_counter()
        try:
            response = self._exchange(method, message)
            failure = _failure(response)
        except (OSError, ValueError) as error:  # no connection, or an answer that is none
            failure = error
        self._fire(
            request_type=method,
            name=name or path,
            response_time=(time.perf_counter() - begun_s) * 1000,
            response_length=len(response.content),
            response=response,
            exception=failure,
            context=self._user.context(),
            start_time=start_time,
            url=f"{self._base}{path}",
        )
        return response

    def _message(
        self, method: str, path: str, headers: Mapping[str, str] | None, kind: str, body: bytes
    ) -> bytes:
        own = {**({"Content-Type": kind} if kind else {}), **(headers or {})}
        lines = _lines({**self._headers, **own}) if own else self._lines
        if body or method in WITH_BODY:
            lines += f"Content-Length: {len(body)}\r\n"
        return f"{method} {self._prefix}{path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body

    get = partialmethod(request, "GET")
    post = partialmethod(request, "POST")
    put = partialmethod(request, "PUT")
    delete = partialmethod(request, "DELETE")

    def _exchange(self, method: str, message: bytes) -> LeanResponse:
        """Send over the connection that is idle, if it still lives, and read the answer."""
        connection = self._idle
        if connection is None or not is_quiet(connection.sock):
            connection = self._connect()
        self._idle = None
        may_stay = False
        try:
            connection.sock.sendall(message)
            response, may_stay = _read_answer(connection, method)
        finally:
            if may_stay:
                self._idle = connection
            else:  # nor after a kill between two bytes
                connection.sock.close()
        return response

    def _connect(self) -> _Connection:
        if self._idle:
            self._idle.sock.close()
        sock = gevent.socket.create_connection(self._address, self._user.connection_timeout)
        sock.settimeout(self._user.network_timeout)
        return _Connection(sock)


class _Connection:
    """A socket, and what has been read from it and not yet been taken."""

    __slots__ = ("_held", "sock")

    def __init__(self, sock: Any) -> None:  # noqa: ANN401 - gevent is not annotated
        self.sock, self._held = sock, b""

    def is_clear(self) -> bool:
        """Return whether all that has been read was taken: what is left answers no request."""
        return not self._held

    def until(self, mark: bytes) -> bytes:
        """Take what comes before the mark, and drop the mark."""
        while (place := self._held.find(mark)) < 0:
            if len(self._held) > LONGEST_HEAD_BYTES:
                raise ValueError(f"no end of a line or head in {LONGEST_HEAD_BYTES} bytes")
            self._held += self._part()
        taken, self._held = self._held[:place], self._held[place + len(mark) :]
        return taken

    def exactly(self, count: int) -> bytes:
        """Take so many bytes."""
        if count < 0:
            raise ValueError(f"a body of {count} bytes")
        parts, missing = [self._held], count - len(self._held)
        while missing > 0:
            parts.append(self._part())
            missing -= len(parts[-1])
        whole = b"".join(parts)
        self._held = whole[count:]
        return whole[:count]

    def rest(self) -> bytes:
        """Take all that comes until the server closes the connection."""
        parts = [self._held]
        while part := self.sock.recv(READ_BYTES):
            parts.append(part)
        return b"".join(parts)

    def _part(self) -> bytes:
        part: bytes = self.sock.recv(READ_BYTES)
        if not part:
            raise ConnectionError(CUT_SHORT)
        return part


def _read_answer(connection: _Connection, method: str) -> tuple[LeanResponse, bool]:
    """Return the answer, and whether another may follow it."""
    status = 0
    while status < HTTPStatus.OK:  # others come before the one that counts
        head = connection.until(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.") or not head[9:12].isdigit():
            raise ValueError(f"no answer of HTTP/1.1: {head[:40].decode('latin-1')}")
        status = int(head[9:12])
    fields = head.lower()
    may_stay = b"close" not in _field(fields, b"connection") and head[7:8] == b"1"
    if method == "HEAD" or status in BODILESS:
        content = b""
    elif encoding := _field(fields, b"transfer-encoding"):
        content = b"".join(_chunks(connection, encoding))
    elif length := _field(fields, b"content-length"):
        content = connection.exactly(int(length))
    else:
        content, may_stay = connection.rest(), False
    return LeanResponse(status, head, content), may_stay and connection.is_clear()


def _field(fields: bytes, name: bytes) -> bytes:
    """Return the value of a header in a head that is in lower case, b"" if it is not there."""
    _, found, value = fields.partition(b"\r\n" + name + b":")
    return value.partition(b"\r\n")[0].strip() if found else b""


def _chunks(connection: _Connection, encoding: bytes) -> Iterator[bytes]:
    if encoding != b"chunked":
        told = encoding.decode("latin-1")
        raise ValueError(f"LeanHttpUser knows no transfer encoding but chunked: {told}")
    while size := int(connection.until(b"\r\n").partition(b";")[0], 16):
        yield connection.exactly(size)
        connection.until(b"\r\n")
    while connection.until(b"\r\n"):  # trailers
        pass


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


def _body(data: str | bytes | Mapping[str, str] | None, json: object) -> tuple[str, bytes]:
    """Return the type of the content and the content, both empty if there is none."""
    if isinstance(data, str):
        return "", data.encode()
    if isinstance(data, bytes):
        return "", data
    if data is not None:
        return "application/x-www-form-urlencoded", urlencode(data).encode()
    return ("application/json", dumps(json).encode()) if json is not None else ("", b"")


def _failure(response: LeanResponse) -> Exception | None:
    """Return what is wrong with an answer by its status."""
    status = response.status_code
    if status in REDIRECTS:
        where = response.headers.get("location", "")
        return ResponseError(f"code={status}: LeanHttpUser follows no redirect, as here to {where}")
    return ResponseError(f"code={status}") if status >= HTTPStatus.BAD_REQUEST else None
