"""A container from start to end, run for real where podman can run one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import podman
import pytest
from target_programs import SERVICE, eventually, lives

from perfgate.build.provide import Build
from perfgate.config.models import Target
from perfgate.errors import LateError, TargetError
from perfgate.target.ports import Holder
from perfgate.target.start import start_build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perfgate.target.running import Running

IMAGE = f"{podman.own('target')}:1"
PORT = 8000
# Listens on the address and the port that it is given, after what it does before.
PROGRAM = SERVICE.replace(
    '("127.0.0.1", port or int(sys.argv[1]))', "(sys.argv[1], int(sys.argv[2]))"
)
RUN = f"{podman.PYTHON} -I -S /srv/service.py {{host}} {{port}}"
BEFORE = {
    "serve": "",
    "exit": "print('no database', flush=True)\nsys.exit(3)",
    "hang": "time.sleep(300)",
    "eat": "print(len(bytearray(200 * 2**20)), flush=True)",
    "env": "names = ['GIVEN', 'HOME', 'SECRET', 'OTHER', 'FILED']\n"
    "print(*map(os.environ.get, names), open('/given/word').read())\nsys.exit(3)",
    "fork": "if os.fork() == 0:\n    time.sleep(300)",
}


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """Return the id of an image whose /srv holds a program for each way to behave."""
    podman.need_podman()
    files = {f"{name}.py": f"{PROGRAM}\n{text}\nserve()" for name, text in BEFORE.items()}
    with podman.imported(IMAGE, {**files, "service.py": files["serve.py"]}) as made:
        yield made


def target_of(
    name: str = "serve", *, env: dict[str, str] | None = None, **changes: object
) -> Target:
    """Return the target that runs one of the programs in a container."""
    container = {
        "engine": "podman",
        "image": IMAGE,
        "port": PORT,
        "command": RUN.replace("service", name),
        "options": podman.OPTIONS,
    }
    made = {key: value for key, value in {**container, **changes}.items() if value is not None}
    return Target.model_validate({"container": made, "ready_timeout_s": 10.0, "env": env or {}})


@contextmanager
def running(image: str, target: Target, log: Path, cpu: int | None = None) -> Iterator[Running]:
    """Run a container for as long as the block lasts; none of its name is there afterwards."""
    build = Build("candidate", log.parent, None, dirty=False, label="candidate", image=image)
    with start_build(build, target, log=log, cpu=cpu) as started:
        yield started
    assert podman.names(image) == []


def refusal(image: str, target: Target, log: Path) -> TargetError:
    """Return the error of a container that does not get ready."""
    with running(image, target, log) as started, pytest.raises(TargetError) as caught:
        started.wait_until_ready()
    return caught.value


def test_a_container_is_watched_like_a_process(image: str, tmp_path: Path) -> None:
    """Its processes are seen from here, on the CPU it was given; afterwards none of them lives."""
    cpu = min(os.sched_getaffinity(0))
    with running(image, target_of("fork", network="host", port=None), tmp_path / "log", cpu) as own:
        own.wait_until_ready()
        assert eventually(lambda: len(own.members()) == 2)
        health, pids = own.observe(), own.members()
        assert own.pid == pids[0]
        assert all(os.sched_getaffinity(pid) == {cpu} for pid in pids)
        assert own.listener() is Holder.OWN
        assert (health.alive, health.processes, health.lost, health.strayed) == (True, 2, 0, ())
        assert health.cpu_s > 0
        assert health.peak_rss_bytes > 2**20
        os.kill(pids[1], signal.SIGKILL)
        assert eventually(lambda: own.observe().lost == 1)
    assert not any(map(lives, pids))
    assert own.observe().alive


def test_a_port_is_published_on_this_machine_only(image: str, tmp_path: Path) -> None:
    """In a network of its own it answers at a port of 127.0.0.1; limits are the engine's."""
    target = target_of(cpus=0.5, memory_mib=96)
    with running(image, target, tmp_path / "log") as own:
        own.wait_until_ready()
        assert own.url == f"http://127.0.0.1:{own.port}"
        (name,) = podman.names(image)
        assert name.startswith("perfgate-")
        limits = "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.PortBindings}}"
        told = podman.podman("container", "inspect", "--format", limits, name)
        assert told.startswith(f"{10**9 // 2} {96 * 2**20} ")
        assert f"127.0.0.1 {own.port}" in told


