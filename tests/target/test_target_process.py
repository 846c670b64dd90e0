"""A target from start to end: real services, and those that hide, hang, lie and die."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from target_programs import (
    config,
    eventually,
    lives,
    number_in,
    processes_in,
    write_program,
)

from perfgate.errors import PortTakenError, TargetError, UsageError
from perfgate.exitcodes import ExitCode
from perfgate.procfs import children_of
from perfgate.target.process import start_target


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Return a build's directory whose service works as it should."""
    directory = tmp_path / "build"
    directory.mkdir()
    write_program(directory, "serve()")
    return directory


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return where the target's output goes."""
    return tmp_path / "target.log"


def refusal(build: Path, log: Path, **changes: object) -> TargetError:
    """Return the error of a target that does not get ready."""

    def attempt() -> None:
        with start_target(build, "candidate", config(**changes), log=log) as running:
            running.wait_until_ready()

    with pytest.raises(TargetError) as caught:
        attempt()
    assert processes_in(build) == []
    return caught.value


def test_a_service_gets_ready_and_is_gone_afterwards(build: Path, log: Path) -> None:
    """Law: inside the block the service answers; after it neither process nor directory is left."""
    with start_target(build, "candidate", config(), log=log) as running:
        waited_s = running.wait_until_ready()
        health = running.observe()

        assert 0 < waited_s < 5
        assert (health.alive, health.exit_code) == (True, None)
        assert (health.processes, health.lost) == (1, 0)
        assert running.url == f"http://127.0.0.1:{running.port}"
        assert processes_in(build) == [running.pid]
        assert running.data_dir.is_dir()

    assert processes_in(build) == []
    assert not running.data_dir.exists()


def test_what_was_seen_last_is_what_is_told_after_the_end(build: Path, log: Path) -> None:
    """Law: being stopped by perfgate is not reported as an exit of the target."""
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()
    running.stop()

    assert running.observe().alive
    assert running.observe().exit_code is None
    assert running.usage().cpu_s > 0


def test_placeholders_are_filled_in_word_by_word(build: Path, log: Path) -> None:
    """Law: {port}, {python} and {data_dir} become one word's part each, and no shell is asked."""
    write_program(build, "print(sys.argv[1:], flush=True)\nserve()")
    start = "{python} -I -S service.py {port} 'a b' x={data_dir} $HOME ; '{unknown}'"
    with start_target(build, "candidate", config(start=start), log=log) as running:
        running.wait_until_ready()
        words = [str(running.port), "a b", f"x={running.data_dir}", "$HOME", ";", "{unknown}"]

    assert log.read_text().splitlines()[0] == str(words)


def test_the_ready_url_may_be_whole(build: Path, log: Path) -> None:
    """Law: a URL with {port} serves as well as a path."""
    target = config(ready="http://localhost:{port}/health?deep=1")
    with start_target(build, "candidate", target, log=log) as running:
        assert running.ready_url == f"http://localhost:{running.port}/health?deep=1"
        running.wait_until_ready()


def test_a_slow_start_is_waited_for(build: Path, log: Path) -> None:
    """Law: neither a closed port nor an answer of 503 is taken for readiness."""
    text = """
port = int(sys.argv[1])
time.sleep(0.3)
busy = os.fork()
if busy == 0:
    serve(port, b"503 Busy")
time.sleep(0.3)
os.kill(busy, signal.SIGKILL)
os.wait()
serve(port)
"""
    write_program(build, text)
    with start_target(build, "candidate", config(), log=log) as running:
        assert running.wait_until_ready() >= 0.6


def test_an_exit_before_readiness_is_told_at_once(build: Path, log: Path) -> None:
    """Law: the error says exit code, command, URL, time and log, long before the time is up."""
    write_program(build, "print('no database', flush=True)\nsys.exit(3)")
    start = time.monotonic()
    error = refusal(build, log, ready_timeout_s=60)

    assert time.monotonic() - start < 60
    assert error.message.startswith("candidate: the process exited with code 3 before it was ready")
    for part in ("-I -S service.py", "/healthz", "waited: ", str(build), "  | no database"):
        assert part in error.message
    assert error.exit_code is ExitCode.NO_TARGET
    assert error.hint


