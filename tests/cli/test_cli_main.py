"""What holds for perfgate as a command, whatever the verb."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from cli.command_line import PERFGATE, Finished, run_process
from perfgate import __version__
from perfgate.cli.group import cli
from perfgate.cli.options import FORMAT_NAMES
from perfgate.cli.overview import VERBS
from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLOW_IMPORTS = {"numpy", "pandas", "scipy", "locust", "gevent", "git", "requests", "rich"}

# Runs perfgate with the words that follow, then tells which of the slow imports it has made.
TELL_IMPORTS = """
import sys
from perfgate.cli import main
try:
    main()
finally:
    print("imported:", *sorted(set(sys.modules) & {names!r}), file=sys.stderr)
"""

# Runs `perfgate schema` with its one function replaced: what every verb's fault looks like.
WITH_FAULT = """
import sys, time
import perfgate.cli
import perfgate.cli.schema as verb
def fault():
    print("begun", flush=True)
    {fault}
verb.SCHEMAS["config"] = fault
sys.argv = ["perfgate", "schema"]
perfgate.cli.main()
"""


def test_help_lists_verbs_and_exit_codes() -> None:
    """The help names every verb, and every exit code with its meaning."""
    shown = CliRunner().invoke(cli, ["--help"])
    words = " ".join(shown.output.split())
    assert shown.exit_code == 0
    for verb in VERBS:
        assert f" {verb} " in words
    for code in ExitCode:
        assert f"{int(code)} {code.meaning}" in words


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    """Each verb's module holds its command, and the command explains itself."""
    shown = CliRunner().invoke(cli, [verb, "-h"])
    assert shown.exit_code == 0, shown.output
    assert "Usage:" in shown.output


def test_version(perfgate: Callable[..., Finished]) -> None:
    """The version is the package's."""
    assert perfgate("--version") == Finished(0, f"perfgate, version {__version__}\n", "")


def test_python_m_is_the_same(tmp_path: Path) -> None:
    """``python -m perfgate`` is the command by another name."""
    run = run_process([sys.executable, "-m", "perfgate", "--version"], tmp_path)
    assert run == Finished(0, f"perfgate, version {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["chek"], "Did you mean 'check'?"),
        (
            ["xyzzy"],
            "There are: demo, init, check, measure, judge, baseline, ",
        ),
        (["check", "--ouput", "x"], "--output"),
        (["check", "--format", "yaml"], "'terminal', 'json', 'markdown'"),
        (["check", "--on", "2026-13-01"], "'2026-13-01' is not a date like 2026-12-01"),
        (["check", "--on-inconclusive", "shrug"], "'pass', 'fail'"),
        (["measure"], "Missing option '--output'"),
        (["judge"], "Missing argument 'FILE'"),
        (["demand", "show", "--days", "-1"], "is not in the range"),
        (["schema", "ledger"], "'config', 'demand'"),
    ],
)
def test_usage_errors(perfgate: Callable[..., Finished], words: list[str], told: str) -> None:
    """A word that perfgate does not know exits with 2 and names what it does know."""
    run = perfgate(*words)
    assert (run.code, run.out) == (2, "")
    assert told in run.err
    assert "Traceback" not in run.err


def test_a_bug_is_called_a_bug(tmp_path: Path) -> None:
    """What perfgate did not foresee exits with 70, shows where, and asks for a report."""
    script = WITH_FAULT.format(fault="raise RuntimeError('one\\x1b[31mred')")
    run = run_process([sys.executable, "-c", script], tmp_path)
    assert run.code == 70
    assert "bug in perfgate, please report it" in run.err
    assert "Traceback (most recent call last)" in run.err
    assert "RuntimeError: one\\x1b[31mred" in run.err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_interrupts(tmp_path: Path, stop: signal.Signals) -> None:
    """Ctrl-C and SIGTERM alike exit with 130 and say that nothing is left running."""
    script = WITH_FAULT.format(fault="time.sleep(60)")
    with subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(stop)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == "interrupted; everything that was started has been stopped"


