"""Small services for the target's tests, each a real program, and what to look at them with."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.config.models import Target
from perfgate.procfs import all_pids, read_stat

if TYPE_CHECKING:
    from collections.abc import Callable

# A service of a few lines that starts quickly; programs put their own peculiarity around it.
SERVICE = """
import ctypes, json, os, pathlib, signal, socket, sys, threading, time

def serve(port=0, status=b"200 OK"):
    listener = socket.create_server(("127.0.0.1", port or int(sys.argv[1])))
    while True:
        caller, _ = listener.accept()
        with caller:
            caller.recv(65536)
            caller.sendall(b"HTTP/1.1 " + status + b"\\r\\ncontent-length: 0\\r\\n\\r\\n")
"""

# A process in a session of its own that ignores every polite request to end.
DAEMON = """
def daemon(pid_file):
    if os.fork() == 0:
        os.setsid()
        if os.fork() > 0:
            os._exit(0)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        pathlib.Path(pid_file + ".new").write_text(str(os.getpid()))
        os.rename(pid_file + ".new", pid_file)
        time.sleep(300)
        os._exit(0)
"""


def write_program(directory: Path, text: str) -> None:
    """Make the directory a build whose service.py is the text after SERVICE and DAEMON."""
    (directory / "service.py").write_text(SERVICE + DAEMON + text)


def config(**changes: object) -> Target:
    """Return a target that starts service.py, ready within five seconds."""
    settings: dict[str, object] = {
        "start": "{python} -I -S service.py {port} {data_dir}",
        "ready_timeout_s": 5.0,
        "stop_timeout_s": 3.0,
    }
    return Target.model_validate(settings | changes)


def lives(pid: int) -> bool:
    """Return whether a process is there and not a zombie."""
    stat = read_stat(pid)
    return stat is not None and stat.alive


def processes_in(directory: Path) -> list[int]:
    """Return the living processes whose working directory this is: those of its build."""
    found = []
    for pid in all_pids():
        try:
            where = Path(f"/proc/{pid}/cwd").readlink()
        except OSError:
            continue
        if where == directory.resolve() and lives(pid):
            found.append(pid)
    return found


def eventually(law: Callable[[], bool], within_s: float = 5.0) -> bool:
    """Look again and again until the law holds."""
    deadline = time.monotonic() + within_s
    while not law():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def number_in(file: Path) -> int:
    """Return the number in a file that some process is about to write."""
    assert eventually(file.exists), f"{file} never came"
    return int(file.read_text())