def test_a_death_by_signal_is_named(build: Path, log: Path) -> None:
    """Law: a signal is told by its name."""
    write_program(build, "os.kill(os.getpid(), signal.SIGSEGV)")

    assert "was ended by SIGSEGV" in refusal(build, log).message


def test_a_target_that_never_listens_is_given_up(build: Path, log: Path) -> None:
    """Law: after ready_timeout_s the error says what the last answer was."""
    write_program(build, "time.sleep(60)")
    message = refusal(build, log, ready_timeout_s=0.4).message

    assert "not ready within 0.4 s (last answer: connection refused" in message
    assert "  | (nothing)" in message


def test_a_target_that_listens_and_never_answers_is_given_up(build: Path, log: Path) -> None:
    """Law: accepting a connection is not being ready."""
    write_program(build, "s = socket.create_server(('', int(sys.argv[1])))\ntime.sleep(60)")

    assert "no answer in time" in refusal(build, log, ready_timeout_s=0.4).message


def test_an_error_status_is_told(build: Path, log: Path) -> None:
    """Law: a target that only ever answers 500 is not ready, and the status is shown."""
    write_program(build, "serve(status=b'500 Oops')")

    assert "last answer: status 500" in refusal(build, log, ready_timeout_s=0.5).message


def test_a_port_that_a_stranger_holds_is_noticed(build: Path, log: Path) -> None:
    """Law: another program's 2xx on the target's port is not the target's readiness."""
    write_program(build, "time.sleep(60)")
    stranger = [sys.executable, "-I", "-S", str(build / "service.py")]
    (build / "other").mkdir()
    write_program(build / "other", "serve()")

    def attempt() -> None:
        with start_target(build, "base", config(), log=log) as running:
            stranger[3:] = [str(build / "other" / "service.py"), str(running.port)]
            other = subprocess.Popen(stranger)
            try:
                running.wait_until_ready()
            finally:
                other.kill()
                other.wait()

    with pytest.raises(PortTakenError, match="is held by a process that is not the target's"):
        attempt()


def test_an_exit_over_a_taken_port_says_who_holds_it(build: Path, log: Path) -> None:
    """Law: when the target gives up because of a stranger on its port, the error says so."""
    write_program(build, "time.sleep(0.2)\nsys.exit('address in use')")

    def attempt() -> None:
        with (
            start_target(build, "base", config(), log=log) as running,
            socket.create_server(("127.0.0.1", running.port)),
        ):
            assert eventually(lambda: running.exit_code() == 1)
            running.wait_until_ready()

    with pytest.raises(
        PortTakenError, match=r"exited with code 1 .* is held by a process that is not"
    ):
        attempt()


def test_a_child_that_listens_is_the_target(build: Path, log: Path) -> None:
    """Law: a listener anywhere in the target's tree will do."""
    write_program(build, "if os.fork() == 0: serve()\nos.wait()")
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()

        assert running.observe().processes == 2


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"start": "./no-such-program {port}"}, "no-such-program"),
        ({"start": "no-such-program-on-path"}, "No such file"),
        ({"start": "'unclosed {port}"}, "No closing quotation"),
        ({"start": "   "}, "cannot start"),
    ],
)
def test_a_command_that_cannot_be_run_is_told(
    build: Path, log: Path, changes: dict[str, object], part: str
) -> None:
    """Law: what cannot be started is a TargetError with the command in it."""
    error = refusal(build, log, **changes)

    assert part in error.message
    assert error.hint


def test_the_log_is_shown_escaped_and_only_its_end(build: Path, log: Path) -> None:
    """Law: a target cannot write to the terminal or the job through its log, however long it is."""
    text = r"""
for i in range(20000): print("noise", i, "x" * 100)
print("\x1b]0;owned\x07\r::error::fake\n::set-output name=verdict::pass", flush=True)
sys.exit(1)
"""
    write_program(build, text)
    message = refusal(build, log).message

    assert all(line.isprintable() for line in message.split("\n"))
    assert not any(line.lstrip().startswith("::") for line in message.split("\n"))
    assert r"\x1b]0;owned\x07" in message
    assert "noise 19999" in message
    assert "noise 100 " not in message
    assert len(message) < 10_000