def test_it_gets_what_the_target_says_and_nothing_else(
    image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables of the target come through, others do not; what is passed on is shown nowhere.

    Relative paths in its options are those of where perfgate was called.
    """
    monkeypatch.setenv("SECRET", "hidden-from-all")
    monkeypatch.setenv("OTHER", "not for it")
    target = target_of("env", env={"GIVEN": "told", "HOME": "/srv"}, options=given(tmp_path))
    target = target.model_copy(update={"pass_env": ("SECRET",)})
    monkeypatch.chdir(tmp_path)
    message = refusal(image, target, tmp_path / "log").message
    (command,) = (line for line in message.splitlines() if line.startswith("  command: "))
    assert "GIVEN=told" in command
    assert "hidden-from-all" not in command
    log = (tmp_path / "log").read_text().splitlines()
    assert log[0] == "told /srv hidden-from-all None from-a-file from-a-directory"


def given(place: Path) -> tuple[str, ...]:
    """Put a file of variables and a directory there; return options that name them from there."""
    (place / "variables").write_text("FILED=from-a-file\n")
    (place / "words").mkdir()
    (place / "words" / "word").write_text("from-a-directory")
    return (*podman.OPTIONS, "--env-file=variables", "--volume=./words:/given:ro")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"name": "exit"}, ("exited with code 3 before it was ready", "  | no database")),
        ({"name": "eat", "memory_mib": 64}, ("exited with code 137",)),
        ({"command": "/nosuch"}, ("exited with code 125", "/nosuch")),
    ],
)
def test_one_that_ends_at_once_is_told(
    image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, object],
    told: tuple[str, ...],
) -> None:
    """The error has the exit code, the command that can be run again, and the end of the log.

    Nothing else is left, where podman would leave a file of one that took too much memory.
    """
    monkeypatch.chdir(tmp_path)
    error = refusal(image, target_of(**changes), tmp_path / "log")  # type: ignore[arg-type]
    assert error.message.startswith("candidate: the container ")
    assert all(words in error.message for words in (*told, "  command: podman run --name"))
    assert "listen on every address" in error.hint
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_one_that_cannot_be_made_is_told(image: str, tmp_path: Path) -> None:
    """Where the engine takes no such option, its own words say so."""
    build = Build("candidate", tmp_path, None, dirty=False, label="candidate", image=image)
    target = target_of(options=("--nosuch",))
    with pytest.raises(TargetError, match=r"no container can be made \(exit code 125\)") as caught:
        start_build(build, target, log=tmp_path / "log").__enter__()
    assert "  | Error: unknown flag: --nosuch" in caught.value.message
    assert podman.names(image) == []


def test_one_that_does_not_answer_is_late(image: str, tmp_path: Path) -> None:
    """It is given up after its time, and removed although it ignores requests to end."""
    target = target_of("hang").model_copy(update={"ready_timeout_s": 1.5})
    error = refusal(image, target, tmp_path / "log")
    assert isinstance(error, LateError)
    assert "not ready within 1.5 s (last answer: " in error.message


def test_it_does_not_outlive_a_perfgate_that_is_killed(image: str, tmp_path: Path) -> None:
    """Even SIGKILL, of which nobody is told, leaves no container behind."""
    program = f"""
import sys, time
from pathlib import Path
sys.path[:0] = {[str(Path(__file__).parent), str(Path(__file__).parent.parent)]}
from test_target_container import running, target_of
with running({image!r}, target_of(), Path({str(tmp_path / "log")!r})) as own:
    own.wait_until_ready()
    print(own.pid, flush=True)
    time.sleep(60)
"""
    killed = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert killed.stdout is not None
    pid = int(killed.stdout.readline())
    assert lives(pid)
    killed.kill()
    killed.wait()
    killed.stdout.close()
    assert eventually(lambda: not lives(pid), 10.0)
    assert eventually(lambda: not podman.names(image))


def test_a_missing_engine_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the program is not there, the error says so and what to do, and nothing is started."""
    monkeypatch.setenv("PATH", str(tmp_path))
    build = Build("candidate", tmp_path, None, dirty=False, label="candidate", image="sha256:1")
    begun_s = time.monotonic()
    with pytest.raises(TargetError, match="docker is not on PATH"):
        start_build(build, target_of(engine="docker"), log=tmp_path / "log").__enter__()
    assert time.monotonic() - begun_s < 60
