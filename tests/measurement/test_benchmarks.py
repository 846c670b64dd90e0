"""What pytest-benchmark wrote is read, or it is said why it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from timed import CPU, ROUNDS, save, timed

from perfgate.errors import UsageError
from perfgate.measurement.benchmarks import read_benchmarks

if TYPE_CHECKING:
    from pathlib import Path

SUITE = """
def test_sum(benchmark):
    benchmark.extra_info["calls"] = {"login": 2}
    benchmark.pedantic(sum, args=([1, 2],), rounds=7, iterations=3)
"""


def test_a_file_of_pytest_benchmark_is_read(tmp_path: Path) -> None:
    """What a real run of pytest writes is read: names, clock, rounds, and what it says itself."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    words = ["-p", "no:locust", "-p", "no:cacheprovider", "--benchmark-only"]
    timer = ["--benchmark-timer=time.process_time", "--benchmark-json=times.json"]
    command = [sys.executable, "-m", "pytest", "-q", *words, *timer, "test_suite.py"]
    # pytest-benchmark times nothing where it finds itself below pytest-xdist.
    environ = {name: own for name, own in os.environ.items() if not name.startswith("PYTEST_")}
    subprocess.run(command, cwd=tmp_path, env=environ, check=True, capture_output=True)
    run = read_benchmarks(tmp_path / "times.json")
    (own,) = run.benchmarks
    assert own.name == "test_suite.py::test_sum"
    assert own.options.timer == "process_time"
    assert own.extra_info.calls == {"login": 2}
    assert len(own.stats.data) == 7
    assert run.machine_info.python.startswith("CPython 3.")
    assert run.machine_info.cpu.brand_raw


def test_a_run_is_its_document(tmp_path: Path) -> None:
    """Every round of every benchmark is there, with CPU, Python and commit."""
    document = timed()
    run = read_benchmarks(save(document, tmp_path / "times.json"))
    assert [list(own.stats.data) for own in run.benchmarks] == [
        own["stats"]["data"] for own in document["benchmarks"]
    ]
    assert len(run.benchmarks[0].stats.data) == ROUNDS
    assert (run.machine_info.cpu.brand_raw, run.machine_info.python) == (CPU, "CPython 3.11.9")
    assert run.commit_info.id == document["commit_info"]["id"]


def test_without_rounds_nothing_is_sure(tmp_path: Path) -> None:
    """A file that was saved without its rounds is refused, with the option that keeps them."""
    document = timed()
    for own in document["benchmarks"][:2]:
        del own["stats"]["data"]
    with pytest.raises(UsageError, match="2 of 4 benchmarks were saved without their rounds") as e:
        read_benchmarks(save(document, tmp_path / "times.json"))
    assert "--benchmark-save-data" in e.value.hint


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "Invalid JSON"),
        ("[]", "not a file of pytest-benchmark"),
        ('{"benchmarks": []}', "machine_info: Field required"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, told: str) -> None:
    """What pytest-benchmark did not write is no run, and neither is one without benchmarks."""
    path = tmp_path / "times.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=told):
        read_benchmarks(path)
    with pytest.raises(UsageError, match="there is no benchmark in it"):
        read_benchmarks(save({**timed(), "benchmarks": []}, path))
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_benchmarks(tmp_path / "nowhere.json")


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_times_are_positive(tmp_path: Path, seconds: float) -> None:
    """A clock too coarse for a call tells no time of it: such a file is refused, not guessed at."""
    document = timed()
    document["benchmarks"][0]["stats"]["data"][3] = seconds
    with pytest.raises(UsageError, match=r"benchmarks\.0\.stats\.data\.3|Invalid JSON"):
        read_benchmarks(save(document, tmp_path / "times.json"))
