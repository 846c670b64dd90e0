"""``perfgate demo``: the whole story for real, nightly; and what it refuses and leaves behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from cli.command_line import PERFGATE
from perfgate.build.cache import default_cache_root, shelf_of
from perfgate.cli.demo import REPOSITORY, _kept
from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Finished

WHOLE_S = 480.0
# The time itself is what is promised to newcomers, on any machine that will do.
PROMISED_MINUTES = 4.0
BEGINNING_S = 60.0


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment whose temporary files and cache are looked at."""
    own = {"TMPDIR": str(tmp_path / "tmp"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    (tmp_path / "tmp").mkdir()
    return {**os.environ, **own}


def left_in(directory: Path) -> list[Path]:
    """Return every file that is left below a directory."""
    return [path for path in directory.rglob("*") if not path.is_dir()]


def test_a_directory_that_is_not_empty(perfgate: Callable[..., Finished], project: Path) -> None:
    """Nothing is mixed with files that are there already."""
    done = perfgate("demo", "--output", project)
    assert done.code == ExitCode.USAGE
    assert "is not empty" in done.err


def test_a_service_that_is_not_installed(
    perfgate: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra the story is not begun, and how to install it is said."""
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    done = perfgate("demo")
    assert (done.code, done.out) == (ExitCode.USAGE, "")
    assert "without uvicorn" in done.err
    assert "'.[demo]'" in done.err


@pytest.mark.parametrize("kept", [True, False])
def test_an_interrupted_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool) -> None:
    """A temporary directory goes with the story, a named one stays; builds go with either."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made: list[Path] = []

    def interrupted() -> None:
        with _kept(tmp_path / "named" if kept else None) as directory:
            shelf = shelf_of(default_cache_root(os.environ), directory / REPOSITORY / ".git")
            made.extend([directory, shelf])
            (directory / REPOSITORY).mkdir()
            (shelf / "build").mkdir(parents=True)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [path.exists() for path in made] == [kept, False]


@pytest.mark.nightly
def test_ctrl_c_leaves_nothing_behind(tmp_path: Path, environ: dict[str, str]) -> None:
    """Interrupted under load, it stops the service, and removes repository, builds and runs."""
    story = subprocess.Popen(
        [PERFGATE, "demo"],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert story.stderr is not None
    deadline_s = time.monotonic() + BEGINNING_S
    while "service rate about" not in story.stderr.readline():
        assert time.monotonic() < deadline_s
    story.send_signal(signal.SIGINT)
    _, err = story.communicate(timeout=BEGINNING_S)
    assert story.returncode == ExitCode.INTERRUPTED
    assert "everything that was started has been stopped" in err
    assert left_in(tmp_path) == []
    served = subprocess.run(
        ["pgrep", "--full", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert served.stdout == ""


@pytest.mark.nightly
def test_the_whole_story(tmp_path: Path, environ: dict[str, str]) -> None:
    """Every chapter comes out as it is told, in the time promised, and its report is there."""
    done = subprocess.run(
        [PERFGATE, "demo"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=WHOLE_S,
        check=False,
    )
    assert done.returncode == ExitCode.PASS, done.stdout
    words = {
        line.split()[0]: line.split()[-3]
        for line in done.stdout.splitlines()
        if line.startswith("  (") and line.endswith(" s")
    }
    assert (words["(a)"], words["(c)"]) == ("FAIL", "FAIL")
    assert {words["(b)"], words["(d)"]} <= {"PASS", "WARN"}
    (minutes,) = re.findall(r"^Told in (\S+) minutes$", done.stdout, re.MULTILINE)
    assert float(minutes) < PROMISED_MINUTES
    kept = next((tmp_path / "tmp").iterdir())
    assert (kept / "both" / "report.html").is_file()
    assert left_in(tmp_path / "cache") == []