def test_the_environment_is_scrubbed(
    build: Path, log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law: no channel of the job and no secret gets in; HOME is the target's own; env is added."""
    monkeypatch.setenv("GITHUB_OUTPUT", "/the/jobs/output")
    monkeypatch.setenv("ACTIONS_RUNTIME_TOKEN", "secret-1")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret-2")
    monkeypatch.setenv("WANTED", "passed on")
    report = tmp_path / "environ.json"
    write_program(
        build, f"pathlib.Path({str(report)!r}).write_text(json.dumps(dict(os.environ)))\nserve()"
    )
    target = config(env={"MODE": "bench"}, pass_env=["WANTED"])
    with start_target(build, "candidate", target, log=log) as running:
        running.wait_until_ready()
        seen = report.read_text()

        assert f'"HOME": "{running.data_dir}"' in seen
    for absent in ("GITHUB", "ACTIONS", "secret-1", "secret-2", "/the/jobs"):
        assert absent not in seen
    assert '"MODE": "bench"' in seen
    assert '"WANTED": "passed on"' in seen


def test_the_real_home_is_passed_on_only_when_asked_for(
    build: Path, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Law: pass_env can name HOME."""
    monkeypatch.setenv("HOME", "/real/home")
    write_program(build, "print(os.environ['HOME'], flush=True)\nserve()")
    with start_target(build, "candidate", config(pass_env=["HOME"]), log=log) as running:
        running.wait_until_ready()

    assert log.read_text() == "/real/home\n"


def test_a_refused_variable_starts_nothing(build: Path, log: Path) -> None:
    """Law: a configuration that would hand over the job's channel is refused before the start."""

    def attempt() -> None:
        with start_target(build, "base", config(pass_env=["GITHUB_ENV"]), log=log):
            pass

    with pytest.raises(UsageError, match="GITHUB_ENV"):
        attempt()
    assert processes_in(build) == []


def test_a_target_on_one_cpu_counts_one(build: Path, log: Path) -> None:
    """Law: the pin holds from the first instruction on, and perfgate's own CPUs are unchanged."""
    own = os.sched_getaffinity(0)
    cpu = max(own)
    write_program(build, "print(os.sched_getaffinity(0), flush=True)\nserve()")
    with start_target(build, "candidate", config(), log=log, cpu=cpu) as running:
        running.wait_until_ready()

    assert log.read_text() == f"{{{cpu}}}\n"
    assert os.sched_getaffinity(0) == own


def test_a_cpu_that_is_not_there_is_refused(build: Path, log: Path) -> None:
    """Law: the error names the CPU, the hint those there are, and nothing has been started."""

    def attempt() -> None:
        with start_target(build, "candidate", config(), log=log, cpu=4095):
            pass

    with pytest.raises(TargetError, match="CPU 4095") as caught:
        attempt()
    assert str(min(os.sched_getaffinity(0))) in caught.value.hint
    assert processes_in(build) == []


def test_peak_memory_is_seen_between_two_looks(build: Path, log: Path) -> None:
    """Law: 100 MB that came and went while nobody looked are in the peak."""
    write_program(build, "bytearray(100_000_000)\nserve()")
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()

        assert running.observe().peak_rss_bytes > 100_000_000
    assert running.observe().peak_rss_bytes < 200_000_000


def test_cpu_of_children_is_the_targets(build: Path, log: Path) -> None:
    """Law: what a worker burns, an ended one too, is in the target's usage."""
    text = """
if os.fork() == 0:
    while time.process_time() < 0.2: pass
    os._exit(0)
os.wait()
serve()
"""
    write_program(build, text)
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()

        assert running.usage().cpu_s >= 0.18


def test_memory_and_cpu_of_a_daemon_are_the_targets(build: Path, log: Path, tmp_path: Path) -> None:
    """Law: a process that double-forked away is observed like any other."""
    pid_file = tmp_path / "pid"
    write_program(build, f"daemon({str(pid_file)!r})\nserve()")
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()
        number_in(pid_file)

        assert eventually(lambda: running.observe().processes == 2)


def test_a_target_that_dies_is_told_with_its_exit_code(build: Path, log: Path) -> None:
    """Law: an exit after readiness shows in health, and stays there after the end."""
    write_program(build, "threading.Timer(0.5, os._exit, [4]).start()\nserve()")
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()
        assert running.observe().alive
        assert eventually(lambda: not running.observe().alive)

        assert running.observe().exit_code == 4
    assert running.observe().exit_code == 4
    assert running.observe().lost == 1


def test_a_worker_that_is_replaced_is_told(build: Path, log: Path) -> None:
    """Law: a restart under a root that lives on shows as a lost process."""
    text = """
signal.signal(signal.SIGCHLD, lambda *_: os.fork() or time.sleep(60))
if os.fork() == 0:
    time.sleep(60)
serve()
"""
    write_program(build, text)
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()
        assert (running.observe().processes, running.observe().lost) == (2, 0)
        os.kill(children_of(running.pid)[0], signal.SIGKILL)
        assert eventually(lambda: running.observe().lost == 1)

        assert running.observe().alive
        assert running.exit_code() is None


SPREAD = "os.sched_setaffinity(0, range(os.cpu_count()))"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) == 1, reason="needs a CPU to stray to")
@pytest.mark.parametrize(
    ("text", "strays"),
    [
        ("pass", False),
        (SPREAD, True),
        (f"threading.Thread(target=lambda: ({SPREAD}, time.sleep(60)), daemon=True).start()", True),
        (f"os.fork() or ({SPREAD}, time.sleep(60))", True),
    ],
)
def test_a_target_that_leaves_its_cpu_is_seen(
    build: Path, log: Path, text: str, strays: bool
) -> None:
    """Law: CPUs that a target lets any thread of it run on, and was not given, are told."""
    own, *others = sorted(os.sched_getaffinity(0))
    write_program(build, f"{text}\nserve()")
    with start_target(build, "candidate", config(), log=log, cpu=own) as running:
        running.wait_until_ready()
        assert eventually(lambda: bool(running.observe().strayed), 5.0 if strays else 0.3) == strays
        assert set(others) >= set(running.observe().strayed)
        assert own not in running.observe().strayed


