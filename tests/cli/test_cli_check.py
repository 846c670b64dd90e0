"""``perfgate check`` and ``perfgate measure``: what is refused before anything is measured."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from perfgate.config.load import SMALLEST
from perfgate.exitcodes import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Finished

START = 'start = "{python} -m http.server {port}"'
VERBS = [("check", "--output", "kept"), ("measure", "--output", "m.json")]


@pytest.fixture
def repository(project: Path) -> Path:
    """Return the project as a git repository without any commit."""
    (project / ".git").rmdir()
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=project, check=True)
    return project


def refused(run: Finished, code: int, *told: str) -> None:
    """Hold that nothing was built or measured, and why."""
    assert (run.code, run.out) == (code, ""), run.err
    for words in told:
        assert words in run.err
    assert "Traceback" not in run.err
    assert " s] " not in run.err  # no stage has begun
    assert "plan: " not in run.err


def test_an_output_that_is_not_empty(perfgate: Callable[..., Finished], project: Path) -> None:
    """Check does not write among other files."""
    (project / "kept").mkdir()
    (project / "kept" / "notes.txt").write_text("mine")
    refused(perfgate("check", "--output", "kept"), 2, "kept is not empty", "hint: ")
    assert [path.name for path in (project / "kept").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--stored", "--base", "main"), "--stored measures no base, and --base names one"),
        (("--budget", "quick", "--base", "main"), "--budget quick measures no base, and --base"),
        (("--budget", "quick", "--stored"), "--budget quick does not ask whether a build got"),
    ],
)
def test_what_excludes_each_other(
    perfgate: Callable[..., Finished], words: tuple[str, ...], told: str
) -> None:
    """What measures no base cannot be asked for together with one, nor can what asks for less."""
    refused(perfgate("check", *words), 2, told, "hint: Leave")


@pytest.mark.parametrize("verb", VERBS)
def test_no_promise_and_a_search_for_its_rate(
    perfgate: Callable[..., Finished], project: Path, verb: tuple[str, ...]
) -> None:
    """Without a promised latency, --find-capacity tells what to set, and nothing is measured."""
    refused(perfgate(*verb, "--find-capacity"), 2, "no latency is promised", "hint: Promise one")
    assert not (project / verb[-1]).exists()


@pytest.mark.parametrize("verb", VERBS)
def test_a_search_is_announced(
    perfgate: Callable[..., Finished], repository: Path, verb: tuple[str, ...]
) -> None:
    """How long the search takes is told before anything is built."""
    config = repository / "perfgate.toml"
    broken = config.read_text().replace("[target]", '[target]\nbuild = "false"')
    config.write_text(f'{broken}\n[slo."*"]\np95_ms = 9.0\n')
    run = perfgate(*verb, "--find-capacity", "--base", ".")
    assert run.code == ExitCode.NO_TARGET, run.err
    assert run.err.index("plan: ") < run.err.index("build working tree")
    assert (
        "plan: then up to 8 trials of 10 s to find the highest rate that keeps every promise, 6 if "
        "they agree; about 110 to 150 s"
    ) in run.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check", "--output", "callers.py"], "cannot be written to"),
        (["check", "--output", "callers.py/kept"], "cannot be written to"),
        (["measure", "--output", "gone/m.json"], "gone is not a directory"),
        (["measure", "--output", ".git"], "is a directory"),
    ],
)
def test_an_output_that_cannot_be_written(
    perfgate: Callable[..., Finished], words: list[str], told: str
) -> None:
    """Where the outcome could not be kept, nothing is measured."""
    refused(perfgate(*words), 2, told)


@pytest.mark.parametrize("verb", VERBS)
def test_faults_come_before_output(
    perfgate: Callable[..., Finished], project: Path, verb: tuple[str, ...]
) -> None:
    """A broken configuration and a broken ledger are told, and no output is made."""
    config = project / "perfgate.toml"
    config.write_text(config.read_text().replace("service", "servce"))
    refused(perfgate(*verb), 2, "perfgate.toml:1: servce: is not a known key")
    config.write_text(config.read_text().replace("servce", "service"))
    (project / "demand.toml").write_text("format = 1\n")
    refused(perfgate(*verb), 2, "demand.toml:1: format: ")
    assert not (project / verb[-1]).exists()


@pytest.mark.parametrize("verb", VERBS)
def test_an_unknown_profile(perfgate: Callable[..., Finished], verb: tuple[str, ...]) -> None:
    """A profile that is not there is named beside those that are."""
    refused(
        perfgate(*verb, "--profile", "nightly"), 2, "no profile 'nightly'", "There are: default"
    )


@pytest.mark.parametrize("verb", VERBS)
def test_the_end_of_the_calendar(perfgate: Callable[..., Finished], verb: tuple[str, ...]) -> None:
    """A day whose horizon lies beyond the calendar is refused."""
    refused(perfgate(*verb, "--on", "9999-12-31"), 2, "beyond the calendar")


def test_no_configuration(perfgate: Callable[..., Finished], project: Path) -> None:
    """Without a configuration the smallest one is shown, to be copied."""
    (project / "perfgate.toml").unlink()
    run = perfgate("check")
    refused(run, 2, "no perfgate.toml")
    assert all(f"  {line}" in run.err.splitlines() for line in SMALLEST.splitlines())


def test_no_baseline(perfgate: Callable[..., Finished], repository: Path) -> None:
    """In a repository without a baseline, the way to the first one is shown."""
    (repository / "perfgate.toml").touch()
    refused(perfgate("check"), 4, "there is no baseline", "perfgate measure --output ../first.json")


def test_no_such_base(perfgate: Callable[..., Finished], repository: Path) -> None:
    """A base that is neither a ref nor a directory here is named."""
    subprocess.run(["git", "add", "."], cwd=repository, check=True)
    identity = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run(["git", *identity, "commit", "-qm", "Start"], cwd=repository, check=True)
    for words in ["check"], ["measure", "--output", "m.json"]:
        refused(perfgate(*words, "--base", "no-such-branch"), 6, "no-such-branch", "hint: ")
        refused(perfgate(*words, "--base", "./gone"), 2, "'./gone' is not a directory")


def test_a_url_and_a_selftest(perfgate: Callable[..., Finished], project: Path) -> None:
    """What cannot be started behind a proxy is refused before the plan is told."""
    config = project / "perfgate.toml"
    config.write_text(config.read_text().replace(START, 'url = "http://127.0.0.1:9000"'))
    refused(perfgate("selftest"), 2, "has no target.start")


def test_no_repository(perfgate: Callable[..., Finished], project: Path) -> None:
    """Outside a repository there is no stored baseline, and that is said."""
    (project / ".git").rmdir()
    refused(perfgate("check"), 2, "is not in a git repository")
