"""``perfgate judge``: a saved measurement is judged, or refused with the reason."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from builders import case, incident

from cli.command_line import PERFGATE, Finished, save
from perfgate.cli.options import FORMAT_NAMES
from perfgate.report.formats import FORMATS
from perfgate.verdict.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from perfgate.measurement.models import Incident


DIED, BASE_DIED = incident("candidate"), incident("base")


@pytest.mark.parametrize("format_", FORMAT_NAMES)
def test_it_prints_the_report(
    perfgate: Callable[..., Finished], project: Path, format_: str
) -> None:
    """What is printed is the report in the format that was asked for, and nothing else."""
    saved = case(incidents=(DIED,))
    run = perfgate("judge", save(saved, project / "m.json"), "--format", format_)
    assert run == Finished(1, FORMATS[format_](saved, judge(saved)), "")


@pytest.mark.parametrize(
    ("incidents", "choice", "code"),
    [
        ((), None, 0),
        ((), "fail", 0),
        ((DIED,), None, 1),
        ((DIED,), "pass", 1),
        ((BASE_DIED,), None, 3),
        ((BASE_DIED,), "pass", 3),
        ((BASE_DIED,), "fail", 1),
    ],
)
def test_exit_codes(
    perfgate: Callable[..., Finished],
    project: Path,
    incidents: tuple[Incident, ...],
    choice: str | None,
    code: int,
) -> None:
    """Undecided is 3 unless the user chose; the choice touches neither a pass nor a failure."""
    file = save(case(incidents=incidents), project / "m.json")
    chosen = [] if choice is None else ["--on-inconclusive", choice]
    assert perfgate("judge", file, *chosen).code == code


def test_a_verdict_survives_a_reader_that_goes_away(project: Path) -> None:
    """The exit code is the verdict's even where nobody reads the report."""
    file = save(case(incidents=(BASE_DIED,)), project / "m.json")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [PERFGATE, "judge", file], stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "Invalid JSON"),
        ("not JSON", "Invalid JSON"),
        ("[]", "not a measurement"),
        ("{}", "measurement: Field required"),
        ('{"format": "perfgate.verdict/1", "verdict": "PASS"}', "Field required"),
        (b"\xff\xfe", "Invalid JSON"),
    ],
)
def test_foreign_files(
    perfgate: Callable[..., Finished], project: Path, content: str | bytes, told: str
) -> None:
    """A file of another kind is refused, saying what is missing in it."""
    file = project / "m.json"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    refused(perfgate("judge", file), str(file), told)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_files(perfgate: Callable[..., Finished], project: Path, share: float) -> None:
    """Half a file is refused, wherever it ends."""
    file = save(case(), project / "m.json")
    text = file.read_text()
    file.write_text(text[: int(share * len(text))])
    refused(perfgate("judge", file), str(file), "Invalid JSON")


def test_a_format_of_the_future(perfgate: Callable[..., Finished], project: Path) -> None:
    """A file of a later version is refused with the way out."""
    file = save(case(), project / "m.json")
    document = json.loads(file.read_text())
    document["measurement"]["format"] = "perfgate.measurement/99"
    file.write_text(json.dumps(document))
    run = perfgate("judge", file)
    refused(run, "measurement.format", "perfgate.measurement/1")
    assert "hint: Measure again" in run.err


@pytest.mark.parametrize(("name", "told"), [("gone.json", "No such file"), (".", "directory")])
def test_missing_files(
    perfgate: Callable[..., Finished],
    project: Path,  # noqa: ARG001 - the current directory
    name: str,
    told: str,
) -> None:
    """What is not there, or is no file, is named with a hint."""
    run = perfgate("judge", name)
    refused(run, name, told)
    assert "perfgate measure" in run.err


def refused(run: Finished, *told: str) -> None:
    """Hold that a file was refused with an explanation."""
    assert (run.code, run.out) == (2, ""), run.err
    for words in told:
        assert words in run.err
    assert "Traceback" not in run.err
