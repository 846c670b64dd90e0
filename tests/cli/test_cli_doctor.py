"""``perfgate doctor`` on this machine: without a service, and with one beside itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from load.runs import HEADER, PLAIN, SERVER, processes_in

from cli.command_line import PERFGATE, make_project, run_process

if TYPE_CHECKING:
    from pathlib import Path

LEDGER = """\
format = "perfgate.demand/1"

[[dependent]]
name = "gateway"
peak_rps = 40.0
mix = { fetch = 1.0 }
timeout_s = 1.0
"""

SHORT = f"""\
service = "tiny"

[target]
start = "{{python}} -I -S '{SERVER}' --host {{host}} --port {{port}}"

[load]
locustfile = "callers.py"
identities = 8

[profiles.default]
warmup_requests = 20
demand_s = 1.0
split_s = 1.0
saturation_s = 0.6
saturation_concurrency = 8
pairs = 12
looks = [4, 6, 8, 10]
"""


@pytest.mark.slow
def test_a_machine_without_a_service(tmp_path: Path) -> None:
    """Where nothing is configured, the machine is tried, and the noise is not claimed."""
    (tmp_path / ".git").mkdir()  # the search for a configuration ends here
    run = run_process([PERFGATE, "doctor"], tmp_path)
    assert run.code in {0, 3}, run.err  # busy as the machine may be
    assert "was not measured" in run.out or "cannot be trusted" in run.out
    assert "gevent's own sleep" in run.out


@pytest.mark.nightly
def test_a_service_beside_itself(tmp_path: Path) -> None:
    """With a configuration, sessions of the working tree tell what looks of its profile find."""
    project = make_project(tmp_path / "project", SHORT, LEDGER)
    (project / "callers.py").write_text(HEADER + PLAIN)
    run = run_process([PERFGATE, "doctor", "--sessions", "3", "--format", "json"], project)
    found = json.loads(run.out)
    assert run.code == (0 if found["fit"] else 3), run.err
    assert found["rehearsal"]["sessions"] == 3, run.err
    assert [look["sessions"] for look in found["rehearsal"]["looks"]] == [4, 6, 8, 10]
    assert set(found["rehearsal"]["noise"]) == {"cost", "capacity"}
    assert found["generator"]["cost_ms"] > 0
    assert processes_in(project) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--sessions", "2"], "not in the range x>=3"),
        (["--profile", "gone"], "no profile 'gone'"),
        (["--config", "gone.toml"], "there is no such file"),
    ],
)
def test_usage(tmp_path: Path, words: list[str], told: str) -> None:
    """What is asked for wrongly is told before anything is tried."""
    run = run_process([PERFGATE, "doctor", *words], make_project(tmp_path / "project"))
    assert (run.code, run.out) == (2, "")
    assert told in run.err
    assert " s] " not in run.err
