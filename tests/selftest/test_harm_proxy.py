"""The proxy on real sockets: bytes pass as they are, harms have their size, and nobody is left.

Services are asyncio servers of the test, or programs that are started behind the proxy as builds
are.
"""

from __future__ import annotations

import asyncio
import http.client
import socket
import time
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from load.runs import SERVER

from perfgate.config.models import Target
from perfgate.errors import TargetError
from perfgate.selftest.harm import Harm, Kind, Place, Tally, read_place, read_tally
from perfgate.selftest.proxy import SERVICE_PORT, Front, listen, one_in, spoilt
from perfgate.selftest.trials import PROXY
from perfgate.target.process import start_target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from perfgate.target.process import RunningTarget

    Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
    Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HERE = "127.0.0.1"
NOTHING = Harm(Kind.NOTHING)
WAITING = Harm(Kind.LATENCY, wait_s=0.002)
BURNING = Harm(Kind.CPU, burn_s=0.0002)
ERRING = Harm(Kind.ERRORS, one_in=1)
HARMLESS_TO_BYTES = [NOTHING, WAITING, BURNING]
MANY = 16 * 2**20
# More than all buffers on the way hold together.
TOO_MANY = 96 * 2**20
PATIENCE_S = 20.0
TURNS = 10

pieces = st.binary(min_size=1, max_size=300_000) | st.binary(min_size=1, max_size=20)
turns = st.lists(st.tuples(pieces, pieces), min_size=1, max_size=4)


@asynccontextmanager
async def behind(harm: Harm, converse: Converse) -> AsyncIterator[tuple[Front, int]]:
    """Serve connections with ``converse``, the proxy before it; yield it and its port."""
    writers = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await converse(reader, writer)
        writer.close()

    service = await asyncio.start_server(served, HERE, 0)
    front = Front(Place("/", harm, seed=1), HERE, service.sockets[0].getsockname()[1])
    proxy = await listen(front, HERE, 0)
    async with service, proxy:
        yield front, proxy.sockets[0].getsockname()[1]
    for writer in writers:
        # One that was closed before all was sent, and has sent it since, cannot be aborted.
        if writer.transport.get_write_buffer_size() or not writer.is_closing():
            writer.transport.abort()
    for _ in range(TURNS):  # of the loop, in which the ends of connections hear of each other
        await asyncio.sleep(0.001)


async def called(port: int) -> Ends:
    """Return a new connection to a port."""
    return await asyncio.open_connection(HERE, port)


def answering(answer: bytes) -> Converse:
    """Return a service that answers every request of one piece so, until its caller hangs up."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            writer.write(answer)

    return converse


@settings(max_examples=25)
@given(turns, st.sampled_from(HARMLESS_TO_BYTES))
def test_bytes_pass_as_they_are(said: list[tuple[bytes, bytes]], harm: Harm) -> None:
    """Both sides of a connection that is kept get every byte of every turn, in order."""
    heard: list[bytes] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for request, answer in said:
            heard.append(await reader.readexactly(len(request)))
            writer.write(answer)
            await writer.drain()
        assert await reader.read() == b""

    async def conversation() -> tuple[list[bytes], int]:
        async with behind(harm, converse) as (front, port):
            reader, writer = await called(port)
            got = []
            for request, answer in said:
                writer.write(request)
                got.append(await reader.readexactly(len(answer)))
            writer.close()
            return got, front.requests

    got, requests = asyncio.run(asyncio.wait_for(conversation(), PATIENCE_S))
    assert heard == [request for request, _ in said]
    assert got == [answer for _, answer in said]
    assert requests == len(said)


@pytest.mark.parametrize("harm", HARMLESS_TO_BYTES, ids=lambda harm: harm.kind)
def test_large_bodies_pass_whole(harm: Harm) -> None:
    """A request of many pieces counts once, and comes through whole, and so does its answer."""
    body = bytes(range(256)) * (MANY // 256)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(MANY) == body
        writer.write(body[::-1])
        await writer.drain()

    async def conversation() -> int:
        async with behind(harm, converse) as (front, port):
            reader, writer = await called(port)
            writer.write(body)
            assert await reader.read() == body[::-1]
            writer.close()
            return front.requests

    assert asyncio.run(asyncio.wait_for(conversation(), PATIENCE_S)) == 1


def test_who_reads_slowly_slows_down_who_sends() -> None:
    """What nobody reads stays with who sends it: the proxy does not take all of it in."""

    async def idle(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(PATIENCE_S)  # a reader takes in 128 KiB, and then no more

    async def flood() -> int:
        async with behind(NOTHING, idle) as (_, port):
            caller = socket.create_connection((HERE, port))
            caller.setblocking(False)
            sent, loop = 0, asyncio.get_running_loop()
            with caller, suppress(TimeoutError):
                while sent < TOO_MANY:
                    await asyncio.wait_for(loop.sock_sendall(caller, bytes(2**20)), 1.0)
                    sent += 2**20
            return sent

    assert asyncio.run(flood()) < TOO_MANY


@pytest.mark.parametrize("harm", HARMLESS_TO_BYTES, ids=lambda harm: harm.kind)
def test_a_caller_that_has_said_all_gets_its_answer(harm: Harm) -> None:
    """The end of one direction is passed on after all bytes, and leaves the other one open."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"heard " + await reader.read())

    async def conversation() -> bytes:
        async with behind(harm, converse) as (_, port):
            reader, writer = await called(port)
            writer.write(b"all")
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer

    assert asyncio.run(asyncio.wait_for(conversation(), PATIENCE_S)) == b"heard all"


