"""A file of pytest-benchmark becomes times by benchmark: every round of it, and what it says.

What the times mean for a build is judged elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perfgate.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

HOW = (
    "pytest --benchmark-only --benchmark-json=FILE writes one; with --benchmark-autosave or "
    "--benchmark-save=NAME, --benchmark-save-data keeps the rounds."
)
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Part(BaseModel):
    """A part of the file; what else stands there does not matter here."""

    model_config = ConfigDict(frozen=True)


class Cpu(Part):
    """What py-cpuinfo says of the CPU."""

    brand_raw: str


class Machine(Part):
    """Where the file was made, and with which Python."""

    cpu: Cpu
    python_implementation: str
    python_version: str

    @property
    def python(self) -> str:
        """Return "CPython 3.11.7"."""
        return f"{self.python_implementation} {self.python_version}"


class Commit(Part):
    """The commit that was checked out, or a word for that there was none."""

    id: str = "unknown"
    dirty: bool = False


class Rounds(Part):
    """The seconds that a call took in each round, in the order of the rounds."""

    data: tuple[Seconds, ...] = ()


class Options(Part):
    """How a benchmark was timed: ``timer`` is the name of the clock."""

    timer: str = ""


class Told(Part):
    """What the benchmark itself says: how often a request of each operation makes such a call."""

    calls: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = {}


class Benchmark(Part):
    """One benchmark; ``name`` has its file and its parameters in it."""

    name: Annotated[str, Field(alias="fullname")]
    group: str | None = None
    options: Options = Options()
    extra_info: Told = Told()
    stats: Rounds


class BenchmarkRun(Part):
    """All benchmarks of one run of pytest."""

    machine_info: Machine
    commit_info: Commit = Commit()
    datetime: str
    benchmarks: tuple[Benchmark, ...]


def read_benchmarks(path: Path) -> BenchmarkRun:
    """Read the file; raises UsageError for one that pytest-benchmark did not write, or is empty.

    So it does for one that was saved without the rounds: medians alone do not say how sure they
    are.
    """
    try:
        run = BenchmarkRun.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}", hint=HOW) from error
    except ValidationError as error:
        raise UsageError(
            f"{path}: not a file of pytest-benchmark: {_first(error)}", hint=HOW
        ) from (error)
    if not run.benchmarks:
        raise UsageError(f"{path}: there is no benchmark in it", hint=HOW)
    without = [own.name for own in run.benchmarks if not own.stats.data]
    if without:
        raise UsageError(
            f"{path}: {len(without)} of {len(run.benchmarks)} benchmarks were saved without their "
            "rounds (stats.data)",
            hint=HOW,
        )
    return run


def _first(error: ValidationError) -> str:
    first: Any = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    return f"{where}: {first['msg']}"
