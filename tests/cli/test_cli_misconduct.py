"""``perfgate check`` of servers that misbehave in the ways servers do: it names what happened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from load.runs import HEADER, SERVER, processes_in

from cli.command_line import PERFGATE, make_project, run_process
from cli.test_cli_doctor import LEDGER, SHORT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.nightly]

# The start command is the same for both builds: the options are in their own directories.
SERVICE = f"""
import pathlib, runpy, sys
sys.argv += pathlib.Path("options").read_text().split()
runpy.run_path({str(SERVER)!r}, run_name="__main__")
"""
CONFIG = (
    SHORT.replace(f"'{SERVER}' --host {{host}}", "service.py")
    .replace("[load]", 'ready = "/seen"\n\n[load]')
    .replace("pairs = 12", "pairs = 24")
    .replace("looks = [4, 6, 8, 10]", "looks = [3]")
)
READS_BODIES = """
class Caller(FastHttpUser):
    @task
    def fetch(self):
        with self.client.get("/ok", catch_response=True) as answer:
            if answer.status_code == 200 and answer.text != "ok":
                answer.failure("body is wrong")
"""


def build(directory: Path, options: str) -> Path:
    """Return the directory of a build with these options."""
    directory.mkdir()
    (directory / "service.py").write_text(SERVICE)
    (directory / "options").write_text(options)
    return directory


@pytest.mark.parametrize(
    ("habit", "check", "outcome", "words"),
    [
        ("mute", "survival", "FAIL", "stopped answering: no answer for 20 s"),
        ("reset", "errors:fetch", "FAIL", "ConnectionResetError"),
        ("redirect", "conduct:redirects", "WARN", "1.00 redirects per request"),
        ("wrong", "errors:fetch", "FAIL", "body is wrong"),
        ("close", "conduct:connections", "WARN", "closes connections"),
        ("slower", "conduct:trend", "FAIL", "gets slower as it runs"),
    ],
)
def test_the_check_names_what_happened(
    tmp_path: Path, habit: str, check: str, outcome: str, words: str
) -> None:
    """Law: among the findings is one that says what the server does to its callers."""
    project = make_project(tmp_path / "project", CONFIG, LEDGER)
    (project / "callers.py").write_text(HEADER + READS_BODIES)
    base = build(tmp_path / "base", "")
    candidate = build(tmp_path / "candidate", f"--habit {habit}")
    arguments = ["--candidate", str(candidate), "--base", str(base), "--format", "json"]
    run = run_process([PERFGATE, "check", *arguments], project)

    verdict = json.loads(run.out)
    told = [own for own in verdict["findings"] if own["check"] == check]
    assert [(own["outcome"], words in own["reason"]) for own in told] == [(outcome, True)], run.out
    assert (run.code == 1) == (verdict["verdict"] == "FAIL")
    assert outcome != "FAIL" or run.code == 1
    assert processes_in(candidate) == processes_in(base) == []
