"""Ports: a free one is free, and its listener is told from a stranger's, with real sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from perfgate.target.ports import Holder, free_port, holder, ports_of

PYTHON = [sys.executable, "-I", "-S", "-c"]


def test_a_free_port_can_be_listened_on() -> None:
    """Law: the port chosen is usable at once, also without SO_REUSEADDR."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))
        listener.listen()


def test_a_free_port_is_none_that_outgoing_connections_get() -> None:
    """Law: ports lie below the kernel's range for clients and above the well-known ones."""
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = {free_port() for _ in range(50)}

    assert all(1024 < port < lowest for port in ports)
    assert len(ports) > 40


def test_nobody_holds_a_free_port() -> None:
    """Law: without a listener the holder is nobody, whoever is asked about."""
    assert holder(free_port(), [os.getpid()]) is Holder.NOBODY


def test_an_own_listener_is_told_from_a_stranger() -> None:
    """Law: the same listener is OWN for its process and STRANGER for everybody else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        assert holder(port, [1, os.getpid()]) is Holder.OWN
        assert holder(port, [os.getppid()]) is Holder.STRANGER
        assert holder(port, []) is Holder.STRANGER


def test_ports_of_processes() -> None:
    """Law: the ports that a process listens on are known, and none of one that does not."""
    before = ports_of([os.getpid()])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        assert set(ports_of([os.getpid()])) == {*before, port}
        assert ports_of([]) == ()
    assert ports_of([os.getpid()]) == before


def test_a_stranger_beside_the_owner_is_seen() -> None:
    """Law: with two listeners on one port, the owner alone does not answer."""
    script = (
        "import socket, sys; s = socket.socket(); "
        "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1); "
        "s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen(); print(flush=True); sys.stdin.read()"
    )
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        command = [sys.executable, "-c", script, str(port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            other.stdout.readline()
            assert holder(port, [os.getpid(), other.pid]) is Holder.OWN
            assert holder(port, [os.getpid()]) is Holder.STRANGER
            other.communicate()


def test_a_listener_on_every_address_holds_the_port() -> None:
    """Law: servers on 0.0.0.0 and on [::] are found like those on 127.0.0.1."""
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104  # what is tested here
        assert holder(listener.getsockname()[1], [os.getpid()]) is Holder.OWN
    if socket.has_dualstack_ipv6():
        with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as both:
            assert holder(both.getsockname()[1], [os.getpid()]) is Holder.OWN


def test_a_connection_is_no_listener() -> None:
    """Law: a port in use by a connection only is held by nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        accepted, _ = listener.accept()
        port = listener.getsockname()[1]
    with client, accepted:
        assert holder(port, [os.getpid()]) is Holder.NOBODY


def test_an_inherited_listener_belongs_to_the_child_too() -> None:
    """Law: a worker that accepts on its parent's socket holds the port as well."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = subprocess.Popen(
            [*PYTHON, "input()"], stdin=subprocess.PIPE, pass_fds=[listener.fileno()]
        )
        try:
            assert holder(listener.getsockname()[1], [child.pid]) is Holder.OWN
        finally:
            child.communicate(b"\n")


def test_a_process_that_is_gone_holds_nothing() -> None:
    """Law: asking about the dead raises nothing."""
    child = subprocess.Popen([*PYTHON, ""])
    child.wait()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert holder(listener.getsockname()[1], [child.pid]) is Holder.STRANGER
