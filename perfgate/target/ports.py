"""A port passes through: a free one is chosen, and its listener is told from a stranger's.

It opens no connection; whether the listener answers is asked elsewhere.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOWEST = 10_240
_TRIES = 64
_LISTEN = "0A"
LOOPBACK = "127.0.0.1"
# 0.0.0.0 and ::, and what comes before an IPv4 address as IPv6, as the kernel's tables have them.
_ANY_ADDRESS = ("0" * 8, "0" * 32)
_MAPPED = f"{'0' * 16}{int.from_bytes(bytes((0, 0, 255, 255)), sys.byteorder):08X}"


class Holder(Enum):
    """Who listens on a port, as seen from a set of processes."""

    NOBODY = "nobody"
    OWN = "one of the target's processes"
    STRANGER = "a process that is not the target's"


def free_port(host: str = LOOPBACK) -> int:
    """Return a port of an address that nobody listens on, at random.

    It lies below the range the kernel gives to outgoing connections where there is room: the load
    opens thousands of those, and any could take the port before the target does.
    """
    highest = _first_ephemeral()
    for _ in range(_TRIES if highest > _LOWEST else 0):
        port = _LOWEST + secrets.randbelow(highest - _LOWEST)
        if _can_bind(host, port):
            return port
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _first_ephemeral() -> int:
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    except OSError:
        return 0


def _can_bind(host: str, port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: connections that have ended a moment ago do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def holder(port: int, pids: Iterable[int], host: str = LOOPBACK) -> Holder:
    """Return who listens on the port: only these processes, a stranger (too), or nobody.

    With SO_REUSEPORT the kernel deals connections out among all who listen, so one stranger among
    them answers some of the requests. Where the kernel does not list its sockets, the listener is
    taken to be one of them.
    """
    listening = _listening()
    if listening is None:
        return Holder.OWN
    own = f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}"
    places = {f"{address}:{port:04X}" for address in (own, f"{_MAPPED}{own}", *_ANY_ADDRESS)}
    listeners = {inode for place, inode in listening if place in places}
    if not listeners:
        return Holder.NOBODY
    return Holder.OWN if listeners <= _inodes_of(pids) else Holder.STRANGER


def ports_of(pids: Iterable[int]) -> tuple[int, ...]:
    """Return the ports that these processes listen on, at whatever address; none if untold."""
    own = _inodes_of(pids)
    places = {place for place, inode in _listening() or () if inode in own}
    return tuple(sorted({int(place.rpartition(":")[2], 16) for place in places}))


def _listening() -> list[tuple[str, str]] | None:
    """Return place and inode of all sockets that listen; None where the kernel lists none."""
    tables = [table for table in map(_table, ("tcp", "tcp6")) if table is not None]
    if not tables:
        return None
    rows = (line.split() for table in tables for line in table.splitlines()[1:])
    return [(row[1], row[9]) for row in rows if row[3] == _LISTEN]


def _inodes_of(pids: Iterable[int]) -> set[str]:
    return set[str]().union(*map(_socket_inodes, pids))


def _table(name: str) -> str | None:
    try:
        return Path(f"/proc/self/net/{name}").read_text("ascii")
    except OSError:
        return None


def _socket_inodes(pid: int) -> set[str]:
    found: set[str] = set()
    with suppress(OSError):  # the process is gone, or another user's
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):  # closed since it was listed
                # Path.readlink would normalise "socket:[1]"; the number between the brackets it is.
                kind, _, inode = os.readlink(entry).partition(":")  # noqa: PTH115  # not a path
                if kind == "socket":
                    found.add(inode.strip("[]"))
    return found
