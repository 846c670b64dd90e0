"""`perfgate doctor`, for real: a service beside itself, and what this machine makes of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import perfgate
from cli.command_line import PERFGATE, run_process
from perfgate.exitcodes import ExitCode

pytestmark = pytest.mark.slow

LOCUSTFILE = Path(perfgate.__file__).parent.parent / "locustfiles" / "auth.py"
CONFIGURATION = f"""
service = "auth"
[target]
start = "{{python}} -m perfgate.demo --port {{port}} --data-dir {{data_dir}}"
[load]
locustfile = "{LOCUSTFILE}"
[profiles.default]
demand_s = 1.5
split_s = 1.0
saturation_s = 0.6
pairs = 12
warmup_requests = 50
looks = [2]
"""
LEDGER = """
format = "perfgate.demand/1"
[[dependent]]
name = "gateway"
peak_rps = 40
timeout_s = 1.0
mix = {introspect = 1.0}
"""


def test_the_machine_is_told_about(tmp_path: Path) -> None:
    """The doctor says what is found how soon, and its exit code whether that is enough."""
    (tmp_path / "perfgate.toml").write_text(CONFIGURATION)
    (tmp_path / "demand.toml").write_text(LEDGER)
    run = run_process([PERFGATE, "doctor"], tmp_path)

    assert run.code in (ExitCode.PASS, ExitCode.UNDECIDED), run.err
    assert run.out.startswith("A loss of 5 % of the service rate is ")
    decided = "can be decided" in run.out
    assert decided == (run.code == ExitCode.PASS)
    assert re.search(r"noise +equal builds differ by [0-9.]+ % in cost", run.out)
    assert re.search(r"generator +[0-9]+ us of CPU per request", run.out)