@pytest.mark.parametrize("words", [["schema"], ["demand", "show"], ["--help"], ["check"]])
def test_a_reader_that_goes_away(project: Path, words: list[str]) -> None:
    """Where nobody reads on, perfgate is quiet, and never exits with 1: that is a verdict."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = subprocess.run(
            [PERFGATE, *words],
            cwd=project,
            stdout=writer,
            stderr=writer if words == ["check"] else subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    assert process.returncode != 1
    assert not process.stderr


def test_the_first_line_of_a_schema(project: Path) -> None:
    """``perfgate schema | head -1`` prints a line and nothing else."""
    line = f"set -o pipefail; '{PERFGATE}' schema | head -1"
    assert run_process(["bash", "-c", line], project) == Finished(0, "{\n", "")


def test_output_that_a_terminal_cannot_show(project: Path) -> None:
    """A letter that the terminal lacks is escaped; it does not end perfgate."""
    ledger = project / "demand.toml"
    ledger.write_text(ledger.read_text().replace("gateway", "p\u00f6rtal"), encoding="utf-8")
    run = run_process([PERFGATE, "demand", "show"], project, {"PYTHONIOENCODING": "ascii"})
    assert run.code == 0, run.err
    assert "p\\xf6rtal" in run.out


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("perfgate ba", ["baseline"]),
        ("perfgate baseline a", ["accept", "anchor"]),
        ("perfgate check --form", ["--format"]),
        ("perfgate check --format ", list(FORMAT_NAMES)),
    ],
)
def test_bash_completion(project: Path, typed: str, offered: list[str]) -> None:
    """The script that perfgate prints completes verbs, options and choices in a real bash."""
    words = typed.split(" ")
    script = (
        'eval "$(_PERFGATE_COMPLETE=bash_source perfgate)"\n'
        f"COMP_WORDS=({typed}{' ' + chr(34) * 2 if typed.endswith(' ') else ''})\n"
        f"COMP_CWORD={len(words) - 1}\n"
        "_perfgate_completion perfgate\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    path = f"{PERFGATE.parent}{os.pathsep}{os.environ['PATH']}"
    run = run_process(["bash", "--norc", "-c", script], project, {"PATH": path})
    assert (run.code, run.err) == (0, "")
    assert run.out.splitlines() == offered


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["schema"], 0),
        (["schema", "demand", "--format", "markdown"], 0),
        (["demand", "show"], 0),
        (["demand", "import", "prometheus", "--help"], 0),
        (["demand", "import", "nginx", "access.log", "--ledger", "broken.toml"], 2),
        (["check", "--help"], 0),
        (["judge", "--help"], 0),
        (["chek"], 2),
        (["check", "--config", "broken.toml"], 2),
        (["check", "--config", "no-ledger.toml"], 2),
        (["check", "--profile", "nightly"], 2),
        (["check", "--output", "."], 2),
        (["measure", "--output", "nowhere/m.json"], 2),
        (["baseline", "accept", "m.json", "--allow-regression"], 2),
        (["baseline", "accept", "m.json", "--config", "broken.toml"], 2),
        (["baseline", "show", "--config", "broken.toml"], 2),
    ],
)
def test_quick_answers(project: Path, words: list[str], code: int) -> None:
    """Help, and whatever is wrong in a file or on the command line, waits for no slow import."""
    config = (project / "perfgate.toml").read_text()
    (project / "broken.toml").write_text(config.replace("service", "servce"))
    (project / "no-ledger.toml").write_text(f'{config}\n[demand]\nledger = "gone.toml"\n')
    script = TELL_IMPORTS.format(names=SLOW_IMPORTS)
    run = run_process([sys.executable, "-c", script, *words], project)
    assert run.code == code, run.err
    assert run.err.splitlines()[-1] == "imported:"


def test_help_is_quick(tmp_path: Path) -> None:
    """The help takes less than five times as long as starting Python does."""
    bare, shown = [], []
    for _ in range(20):
        bare.append(seconds_of([sys.executable, "-c", "pass"], tmp_path))
        shown.append(seconds_of([PERFGATE, "--help"], tmp_path))
    assert min(shown) < 5 * min(bare)


def seconds_of(words: list[str | Path], cwd: Path) -> float:
    """Return how long a command takes."""
    start_s = time.perf_counter()
    run_process(words, cwd)
    return time.perf_counter() - start_s
