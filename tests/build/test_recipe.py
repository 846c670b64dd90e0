"""The laws of running a build command, on real processes."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest
from real_repository import alive_with, eventually

from perfgate.build.recipe import Recipe, read_recipe, run_recipe
from perfgate.config.models import Target
from perfgate.errors import TargetError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def recipe(command: str | None, *, timeout_s: float = 60.0, **env: str) -> Recipe:
    """Return the recipe of a target with that build command, in this process's environment."""
    target = Target(start="true", build=command, build_timeout_s=timeout_s, env=env)
    return read_recipe(target, os.environ)


def python(program: str) -> str:
    """Return a build command that runs a Python program."""
    return "{python} -c " + shlex.quote(program)


def shell(script: str) -> str:
    """Return a build command that runs a shell script."""
    return "sh -c " + shlex.quote(script)


@pytest.fixture
def marker() -> str:
    """Return a word that no other process has in its command line."""
    return f"marker-{uuid.uuid4().hex}"


# Reading


def test_the_key_is_of_what_can_change_the_outcome() -> None:
    """Another command, setting or passed value is another key; all else is the same one."""

    def key(environ: Mapping[str, str] | None = None, **fields: object) -> str:
        target = Target.model_validate({"start": "true", "build": "make", **fields})
        return read_recipe(target, environ or {}).key

    plain = key()
    assert key({"PATH": "/bin", "HOME": "/root"}) == plain
    assert key(start="other", build_timeout_s=5) == plain
    different = {
        key(build="make -s"),
        key(build=None),
        key(env={"A": "1"}),
        key(env={"A": "2"}),
        key({"A": "3"}, pass_env=["A"]),
        key({"A": "4"}, pass_env=["A"]),
        plain,
    }
    assert len(different) == 7


def test_home_is_real_and_the_rest_scrubbed(tmp_path: Path) -> None:
    """A build sees HOME, what is allowed, what is passed and what is set, and no more."""
    target = Target(
        start="true",
        build=python("import os; open('seen', 'w').write(repr(dict(os.environ)))"),
        env={"MODE": "fast"},
        pass_env=("TOKEN",),
    )
    environ = {"HOME": "/h", "TOKEN": "t", "SECRET": "s", "PATH": os.environ["PATH"]}
    run_recipe(read_recipe(target, environ), tmp_path, "base")
    seen = (tmp_path / "seen").read_text()
    for name in ("'HOME': '/h'", "'TOKEN': 't'", "'MODE': 'fast'"):
        assert name in seen
    assert "SECRET" not in seen


def test_python_is_the_one_running_now(tmp_path: Path) -> None:
    """{python} in the command is this interpreter; other braces are left alone."""
    run_recipe(
        recipe(python("import sys; open('seen', 'w').write(sys.executable + '{x}')")),
        tmp_path,
        "base",
    )
    assert (tmp_path / "seen").read_text() == sys.executable + "{x}"


def test_an_open_quote_is_a_usage_error() -> None:
    """A command that no shell could split is a fault of the configuration."""
    with pytest.raises(UsageError, match=r"target\.build"):
        recipe("make 'all")


# Running


@pytest.mark.parametrize("command", [None, "", "  "])
def test_no_command_is_nothing_to_do(tmp_path: Path, command: str | None) -> None:
    """A project that needs no build is built already."""
    run_recipe(recipe(command), tmp_path / "absent", "base")


def test_it_runs_in_the_directory_without_input(tmp_path: Path) -> None:
    """The command runs in the build's directory, whatever its name, and reads nothing."""
    directory = tmp_path / "a b\u00e9"
    directory.mkdir()
    run_recipe(recipe(shell("cat > input; pwd -P > where")), directory, "base")
    assert (directory / "where").read_text() == f"{directory}\n"
    assert (directory / "input").read_text() == ""


def test_a_command_in_the_directory_is_found(tmp_path: Path) -> None:
    """A path in the command counts from the build's directory."""
    script = tmp_path / "build.sh"
    script.write_text("#!/bin/sh\ntouch done\n")
    script.chmod(0o755)
    run_recipe(recipe("./build.sh"), tmp_path, "base")
    assert (tmp_path / "done").exists()


@pytest.mark.parametrize("command", ["no-such-program-xyz all", "./absent.sh", "./plain"])
def test_a_command_not_found_says_so(tmp_path: Path, command: str) -> None:
    """A program that is not there, or not executable, is told before anything is run."""
    (tmp_path / "plain").write_text("not executable")
    with pytest.raises(TargetError, match="base main: build command not found") as caught:
        run_recipe(recipe(command), tmp_path, "base main")
    assert command in caught.value.message
    assert "PATH" in caught.value.hint


def test_path_is_the_builds_own(tmp_path: Path) -> None:
    """A program is looked for where target.env's PATH says."""
    tool = tmp_path / "tools" / "own-tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n: > made\n")
    tool.chmod(0o755)
    run_recipe(recipe("own-tool", PATH=str(tool.parent)), tmp_path, "base")
    assert (tmp_path / "made").exists()