def test_who_hangs_up_is_hung_up_on() -> None:
    """The service's end of a connection is its caller's, and the other way round."""
    ended = asyncio.Event()

    async def converse(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        if await reader.read(1) == b"1":
            return
        await reader.read()
        ended.set()

    async def conversation() -> bytes:
        async with behind(NOTHING, converse) as (_, port):
            reader, writer = await called(port)
            writer.write(b"1")
            last = await reader.read()
            other = (await called(port))[1]
            other.write(b"2")
            await asyncio.sleep(0.01)
            other.close()
            await ended.wait()
            writer.close()
            return last

    assert asyncio.run(asyncio.wait_for(conversation(), PATIENCE_S)) == b""


def test_a_service_that_does_not_listen_is_told_as_such() -> None:
    """A caller that comes too early is hung up on, so that nobody takes the proxy for ready."""

    async def conversation() -> bytes:
        with socket.create_server((HERE, 0)) as closed:
            port = closed.getsockname()[1]
        proxy = await listen(Front(Place("/", NOTHING, seed=1), HERE, port), HERE, 0)
        async with proxy:
            reader, writer = await called(proxy.sockets[0].getsockname()[1])
            writer.close()
            return await reader.read()

    assert asyncio.run(asyncio.wait_for(conversation(), PATIENCE_S)) == b""


@given(st.integers(1, 50), st.integers(0, 2**31), st.integers(1, 8))
def test_the_share_is_exact(count: int, seed: int, blocks: int) -> None:
    """Of every so many turns it is exactly one, from the first block on."""
    drawn = list(islice(one_in(count, seed), count * blocks))
    assert [sum(drawn[at : at + count]) for at in range(0, len(drawn), count)] == [1] * blocks


def test_the_share_keeps_no_step() -> None:
    """At which place of its block it is differs, so that no habit of the callers' hides it."""
    drawn = list(islice(one_in(10, seed=1), 1000))
    places = Counter(at % 10 for at, own in enumerate(drawn) if own)
    assert len(places) == 10
    assert not any(islice(one_in(0, seed=1), 100))


@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nok",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            b"HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nok\r\n0\r\n\r\n",
        ),
        (
            b"HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n",
            b"HTTP/1.0 500 Internal Server Error\r\nLocation: /\r\n\r\n",
        ),
        (
            b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
            b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nX: y\r\n\r\n",
        ),
    ],
)
def test_of_an_error_only_the_status_is_another(answer: bytes, seen: bytes) -> None:
    """Head and body stay, and so their length; one that has no body for its status says so."""
    assert spoilt(answer) == seen


@pytest.mark.parametrize(
    ("answer", "statuses"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", (500,)),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", (100, 500)),
        (b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 204 -\r\n\r\n", (103, 500)),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x02ok\r\n", (500,)),
        (b"220 mail.example ESMTP\r\n\r\n", ()),
    ],
)
def test_errors_are_answers_that_are_final(answer: bytes, statuses: tuple[int, ...]) -> None:
    """What only announces an answer is let pass, and what is not HTTP/1 is not harmed."""

    async def conversation() -> tuple[bytes, Front]:
        async with behind(ERRING, answering(answer)) as (front, port):
            reader, writer = await called(port)
            for _ in range(2):
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                await asyncio.sleep(0.02)
            writer.write_eof()
            seen = await reader.read()
            writer.close()
            return seen, front

    seen, front = asyncio.run(asyncio.wait_for(conversation(), PATIENCE_S))
    told = tuple(int(line[9:12]) for line in seen.split(b"\r\n") if line.startswith(b"HTTP/1.1 "))
    assert told == statuses * 2
    assert (front.requests, front.harmed) == (2, 2 * (500 in statuses))


def test_places_and_tallies_read_back(tmp_path: Path) -> None:
    """What the proxy is told is what it reads, and tallies of all its processes add up."""
    place = Place("/srv/auth", Harm(Kind.CPU, burn_s=0.00037), seed=7)
    place.write(tmp_path)
    assert read_place(tmp_path) == place
    assert read_tally(tmp_path) == Tally(0, 0)