def test_a_target_without_a_cpu_of_its_own_cannot_stray(build: Path, log: Path) -> None:
    """Law: who was given no CPU may run anywhere."""
    write_program(build, f"{SPREAD}\nserve()")
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()
        assert running.observe().strayed == ()


def test_a_polite_target_may_finish(build: Path, log: Path) -> None:
    """Law: SIGTERM comes first, and a target that ends itself is not killed."""
    text = """
def end(*_):
    time.sleep(0.2)
    print("goodbye", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, end)
serve()
"""
    write_program(build, text)
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()

    assert log.read_text() == "goodbye\n"


def test_a_target_that_ignores_sigterm_is_killed(build: Path, log: Path) -> None:
    """Law: after stop_timeout_s patience ends, for children of the root too."""
    text = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.fork()\nos.fork() or time.sleep(60)\n"
    write_program(build, text + "serve()")
    with start_target(build, "candidate", config(stop_timeout_s=0.2), log=log):
        assert eventually(lambda: len(processes_in(build)) >= 3)

    assert processes_in(build) == []


def test_a_daemon_that_ignores_everything_is_killed(build: Path, log: Path, tmp_path: Path) -> None:
    """Law: a double fork into a session of its own, deaf to SIGTERM, ends with the target."""
    pid_file = tmp_path / "pid"
    write_program(build, f"daemon({str(pid_file)!r})\nserve()")
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()
        pid = number_in(pid_file)
        assert lives(pid)

    assert not lives(pid)
    assert pid not in children_of(os.getpid())


