"""A build's directory passes through and becomes a running service, watched and ended for certain.

It sends the service no load, and does not judge what it sees of it.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from perfgate.errors import LateError, PortTakenError, TargetError
from perfgate.procfs import TreeMeter, TreeUsage
from perfgate.scrub import scrubbed
from perfgate.target.interrupts import deferred_interrupts
from perfgate.target.kinship import MARKER_VARIABLE, Family, subreaper
from perfgate.target.ports import Holder, free_port, holder
from perfgate.target.readiness import Answer, ask
from perfgate.target.running import (
    TargetHealth,
    births_of,
    ending,
    lost_of,
    ready_url_of,
    shown_words,
    strayed_to,
    unready_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from perfgate.config.models import Target

_POLL_S = 0.02
_LONGEST_ANSWER_S = 1.0
# A child that has just been forked may listen before it is seen to be the target's.
_LOOKS_AT_STRANGER = 5


@dataclass(frozen=True, slots=True)
class _Launch:
    """Everything the start of one target depends on."""

    name: str
    words: tuple[str, ...]
    directory: Path
    environ: dict[str, str]
    log: Path
    cpu: int | None


@contextmanager
def start_target(
    directory: Path, name: str, target: Target, *, log: Path, cpu: int | None = None
) -> Iterator[RunningTarget]:
    """Start a build for as long as the block lasts; then nothing it has started lives on.

    ``directory`` is where the command runs, ``name`` what messages call the build, ``log`` the file
    that its output is added to (it stays). The target gets a free port of 127.0.0.1, a fresh
    directory for what it stores (also its HOME, removed at the end), an environment without
    secrets, and, with ``cpu``, that one CPU. Raises TargetError when the command cannot be run.
    """
    with ExitStack() as stack:
        with deferred_interrupts():
            stack.enter_context(subreaper())
            data_dir = stack.enter_context(
                TemporaryDirectory(prefix="perfgate-", ignore_cleanup_errors=True)
            )
            marker, port = uuid.uuid4().hex, free_port(target.host)
            launch = _Launch(
                name=name,
                words=_words(name, target, port, data_dir),
                directory=directory,
                environ=_environ(target, data_dir, marker),
                log=log,
                cpu=cpu,
            )
            running = RunningTarget(launch, target, port, Path(data_dir), marker)
            # Twice, because a second Ctrl-C can hit the first before it holds such back.
            stack.callback(running.stop)
            stack.callback(running.stop)
        yield running


def _words(name: str, target: Target, port: int, data_dir: str) -> tuple[str, ...]:
    places = {
        "{port}": str(port),
        "{host}": target.host,
        "{python}": sys.executable,
        "{data_dir}": data_dir,
    }
    try:
        words = shlex.split(target.start or "")
    except ValueError as error:
        raise TargetError(
            f"{name}: the start command cannot be split into words ({error}): {target.start}",
            hint="Quotes must be closed as in a shell.",
        ) from error
    # Splitting comes first: a directory with a space in its name stays one word.
    for place, value in places.items():
        words = [word.replace(place, value) for word in words]
    return tuple(words)


def _environ(target: Target, data_dir: str, marker: str) -> dict[str, str]:
    home = {} if "HOME" in target.pass_env else {"HOME": data_dir}
    extra = {**home, **target.env, MARKER_VARIABLE: marker}
    return scrubbed(os.environ, pass_env=target.pass_env, extra=extra)


def _spawn(launch: _Launch) -> subprocess.Popen[bytes]:
    try:
        with launch.log.open("ab") as log, _on_cpu(launch.cpu):
            return subprocess.Popen(
                launch.words,
                cwd=launch.directory,
                env=launch.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except (OSError, ValueError, IndexError) as error:
        raise TargetError(
            f"{launch.name}: cannot start: {error}\n"
            f"  command: {shown_words(launch.words)}\n  directory: {launch.directory}",
            hint="It is started without a shell, in the build's directory; "
            "{python} is the interpreter that perfgate runs on.",
        ) from error


@contextmanager
def _on_cpu(cpu: int | None) -> Iterator[None]:
    """Let what is started inside inherit one CPU.

    Pinning it afterwards would come too late for runtimes that count CPUs, or start a thread for
    each, as the first thing they do: sometimes one, sometimes two.
    """
    before = os.sched_getaffinity(0)
    if cpu is None:
        yield
        return
    try:
        os.sched_setaffinity(0, {cpu})
    except (OSError, ValueError) as error:
        raise TargetError(
            f"cannot run a target on CPU {cpu} alone: {error}",
            hint=f"perfgate may use the CPUs {sorted(before)}.",
        ) from error
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class RunningTarget:
    """One target from its start to its end; :func:`start_target` makes it and stops it.

    Attributes: ``name``; ``port`` (on the target's host); ``pid`` of the root process; ``url``
    without a path; ``log``; ``data_dir``.
    """

    def __init__(
        self, launch: _Launch, target: Target, port: int, data_dir: Path, marker: str
    ) -> None:
        self.name, self.log = launch.name, launch.log
        self.port, self.data_dir = port, data_dir
        self.url = f"http://{target.host}:{port}"
        self._launch, self._target = launch, target
        self._process = _spawn(launch)
        self.pid = self._process.pid
        self._family = Family(marker, self.pid)
        self._meter = TreeMeter(self.pid)
        self._founders: dict[int, int] = {}
        self._strayed: set[int] = set()
        self._health: TargetHealth | None = None
        self._started_s = time.monotonic()
        self._asked = False
        self._stopped = False

    @property
    def ready_url(self) -> str:
        """The URL that answers 2xx once requests are served."""
        return ready_url_of(self._target, self.url, self.port)

    def wait_until_ready(self) -> float:
        """Wait until the target serves requests; return the seconds since its start.

        Raises TargetError, with the end of the log, when the target exits; LateError when it lets
        ``ready_timeout_s`` pass, PortTakenError when another program has taken the port.
        """
        strangers = 0
        while True:
            self._refuse_exit()
            answer, listener = self._look()
            if answer.ok and listener is Holder.OWN:
                self._founders = births_of(self._meter.pids)
                return self._age_s()
            strangers = strangers + 1 if listener is Holder.STRANGER else 0
            if strangers >= _LOOKS_AT_STRANGER:
                taken = f"port {self.port} is held by {listener.value}"
                raise self._not_ready(taken, PortTakenError)
            if self._left_s() <= 0:
                raise self._not_ready(self._silence(answer, listener), LateError)
            time.sleep(_POLL_S)

    def _look(self) -> tuple[Answer, Holder]:
        answer = ask(self.ready_url, min(_LONGEST_ANSWER_S, max(self._left_s(), _POLL_S)))
        return answer, self.listener()

    def listener(self) -> Holder:
        """Return who listens on the target's port now."""
        self._count_members()
        return holder(self.port, self._meter.pids, self._target.host)

    def _age_s(self) -> float:
        return time.monotonic() - self._started_s

    def _left_s(self) -> float:
        return self._target.ready_timeout_s - self._age_s()

    def _refuse_exit(self) -> None:
        code = self.exit_code()
        if code is None:
            return
        what = f"the process {ending(code)} before it was ready"
        if self.listener() is Holder.STRANGER:
            what += f"; port {self.port} is held by {Holder.STRANGER.value}"
            raise self._not_ready(what, PortTakenError)
        raise self._not_ready(what)

    def _silence(self, answer: Answer, listener: Holder) -> str:
        return (
            f"not ready within {self._target.ready_timeout_s:g} s "
            f"(last answer: {answer.told}; listening on port {self.port}: {listener.value})"
        )

    def _not_ready(self, what: str, kind: type[TargetError] = TargetError) -> TargetError:
        facts = {
            "command": shown_words(self._launch.words),
            "directory": str(self._launch.directory),
            "ready URL": self.ready_url,
            "waited": f"{self._age_s():.1f} s",
        }
        return kind(
            unready_text(f"{self.name}: {what}", facts, self.log),
            hint="The command must run in the foreground and listen on {host}:{port}; "
            "the ready URL must answer 2xx.",
        )

    def exit_code(self) -> int | None:
        """Return the root process's exit code (-n: ended by signal n), or None while it lives."""
        if self._process.returncode is not None:
            return self._process.returncode
        # WNOWAIT leaves it a zombie, so that neither its number nor its accounts are lost.
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        ending = os.waitid(os.P_PID, self.pid, options)
        if ending is None:
            return None
        return ending.si_status if ending.si_code == os.CLD_EXITED else -ending.si_status

    def usage(self) -> TreeUsage:
        """Return what all the target's processes have used so far, dead ones included."""
        return self._meter.read()

    def observe(self) -> TargetHealth:
        """Look after the target; to be called a few times a second (one look costs about 0.2 ms).

        Once asked to end it returns what was seen last, as ending is then no sign of illness.
        """
        if self._asked and self._health is not None:
            return self._health
        self._count_members()
        exit_code, used = self.exit_code(), self._meter.read()
        self._health = TargetHealth(
            alive=exit_code is None,
            exit_code=exit_code,
            peak_rss_bytes=self._meter.peak_rss_bytes(),
            processes=used.processes,
            cpu_s=used.cpu_s,
            lost=lost_of(self._founders),
            strayed=tuple(sorted(self._strayed)),
        )
        return self._health

    def members(self) -> tuple[int, ...]:
        """Return all the processes it has now, wherever they hide, parents before children."""
        self._count_members()
        return self._meter.pids

    def _count_members(self) -> None:
        self._meter.adopt(self._family.at_hand())
        self._meter.rescan()
        self._strayed |= strayed_to(self._meter.pids, self._launch.cpu)

    def ask_to_end(self) -> None:
        """Send SIGTERM to its group, unless that is done; :meth:`stop` waits for it."""
        if self._asked:
            return
        self.observe()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGTERM)
        self._asked = True

    def stop(self) -> None:
        """End the target and everything it has started; return when nothing is left.

        SIGTERM to its group, up to ``stop_timeout_s`` for the root to end, then SIGKILL to whatever
        remains: the root was the one to wait for it. An interrupt meanwhile shortens the wait and
        acts afterwards. A second call does nothing. Raises TargetError when the kernel keeps a
        process alive (one stuck in a system call).
        """
        with deferred_interrupts() as arrived:
            if self._stopped:
                return
            self.ask_to_end()
            self._await_end(arrived)
            survivors = self._family.kill()
            if survivors:
                raise TargetError(
                    f"{self.name}: processes {survivors} do not end",
                    hint="The system holds them, as a mount does that does not answer: see ps.",
                )
            self._process.wait()
            self._meter.close()
            self._stopped = True

    def _await_end(self, arrived: Sequence[int]) -> None:
        deadline_s = time.monotonic() + self._target.stop_timeout_s
        while self.exit_code() is None and not arrived and time.monotonic() < deadline_s:
            time.sleep(_POLL_S)
