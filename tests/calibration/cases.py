"""Where real checks are kept: ``DIRECTORY/VARIANT/NUMBER``, each a case, its verdict and its run.

They are made by :mod:`calibration.collect`; what they add up to is worked out elsewhere.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from perfgate.verdict.case import read_case

if TYPE_CHECKING:
    from pathlib import Path

    from perfgate.verdict.case import Case

CASE, VERDICT, RUN = "measurement.json", "verdict.json", "run.json"
# Instead of all of them, where a check did not end.
FAILED = "failed.json"
SEEDS = 10**9


@dataclass(frozen=True)
class Run:
    """How a check was made: by the clock ``seconds`` long, beside ``burn`` of a CPU burnt.

    ``commit`` is that of the code which made it, "" where it was not kept.
    """

    variant: str
    number: int
    seed: int
    burn: float
    budget_s: float
    seconds: float
    code: int
    verdict: str
    commit: str = ""


@dataclass(frozen=True)
class Kept:
    """A check that was kept."""

    run: Run
    case: Case


def condition(variant: str, burn: float) -> str:
    """Return the name under which checks of a variant in these surroundings are kept."""
    return f"{variant}-burn-{burn:g}" if burn else variant


def seed_of(name: str, number: int) -> int:
    """Return the seed of a check: its own, and always the same."""
    return zlib.crc32(f"{name} {number}".encode()) % SEEDS


def keep(run: Run, directory: Path, name: str = RUN) -> None:
    """Write down beside a case how it was made, or how it failed."""
    (directory / name).write_text(json.dumps(asdict(run), indent=1, sort_keys=True) + "\n")


def kept(directory: Path) -> list[Kept]:
    """Return every check kept in a condition's directory, in the order of their numbers."""
    found = [
        Kept(Run(**json.loads(path.read_text())), read_case(path.parent / CASE))
        for path in directory.glob(f"[0-9]*/{RUN}")
    ]
    return sorted(found, key=lambda one: one.run.number)