def test_a_daemon_outliving_its_root_is_killed(build: Path, log: Path, tmp_path: Path) -> None:
    """Law: when the root is gone before the end comes, what it left behind ends all the same."""
    pid_file = tmp_path / "pid"
    write_program(build, f"daemon({str(pid_file)!r})\nsys.exit(0)")
    with start_target(build, "candidate", config(), log=log) as running:
        pid = number_in(pid_file)
        assert eventually(lambda: running.exit_code() == 0)

    assert not lives(pid)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ValueError])
def test_whatever_ends_the_block_the_target_ends(
    build: Path, log: Path, error: type[BaseException]
) -> None:
    """Law: an interrupt inside the block leaves nothing running, and comes through."""

    def attempt() -> None:
        with start_target(build, "candidate", config(), log=log) as running:
            running.wait_until_ready()
            raise error

    with pytest.raises(error):
        attempt()
    assert processes_in(build) == []


def test_two_targets_at_once_do_not_meet(build: Path, log: Path) -> None:
    """Law: base and candidate have ports and directories of their own, and end one by one."""
    with start_target(build, "base", config(), log=log) as base:
        with start_target(build, "candidate", config(), log=log) as candidate:
            base.wait_until_ready()
            candidate.wait_until_ready()
            assert base.port != candidate.port
            assert base.data_dir != candidate.data_dir
        assert base.observe().alive
        assert processes_in(build) == [base.pid]

    assert processes_in(build) == []


PARENT = """
import signal, sys
from pathlib import Path
from perfgate.config.models import Target
from perfgate.target.process import start_target

class Terminated(BaseException):
    pass

def end(*_):
    raise Terminated

signal.signal(signal.SIGTERM, end)
target = Target(start="{python} -I -S service.py {port}", stop_timeout_s=float(sys.argv[3]))
with start_target(Path(sys.argv[1]), "candidate", target, log=Path(sys.argv[2])) as running:
    running.wait_until_ready()
    print(running.data_dir, flush=True)
    signal.pause()
"""


def parent(build: Path, log: Path, stop_timeout_s: float) -> tuple[subprocess.Popen[str], Path]:
    """Start a program that runs a target as perfgate does; return it and the data directory."""
    command = [sys.executable, "-c", PARENT, str(build), str(log), str(stop_timeout_s)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_perfgate_leaves_nothing(
    build: Path, log: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Law: a program that is told to end while its target runs takes all of it along."""
    pid_file = tmp_path / "pid"
    write_program(build, f"daemon({str(pid_file)!r})\nserve()")
    process, data_dir = parent(build, log, stop_timeout_s=3)
    pid = number_in(pid_file)
    process.send_signal(number)
    _, complaint = process.communicate()

    assert process.returncode != 0
    assert "Terminated" in complaint or "KeyboardInterrupt" in complaint
    assert not lives(pid)
    assert processes_in(build) == []
    assert not data_dir.exists()


def test_a_second_interrupt_hurries_and_leaves_nothing(
    build: Path, log: Path, tmp_path: Path
) -> None:
    """Law: Ctrl-C again while a deaf target is given its time ends that time, not the work."""
    pid_file = tmp_path / "pid"
    text = "signal.signal(signal.SIGTERM, lambda *_: print('asked', flush=True))\n"
    write_program(build, text + f"daemon({str(pid_file)!r})\nserve()")
    process, data_dir = parent(build, log, stop_timeout_s=300)
    pid = number_in(pid_file)
    process.send_signal(signal.SIGINT)
    assert eventually(lambda: "asked" in log.read_text())
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)

    assert process.returncode != 0
    assert not lives(pid)
    assert processes_in(build) == []
    assert not data_dir.exists()


def test_no_files_stay_open(build: Path, log: Path) -> None:
    """Law: after its end a target has cost no open file."""
    before = sorted(Path("/proc/self/fd").iterdir())
    with start_target(build, "candidate", config(), log=log) as running:
        running.wait_until_ready()
        running.observe()

    assert sorted(Path("/proc/self/fd").iterdir()) == before
