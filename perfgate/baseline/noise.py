"""What sessions of a build beside itself have shown, kept in a file for later plans.

It decides no verdict: checks judge by the sessions they make themselves. The files lie in
``noise/PROFILE/ENVIRONMENT CLASS.json`` below the store, one level deeper than baselines do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from perfgate.baseline.hashes import profile_hash
from perfgate.baseline.sealed import Sealed, parse_sealed
from perfgate.baseline.store import place_of, write_text
from perfgate.errors import StoreError
from perfgate.measurement.models import BuildId, Environment, Value

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.config.models import Profile

FORMAT: Final = "perfgate.noise/1"
# History of the format:
#   1  spread and mean of each metric between sessions, their pace, provenance, checksum.

FOLDER = "noise"
AGAIN = "Restore it from git, or make it anew: perfgate calibrate"


class MetricNoise(Value):
    """Mean and standard deviation of a metric's slowdowns (log) over the sessions."""

    mean: float
    sd: float


class NoiseRecord(Sealed):
    """How much sessions of one build beside itself differ, on one kind of machine.

    ``first_s`` and ``session_s`` are how long the run ahead of the sessions and each of these took;
    ``profile_hash`` is that of the profile they were made with.
    """

    format: Literal["perfgate.noise/1"] = FORMAT
    service: str
    profile: str
    profile_hash: str
    build: BuildId
    measured_at: str
    perfgate: str
    environment: Environment
    sessions: int
    set_aside: int
    offered_rps: float
    cost_ms: float
    generator_cpu_ratio: float
    lag_p99_ms: float
    first_s: float
    session_s: float
    metrics: dict[str, MetricNoise]

    def content(self) -> dict[str, Any]:
        """Return what stands in the file, whose format knows no digest of a build."""
        return self.model_dump(mode="json", exclude={"build": {"digest"}})


def noise_path(directory: Path, profile: str, environment: Environment) -> Path:
    """Return where the record belongs; raises StoreError where that cannot name a directory."""
    return place_of(profile, directory / FOLDER) / f"{environment.slug}.json"


def write_noise(record: NoiseRecord, directory: Path) -> Path:
    """Write the record to its place below ``directory``, the store, and return that path.

    Raises StoreError where it cannot be written.
    """
    path = noise_path(directory, record.profile, record.environment)
    write_text(path, record.to_text())
    return path


def read_noise(path: Path) -> NoiseRecord | None:
    """Return the record, None where there is none; raises StoreError for a damaged one."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} cannot be read: {error}", hint=AGAIN) from error
    return parse_noise(text, str(path))


def parse_noise(text: str, path: str) -> NoiseRecord:
    """Read a record; raises StoreError saying what is wrong with the file at ``path``."""
    return parse_sealed(NoiseRecord, text, path, "a record of noise", AGAIN)


def still_holds(record: NoiseRecord, service: str, profile: Profile) -> bool:
    """Tell whether the record is of this service, and sessions are still what they were."""
    return record.service == service and record.profile_hash == profile_hash(profile)
