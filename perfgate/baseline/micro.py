"""The record of accepted benchmark times, sealed: one file for each suite and kind of CPU.

They lie in ``micro/PROFILE/CPU.json`` below the store, one level deeper than baselines do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from perfgate import __version__
from perfgate.analysis.rounds import Timing, timing_of
from perfgate.baseline.sealed import Sealed, parse_sealed, rounded
from perfgate.baseline.store import place_of
from perfgate.errors import UsageError
from perfgate.measurement.models import Value, slug_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from perfgate.measurement.benchmarks import Benchmark, BenchmarkRun

FORMAT: Final = "perfgate.micro/1"
# History of the format:
#   1  time and error of each benchmark, yardsticks apart, provenance, checksum.

FOLDER = "micro"
AGAIN = "Restore it from git, or make it anew: perfgate micro FILE --accept"
# Benchmarks of this group are fixed work that no change of the service touches.
YARDSTICK_GROUP = "yardstick"


class TimeOfRecord(Value):
    """What a call took by which clock, as :class:`perfgate.analysis.rounds.Timing` has it.

    ``rounds`` are those of all runs; ``calls`` how often a request of each operation makes such a
    call, as the benchmark itself says.
    """

    seconds: float
    error: float
    runs: int
    spread: float
    rounds: int
    timer: str
    calls: dict[str, float]

    @property
    def timing(self) -> Timing:
        """Return it as what is compared."""
        return Timing(self.seconds, self.error, self.runs, self.spread)


class MicroRecord(Sealed):
    """What calls took on one kind of CPU; ``yardsticks`` are those of fixed work.

    ``commit`` and ``dirty`` are as pytest-benchmark tells them. ``accepted_because`` is why it is
    the bar although it was slower.
    """

    format: Literal["perfgate.micro/1"] = FORMAT
    service: str
    profile: str
    cpu_model: str
    python: str
    commit: str
    dirty: bool
    measured_at: str
    perfgate: str
    accepted_because: str = ""
    benchmarks: dict[str, TimeOfRecord]
    yardsticks: dict[str, TimeOfRecord]

    @property
    def python_series(self) -> str:
        """Return "CPython 3.11" of "CPython 3.11.7": times of others are not comparable."""
        return ".".join(self.python.split(".")[:2])


def times_of(runs: Sequence[BenchmarkRun], service: str, profile: str) -> MicroRecord:
    """Return, sealed, what the benchmarks of one or more runs took; the last one dates them.

    Raises UsageError where runs are not of one CPU, Python and commit, or clocks differ.
    """
    last = runs[-1]
    _refuse_mixed(runs)
    kinds = {own.name: own.group == YARDSTICK_GROUP for run in runs for own in run.benchmarks}
    times = {
        name: _time([own for run in runs for own in run.benchmarks if own.name == name])
        for name in kinds
    }
    return MicroRecord(
        service=service,
        profile=profile,
        cpu_model=last.machine_info.cpu.brand_raw,
        python=last.machine_info.python,
        commit=last.commit_info.id,
        dirty=any(run.commit_info.dirty for run in runs),
        measured_at=last.datetime,
        perfgate=__version__,
        benchmarks={name: own for name, own in times.items() if not kinds[name]},
        yardsticks={name: own for name, own in times.items() if kinds[name]},
    ).sealed()


def micro_path(directory: Path, profile: str, cpu_model: str) -> Path:
    """Return where the record belongs; raises StoreError where that cannot name a directory."""
    return place_of(profile, directory / FOLDER) / f"{slug_of(cpu_model)}.json"


def parse_micro(text: str, path: str) -> MicroRecord:
    """Read a record; raises StoreError saying what is wrong with the file at ``path``."""
    return parse_sealed(MicroRecord, text, path, "a record of benchmark times", AGAIN)


def _time(benchmarks: Sequence[Benchmark]) -> TimeOfRecord:
    timing = timing_of([own.stats.data for own in benchmarks])
    return TimeOfRecord(
        seconds=rounded(timing.seconds),
        error=rounded(timing.error),
        runs=timing.runs,
        spread=rounded(timing.spread),
        rounds=sum(len(own.stats.data) for own in benchmarks),
        timer=benchmarks[-1].options.timer,
        calls=benchmarks[-1].extra_info.calls,
    )


def _refuse_mixed(runs: Sequence[BenchmarkRun]) -> None:
    """Raise UsageError unless all runs could be runs of the same thing."""
    clocks = {(own.name, own.options.timer) for run in runs for own in run.benchmarks}
    told = {
        "CPUs": {run.machine_info.cpu.brand_raw for run in runs},
        "Pythons": {run.machine_info.python for run in runs},
        "commits": {run.commit_info.id for run in runs},
        "clocks": {timer for _, timer in clocks} if len(clocks) > len(dict(clocks)) else set(),
    }
    for what, found in told.items():
        if len(found) > 1:
            raise UsageError(
                f"these files are of different {what}: {', '.join(sorted(found))}",
                hint="Name runs of one build on one machine, one after the other.",
            )