def test_a_file_that_cannot_be_run_says_why(tmp_path: Path) -> None:
    """An executable file whose interpreter is missing fails with the system's reason."""
    script = tmp_path / "build.sh"
    script.write_text("#!/no/such/interpreter\n")
    script.chmod(0o755)
    with pytest.raises(TargetError, match=r"exit code 126(?s:.)*No such file"):
        run_recipe(recipe("./build.sh"), tmp_path, "base")


def test_a_failure_tells_all_one_needs(tmp_path: Path) -> None:
    """Label, command, exit code and the last lines are in the message; the hint is apart."""
    command = shell("seq 1 100; echo broken >&2; exit 3")
    with pytest.raises(TargetError) as caught:
        run_recipe(recipe(command), tmp_path, "candidate (working tree)")
    first, *log = caught.value.message.splitlines()
    assert first == f"candidate (working tree): build command ended with exit code 3: {command}"
    assert log[-3:] == ["  | 99", "  | 100", "  | broken"]
    assert len(log) == 15
    assert "target.pass_env" in caught.value.hint


def test_a_silent_failure_says_that_it_was_silent(tmp_path: Path) -> None:
    """Where nothing was printed, that is said instead of nothing."""
    with pytest.raises(TargetError, match="it printed nothing"):
        run_recipe(recipe("false"), tmp_path, "base")


def test_what_a_build_prints_is_escaped(tmp_path: Path) -> None:
    """A build can neither colour the terminal nor forge a line of its own in the message."""
    command = shell(r"printf '\033[2J\r::error::forged\a'; exit 1")
    with pytest.raises(TargetError) as caught:
        run_recipe(recipe(command), tmp_path, "base")
    assert caught.value.message.splitlines()[-1] == r"  | \x1b[2J\r::error::forged\x07"


def test_a_build_may_print_a_lot(tmp_path: Path) -> None:
    """100 MB of output neither block the build nor show up whole."""
    command = python(
        "import sys\n"
        "for _ in range(100): sys.stdout.write('x' * 999_999 + chr(10))\n"
        "sys.exit('the end')"
    )
    with pytest.raises(TargetError, match="the end") as caught:
        run_recipe(recipe(command), tmp_path, "base")
    assert len(caught.value.message) < 10_000


def test_a_killed_build_hints_at_memory(tmp_path: Path) -> None:
    """A build that somebody killed is most likely one for which memory ran out."""
    with pytest.raises(TargetError, match="exit code 137") as caught:
        run_recipe(recipe(shell("kill -9 $$")), tmp_path, "base")
    assert "memory" in caught.value.hint


# Ending


KINDS = ("child", "deaf", "double fork", "without environment")


def escaping(kind: str, marker: str) -> str:
    """Return a script that starts a process with `marker` in its command line, and goes on."""
    sleep = f"{sys.executable} -c 'import time; time.sleep(600)' {marker}"
    launch = {
        "child": f"{sleep} &",
        "deaf": f"trap '' TERM HUP INT; {sleep} &",
        "double fork": f"(setsid {sleep} &);",
        "without environment": f"(env -i setsid {sleep} &);",
    }[kind]
    return f"{launch} touch started; sleep 600"


@pytest.mark.parametrize("kind", KINDS)
def test_time_out_ends_the_whole_tree(tmp_path: Path, marker: str, kind: str) -> None:
    """When time is up, nothing the build started lives on, however it tried to."""
    with pytest.raises(TargetError, match="did not end within 1 s") as caught:
        run_recipe(recipe(shell(escaping(kind, marker)), timeout_s=1.0), tmp_path, "base")
    assert "build_timeout_s" in caught.value.hint
    assert alive_with(marker) == []


@pytest.mark.parametrize("code", [0, 1])
def test_what_a_build_leaves_running_is_ended(tmp_path: Path, marker: str, code: int) -> None:
    """A compiler's daemon must not take the CPU from the measurement, nor outlive a failure."""
    sleep = f"setsid {sys.executable} -c 'import time; time.sleep(600)' {marker}"
    command = shell(f"{sleep} & sleep 0.2; exit {code}")
    if code:
        with pytest.raises(TargetError):
            run_recipe(recipe(command), tmp_path, "base")
    else:
        run_recipe(recipe(command), tmp_path, "base")
    assert alive_with(marker) == []


def test_a_build_that_signals_its_group_hits_itself_only(tmp_path: Path) -> None:
    """`kill 0` in a build ends the build; perfgate goes on and tells the exit code."""
    with pytest.raises(TargetError, match="exit code 143"):
        run_recipe(recipe(shell("kill 0; sleep 60")), tmp_path, "base")


_RUN = """
import os, pathlib, sys
from perfgate.build.recipe import read_recipe, run_recipe
from perfgate.config.models import Target
recipe = read_recipe(Target(start="true", build=sys.argv[2]), os.environ)
run_recipe(recipe, pathlib.Path(sys.argv[1]), "base")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_perfgate_is_the_end_of_the_build(
    tmp_path: Path, marker: str, number: signal.Signals
) -> None:
    """Ctrl-C, a cancelled job and a plain kill leave nothing of the build running."""
    build = shell(escaping("double fork", marker))
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(tmp_path), build], stderr=subprocess.PIPE
    )
    with process:
        started = eventually((tmp_path / "started").exists)
        process.send_signal(number)
    assert started
    assert process.returncode != 0
    assert eventually(lambda: alive_with(marker) == [])
