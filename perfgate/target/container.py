"""A build's image passes through and becomes a running container, watched and removed for certain.

It sends the service no load, and does not judge what it sees of it.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from perfgate.build.images import ask_engine, last_words
from perfgate.errors import LateError, TargetError
from perfgate.procfs import NO_PROCESS, TreeMeter
from perfgate.target.interrupts import deferred_interrupts
from perfgate.target.kinship import MARKER_VARIABLE
from perfgate.target.ports import Holder, free_port, holder
from perfgate.target.readiness import ask
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
    from collections.abc import Iterator

    from perfgate.config.models import Container, Target

_POLL_S = 0.05
_LONGEST_ANSWER_S = 1.0
_REMOVAL_S = 60.0
_ANYWHERE = "0.0.0.0"  # noqa: S104 - within the container's own network
LABEL = "perfgate.run"
# A directory in which nobody can make a file.
_NOWHERE = "/proc"
# Whatever ends perfgate closes the pipe that the first word waits for, SIGKILL too.
_WHEN_ALONE = 'read -r _; exec "$@"'
_FORCE = {
    "podman": ("rm", "--force", "--time", "0", "--volumes"),
    "docker": ("rm", "--force", "--volumes"),
}


@contextmanager
def run_container(
    image: str, name: str, target: Target, container: Container, *, log: Path, cpu: int | None
) -> Iterator[ContainerTarget]:
    """Run an image for as long as the block lasts; then no container of it is left.

    ``image`` is what the engine knows it by, ``name`` what messages call the build, ``log`` the
    file that its output is added to. With ``cpu`` it gets that one CPU. Raises TargetError.
    """
    with ExitStack() as stack:
        with deferred_interrupts():
            running = ContainerTarget(image, name, target, container, log, cpu)
            # Twice, because a second Ctrl-C can hit the first before it holds such back.
            stack.callback(running.stop)
            stack.callback(running.stop)
        yield running


class ContainerTarget:
    """One container from its start to its end; :func:`run_container` makes it and removes it.

    It is known by its name, which no other has. Its processes are those of this machine that
    descend from its first one: they are measured as those of any other target.
    """

    def __init__(
        self,
        image: str,
        name: str,
        target: Target,
        container: Container,
        log: Path,
        cpu: int | None,
    ) -> None:
        self.name, self.log = name, log
        self.port = free_port(target.host)
        self.url = f"http://{target.host}:{self.port}"
        self.pid = NO_PROCESS
        self._target, self._container, self._cpu = target, container, cpu
        self._marker = uuid.uuid4().hex
        self._called = f"perfgate-{self._marker[:12]}"
        self._words = [*self._given(), image, *self._command()]
        self._meter: TreeMeter | None = None
        self._founders: dict[int, int] = {}
        self._strayed: set[int] = set()
        self._health: TargetHealth | None = None
        self._started_s = time.monotonic()
        self._stopped = False
        self._remover = _remover(container.engine, self._called)
        self._make()
        self._client = self._run()

    def _given(self) -> list[str]:
        """Return the options that the container is run with."""
        own, host = self._container, self._target.host
        limits = {
            "--cpuset-cpus": self._cpu,
            "--cpus": None if own.cpus is None else f"{own.cpus:g}",
            "--memory": None if own.memory_mib is None else f"{own.memory_mib}m",
        }
        published = ["--publish", f"{host}:{self.port}:{own.port}"]
        return [
            *("--name", self._called, "--label", f"{LABEL}={self._marker}"),
            *("--pull", "never", "--no-healthcheck"),
            *(published if own.network == "publish" else ["--network", "host"]),
            *(
                word
                for option, value in limits.items()
                if value is not None
                for word in (option, str(value))
            ),
            *(f"--env={variable}" for variable in self._variables()),
            *own.options,
        ]

    def _command(self) -> list[str]:
        own = self._container
        inside = own.network == "publish"
        places = {
            "{port}": str(own.port if inside else self.port),
            "{host}": _ANYWHERE if inside else self._target.host,
        }
        words = shlex.split(own.command or "")
        for place, value in places.items():
            words = [word.replace(place, value) for word in words]
        return words

    def _variables(self) -> list[str]:
        """Return the environment that the service gets beside its image's.

        What is passed on has no value there: the client takes it from its own environment. On the
        command line everybody on this machine could read it.
        """
        given = {**self._target.env, MARKER_VARIABLE: self._marker}
        passed = [name for name in self._target.pass_env if name not in given]
        return [*passed, *(f"{name}={value}" for name, value in given.items())]

    def _make(self) -> None:
        """Make the container, from here: relative paths in its options are meant so."""
        try:
            made = ask_engine(self._container.engine, ["create", *self._words])
        except TargetError:
            self._remove()
            raise
        with self.log.open("a", encoding="utf-8") as log:
            log.write(made.stderr)
        if made.returncode:
            self._remove()
            head = f"{self.name}: no container can be made (exit code {made.returncode})"
            raise TargetError(
                unready_text(head, {"command": self._shown()}, self.log),
                hint="Its log says why: mostly the engine does not take target.container.options.",
            )

    def _run(self) -> subprocess.Popen[bytes]:
        """Start the engine's client, which stays for as long as the container runs.

        From nowhere: where a container runs out of memory, podman's monitor leaves a file "oom" in
        the directory that it was started from (write_oom_files in conmon's src/oom.c).
        """
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [self._container.engine, "start", "--attach", self._called],
                cwd=_NOWHERE,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def ready_url(self) -> str:
        """The URL that answers 2xx once requests are served."""
        return ready_url_of(self._target, self.url, self.port)

    def wait_until_ready(self) -> float:
        """Wait until the service answers; return the seconds since the start.

        Raises TargetError, with the end of the log, when the container ends or its processes
        cannot be seen; LateError when ``ready_timeout_s`` passes.
        """
        while True:
            code = self.exit_code()
            if code is not None:
                raise self._not_ready(f"the container {ending(code)} before it was ready")
            if self._meter is None:
                self._find_processes()
            answer = ask(self.ready_url, min(_LONGEST_ANSWER_S, max(self._left_s(), _POLL_S)))
            if answer.ok and self._meter is not None and self.listener() is Holder.OWN:
                self._founders = births_of(self.members())
                return self._age_s()
            if self._left_s() <= 0:
                limit = f"not ready within {self._target.ready_timeout_s:g} s"
                raise self._not_ready(f"{limit} (last answer: {answer.told})", LateError)
            time.sleep(_POLL_S)

    def _find_processes(self) -> None:
        """Find the container's first process among those of this machine, once it is there."""
        asked = ask_engine(
            self._container.engine,
            ["container", "inspect", "--format", "{{.State.Pid}} {{.Id}}", self._called],
        )
        pid, _, own = asked.stdout.strip().partition(" ")
        if asked.returncode or not pid.isdecimal() or pid == "0":
            return
        if not _is_of(int(pid), own, self._marker):
            if self.exit_code() is None:
                raise self._not_ready(
                    f"its processes cannot be seen from here ({self._container.engine} runs them "
                    f"elsewhere, or perfgate is in a container itself): process {pid} is another"
                )
            return
        self.pid = int(pid)
        self._meter = TreeMeter(self.pid)

    def _shown(self) -> str:
        """Return what makes and starts it at once, to be shown and to be run again."""
        return shown_words([self._container.engine, "run", *self._words])

    def _age_s(self) -> float:
        return time.monotonic() - self._started_s

    def _left_s(self) -> float:
        return self._target.ready_timeout_s - self._age_s()

    def _not_ready(self, what: str, kind: type[TargetError] = TargetError) -> TargetError:
        facts = {
            "command": self._shown(),
            "ready URL": self.ready_url,
            "waited": f"{self._age_s():.1f} s",
        }
        return kind(
            unready_text(f"{self.name}: {what}", facts, self.log),
            hint="The image's command must run in the foreground and listen on every address of "
            "the container, at target.container.port; with the machine's network, on {host} and "
            "{port}.",
        )

    def listener(self) -> Holder:
        """Return who listens on the port: a published one is the engine's, on its behalf."""
        if self._container.network == "publish" or not _shows_files(self.pid):
            return Holder.OWN
        return holder(self.port, self.members(), self._target.host)

    def members(self) -> tuple[int, ...]:
        """Return all the processes it has now, parents before children."""
        if self._meter is None:
            return ()
        self._meter.rescan()
        return self._meter.pids

    def exit_code(self) -> int | None:
        """Return the first process's exit code, None while the container runs.

        The engine's client passes it on: 128 + n for signal n, 125 where nothing could be run.
        """
        return self._client.poll()

    def observe(self) -> TargetHealth:
        """Look after the container; to be called a few times a second.

        After :meth:`stop` it returns what was seen last, as ending is then no sign of illness.
        """
        if self._stopped and self._health is not None:
            return self._health
        code, pids = self.exit_code(), self.members()
        self._strayed |= strayed_to(pids, self._cpu)
        used = None if self._meter is None else self._meter.read()
        self._health = TargetHealth(
            alive=code is None,
            exit_code=code,
            peak_rss_bytes=0 if self._meter is None else self._meter.peak_rss_bytes(),
            processes=0 if used is None else used.processes,
            cpu_s=0.0 if used is None else used.cpu_s,
            lost=lost_of(self._founders),
            strayed=tuple(sorted(self._strayed)),
        )
        return self._health

    def ask_to_end(self) -> None:
        """Do nothing: :meth:`stop` removes it without asking."""

    def stop(self) -> None:
        """Remove the container with all that runs in it; return when it is gone.

        Nobody is asked to end: nothing of it is kept. A second call does nothing. Raises
        TargetError where the engine does not remove it.
        """
        with deferred_interrupts():
            if self._stopped:
                return
            self.observe()
            # The client first, or it might yet start what is removed here.
            self._client.kill()
            self._client.wait()
            words = self._remove()
            if self._meter is not None:
                self._meter.close()
            self._stopped = True
            left = ask_engine(self._container.engine, ["container", "inspect", self._called])
            if left.returncode == 0:
                raise TargetError(
                    f"{self.name}: the container {self._called} is not removed: {words}",
                    hint=f"{self._container.engine} rm --force {self._called}",
                )

    def _remove(self) -> str:
        """Let the remover do its work now; return what it said."""
        with suppress(subprocess.TimeoutExpired):
            return last_words(self._remover.communicate(timeout=_REMOVAL_S)[1])
        self._remover.kill()
        return f"{self._container.engine} did not end within {_REMOVAL_S:g} s"


def _remover(engine: str, called: str) -> subprocess.Popen[str]:
    """Start what removes the container as soon as this process lets go of it, or is no more."""
    return subprocess.Popen(
        ["/bin/sh", "-c", _WHEN_ALONE, "sh", engine, *_FORCE[engine], called],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def _is_of(pid: int, container_id: str, marker: str) -> bool:
    """Tell whether a process of this machine is the container's, by its cgroup or environment."""
    for name, word in (("cgroup", container_id), ("environ", marker)):
        with suppress(OSError):  # gone, or another user's
            if word.encode() in Path(f"/proc/{pid}/{name}").read_bytes():
                return True
    return False


def _shows_files(pid: int) -> bool:
    return os.access(f"/proc/{pid}/fd", os.R_OK | os.X_OK)