@contextmanager
def served(tmp_path: Path, harm: Harm, *words: str) -> Iterator[RunningTarget]:
    """Start a tiny server behind the proxy as a build is started, and wait until it is ready."""
    build, place = tmp_path / "build", tmp_path / f"place {harm.kind}"
    build.mkdir(exist_ok=True)
    place.mkdir()
    Place(str(build), harm, seed=1).write(place)
    command = f"{{python}} -I -S '{SERVER}' --host {{host}} --port {SERVICE_PORT} {' '.join(words)}"
    target = Target(start=f"{PROXY} {command}", ready="/ok")
    with start_target(place, "candidate", target, log=tmp_path / "log") as running:
        running.wait_until_ready()
        yield running


def asked(running: RunningTarget, count: int, path: str = "/ok") -> Counter[int]:
    """Ask so often on one connection, and return how often each status came."""
    caller = http.client.HTTPConnection(HERE, running.port)
    seen = Counter[int]()
    for _ in range(count):
        caller.request("GET", path)
        with caller.getresponse() as answer:
            assert answer.read() == b"ok"
            seen[answer.status] += 1
    caller.close()
    return seen


def cpu_s(running: RunningTarget, count: int) -> float:
    """Return the CPU time that so many requests take."""
    asked(running, 10)
    before_s = running.usage().cpu_s
    asked(running, count)
    return running.usage().cpu_s - before_s


def test_errors_of_a_real_service(tmp_path: Path) -> None:
    """One of ten answers is an error, body and connection as ever, and the tally says so."""
    with served(tmp_path, Harm(Kind.ERRORS, one_in=10)) as running:
        before = asked(running, 1)
        seen = before + asked(running, 199)
    tally = read_tally(tmp_path / "place errors")
    assert seen[500] == pytest.approx(20, abs=1)  # the ready URL was asked too
    assert tally.requests > 200
    assert tally.harmed == pytest.approx(tally.requests / 10, abs=1)


def test_a_wait_takes_time_and_no_cpu(tmp_path: Path) -> None:
    """Requests are late by the wait, of which next to nothing is CPU time."""
    wait_s, count = 0.05, 20
    with served(tmp_path, NOTHING) as running:
        usual_s = cpu_s(running, count)
    with served(tmp_path, Harm(Kind.LATENCY, wait_s=wait_s)) as running:
        start_s = time.monotonic()
        taken_s = cpu_s(running, count)
        late_s = time.monotonic() - start_s
    assert late_s >= count * wait_s
    assert taken_s - usual_s < 0.1 * count * wait_s


def test_cpu_time_is_taken(tmp_path: Path) -> None:
    """Each request takes so much more CPU time, however busy the machine is."""
    burn_s, count = 0.002, 100
    with served(tmp_path, NOTHING) as running:
        usual_s = cpu_s(running, count)
    with served(tmp_path, Harm(Kind.CPU, burn_s=burn_s)) as running:
        taken_s = cpu_s(running, count)
    assert taken_s - usual_s == pytest.approx(count * burn_s, rel=0.25)


def members_of(running: RunningTarget) -> list[Path]:
    """Return where each of a target's processes works."""
    return [Path(f"/proc/{pid}/cwd").readlink() for pid in running.members()]


def test_nothing_is_left(tmp_path: Path) -> None:
    """The proxy and the service, each in its directory, end together with the target."""
    with served(tmp_path, NOTHING) as running:
        assert members_of(running) == [tmp_path / "place nothing", tmp_path / "build"]
        members = running.members()
    assert not any(Path(f"/proc/{pid}").exists() for pid in members)
    assert read_tally(tmp_path / "place nothing").requests >= 1


def test_the_end_of_the_service_is_the_proxys(tmp_path: Path) -> None:
    """A service that exits takes the proxy along, with its own exit code."""
    with served(tmp_path, NOTHING, "--at", "3", "--then", "exit") as running:
        with suppress(http.client.HTTPException, OSError):
            asked(running, 3)
        until_s = time.monotonic() + PATIENCE_S
        while running.exit_code() is None and time.monotonic() < until_s:
            time.sleep(0.01)
        assert running.exit_code() == 7


def test_a_command_that_is_missing(tmp_path: Path) -> None:
    """What cannot be run is told with its name, as without the proxy."""
    Place(str(tmp_path), NOTHING, seed=1).write(tmp_path)
    target = Target(start=f"{PROXY} ./gone --port {SERVICE_PORT}", ready="/ok")
    with (
        pytest.raises(TargetError) as caught,
        start_target(tmp_path, "candidate", target, log=tmp_path / "log") as running,
    ):
        running.wait_until_ready()
    assert "exited with code 126" in caught.value.message
    assert "./gone: No such file or directory" in caught.value.message
